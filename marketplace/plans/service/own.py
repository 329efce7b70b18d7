"""Somebody's own plan: started, shared with the council, handed to a planner, taken back, and changed later (L10, D1).

A plan is always on a referral. One that the person writes has a referral in the state `SELF_PLANNED`.
"""

from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.attributes import flag_modified

from marketplace.accounts import Permission, Principal, audit
from marketplace.core.database import clock_of
from marketplace.core.errors import Conflict, InvalidInput
from marketplace.core.outbox import publish
from marketplace.matching.service.self_planning import SelfPlanningService
from marketplace.matching.states import ReferralStatus
from marketplace.people import PeopleRepository
from marketplace.plans.errors import PlanChanged, PlanNotEditable
from marketplace.plans.events import PlanSubmitted, PlanTakenBack
from marketplace.plans.models import Plan, PlannedBy, PlanSection, PlanVersion
from marketplace.plans.own import Typed, missing
from marketplace.plans.repository import PlanRepository
from marketplace.plans.repository.own import OwnPlan, OwnPlanRepository
from marketplace.plans.service.approval import ApprovalService
from marketplace.plans.service.own_writing import OwnWritingService, Writer, why_closed
from marketplace.plans.service.prefill import fill_in
from marketplace.plans.service.pricing import ChoiceForm, PricingService
from marketplace.plans.service.sharing import tell_left
from marketplace.plans.service.steps import next_version, send_to_check
from marketplace.plans.states import EDITABLE, PLAN, PlanStatus


class OwnPlanService:
    """The verbs of a person, or of who acts for them, on their own plan."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.own = OwnPlanRepository(db)
        self.plans = PlanRepository(db)

    async def mine(self, principal: Principal) -> OwnPlan | None:
        """Return the plan that the person is at, whoever writes it now; None before there is one."""
        principal.require(Permission.PLAN_OWN)
        return await self.own.newest(principal.council_id, principal.need_person())

    async def start(self, principal: Principal) -> Plan:
        """Start to write: a new plan, or the one that waits for a planner; harmless when repeated.

        Raises:
            PlanNotEditable: The person has died.
            Conflict: A plan is with the council or in place.
            PlanningWaits: The person is in a crisis, or the stages before long-term support are not done.
            ReferralNotOpen: A planner has it, or the council keeps it.
        """
        principal.require(Permission.PLAN_OWN)
        person = await PeopleRepository(self.db).find(principal.council_id, principal.need_person(), locked=True)
        if person.died_on is not None:
            raise PlanNotEditable("This plan is closed. What was written is kept.")
        found = await self.own.newest(principal.council_id, person.id)
        if found is not None and found.referral.status is not ReferralStatus.CLOSED:
            if found.version.status not in EDITABLE:
                raise Conflict("Your plan is with the council, or it is in place. You can change it from its page.")
            if found.plan.planned_by is PlannedBy.PERSON and found.referral.status is ReferralStatus.SELF_PLANNED:
                return found.plan
        referral = await SelfPlanningService(self.db).take(principal, person)
        plan = await self.plans.by_referral((person.council_id,), referral.id, locked=True)
        if plan is None:
            return await self._make(principal, referral.id, person.id)
        version = await self.plans.newest_version(plan.id)
        if version.status not in EDITABLE:
            raise Conflict("This plan is with the council now.")
        self._become_own(principal, plan, version)
        await self.db.flush()
        return plan

    async def write(
        self, principal: Principal, plan_id: UUID, typed: Typed, seen: str, keep: str = ""
    ) -> PlanSection | None:
        """Write a section: see `OwnWritingService.write`."""
        plan, version = await self._locked(principal, plan_id)
        writer = Writer(principal.name, principal)
        return await OwnWritingService(self.db).write(plan, version, writer, typed, seen, keep)

    async def choose_offer(
        self, principal: Principal, plan_id: UUID, position: int, form: ChoiceForm, prices: PricingService
    ) -> str:
        """Take the price of a local offer into an outcome of one's own plan; returns the offer's name.

        Raises:
            PlanNotEditable: Nobody writes in this plan now.
        """
        plan, version = await self._locked(principal, plan_id)
        referral, person = await self.plans.subject(plan.council_id, plan.referral_id)
        if reason := why_closed(plan, version, referral, person):
            raise PlanNotEditable(reason)
        return await prices.take(principal, version, position, form)

    async def share(self, principal: Principal, plan_id: UUID, expected: int) -> None:
        """Share the plan with the council: from now on it reads it, and checks it (P3).

        Args:
            principal: The person, or who acts for them.
            plan_id: Their plan.
            expected: Row version that the page showed: nothing is shared that they have not seen.

        Raises:
            InvalidInput: Something is missing; one message for each section.
            PlanChanged: Somebody wrote in it since the page was opened.
            PlanNotEditable: It is shared already, or somebody else writes it.
        """
        plan, version = await self._locked(principal, plan_id)
        referral, person = await self.plans.subject(plan.council_id, plan.referral_id)
        if reason := why_closed(plan, version, referral, person):
            raise PlanNotEditable(reason)
        if referral.status is not ReferralStatus.SELF_PLANNED:
            raise PlanNotEditable("You have asked for a planner. Take the plan back first, then you can share it.")
        if version.version != expected:
            raise PlanChanged("Somebody wrote in your plan since you opened this page. Read it again, then share it.")
        content = (await self.plans.detail_of(version.id)).content
        budget, _ = await ApprovalService(self.db).budget_of(plan)
        lacking: dict[str, str] = {}
        for one in missing(content, budget):
            lacking.setdefault(one.key, one.advice)
        if lacking:
            raise InvalidInput(lacking)
        send_to_check(self.db, version, self.clock.now(), by=principal.user_id)
        self._touch(version)
        await self.db.flush()
        self._audit(principal, version, "plans.share_own_plan", after={"weekly_pence": content.weekly_pence})
        publish(self.db, PlanSubmitted(council_id=plan.council_id, plan_id=plan.id, plan_version_id=version.id))

    async def hand_over(self, principal: Principal, plan_id: UUID, wants: str) -> None:
        """Ask for a planner who goes on with the plan; what is written stays, and the person writes on until one comes.

        Raises:
            PlanNotEditable: It is shared already, or somebody else writes it.
            ReferralNotOpen: A planner has been asked for already.
        """
        plan, version = await self._locked(principal, plan_id)
        referral, person = await self.plans.subject(plan.council_id, plan.referral_id)
        if reason := why_closed(plan, version, referral, person):
            raise PlanNotEditable(reason)
        await SelfPlanningService(self.db).hand_over(principal, referral.id, wants)
        self._audit(principal, version, "plans.ask_for_planner")

    async def take_back(self, principal: Principal, plan_id: UUID, why: str) -> None:
        """Take the plan back from the queue or from its planner, who is told; what they wrote stays in it.

        Raises:
            PlanNotEditable: It is with the council, or closed.
            AlreadyPlanned: It was signed off before.
        """
        plan, version = await self._locked(principal, plan_id)
        referral, person = await self.plans.subject(plan.council_id, plan.referral_id)
        if person.died_on is not None or referral.status is ReferralStatus.CLOSED or version.status not in EDITABLE:
            raise PlanNotEditable("The plan is with the council now, or it is closed.")
        planner = plan.worker_id
        offer = await SelfPlanningService(self.db).take_back(principal, referral.id, why)
        self._become_own(principal, plan, version)
        await self.db.flush()
        if planner is not None and offer is not None and offer.worker_id == planner:
            publish(self.db, PlanTakenBack(council_id=plan.council_id, plan_id=plan.id, worker_id=planner))

    async def change(self, principal: Principal, plan_id: UUID, why: str) -> None:
        """Start the next version of the plan that is in place; that one stays until the new one is signed.

        A planner's plan becomes the person's own by it, and the planner is told. A next version that the planner has
        begun goes on as it is: nothing in it is lost.

        Raises:
            Conflict: A newer version is already on its way.
            PlanNotEditable: It is closed, or a planner writes its first version: `take_back` is for that.
            ReferralNotOpen: The council looks after it itself.
        """
        plan, newest = await self._locked(principal, plan_id)
        referral, person = await self.plans.subject(plan.council_id, plan.referral_id)
        if person.died_on is not None or referral.status is ReferralStatus.CLOSED:
            raise PlanNotEditable("This plan is closed. What was written is kept.")
        if plan.planned_by is not PlannedBy.PERSON:
            await self._take_over(principal, plan, newest, why)
            if newest.status in EDITABLE:
                return
        version = await next_version(self.db, newest, self.clock.now(), by=principal.user_id, why=why)
        self._audit(principal, version, "plans.start_version", after={"number": version.number}, why=why)
        await self.db.flush()

    async def _take_over(self, principal: Principal, plan: Plan, newest: PlanVersion, why: str) -> None:
        """Make a planner's plan that was signed the person's own, and tell the planner."""
        is_in_place = bool(await self.plans.signed_versions(plan.id))
        if not is_in_place:
            raise PlanNotEditable("A planner writes this plan now. You can take it back from them.")
        if newest.status not in (PlanStatus.SIGNED_OFF, *EDITABLE):
            raise Conflict("The council reads a newer version of this plan now. You can change it when that is done.")
        planner = plan.worker_id
        await SelfPlanningService(self.db).take_over(principal, plan.referral_id, why)
        self._become_own(principal, plan, newest)
        await self.db.flush()
        if planner is not None:
            publish(self.db, PlanTakenBack(council_id=plan.council_id, plan_id=plan.id, worker_id=planner))

    async def _make(self, principal: Principal, referral_id: UUID, person_id: UUID) -> Plan:
        now = self.clock.now()
        plan = Plan(
            council_id=principal.council_id,
            referral_id=referral_id,
            person_id=person_id,
            planned_by=PlannedBy.PERSON,
            created_at=now,
        )
        self.db.add(plan)
        await self.db.flush()
        version = PlanVersion(
            council_id=plan.council_id, plan_id=plan.id, number=1, status=PlanStatus.DRAFT, updated_at=now
        )
        self.db.add(version)
        await self.db.flush()
        filled = await fill_in(self.db, version, person_id)
        PLAN.begin(self.db, version, by=principal.user_id)
        self._audit(principal, version, "plans.start_own_plan", after={"referral_id": referral_id, "filled": filled})
        await self.db.flush()
        return plan

    def _become_own(self, principal: Principal, plan: Plan, version: PlanVersion) -> None:
        if plan.planned_by is PlannedBy.PERSON and plan.worker_id is None:
            return
        before = {"worker_id": plan.worker_id, "organisation_id": plan.organisation_id}
        plan.planned_by = PlannedBy.PERSON
        plan.worker_id = plan.organisation_id = None
        self._touch(version)
        self._audit(principal, version, "plans.take_plan_back", before=before, after={"worker_id": None})
        tell_left(self.db, plan, before["organisation_id"])

    async def _locked(self, principal: Principal, plan_id: UUID) -> tuple[Plan, PlanVersion]:
        principal.require(Permission.PLAN_OWN)
        return await self.own.locked_for(principal.council_id, principal.need_person(), plan_id)

    def _touch(self, version: PlanVersion) -> None:
        version.updated_at = self.clock.now()
        flag_modified(version, "updated_at")

    def _audit(self, principal: Principal, version: PlanVersion, action: str, **given: Any) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=version.council_id,
            subject_kind="plan_version",
            subject_id=version.id,
            **given,
        )
