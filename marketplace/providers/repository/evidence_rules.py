"""Which evidence counts on a day, and who lacks cover: conditions that every question about standing is made of.

A condition asks about a day `on` and about what was known `before` an instant. History is thereby told as it was: what
was refused, withdrawn or seen later changes nothing about the days before.
"""

from collections.abc import Callable
from datetime import date, datetime
from functools import lru_cache, wraps
from typing import Any, ParamSpec

from sqlalchemy import (
    ColumnElement,
    Date,
    DateTime,
    Integer,
    SQLColumnExpression,
    and_,
    cast,
    exists,
    func,
    literal,
    not_,
    or_,
)

from marketplace.providers.models import (
    Countersignature,
    Evidence,
    EvidenceKind,
    Joining,
    Listing,
    ListingCategory,
    PriceUnit,
)

Day = date | SQLColumnExpression[date]
"""A day, as a value or as a column."""
Moment = datetime | SQLColumnExpression[datetime]
"""An instant, as a value or as a column."""
P = ParamSpec("P")
DAYS_KEPT = 16
"""Days whose conditions are kept, for each rule."""


def kept_by_day(rule: Callable[P, ColumnElement[bool]]) -> Callable[P, ColumnElement[bool]]:
    """Keep the condition that a rule writes for a day given as a value: writing it takes longer than the query.

    Conditions never change once they are written, so one may stand in any number of questions. Those for a column are
    written each time, because the column belongs to one question.
    """
    kept: Callable[..., ColumnElement[bool]] = lru_cache(maxsize=DAYS_KEPT)(rule)

    @wraps(rule)
    def ask(*args: P.args, **kwargs: P.kwargs) -> ColumnElement[bool]:
        # A datetime is a date, too, but of instants there are too many.
        if kwargs or not all(given is None or type(given) is date for given in args):
            return rule(*args, **kwargs)
        return kept(*args)

    return ask


def there_is(model: Any, *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """Condition: a row of a table meets some conditions, which may name columns of every question around it.

    SQLAlchemy by itself looks one level up only, and would list tables from further out a second time.
    """
    return exists().select_from(model).where(*conditions).correlate_except(model)


def end_of(day: Day) -> ColumnElement[datetime]:
    """Expression: the instant at which a day ends in London. What was written before it was known on that day."""
    midnight = cast(as_day(day) + literal(1, Integer), DateTime(timezone=False))
    return func.timezone("Europe/London", midnight, type_=DateTime(timezone=True))


def as_day(day: Day) -> ColumnElement[date]:
    """Expression: a day with its type said, so that the database need not guess it from a parameter."""
    return cast(day, Date)


def counts_on(on: Day, before: Moment | None = None) -> ColumnElement[bool]:
    """Condition: a piece of evidence counts on a day: a council saw it, nobody took that back, and it is in date.

    Args:
        on: The day.
        before: What was known before this instant; the end of that day unless given.
    """
    known = end_of(on) if before is None else before
    return and_(_was_seen(known), _is_sound(on, known))


def counts_for(council_id: Any, trusts_others: Any, on: Day, before: Moment) -> ColumnElement[bool]:
    """Condition: a piece of evidence counts for one council: it signed for it itself, or trusts who did.

    Args:
        council_id: The council, or its column.
        trusts_others: Whether the signature of any council is enough, or its column.
        on: The day.
        before: What was known before this instant.
    """
    own = there_is(
        Countersignature,
        Countersignature.evidence_id == Evidence.id,
        Countersignature.council_id == council_id,
        *_signed(before),
    )
    return and_(_is_sound(on, before), or_(and_(trusts_others, _was_seen(before)), own))


def lacks_cover(organisation_id: Any, on: Day, before: Moment | None = None) -> ColumnElement[bool]:
    """Condition: an organisation falls under the rule on insurance and has none that counts on a day (V4).

    Under the rule are organisations whose liability insurance a council has ever seen, and those that registered
    themselves. One that a council accredited before evidence was kept here, and of which none was ever seen, is left
    alone: its papers are with the council. Insurance that waits for its first look does not bring it under the rule,
    or giving it would take its listings off.
    """
    known = end_of(on) if before is None else before
    insurance = and_(Evidence.organisation_id == organisation_id, Evidence.kind == EvidenceKind.LIABILITY_INSURANCE)
    is_under_rule = or_(
        there_is(Evidence, insurance, _was_seen(known)),
        there_is(Joining, Joining.organisation_id == organisation_id),
    )
    return and_(is_under_rule, not_(there_is(Evidence, insurance, counts_on(on, known))))


def needs_cover() -> ColumnElement[bool]:
    """Condition: a listing needs insurance, as `service.cover.is_cover_needed` says it."""
    return not_(and_(Listing.category == ListingCategory.ADVICE, Listing.price_unit == PriceUnit.FREE))


def _is_sound(on: Day, before: Moment) -> ColumnElement[bool]:
    """Condition: in date on a day, and not refused before an instant."""
    return and_(
        Evidence.issued_on <= on,
        or_(Evidence.expires_on.is_(None), Evidence.expires_on > on),
        or_(and_(Evidence.refused_at.is_(None), Evidence.refused_because == ""), Evidence.refused_at >= before),
    )


def _was_seen(before: Moment) -> ColumnElement[bool]:
    """Condition: some council had seen it by then. Rows from before there were signatures have `seen_at` alone."""
    return or_(
        Evidence.seen_at < before,
        there_is(Countersignature, Countersignature.evidence_id == Evidence.id, *_signed(before)),
    )


def _signed(before: Moment) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return (
        Countersignature.signed_at < before,
        or_(Countersignature.withdrawn_at.is_(None), Countersignature.withdrawn_at >= before),
    )
