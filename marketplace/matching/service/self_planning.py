"""Referrals of people who write their plan themselves: taken by the person, handed to a planner, taken back (L10)."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit, setting
from marketplace.core import outbox
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import NotFound
from marketplace.matching.errors import AlreadyPlanned, PlanningWaits, ReferralNotOpen
from marketplace.matching.events import OfferHandedBack, OfferWithdrawn, ReferralRecorded
from marketplace.matching.models import Complexity, Offer, Referral, ReferralSource, Urgency
from marketplace.matching.repository import OfferRepository, ReferralRepository
from marketplace.matching.service.referrals import missing_points
from marketplace.matching.states import OFFER, REFERRAL, OfferStatus, ReferralStatus
from marketplace.people import PeopleRepository, may_plan_long_term
from marketplace.people.models import Person
from marketplace.people.repository import BudgetRepository

WITH_A_PLANNER = frozenset({ReferralStatus.OFFERED, ReferralStatus.MATCHED})
OPEN = frozenset({*WITH_A_PLANNER, ReferralStatus.RECEIVED, ReferralStatus.INCOMPLETE, ReferralStatus.SELF_PLANNED})
"""States in which a person may take their plan into their own hands."""


class SelfPlanningService:
    """What a person, or somebody who acts for them in planning, does with their own referral."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.referrals = ReferralRepository(db)
        self.offers = OfferRepository(db)

    async def take(self, principal: Principal, person: Person) -> Referral:
        """Return the person's own referral, theirs to plan: the one that waits, or a new one.

        One that a planner was asked for, or has taken, stays where it is: `take_back` is for that.

        Args:
            principal: The person, or who acts for them.
            person: The person, locked, so that two starts at one moment make one referral.

        Raises:
            PlanningWaits: The person is in a crisis, or the stages before long-term support are not done (B1, B2).
            ReferralNotOpen: The council keeps it, or a planner has it.
        """
        principal.require(Permission.PLAN_OWN)
        if await may_plan_long_term(self.db, person.council_id, person.id):
            raise PlanningWaits("You can write your plan later. Talk to your council first.")
        for found in await self.referrals.of_person(person.council_id, person.id):
            if found.planned_at is not None or found.status is ReferralStatus.CLOSED:
                continue
            if found.status is ReferralStatus.RETAINED:
                raise ReferralNotOpen("The council looks after this plan itself. Talk to your social worker.")
            if found.status in WITH_A_PLANNER:
                raise ReferralNotOpen("A planner has been asked to write this plan.")
            referral = await self.referrals.find(person.council_id, found.id, locked=True)
            await self._become_own(principal, referral, "The person writes the plan")
            return referral
        return await self._record(principal, person)

    async def hand_over(self, principal: Principal, referral_id: UUID, wants: str) -> Referral:
        """Ask for a planner who goes on with the plan; it waits in the council's queue.

        Args:
            principal: The person, or who acts for them.
            referral_id: Their referral.
            wants: What they want, in their words: planners see it, without a name.

        Raises:
            NotFound: It is somebody else's.
            ReferralNotOpen: It is not in the person's own hands.
            AlreadyPlanned: A version of it is in place.
        """
        referral = await self._own(principal, referral_id)
        if referral.status is not ReferralStatus.SELF_PLANNED:
            raise ReferralNotOpen("A planner has been asked for already.")
        if referral.planned_at is not None:
            raise AlreadyPlanned("Your plan is in place. Ask for a review if you want help to change it.")
        person = await PeopleRepository(self.db).find(referral.council_id, referral.person_id)
        referral.wants, referral.person_informed = wants, True
        why = "The person asks for a planner"
        REFERRAL.move(self.db, referral, ReferralStatus.RECEIVED, by=principal.user_id, why=why)
        # In a crisis, too, nobody plans for the long term: it waits as one that was recorded by hand does (B2).
        if missing_points(referral, person) or await may_plan_long_term(self.db, referral.council_id, person.id):
            REFERRAL.move(self.db, referral, ReferralStatus.INCOMPLETE, by=principal.user_id)
        await self.db.flush()
        self._note(principal, "matching.ask_for_planner", referral)
        outbox.publish(self.db, ReferralRecorded(council_id=referral.council_id, referral_id=referral.id))
        return referral

    async def take_back(self, principal: Principal, referral_id: UUID, why: str) -> Offer | None:
        """Take a plan back from the queue, or from the planner who was asked or has it.

        Returns:
            The offer that ended by it: the planner is to be told; None when nobody had been asked.

        Raises:
            NotFound: It is somebody else's.
            AlreadyPlanned: The plan is signed off.
            ReferralNotOpen: The council keeps it, or it is closed.
        """
        referral = await self._own(principal, referral_id)
        if referral.planned_at is not None:
            raise AlreadyPlanned("What was agreed is in place. Ask for a review to change it.")
        if referral.status not in OPEN:
            raise ReferralNotOpen("The council looks after this plan itself, or it is closed.")
        offer = await self.offers.held_of(referral.council_id, referral.id)
        if offer is not None:
            await self._end_offer(principal, offer, referral, why)
        await self._become_own(principal, referral, why)
        return offer

    async def take_over(self, principal: Principal, referral_id: UUID, why: str) -> None:
        """Let the person write the next version of a plan that a planner wrote and that is in place.

        What the planner earned stays earned and nothing is promised to them any more, so this is no hand-back: nobody
        looks for another planner, and the person is not told that theirs has left.

        Raises:
            NotFound: It is somebody else's.
            ReferralNotOpen: The council keeps it, or it is closed.
        """
        referral = await self._own(principal, referral_id)
        if referral.status not in OPEN:
            raise ReferralNotOpen("The council looks after this plan itself. Talk to your social worker.")
        offer = await self.offers.held_of(referral.council_id, referral.id)
        if offer is not None:
            OFFER.move(self.db, offer, OfferStatus.WITHDRAWN, by=principal.user_id, why=why)
            await self.offers.free_place(offer.council_id, offer.id)
            offer.handed_back_at, offer.hand_back_reason = self.clock.now(), why
        if referral.status in WITH_A_PLANNER:
            REFERRAL.move(self.db, referral, ReferralStatus.RECEIVED, by=principal.user_id, why=why)
        await self.db.flush()
        await self._become_own(principal, referral, why)

    async def _end_offer(self, principal: Principal, offer: Offer, referral: Referral, why: str) -> None:
        was_accepted, now = offer.status is OfferStatus.ACCEPTED, self.clock.now()
        OFFER.move(self.db, offer, OfferStatus.WITHDRAWN, by=principal.user_id, why=why)
        await self.offers.free_place(offer.council_id, offer.id)
        if was_accepted:
            offer.handed_back_at, offer.hand_back_reason = now, why
        else:
            offer.answered_at = now
        REFERRAL.move(self.db, referral, ReferralStatus.RECEIVED, by=principal.user_id, why=why)
        await self.db.flush()
        ids = {"council_id": offer.council_id, "offer_id": offer.id, "referral_id": referral.id}
        whose = {"worker_id": offer.worker_id, "organisation_id": offer.organisation_id}
        if was_accepted:
            outbox.publish(self.db, OfferHandedBack(**ids, **whose, person_id=referral.person_id))
        else:
            outbox.publish(self.db, OfferWithdrawn(**ids, **whose))

    async def _become_own(self, principal: Principal, referral: Referral, why: str) -> None:
        if referral.status is ReferralStatus.SELF_PLANNED:
            return
        if referral.status is ReferralStatus.INCOMPLETE:
            REFERRAL.move(self.db, referral, ReferralStatus.RECEIVED, by=principal.user_id)
        REFERRAL.move(self.db, referral, ReferralStatus.SELF_PLANNED, by=principal.user_id, why=why)
        await self.db.flush()
        self._note(principal, "matching.plan_oneself", referral)

    async def _record(self, principal: Principal, person: Person) -> Referral:
        now, day = self.clock.now(), today(self.clock)
        days: dict[str, int] = await setting(self.db, person.council_id, "matching.plan_days", day)
        budget = await BudgetRepository(self.db).current(person.council_id, person.id, day)
        referral = Referral(
            council_id=person.council_id,
            person_id=person.id,
            reference=await self.referrals.next_reference(person.council_id, day.year),
            status=ReferralStatus.SELF_PLANNED,
            source=ReferralSource.SELF,
            urgency=Urgency.STANDARD,
            complexity=Complexity.STANDARD,
            needs=list(person.needs),
            communication_needs=list(person.communication_needs),
            # Nought: no sum is known yet. The plan then asks for no reason why it costs more.
            indicative_weekly_pence=budget.weekly_pence if budget else 0,
            person_informed=True,
            received_at=now,
            due_on=day + timedelta(days=int(days[Urgency.STANDARD.value])),
            recorded_by_user_id=principal.user_id,
        )
        self.db.add(referral)
        await self.db.flush()
        REFERRAL.begin(self.db, referral, by=principal.user_id, why="The person writes the plan")
        self._note(principal, "matching.plan_oneself", referral)
        return referral

    async def _own(self, principal: Principal, referral_id: UUID) -> Referral:
        principal.require(Permission.PLAN_OWN)
        referral = await self.referrals.find(principal.council_id, referral_id, locked=True)
        if referral.person_id != principal.need_person():
            raise NotFound
        return referral

    def _note(self, principal: Principal, action: str, referral: Referral) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=referral.council_id,
            subject_kind="referral",
            subject_id=referral.id,
            after={"status": referral.status},
        )
