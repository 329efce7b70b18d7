"""The council's look at who acts for a person, and at their papers."""

from uuid import UUID

from marketplace.accounts import Permission, Principal
from marketplace.accounts.models import Representation
from marketplace.accounts.states import RepresentationStatus
from marketplace.core.errors import Forbidden, InvalidInput, NotFound
from marketplace.core.files.store import FileStore
from marketplace.core.models import StoredFile
from marketplace.people.models import Person
from marketplace.people.representatives.steps import RepresentationSteps


class CheckingService(RepresentationSteps):
    """The verbs of the council."""

    async def find(self, principal: Principal, row_id: UUID) -> tuple[Representation, Person]:
        """Return one with its person, for the council.

        Raises:
            NotFound: None in the council.
        """
        principal.require(Permission.REPRESENTATIVES_CHECK)
        row = await self.rows.find(principal.council_id, row_id)
        return row, await self.db.get_one(Person, row.person_id)

    async def allow(self, principal: Principal, row_id: UUID) -> Representation:
        """Say that the papers are right.

        Raises:
            Forbidden: Who recorded it does not check it.
            InvalidInput: There are no papers yet.
        """
        row = await self._to_check(principal, row_id)
        if not row.evidence_note and row.file_id is None:
            raise InvalidInput({"decision": "There are no papers yet. Ask for them, or refuse"})
        row.checked_by_user_id, row.checked_at = principal.user_id, self.clock.now()
        await self._move(principal, row, RepresentationStatus.LIVE, "people.allow_representation")
        return row

    async def refuse(self, principal: Principal, row_id: UUID, reason: str) -> Representation:
        """Say that somebody may not act, and why.

        Raises:
            Forbidden: Who recorded it does not check it.
        """
        row = await self._to_check(principal, row_id)
        row.checked_by_user_id, row.checked_at = principal.user_id, self.clock.now()
        await self._end(principal, row, RepresentationStatus.REFUSED, reason)
        return row

    async def end_for_council(self, principal: Principal, row_id: UUID, reason: str) -> Representation:
        """End it for the council, such as when an order was set aside; the person is told."""
        principal.require(Permission.REPRESENTATIVES_CHECK)
        row = await self.rows.find(principal.council_id, row_id, locked=True)
        await self._end(principal, row, RepresentationStatus.ENDED, reason)
        return row

    async def open_papers(self, principal: Principal, row_id: UUID) -> tuple[StoredFile, bytes]:
        """Hand the papers out to somebody who checks them; read access is noted."""
        row, _ = await self.find(principal, row_id)
        if row.file_id is None:
            raise NotFound
        self._note(principal, row, "people.open_papers")
        return await FileStore(self.db).open(row.file_id)

    async def _to_check(self, principal: Principal, row_id: UUID) -> Representation:
        principal.require(Permission.REPRESENTATIVES_CHECK)
        row = await self.rows.find(principal.council_id, row_id, locked=True)
        if row.asked_by_user_id == principal.user_id:
            raise Forbidden("You recorded this yourself. Somebody else looks at the papers.")
        return row
