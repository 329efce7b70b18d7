"""Who acts for a person: asked by the person or recorded by the council, changed, ended, given up."""

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from marketplace.accounts import AccountRepository, Permission, Principal
from marketplace.accounts.models import Representation
from marketplace.accounts.states import REPRESENTATION, RepresentationStatus
from marketplace.core import outbox
from marketplace.core.clock import today
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.files.checking import CheckedFile
from marketplace.core.files.store import FileStore
from marketplace.core.ids import new_id
from marketplace.people.errors import AskedAlready, EnoughHelpers
from marketplace.people.events import ScopesChanged
from marketplace.people.repository import PeopleRepository
from marketplace.people.repository_representatives import OPEN
from marketplace.people.representatives.forms import AskForm, ChangeForm
from marketplace.people.representatives.steps import RepresentationSteps

MOST: Final = 5
"""People who act for one person at a time (the limit that HMRC has for trusted helpers)."""
LIFE: Final = timedelta(days=14)
"""How long the link works."""


class RepresentativeService(RepresentationSteps):
    """The verbs of acting for somebody."""

    async def ask(self, principal: Principal, form: AskForm) -> Representation:
        """Ask somebody to act for the own person. They get a link.

        Raises:
            AskedAlready, EnoughHelpers: See there.
            InvalidInput: The person cannot ask themselves.
        """
        principal.require(Permission.REPRESENTATIVES_OWN)
        return await self._ask(principal, principal.council_id, principal.need_person(), form)

    async def ask_for(self, principal: Principal, person_id: UUID, form: AskForm) -> Representation:
        """Record for the council that somebody is to act for a person, such as a deputy.

        Raises:
            NotFound: No such person in the council.
            AskedAlready, EnoughHelpers: See there.
        """
        principal.require(Permission.REPRESENTATIVES_CHECK)
        await PeopleRepository(self.db).find(principal.council_id, person_id)
        return await self._ask(principal, principal.council_id, person_id, form)

    async def _ask(self, principal: Principal, council_id: UUID, person_id: UUID, form: AskForm) -> Representation:
        asker = await AccountRepository(self.db).user(principal.user_id)
        if asker is not None and asker.email == form.email:
            raise InvalidInput({"email": "Enter the e-mail address of somebody else than yourself"})
        await self.rows.hold_person(person_id)
        standing = await self.rows.of_person(council_id, person_id, OPEN)
        if any(row.email == form.email for row in standing):
            raise AskedAlready("Change what they may do, or end it, on the page of people who act for you.")
        if len(standing) >= MOST:
            raise EnoughHelpers("End it for somebody first.")
        now = self.clock.now()
        row = Representation(
            id=new_id(),
            council_id=council_id,
            person_id=person_id,
            name=form.name,
            email=form.email,
            relationship=form.relationship,
            kind=form.kind,
            scopes=[scope.value for scope in form.scopes],
            status=RepresentationStatus.INVITED,
            starts_on=today(self.clock),
            ends_on=form.ends_on,
            invitation_ends_at=now + LIFE,
            asked_by_user_id=principal.user_id,
            asked_at=now,
        )
        self.db.add(row)
        await self.db.flush()
        REPRESENTATION.begin(self.db, row, by=principal.user_id)
        self._note(principal, row, "people.ask_representative", after=_facts(row))
        self._publish(row)
        return row

    async def change(self, principal: Principal, row_id: UUID, form: ChangeForm) -> Representation:
        """Change what somebody may do, or until when; it counts at once.

        Raises:
            NotFound: None of the person's, or it is over.
        """
        row = await self._own(principal, row_id)
        if row.status not in OPEN:
            raise NotFound
        before = _facts(row)
        row.scopes, row.ends_on = [scope.value for scope in form.scopes], form.ends_on
        membership = await self._membership(row)
        if membership is not None:
            membership.ends_on = form.ends_on
        await self.db.flush()
        self._note(principal, row, "people.change_representative", before=before, after=_facts(row))
        outbox.publish(
            self.db, ScopesChanged(council_id=row.council_id, representation_id=row.id, person_id=row.person_id)
        )
        return row

    async def revoke(self, principal: Principal, row_id: UUID, reason: str) -> Representation:
        """End it for the person, at once: who acted is signed out.

        Raises:
            NotFound: None of the person's.
            StepRefused: It is over.
        """
        row = await self._own(principal, row_id)
        await self._end(principal, row, RepresentationStatus.REVOKED, reason)
        return row

    async def mine(self, principal: Principal) -> Representation:
        """Return what one acts by.

        Raises:
            NotFound: One acts for nobody.
        """
        row = await self.rows.of_user(principal.council_id, principal.need_person(), principal.user_id)
        if row is None:
            raise NotFound
        return row

    async def give_papers(self, principal: Principal, note: str, checked: list[CheckedFile]) -> Representation:
        """Hand in the number of an order or power, with a copy of it.

        Raises:
            NotFound: One acts for nobody, or nothing has to be looked at.
        """
        row = await self.rows.locked((await self.mine(principal)).id)
        if row.status is not RepresentationStatus.TO_CHECK:
            raise NotFound
        row.evidence_note = note
        if checked:
            stored = await FileStore(self.db).keep_checked(checked[0], by_user_id=principal.user_id)
            row.file_id = stored.id
        await self.db.flush()
        self._note(principal, row, "people.give_papers", after={"file_id": row.file_id})
        self._publish(row)
        return row

    async def give_up(self, principal: Principal) -> Representation:
        """Stop acting for the person."""
        row = await self.rows.locked((await self.mine(principal)).id)
        await self._end(principal, row, RepresentationStatus.ENDED, "They gave it up.")
        return row

    async def end_past(self, row_id: UUID) -> None:
        """Close one whose last day is over, or whose link nobody answered."""
        row = await self.rows.locked(row_id)
        if row.status not in OPEN:
            return
        now = self.clock.now()
        is_past = row.ends_on is not None and row.ends_on <= today(self.clock)
        is_old = (
            row.status is RepresentationStatus.INVITED
            and row.invitation_ends_at is not None
            and row.invitation_ends_at <= now
        )
        if is_past:
            await self._end(None, row, RepresentationStatus.ENDED, "The last day is over.")
        elif is_old:
            await self._end(None, row, RepresentationStatus.ENDED, "Nobody answered within 14 days.")

    async def _own(self, principal: Principal, row_id: UUID) -> Representation:
        principal.require(Permission.REPRESENTATIVES_OWN)
        row = await self.rows.find(principal.council_id, row_id, locked=True)
        if row.person_id != principal.need_person():
            raise NotFound
        return row


def _facts(row: Representation) -> dict[str, Any]:
    return {"kind": row.kind, "scopes": list(row.scopes), "ends_on": row.ends_on, "person_id": row.person_id}
