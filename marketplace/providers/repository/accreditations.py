"""Who may do what for which council on a day (invariant 6): the one condition that says so.

Three questions are told apart by their arguments:

- *Today*: `live_on(today)`. May this organisation be offered something now?
- *A day to come*: `live_on(visit_on, today)`. May a visit on that day be booked now? The accreditation must cover the
  day of the visit; what it rests on (evidence, insurance, no suspension) must be sound on the day of the decision.
- *History*: `live_on(day)` of a day gone by, or `live_on(visit_on, booked_on, booked_at)`. Was it right at that time,
  by what was known then? Later suspensions, removals and refusals change nothing about that.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Text, and_, case, cast, column, func, not_, or_, select, true

from marketplace.core.repository import Repository
from marketplace.providers.models import Accreditation, AccreditationHold, Evidence, HoldCause, ServiceLine
from marketplace.providers.repository.evidence_rules import (
    Day,
    Moment,
    counts_for,
    end_of,
    kept_by_day,
    lacks_cover,
    there_is,
)


@kept_by_day
def live_on(day: Day, on: Day | None = None, before: Moment | None = None) -> ColumnElement[bool]:
    """Condition: the accreditation counts for work on a day. The one place that says so.

    Args:
        day: The day on which the work is done.
        on: The day on which that is decided; `day` itself unless given.
        before: What was known before this instant; by the end of `on` unless given.
    """
    decided = day if on is None else on
    known = end_of(decided) if before is None else before
    return and_(
        stands_on(day, decided, known),
        has_evidence(decided, known),
        not_(lacks_cover(Accreditation.organisation_id, decided, known)),
    )


@kept_by_day
def stands_on(day: Day, on: Day | None = None, before: Moment | None = None) -> ColumnElement[bool]:
    """Condition: the council's word stands: the period covers the day, and it is neither removed nor held.

    Whether the evidence is there is another matter: see `live_on`. Arguments as there.
    """
    decided = day if on is None else on
    known = end_of(decided) if before is None else before
    return and_(in_period(day), not_(is_removed(day, decided, known)), not_(is_held(day, decided, known)))


def in_period(day: Day) -> ColumnElement[bool]:
    """Condition: the accreditation was given for a day."""
    return and_(Accreditation.live_from <= day, Accreditation.live_until > day)


def is_removed(day: Day, on: Day, before: Moment) -> ColumnElement[bool]:
    """Condition: a removal that was decided before an instant takes it away for a day, or from the one who decides."""
    return and_(
        Accreditation.removed_on.is_not(None),
        or_(Accreditation.removed_on <= day, Accreditation.removed_on <= on),
        or_(Accreditation.removed_at.is_(None), Accreditation.removed_at < before),
    )


def is_held(day: Day, on: Day, before: Moment, cause: HoldCause | None = None) -> ColumnElement[bool]:
    """Condition: a suspension or the register, as known before an instant, holds it on the day or on `on`.

    With a cause only a hold of that cause.
    """
    hold = AccreditationHold
    # That it was lifted is known only once it was.
    ends_on = case((or_(hold.ended_at.is_(None), hold.ended_at < before), hold.ends_on))
    return there_is(
        hold,
        hold.accreditation_id == Accreditation.id,
        hold.made_at < before,
        true() if cause is None else hold.cause == cause,
        or_(
            and_(hold.starts_on <= on, or_(ends_on.is_(None), ends_on > on)),
            and_(hold.starts_on <= day, or_(ends_on.is_(None), ends_on > day)),
        ),
    )


def has_evidence(on: Day, before: Moment) -> ColumnElement[bool]:
    """Condition: every kind of evidence that it rests on has a piece that counts for its council on a day.

    A worker's evidence, such as a DBS check, counts for the organisation.
    """
    wanted = func.unnest(Accreditation.evidence).table_valued(column("kind", Text), name="wanted").render_derived()
    piece = there_is(
        Evidence,
        Evidence.organisation_id == Accreditation.organisation_id,
        cast(Evidence.kind, Text) == wanted.c.kind,
        counts_for(Accreditation.council_id, Accreditation.trusts_other_councils, on, before),
    )
    return not_(there_is(wanted, not_(piece)))


def is_accredited(
    organisation_id: Any,
    council_id: Any,
    service: Any,
    day: Day,
    on: Day | None = None,
    before: Moment | None = None,
) -> ColumnElement[bool]:
    """Condition: an organisation is accredited by a council for a service. Ids may be columns; days as `live_on`."""
    return there_is(
        Accreditation,
        Accreditation.organisation_id == organisation_id,
        Accreditation.council_id == council_id,
        Accreditation.service_line == service,
        live_on(day, on, before),
    )


class AccreditationRepository(Repository[Accreditation]):
    """Accreditations; readable by everybody, since the register is public."""

    model_type = Accreditation

    async def is_live(
        self, organisation_id: UUID, council_id: UUID, service: ServiceLine, day: date, on: date | None = None
    ) -> bool:
        """Whether an organisation is accredited by a council for a service; days as in `live_on`."""
        return bool(await self.db.scalar(select(is_accredited(organisation_id, council_id, service, day, on))))

    async def of_organisations(self, organisation_ids: Iterable[UUID]) -> dict[UUID, list[Accreditation]]:
        """Return accreditations by organisation, newest first, whether or not they count."""
        found: dict[UUID, list[Accreditation]] = {}
        rows = await self.db.scalars(
            select(Accreditation)
            .where(Accreditation.organisation_id.in_(list(organisation_ids)))
            .order_by(Accreditation.live_until.desc(), Accreditation.id)
        )
        for row in rows:
            found.setdefault(row.organisation_id, []).append(row)
        return found

    async def able(
        self, council_id: UUID, organisation_ids: Iterable[UUID], on: date
    ) -> Sequence[tuple[Accreditation, bool]]:
        """Return a council's accreditations that have days to come, and whether they may be used on a day.

        They may if nothing holds them on that day and their evidence is there; for which days they then count follows
        from their periods and from holds to come (`service.standing.days`).
        """
        known = end_of(on)
        may = and_(
            not_(is_held(on, on, known)),
            not_(is_removed(on, on, known)),
            has_evidence(on, known),
            not_(lacks_cover(Accreditation.organisation_id, on, known)),
        )
        rows = await self.db.execute(
            select(Accreditation, may)
            .where(
                Accreditation.council_id == council_id,
                Accreditation.organisation_id.in_(list(organisation_ids)),
                Accreditation.live_until > on,
            )
            .order_by(Accreditation.live_from, Accreditation.id)
        )
        return [(row[0], bool(row[1])) for row in rows]

    async def holds(self, accreditation_ids: Iterable[UUID]) -> dict[UUID, list[AccreditationHold]]:
        """Return holds by accreditation, the earliest first."""
        found: dict[UUID, list[AccreditationHold]] = {}
        rows = await self.db.scalars(
            select(AccreditationHold)
            .where(AccreditationHold.accreditation_id.in_(list(accreditation_ids)))
            .order_by(AccreditationHold.starts_on, AccreditationHold.id)
        )
        for row in rows:
            found.setdefault(row.accreditation_id, []).append(row)
        return found
