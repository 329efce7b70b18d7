"""Recording people and changing what is known of them."""

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.core import outbox
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput
from marketplace.people.errors import RecordChanged
from marketplace.people.events import DeathUndone, PersonDied
from marketplace.people.forms import PersonForm, ProfileForm
from marketplace.people.models import Person
from marketplace.people.repository import Location, PeopleRepository
from marketplace.people.views import note_view


class PeopleService:
    """What is known of people."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.people = PeopleRepository(db)

    async def read(self, principal: Principal, person_id: UUID, *, why: str = "") -> Person:
        """Return a person's record and note in the audit log who read it.

        Raises:
            NotFound: There is none in the reader's council.
        """
        principal.require(Permission.PEOPLE_READ)
        person = await self.people.find(principal.council_id, person_id)
        self._note(principal, "people.read", person, why=why)
        await note_view(self.db, principal, person.id, "record")
        return person

    async def record(self, principal: Principal, form: PersonForm) -> Person:
        """Record a person.

        Raises:
            InvalidInput: The reference belongs to somebody else.
        """
        principal.require(Permission.PEOPLE_RECORD)
        reference = await self._free_reference(principal.council_id, form.reference, other_than=None)
        person = Person(
            council_id=principal.council_id,
            reference=reference or await self.people.next_reference(principal.council_id),
            created_at=clock_of(self.db).now(),
            **_values(form, "reference"),
        )
        _place(person, await self.people.locate(form.postcode))
        self.db.add(person)
        await self.db.flush()
        self._note(principal, "people.record_person", person, after={"reference": person.reference})
        return person

    async def update(self, principal: Principal, person_id: UUID, form: PersonForm) -> Person:
        """Change a person's record.

        Raises:
            NotFound: There is none in the council.
            RecordChanged: It was saved by somebody else since the form was drawn.
            InvalidInput: The reference belongs to somebody else.
        """
        principal.require(Permission.PEOPLE_RECORD)
        person = await self.people.find(principal.council_id, person_id, locked=True)
        _unchanged_since(person, form.version)
        values = _values(form, "reference")
        if form.reference and form.reference != person.reference:
            values["reference"] = await self._free_reference(principal.council_id, form.reference, other_than=person.id)
        await self._change(principal, "people.update_person", person, values)
        return person

    async def record_death(self, principal: Principal, person_id: UUID, died_on: date, *, version: int) -> Person:
        """Record that somebody has died. Visits to come stop, and what was delivered is still paid.

        Raises:
            NotFound: There is none in the council.
            RecordChanged: It was saved by somebody else since the form was drawn.
            InvalidInput: A day to come, before the birth, or recorded before.
        """
        principal.require(Permission.PEOPLE_RECORD)
        person = await self.people.find(principal.council_id, person_id, locked=True)
        _unchanged_since(person, version)
        if person.died_on is not None:
            raise InvalidInput({"died_on": "The death is recorded already"})
        if died_on > today(clock_of(self.db)):
            raise InvalidInput({"died_on": "The date must be today or in the past"})
        if person.born_on is not None and died_on < person.born_on:
            raise InvalidInput({"died_on": "The date must be after the person was born"})
        person.died_on = died_on
        await self.db.flush()
        self._note(principal, "people.record_death", person, after={"changed": ["died_on"]})
        outbox.publish(self.db, PersonDied(council_id=person.council_id, person_id=person.id, died_on=died_on))
        return person

    async def undo_death(self, principal: Principal, person_id: UUID, reason: str, *, version: int) -> Person:
        """Say that a death was recorded by mistake. Agreements that it ended go on, and weekly visits are planned anew.

        Raises:
            NotFound: There is none in the council.
            RecordChanged: It was saved by somebody else since the form was drawn.
            InvalidInput: No reason, or no death is recorded.
        """
        principal.require(Permission.PEOPLE_RECORD)
        person = await self.people.find(principal.council_id, person_id, locked=True)
        _unchanged_since(person, version)
        if not reason.strip():
            raise InvalidInput({"reason": "Write down how the mistake came about"})
        if person.died_on is None:
            raise InvalidInput({"reason": "No death is recorded"})
        died_on, person.died_on = person.died_on, None
        await self.db.flush()
        self._note(principal, "people.undo_death", person, after={"changed": ["died_on"]}, why=reason)
        outbox.publish(self.db, DeathUndone(council_id=person.council_id, person_id=person.id, died_on=died_on))
        return person

    async def update_own(self, principal: Principal, form: ProfileForm) -> Person:
        """Change one's own profile, or that of the person acted for.

        Raises:
            RecordChanged: It was saved by somebody else since the form was drawn.
        """
        principal.require(Permission.PROFILE_OWN)
        person = await self.people.find(principal.council_id, principal.need_person(), locked=True)
        _unchanged_since(person, form.version)
        await self._change(principal, "people.update_profile", person, _values(form))
        return person

    async def _change(self, principal: Principal, action: str, person: Person, values: dict[str, Any]) -> None:
        """Set what differs; an unchanged form leaves no trace."""
        changed = {name: value for name, value in values.items() if getattr(person, name) != value}
        if not changed:
            return
        # The log names the fields and never repeats what they say: it outlives the record's erasure.
        for name, value in changed.items():
            setattr(person, name, value)
        if "postcode" in changed:
            _place(person, await self.people.locate(person.postcode))
        await self.db.flush()
        self._note(principal, action, person, after={"changed": sorted(changed)})

    async def _free_reference(self, council_id: UUID, reference: str, *, other_than: UUID | None) -> str:
        await self.people.hold_references(council_id)
        if reference and await self.people.has_reference(council_id, reference, other_than=other_than):
            raise InvalidInput({"reference": "Somebody else already has this reference"})
        return reference

    def _note(
        self, principal: Principal, action: str, person: Person, *, after: dict[str, Any] | None = None, why: str = ""
    ) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=person.council_id,
            subject_kind="person",
            subject_id=person.id,
            after=after,
            why=why,
        )


def _values(form: PersonForm | ProfileForm, *without: str) -> dict[str, Any]:
    return {name: getattr(form, name) for name in form.__struct_fields__ if name not in {"version", *without}}


def _unchanged_since(person: Person, version: int) -> None:
    if person.version != version:
        raise RecordChanged("Open the record again, look at what has changed, then make your change.")


def _place(person: Person, location: Location | None) -> None:
    """Set where the person lives, as the directory knows it."""
    person.lat = location.lat if location else None
    person.lon = location.lon if location else None
    person.lad_code = location.lad_code if location else ""
