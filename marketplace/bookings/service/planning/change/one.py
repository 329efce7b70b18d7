"""Moving one visit."""

from uuid import UUID

from marketplace.accounts import Principal, audit
from marketplace.bookings.errors import NotYet
from marketplace.bookings.events import VisitMoved
from marketplace.bookings.models import Booking, Side, SupportAgreement
from marketplace.bookings.policies import FURTHEST_AHEAD, LEAST_NOTICE
from marketplace.bookings.repository_visits import VisitReader
from marketplace.bookings.service.planning.access import AgreementAccess
from marketplace.bookings.service.planning.change.rules import free_until, need_unchanged
from marketplace.bookings.service.planning.change.wanted import Wanted
from marketplace.bookings.service.planning.moving import Move, Moved, Mover
from marketplace.bookings.service.planning.patterns import is_in_any
from marketplace.bookings.states import TO_COME
from marketplace.core import outbox
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.formats import uk_datetime


class OneVisitChanges(AgreementAccess):
    """The verbs that move one visit."""

    async def change_one(self, principal: Principal, visit_id: UUID, wanted: Wanted, *, version: int = 0) -> Moved:
        """Move one visit, for the person.

        Raises:
            NotFound: It is not theirs, or belongs to no agreement.
            NotYet: It is too near, has begun or was called off.
            InvalidInput: The new time is not possible, or the money does not reach (`NotEnoughLeft`).
            Conflict: It changed since the form was drawn.
        """
        visit = await VisitReader(self.db).find(principal.council_id, visit_id)
        if visit.agreement_id is None or visit.person_id != principal.need_person():
            raise NotFound
        agreement = await self.of_person(principal, visit.agreement_id, to_change=True)
        return await self.apply_one(principal, agreement, visit_id, wanted, by=Side.PERSON, version=version)

    async def apply_one(
        self,
        principal: Principal,
        agreement: SupportAgreement,
        visit_id: UUID,
        wanted: Wanted,
        *,
        by: Side,
        version: int = 0,
    ) -> Moved:
        """Move one visit of a locked agreement; `by` is the side whose wish it is. Raises as `change_one`."""
        self.need_running(agreement)
        visit = await VisitReader(self.db).find(agreement.council_id, visit_id, locked=True)
        need_unchanged(visit.version, version)
        mover = Mover(self.db, agreement, await self.views(agreement))
        move = await self._one(agreement, by, mover, visit, wanted)
        await mover.hold([move])
        await mover.check([move])
        before = visit.starts_at
        moved = await mover.move([move], user_id=principal.user_id)
        audit.record(
            self.db,
            principal,
            "bookings.move_visit",
            council_id=visit.council_id,
            subject_kind="booking",
            subject_id=visit.id,
            before={"starts_at": before, "cost_pence": moved.before_pence},
            after={"starts_at": visit.starts_at, "cost_pence": moved.after_pence, "asked_by": by},
        )
        outbox.publish(
            self.db,
            VisitMoved(
                council_id=visit.council_id,
                booking_id=visit.id,
                person_id=visit.person_id,
                organisation_id=visit.organisation_id,
                worker_id=visit.worker_id,
                by_side=by.value,
                from_at=before,
            ),
        )
        return moved

    async def _one(self, agreement: SupportAgreement, side: Side, mover: Mover, visit: Booking, wanted: Wanted) -> Move:
        now = self.clock.now()
        if visit.agreement_id != agreement.id or wanted.visit_on is None:
            raise NotFound
        if visit.status not in TO_COME or visit.called_off_at is not None or visit.starts_at <= now:
            raise NotYet("This visit can no longer be changed: it has begun or was called off.")
        self._need_notice(mover, side, visit)
        move = Move(visit, wanted.visit_on, wanted.starts_local, wanted.minutes)
        if move.span.starts_at < now + LEAST_NOTICE:
            raise InvalidInput({"visit_on": "The new time must be at least 2 hours from now"})
        if move.span.starts_at > now + FURTHEST_AHEAD:
            raise InvalidInput({"visit_on": "The new day must be within the next 26 weeks"})
        pauses = (await self.rows.pauses([agreement.id])).get(agreement.id, [])
        if is_in_any(pauses, move.day):
            raise InvalidInput({"visit_on": "Visits pause on that day. Choose another day, or end the pause first"})
        return mover.priced([move])[0]

    def _need_notice(self, mover: Mover, side: Side, visit: Booking) -> None:
        until = free_until(mover, visit)
        if side is Side.PERSON and self.clock.now() > until:
            raise NotYet(
                f"You could change this visit yourself until {uk_datetime(until)}. Ask the provider for another time, "
                "or call the visit off."
            )
