"""What a person says of a visit beyond "yes, all of it"; and what their own rule does when they say nothing (P10).

Silence never pays by itself: without a rule the person is asked again, and nothing else happens.
"""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit, setting
from marketplace.bookings.errors import NotYet
from marketplace.bookings.events import BookingCancelled, BookingClaimed, BookingDisputed, BookingNotHeld
from marketplace.bookings.models import ApprovalRule, Booking, Funding, SilenceAction
from marketplace.bookings.policies import CLAIMABLE
from marketplace.bookings.repository import BookingRepository
from marketplace.bookings.repository_day import DayRepository
from marketplace.bookings.service.alerts import settle_alerts
from marketplace.bookings.service.claims import asked_pence, times_of, write_claim
from marketplace.bookings.service.purse import purse_of
from marketplace.bookings.service.records import LONGEST_VISIT
from marketplace.bookings.service.settlement import direct_part
from marketplace.bookings.service.steps import ids_of, move, note
from marketplace.bookings.service.visits import VisitSteps
from marketplace.bookings.states import BookingStatus
from marketplace.core import outbox
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, StepRefused
from marketplace.core.formats import pounds
from marketplace.ledger import LedgerService, Purpose

MOST_REMINDERS = 6
LONGEST_PAUSE_DAYS = 14


class ApprovalService:
    """Approving a part, saying that nobody came, answering that, and the rule for silence."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.day = DayRepository(db)
        self.steps = VisitSteps(db)

    async def approve_part(self, principal: Principal, booking_id: UUID, pence: int, reason: str) -> Booking:
        """Agree to pay a part of what is asked. The rest is free money again, until it is agreed after all.

        Raises:
            NotFound: Not the person's visit.
            NotYet: Its time is not over.
            InvalidInput: Nothing, or as much as is asked or more.
            StepRefused: It is settled already.
        """
        booking = await self._of_person(principal, booking_id)
        await self.part_locked(principal, booking, pence, reason)
        return booking

    async def part_locked(self, principal: Principal, booking: Booking, pence: int, reason: str) -> None:
        """Pay a part of a locked visit; who may say so was asked before. Raises what `approve_part` does."""
        self._need_over(booking)
        most = min(asked_pence(booking), booking.cost_pence)
        if not 0 < pence < most:
            raise InvalidInput({"amount": f"Enter an amount between 1p and {pounds(most - 1)}, or approve all of it"})
        await self.steps.pay(principal, booking, pence, BookingStatus.PART_APPROVED, reason=reason)

    async def say_nobody_came(self, principal: Principal, booking_id: UUID, reason: str) -> Booking:
        """Say that nobody came. No money moves; the provider may answer.

        Raises:
            NotFound: Not the person's visit.
            NotYet: Its time is not over.
            StepRefused: It is settled, or was recorded as under way: then it is a dispute.
        """
        booking = await self._of_person(principal, booking_id)
        self._need_over(booking)
        if booking.called_off_at is not None:
            raise NotYet("You called this visit off yourself. Say what is wrong with its price instead.")
        if booking.actual_starts_at is not None:
            raise NotYet(
                'The worker recorded that they were there. Choose "Something was wrong" and say what happened, so that '
                "both sides are heard."
            )
        move(self.db, principal, booking, BookingStatus.NO_SHOW, "bookings.report_no_show", reason)
        booking.ask_again_at = None
        await settle_alerts(self.db, booking)
        outbox.publish(self.db, BookingNotHeld(**ids_of(booking)))
        self._give_back(booking)
        return booking

    def _give_back(self, booking: Booking) -> None:
        # Cards are given back by the event that every cancelled card visit publishes.
        paid = booking.cost_pence if booking.funding is Funding.CARD else booking.top_up_pence
        if paid:
            outbox.publish(self.db, BookingCancelled(**ids_of(booking), refund_pence=paid))

    async def contest(self, principal: Principal, booking_id: UUID, reason: str) -> Booking:
        """Answer for the provider that somebody did come: the visit is disputed, and its money is promised again.

        Raises:
            NotFound: Not the provider's.
            NotYet: The money has been spent otherwise or given back; the council has to help.
            StepRefused: Nobody said that nobody came.
        """
        principal.require(Permission.BOOKINGS_ANSWER)
        ours = self.steps.of_provider(principal)
        booking = await BookingRepository(self.db).one(ours.where(Booking.id == booking_id), locked=True)
        if booking.status is not BookingStatus.NO_SHOW:
            # Visits to come and claims may be disputed, too, but only by the person.
            raise StepRefused("Nobody said that nobody came to this visit.")
        await self._need_money_again(booking)
        move(self.db, principal, booking, BookingStatus.DISPUTED, "bookings.contest_no_show", reason)
        outbox.publish(self.db, BookingDisputed(**ids_of(booking)))
        return booking

    async def _need_money_again(self, booking: Booking) -> None:
        if booking.funding is Funding.CARD or booking.top_up_pence:
            raise NotYet("The card payment went back to the person. Agree with them, or ask the council to help.")
        purse = await purse_of(self.db, booking.council_id, booking.person_id, locked=True)
        if booking.cost_pence > (purse.free_pence if purse else 0):
            raise NotYet("The money for this visit has been promised to other visits since. Ask the council to help.")

    async def correct_times(
        self, principal: Principal, booking_id: UUID, starts_at: datetime, ends_at: datetime, reason: str
    ) -> Booking:
        """Say for the provider when a visit took place, where nobody pressed or the press was wrong; claims it.

        What was pressed stays as it is; the person sees both.

        Raises:
            InvalidInput: It ends before it starts, lies ahead, or is far from the plan.
            NotYet: It has not begun.
        """
        principal.require(Permission.BOOKINGS_ANSWER)
        ours = self.steps.of_provider(principal)
        booking = await BookingRepository(self.db).one(ours.where(Booking.id == booking_id), locked=True)
        if not starts_at < ends_at <= starts_at + LONGEST_VISIT:
            raise InvalidInput({"ends": "The end must be after the start"})
        if ends_at > self.clock.now():
            raise InvalidInput({"ends": "The end must be in the past"})
        if abs(starts_at - booking.starts_at) > LONGEST_VISIT:
            raise InvalidInput({"starts": "The start must be near the time that was agreed"})
        if booking.status not in CLAIMABLE | {BookingStatus.CLAIMED}:
            raise NotYet("This visit is settled or disputed, so its times can no longer be changed.")
        if self.clock.now() < booking.starts_at:
            raise NotYet("You can say when a visit took place once its own time has begun.")
        before = {"starts_at": booking.actual_starts_at, "ends_at": booking.actual_ends_at}
        booking.actual_starts_at, booking.actual_ends_at = starts_at, ends_at
        after = {"starts_at": starts_at, "ends_at": ends_at}
        note(self.db, principal, booking, "bookings.correct_times", before=before, after=after, why=reason)
        if booking.status is BookingStatus.CLAIMED:
            await write_claim(self.db, booking)
            outbox.publish(self.db, BookingClaimed(**ids_of(booking)))
        else:
            await self.steps.take_claim(principal, booking)
        await settle_alerts(self.db, booking)
        return booking

    async def rule(self, principal: Principal) -> ApprovalRule | None:
        """Return the person's rule for silence."""
        principal.require(Permission.BOOKINGS_OWN)
        return await self.day.rule(principal.council_id, principal.need_person())

    async def set_rule(
        self, principal: Principal, *, action: SilenceAction, remind_days: int, act_days: int
    ) -> ApprovalRule:
        """Set what happens when the person says nothing. It counts from now on, also for visits that wait.

        Raises:
            InvalidInput: It would act before the first reminder.
        """
        principal.require(Permission.BOOKINGS_APPROVE)
        person_id = principal.need_person()
        if action is not SilenceAction.ASK and act_days < remind_days:
            raise InvalidInput({"act_days": "This must not be before the day on which we remind you"})
        await self.day.hold_person(person_id)
        now = self.clock.now()
        rule = await self.day.rule(principal.council_id, person_id, locked=True)
        before = {"action": rule.action, "act_days": rule.act_days} if rule else {}
        if rule is None:
            rule = ApprovalRule(council_id=principal.council_id, person_id=person_id)
            self.db.add(rule)
        rule.action, rule.remind_days, rule.act_days = action, remind_days, act_days
        rule.set_by_user_id, rule.set_at = principal.user_id, now
        await self.db.flush()
        await self.day.ask_sooner(principal.council_id, person_id, now + timedelta(days=remind_days))
        audit.record(
            self.db,
            principal,
            "bookings.set_approval_rule",
            council_id=rule.council_id,
            subject_kind="person",
            subject_id=person_id,
            before=before,
            after={"action": action, "remind_days": remind_days, "act_days": act_days},
        )
        return rule

    async def mind_silence(self, booking_id: UUID) -> str:
        """Look at a visit whose person has said nothing: remind them, or do what their rule says.

        Returns:
            "approved", "reminded", or "" when there was nothing to do any more.
        """
        booking = await BookingRepository(self.db).locked(booking_id)
        now = self.clock.now()
        if booking is None or booking.status is not BookingStatus.CLAIMED or not booking.ask_again_at:
            return ""
        if booking.ask_again_at > now:
            return ""
        rule = await self.day.rule(booking.council_id, booking.person_id)
        acts_at = await self._acts_at(booking, rule)
        if rule is not None and acts_at is not None and acts_at <= now and booking.reminders:
            if await self._is_covered(booking, rule.action) and await self._is_funded(booking):
                await self.steps.pay(None, booking, asked_pence(booking), BookingStatus.APPROVED)
                return "approved"
            acts_at = None
        booking.reminders += 1
        booking.ask_again_at = await self._next(booking, rule, acts_at)
        return "reminded"

    async def _acts_at(self, booking: Booking, rule: ApprovalRule | None) -> datetime | None:
        """When a rule acts: its days after the claim, or after it was set where that was later."""
        if rule is None or rule.action is SilenceAction.ASK:
            return None
        claimed_at = await self.day.claimed_at(booking) or self.clock.now()
        return max(claimed_at, rule.set_at) + timedelta(days=rule.act_days)

    async def _is_covered(self, booking: Booking, action: SilenceAction) -> bool:
        """Whether a rule lets a visit be paid: within the plan; recorded at the door where the rule asks for that."""
        if asked_pence(booking) > booking.cost_pence:
            return False
        if action is SilenceAction.APPROVE:
            return True
        times = times_of(await self.day.records([booking.id]))
        # Times that the office wrote later are no record at the door.
        return None not in times and times == (booking.actual_starts_at, booking.actual_ends_at)

    async def _is_funded(self, booking: Booking) -> bool:
        """Whether the direct payment holds what the rule would pay; where it does not, the person is asked."""
        if booking.funding is not Funding.DIRECT_PAYMENT:
            return True
        held = await LedgerService(self.db).locked_balance(
            booking.council_id, Purpose.DIRECT_PAYMENT, booking.person_id
        )
        return direct_part(booking, asked_pence(booking)) <= held

    async def _next(self, booking: Booking, rule: ApprovalRule | None, acts_at: datetime | None) -> datetime | None:
        now = self.clock.now()
        if rule is not None:
            days = rule.remind_days
        else:
            days = int(await setting(self.db, booking.council_id, "bookings.remind_days", today(self.clock)))
        # Each reminder waits longer than the one before: enough to be heard, not to be a nuisance.
        reminder = now + timedelta(days=min(LONGEST_PAUSE_DAYS, days * (booking.reminders + 1)))
        if acts_at is not None:
            return max(now + timedelta(hours=1), min(acts_at, reminder))
        return reminder if booking.reminders < MOST_REMINDERS else None

    def _need_over(self, booking: Booking) -> None:
        if self.clock.now() < booking.ends_at:
            raise NotYet("You can say how the visit went when its time is over.")

    async def _of_person(self, principal: Principal, booking_id: UUID) -> Booking:
        principal.require(Permission.BOOKINGS_APPROVE)
        question = self.steps.of_person(principal).where(Booking.id == booking_id)
        return await BookingRepository(self.db).one(question, locked=True)
