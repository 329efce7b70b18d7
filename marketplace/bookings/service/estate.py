"""Delivered visits of somebody who died: the council says what is paid, because nobody else may any more.

Who acted for the person acts no longer, and a provider who came has earned the price. Finance or a manager of the
person's council looks at what is asked and at what was recorded at the door, and gives a reason for each answer.
"""

from uuid import UUID

from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.bookings.models import Booking
from marketplace.bookings.repository import BookingRepository, BookingView
from marketplace.bookings.service.approval import ApprovalService
from marketplace.bookings.service.visits import VisitSteps
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.people.models import Person
from marketplace.people.repository import PeopleRepository

MOST = 200


class EstateService:
    """What the council says of visits whose person has died."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.bookings = BookingRepository(db)
        self.steps = VisitSteps(db)

    async def person(self, principal: Principal, person_id: UUID) -> Person:
        """Return somebody of the council who has died.

        Raises:
            NotFound: Nobody of this council, or somebody who lives: they speak for themselves.
        """
        principal.require(Permission.ESTATE_SETTLE)
        person = await PeopleRepository(self.db).find(principal.council_id, person_id)
        if person.died_on is None:
            raise NotFound
        return person

    async def waiting(self, council_id: UUID, person_id: UUID) -> list[BookingView]:
        """Return the visits that wait for an answer, the oldest first, at most 200."""
        return await self.bookings.page(self._waiting(council_id, person_id), after=None, limit=MOST)

    async def view(self, person: Person, booking_id: UUID) -> BookingView:
        """Return one of them.

        Raises:
            NotFound: None of theirs that waits.
        """
        view = await self.bookings.view(self._waiting(person.council_id, person.id).where(Booking.id == booking_id))
        if view is None:
            raise NotFound
        return view

    async def approve(
        self, principal: Principal, person_id: UUID, booking_id: UUID, reason: str, *, shown_pence: int
    ) -> Booking:
        """Pay all that is asked for a visit, settled as the person's own yes would.

        Raises:
            NotFound: None of theirs that waits.
            NotYet: The amount has changed since the page was drawn.
            InvalidInput: No reason.
            NotEnoughLeft: More than the plan is asked, and the direct payment does not hold it.
        """
        booking = await self._locked(principal, person_id, booking_id, reason)
        await self.steps.approve_locked(principal, booking, shown_pence=shown_pence, reason=reason)
        return booking

    async def approve_part(
        self, principal: Principal, person_id: UUID, booking_id: UUID, pence: int, reason: str
    ) -> Booking:
        """Pay a part of what is asked; the provider reads why.

        Raises:
            NotFound: None of theirs that waits.
            InvalidInput: No reason; nothing, or as much as is asked or more.
        """
        booking = await self._locked(principal, person_id, booking_id, reason)
        await ApprovalService(self.db).part_locked(principal, booking, pence, reason)
        return booking

    async def dispute(self, principal: Principal, person_id: UUID, booking_id: UUID, reason: str) -> Booking:
        """Say that something was wrong with a visit; both sides are heard before anything is paid.

        Raises:
            NotFound: None of theirs that waits.
            InvalidInput: No reason.
            StepRefused: It is disputed already.
        """
        booking = await self._locked(principal, person_id, booking_id, reason)
        self.steps.dispute_locked(principal, booking, reason)
        return booking

    def _waiting(self, council_id: UUID, person_id: UUID) -> Select[Booking]:
        return self.bookings.to_confirm(self.bookings.of_person(council_id, person_id), self.clock.now())

    async def _locked(self, principal: Principal, person_id: UUID, booking_id: UUID, reason: str) -> Booking:
        person = await self.person(principal, person_id)
        if not reason.strip():
            raise InvalidInput({"reason": "Write down why, so that it can be understood later"})
        waiting = self._waiting(person.council_id, person.id)
        return await self.bookings.one(waiting.where(Booking.id == booking_id), locked=True)
