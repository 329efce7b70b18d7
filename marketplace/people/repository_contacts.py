"""Questions about contacts at the front door."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, exists, func, select, tuple_
from sqlalchemy.orm import aliased

from marketplace.core.repository import Repository
from marketplace.people.models import ContactOutcome, FrontDoorContact

PAGE: Final = 25
AT_ONCE: Final = (ContactOutcome.RESOLVED, ContactOutcome.SIGNPOSTED)
"""Ends that count as resolved at the first contact (T9)."""


class ContactCounts(NamedTuple):
    """Contacts of one month, channel or area."""

    key: str
    contacts: int
    """All but those who did not go on."""
    at_once: int
    passed_on: int
    short_term: int
    repeats: int
    told: int
    """Of all, how many were told early that the council's help is means-tested."""

    @property
    def percent(self) -> int | None:
        """Share resolved at the first contact, in per cent rounded half up; None without contacts."""
        return (200 * self.at_once + self.contacts) // (2 * self.contacts) if self.contacts else None


class ContactRepository(Repository[FrontDoorContact]):
    """Contacts of a council."""

    model_type = FrontDoorContact

    async def page(
        self, council_id: UUID, outcome: ContactOutcome | None, after: UUID | None
    ) -> Sequence[FrontDoorContact]:
        """Return contacts, the latest first; one more than a page."""
        question = self.of(council_id)
        if outcome is not None:
            question = question.where(FrontDoorContact.outcome == outcome)
        if after is not None:
            last = await self.find(council_id, after)
            question = question.where(
                tuple_(FrontDoorContact.taken_at, FrontDoorContact.id) < tuple_(last.taken_at, last.id)
            )
        newest = (FrontDoorContact.taken_at.desc(), FrontDoorContact.id.desc())
        return await self.every(question.order_by(*newest).limit(PAGE + 1))

    async def of_person(self, council_id: UUID, person_id: UUID, limit: int = 100) -> Sequence[FrontDoorContact]:
        """Return somebody's contacts, the latest first."""
        question = self.of(council_id).where(FrontDoorContact.person_id == person_id)
        newest = (FrontDoorContact.taken_at.desc(), FrontDoorContact.id.desc())
        return await self.every(question.order_by(*newest).limit(limit))

    async def earlier(
        self, council_id: UUID, person_id: UUID, topic: str, since: datetime, before: datetime
    ) -> FrontDoorContact | None:
        """Return the last contact of somebody about the same, within a time."""
        return await self.maybe(
            self.of(council_id)
            .where(
                FrontDoorContact.person_id == person_id,
                FrontDoorContact.topic == topic,
                FrontDoorContact.taken_at >= since,
                FrontDoorContact.taken_at < before,
            )
            .order_by(FrontDoorContact.taken_at.desc())
        )

    async def counts(
        self, council_id: UUID, by: str, since: datetime, until: datetime, repeat_within: timedelta
    ) -> list[ContactCounts]:
        """Count contacts.

        Args:
            council_id: Whose front door.
            by: "month" (as "2027-03"), "channel", "area" (district code, empty where it is not known) or "all".
            since: The first instant that counts.
            until: The first instant that no longer counts.
            repeat_within: Another contact of the same person about the same within this time is a repeat (B21).
        """
        key = _key(by)
        before = aliased(FrontDoorContact)
        is_repeat = exists().where(
            before.person_id == FrontDoorContact.person_id,
            before.council_id == FrontDoorContact.council_id,
            before.topic == FrontDoorContact.topic,
            before.taken_at < FrontDoorContact.taken_at,
            before.taken_at >= FrontDoorContact.taken_at - repeat_within,
        )
        went_on = FrontDoorContact.outcome != ContactOutcome.WITHDRAWN
        inner = (
            select(
                key.label("key"),
                went_on.label("went_on"),
                FrontDoorContact.outcome.label("outcome"),
                FrontDoorContact.told_means_tested.label("told"),
                is_repeat.label("is_repeat"),
            )
            .where(
                FrontDoorContact.council_id == council_id,
                FrontDoorContact.taken_at >= since,
                FrontDoorContact.taken_at < until,
            )
            .subquery()
        )

        def number(*conditions: Any) -> ColumnElement[int]:
            return func.count(case((and_(inner.c.went_on, *conditions), 1)))

        rows = await self.db.execute(
            select(
                inner.c.key,
                number(),
                number(inner.c.outcome.in_(AT_ONCE)),
                number(inner.c.outcome == ContactOutcome.PASSED_ON),
                number(inner.c.outcome == ContactOutcome.SHORT_TERM),
                number(inner.c.is_repeat),
                number(inner.c.told),
            )
            .group_by(inner.c.key)
            .order_by(inner.c.key)
        )
        return [ContactCounts(*row) for row in rows]


def _key(by: str) -> ColumnElement[str]:
    if by == "month":
        return func.to_char(func.timezone("Europe/London", FrontDoorContact.taken_at), "YYYY-MM")
    columns: dict[str, Any] = {
        "channel": func.concat(FrontDoorContact.channel),
        "area": func.concat(FrontDoorContact.lad_code),
    }
    return columns[by] if by in columns else func.concat("")
