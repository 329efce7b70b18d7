"""The front door: every contact is recorded with how it ended, for the person and for shaping the market (T9, R16)."""

from collections.abc import Sequence
from datetime import date, time, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit, setting
from marketplace.core.clock import instant, today
from marketplace.core.database import clock_of
from marketplace.core.forms import FormReader
from marketplace.core.outbox import publish
from marketplace.people.errors import RecordChanged
from marketplace.people.events import CallAsked
from marketplace.people.front_door_forms import AskEndForm, AskForm, ContactForm, EndForm
from marketplace.people.models import ContactChannel, ContactOutcome, FrontDoorContact
from marketplace.people.repository import PeopleRepository
from marketplace.people.repository_contacts import ContactCounts, ContactRepository
from marketplace.people.views import note_view

FRONT_DOOR = "Front door"
"""The team that calls back who asked online, where the council names none."""
MONTHS = (3, 6, 12)
"""How far back figures go."""
_NONE = ContactCounts("", 0, 0, 0, 0, 0, 0)


class FirstContact(msgspec.Struct, frozen=True, kw_only=True):
    """Who calls back in a council."""

    team: str
    address: str
    """Shared e-mail address of the team; empty: social workers are told."""


async def first_contact(db: AsyncSession, council_id: UUID, on: date) -> FirstContact:
    """Return who calls back who asked online, by the setting `people.first_contact` on a day.

    What cannot be written to counts as no address: a slip in a setting must leave nobody without a call.
    """
    reader = FormReader(await setting(db, council_id, "people.first_contact", on))
    team = reader.text("team", "the team", required=False, longest=80)
    address = reader.email("address", "the address", required=False)
    return FirstContact(
        team=FRONT_DOOR if "team" in reader.errors else team or FRONT_DOOR,
        address="" if "address" in reader.errors else address,
    )


class FrontDoorFigures(msgspec.Struct, frozen=True, kw_only=True):
    """How the front door does, against the council's target."""

    months: int
    from_day: date
    target_percent: int
    repeat_weeks: int
    total: ContactCounts
    by_month: list[ContactCounts]
    by_channel: list[ContactCounts]
    by_area: list[ContactCounts]


class FrontDoorService:
    """Contacts of a council."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.contacts = ContactRepository(db)
        self.people = PeopleRepository(db)
        self.clock = clock_of(db)

    async def page(
        self, principal: Principal, outcome: ContactOutcome | None, after: UUID | None
    ) -> Sequence[FrontDoorContact]:
        """Return contacts, the latest first; one more than a page."""
        principal.require(Permission.CONTACTS_TAKE)
        return await self.contacts.page(principal.council_id, outcome, after)

    async def read(self, principal: Principal, contact_id: UUID) -> tuple[FrontDoorContact, FrontDoorContact | None]:
        """Return a contact, and the one before it that it repeats, if any.

        Raises:
            NotFound: There is none in the council.
        """
        principal.require(Permission.CONTACTS_TAKE)
        row = await self.contacts.find(principal.council_id, contact_id)
        if row.person_id is None:
            return row, None
        await note_view(self.db, principal, row.person_id, "contact")
        weeks = await setting(self.db, row.council_id, "people.repeat_weeks", today(self.clock))
        since = row.taken_at - timedelta(weeks=weeks)
        return row, await self.contacts.earlier(row.council_id, row.person_id, row.topic, since, row.taken_at)

    async def take(self, principal: Principal, person_id: UUID | None, form: ContactForm) -> FrontDoorContact:
        """Record a contact.

        Args:
            principal: Who took it.
            person_id: Whom it is about; None where nobody's record was needed.
            form: What was asked and how it ended.

        Raises:
            NotFound: The person is not one of the council's.
        """
        principal.require(Permission.CONTACTS_TAKE)
        lad_code = ""
        if person_id is not None:
            lad_code = (await self.people.find(principal.council_id, person_id)).lad_code
        if not lad_code and form.postcode:
            place = await self.people.locate(form.postcode)
            lad_code = place.lad_code if place else ""
        values = {name: getattr(form, name) for name in form.__struct_fields__ if name != "postcode"}
        return await self._add(
            principal,
            FrontDoorContact(
                council_id=principal.council_id,
                person_id=person_id,
                lad_code=lad_code,
                taken_by_user_id=principal.user_id,
                taken_at=self.clock.now(),
                **values,
            ),
        )

    async def change_end(self, principal: Principal, contact_id: UUID, form: EndForm) -> FrontDoorContact:
        """Put right how a contact ended, or write down what came of it.

        Raises:
            NotFound: There is none in the council.
            RecordChanged: Somebody else saved it since the form was drawn.
        """
        principal.require(Permission.CONTACTS_TAKE)
        row = await self.contacts.find(principal.council_id, contact_id, locked=True)
        if row.version != form.version:
            raise RecordChanged("Open the contact again, look at what has changed, then make your change.")
        before = {"outcome": row.outcome, "passed_to": row.passed_to}
        changed = [
            name for name in form.__struct_fields__ if name != "version" and getattr(row, name) != getattr(form, name)
        ]
        for name in changed:
            setattr(row, name, getattr(form, name))
        await self.db.flush()
        if changed:
            after = {"outcome": row.outcome, "passed_to": row.passed_to, "changed": sorted(changed)}
            self._note(principal, "people.change_contact", row, before=before, after=after)
        return row

    async def put_on_record(self, principal: Principal, contact_id: UUID, person_id: UUID) -> FrontDoorContact:
        """Say whose contact it was, where that was not known: told once, it stands in their timeline from then on (B3).

        Raises:
            NotFound: No such contact or person in the council.
            RecordChanged: It stands on somebody's record already.
        """
        principal.require(Permission.CONTACTS_TAKE)
        person = await self.people.find(principal.council_id, person_id)
        row = await self.contacts.find(principal.council_id, contact_id, locked=True)
        if row.person_id is not None:
            raise RecordChanged("It stands on somebody’s record already. Open the contact again and look.")
        row.person_id = person.id
        row.lad_code = row.lad_code or person.lad_code
        await self.db.flush()
        self._note(principal, "people.put_contact_on_record", row, after={"person_id": str(person.id)})
        return row

    async def take_online(
        self, council_id: UUID, lad_code: str, person_id: UUID | None, ask: AskForm, end: AskEndForm
    ) -> FrontDoorContact:
        """Record what somebody asked online and how they go on.

        Args:
            council_id: The council that serves the postcode, or the person's own.
            lad_code: District of the postcode.
            person_id: The person signed in; None for a visitor.
            ask: What was asked.
            end: How they go on; who wants a call is passed on to the team of first contact.
        """
        is_passed = end.outcome is ContactOutcome.PASSED_ON
        team = (await first_contact(self.db, council_id, today(self.clock))).team if is_passed else ""
        row = await self._add(
            None,
            FrontDoorContact(
                council_id=council_id,
                person_id=person_id,
                channel=ContactChannel.ONLINE,
                asked_by=ask.asked_by,
                topic=ask.topic,
                words=ask.words,
                outcome=end.outcome,
                passed_to=team,
                told_means_tested=True,
                lad_code=lad_code,
                asker_name=end.name,
                asker_reach=end.reach,
                taken_at=self.clock.now(),
            ),
        )
        if is_passed:
            publish(self.db, CallAsked(council_id=council_id, contact_id=row.id))
        return row

    async def figures(self, principal: Principal, months: int) -> FrontDoorFigures:
        """Count the contacts of this month and those before it, by month, channel and area.

        Args:
            principal: Whose council.
            months: A member of `MONTHS`.
        """
        principal.require(Permission.CONTACTS_TAKE)
        council_id, on = principal.council_id, today(self.clock)
        number = on.year * 12 + on.month - months
        from_day = date(number // 12, number % 12 + 1, 1)
        weeks = await setting(self.db, council_id, "people.repeat_weeks", on)
        since, until = instant(from_day, time(0)), self.clock.now() + timedelta(seconds=1)

        async def counts(by: str) -> list[ContactCounts]:
            return await self.contacts.counts(council_id, by, since, until, timedelta(weeks=weeks))

        total = await counts("all")
        return FrontDoorFigures(
            months=months,
            from_day=from_day,
            target_percent=await setting(self.db, council_id, "people.first_contact_percent", on),
            repeat_weeks=weeks,
            total=total[0] if total else _NONE,
            by_month=await counts("month"),
            by_channel=await counts("channel"),
            by_area=await counts("area"),
        )

    async def _add(self, principal: Principal | None, row: FrontDoorContact) -> FrontDoorContact:
        self.db.add(row)
        await self.db.flush()
        after = {"channel": row.channel, "topic": row.topic, "outcome": row.outcome, "is_crisis": row.is_crisis}
        self._note(principal, "people.take_contact", row, after=after)
        return row

    def _note(self, principal: Principal | None, action: str, row: FrontDoorContact, **more: Any) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=row.council_id,
            subject_kind="front_door_contact",
            subject_id=row.id,
            **more,
        )
