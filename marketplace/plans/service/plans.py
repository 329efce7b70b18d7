"""Writing a plan, checking it, agreeing to it and signing it off."""

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.attributes import flag_modified

from marketplace.accounts import Permission, Principal, audit, setting
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound, StepRefused, broken_constraint
from marketplace.core.formats import uk_date
from marketplace.core.outbox import publish
from marketplace.matching.models import Offer
from marketplace.matching.repository.runs import note_planned
from marketplace.plans.content import PlanContent, gaps
from marketplace.plans.errors import CheckerIsSubmitter, PlanChanged, PlanNotEditable
from marketplace.plans.events import (
    PlanInPlace,
    PlanReadyToAgree,
    PlanReturned,
    PlanSignedOff,
    PlanSubmitted,
    PlanSubmittedForCheck,
)
from marketplace.plans.models import Plan, PlannedBy, PlanVersion
from marketplace.plans.policies import planner_scope, plans_scope
from marketplace.plans.repository import PlanRepository
from marketplace.plans.repository.sections import SectionRepository, Writing
from marketplace.plans.schemas import CheckForm, Scope
from marketplace.plans.sections import ROWS
from marketplace.plans.service.approval import ApprovalService
from marketplace.plans.service.early_starts import EarlyStartService
from marketplace.plans.service.final_budget import FinalBudgetService
from marketplace.plans.service.panel import PanelService
from marketplace.plans.service.prefill import fill_in
from marketplace.plans.service.reviews import ReviewService
from marketplace.plans.service.sharing import tell_left
from marketplace.plans.service.steps import next_version, send_to_check
from marketplace.plans.states import EDITABLE, PLAN, SHOWN_TO_PERSON, PlanStatus


class PlanService:
    """A plan from the accepted offer to the sign-off, over its versions."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.plans = PlanRepository(db)
        self.sections = SectionRepository(db)

    async def ensure(
        self, council_ids: tuple[UUID, ...], referral_id: UUID, principal: Principal | None
    ) -> Plan | None:
        """Make the plan of a referral that a planner has accepted, with a first draft; harmless when repeated.

        The offer that holds now decides, so a late or repeated message cannot bring a former planner back: when
        somebody else has accepted since, the unfinished plan moves to them.

        Returns:
            The plan, or None while nobody has accepted the referral.
        """
        offer = await self.plans.accepted_offer(council_ids, referral_id)
        if offer is None:
            return None
        plan = await self.plans.by_referral((offer.council_id,), referral_id, locked=True)
        if plan is None:
            try:
                async with self.db.begin_nested():
                    return await self._make(offer, principal)
            except IntegrityError as error:
                if broken_constraint(error) != "uq_plans_referral_id":
                    raise
                plan = await self.plans.by_referral((offer.council_id,), referral_id, locked=True)
        if plan is not None and plan.worker_id != offer.worker_id:
            await self._hand_over(plan, offer, principal)
        return plan

    async def open_for_referral(self, principal: Principal, referral_id: UUID) -> UUID:
        """Return the plan of a referral; its planner also makes it when no worker has got to it yet.

        Raises:
            NotFound: There is none for this reader.
        """
        scope = plans_scope(principal)
        if scope.worker_id is not None:
            offer = await self.plans.accepted_offer(scope.council_ids, referral_id)
            if offer is not None and offer.worker_id == scope.worker_id:
                await self.ensure(scope.council_ids, referral_id, principal)
        plan = await self.plans.of_referral(scope, referral_id)
        if plan is None:
            raise NotFound
        return plan.id

    async def save(self, principal: Principal, plan_id: UUID, content: PlanContent, expected: int) -> None:
        """Save a draft, complete or not.

        Args:
            principal: The planner.
            plan_id: Their plan.
            content: What was typed, within the hard limits.
            expected: Row version that the page showed.

        Raises:
            PlanChanged: It was saved from elsewhere since.
            PlanNotEditable: It has been submitted.
        """
        _, version = await self._writable(principal, plan_id, expected)
        await self._write(principal, version, content)

    async def submit(self, principal: Principal, plan_id: UUID, content: PlanContent, expected: int) -> None:
        """Save the plan and send it to its quality check (V9).

        Raises:
            InvalidInput: Something that a plan needs is missing; one message for each.
            PlanChanged: It was saved from elsewhere since.
            PlanNotEditable: It has been submitted.
        """
        plan, version = await self._writable(principal, plan_id, expected)
        budget, _ = await ApprovalService(self.db).budget_of(plan)
        missing = gaps(content, budget)
        if missing:
            raise InvalidInput(missing)
        await self._write(principal, version, content)
        is_first = send_to_check(self.db, version, self.clock.now(), by=principal.user_id)
        await self.db.flush()
        self._audit(principal, version, "plans.submit_plan", after={"weekly_pence": content.weekly_pence})
        publish(self.db, PlanSubmitted(council_id=plan.council_id, plan_id=plan.id, plan_version_id=version.id))
        if is_first and plan.organisation_id is not None:
            publish(
                self.db,
                PlanSubmittedForCheck(
                    council_id=plan.council_id,
                    plan_id=plan.id,
                    plan_version_id=version.id,
                    person_id=plan.person_id,
                    organisation_id=plan.organisation_id,
                    visit_minutes=version.visit_minutes,
                    submitted_on=today(self.clock),
                ),
            )

    async def start_version(self, principal: Principal, plan_id: UUID, why: str) -> None:
        """Start the next version of a signed plan as a draft with the same content.

        Raises:
            Conflict: A newer version is already on its way.
        """
        _, signed = await self.plans.locked(planner_scope(principal), plan_id)
        version = await next_version(self.db, signed, self.clock.now(), by=principal.user_id, why=why)
        self._audit(principal, version, "plans.start_version", after={"number": version.number}, why=why)
        await self.db.flush()

    async def change_after_review(self, council_id: UUID, plan_id: UUID, changes_from: date | None) -> None:
        """Start the version that a review agreed on, unless one is on its way already: it can take the change in."""
        _, newest = await self.plans.locked(Scope((council_id,), None), plan_id)
        if newest.status is not PlanStatus.SIGNED_OFF:
            return
        why = f"A review agreed on changes from {uk_date(changes_from)}" if changes_from else "A review agreed on it"
        version = await next_version(self.db, newest, self.clock.now(), by=None, why=why)
        self._audit(None, version, "plans.start_version", after={"number": version.number}, why=why)
        await self.db.flush()

    async def criteria(self, council_id: UUID) -> list[str]:
        """Return the criteria of the council's quality check (L14)."""
        found: list[str] = await setting(self.db, council_id, "plans.quality_criteria", today(self.clock))
        return found

    async def check(self, principal: Principal, plan_id: UUID, form: CheckForm) -> None:
        """Pass a plan on to the person, or send it back with comments.

        Raises:
            CheckerIsSubmitter: Nobody checks what they submitted.
            PlanChanged: The page showed another state of the plan.
            StepRefused: It is not in its quality check.
        """
        principal.require(Permission.PLANS_CHECK)
        plan, version = await self.plans.locked(Scope((principal.council_id,), None), plan_id)
        if version.submitted_by_user_id == principal.user_id:
            raise CheckerIsSubmitter("You submitted this plan, so another quality checker has to look at it.")
        if version.status is not PlanStatus.IN_QUALITY_CHECK:
            raise StepRefused("This plan is not in its quality check any more.")
        _compare(version, form.expected)
        version.checks, version.comments = form.answers, form.comments
        version.checked_at, version.checked_by_user_id = self.clock.now(), principal.user_id
        if not form.is_passed:
            await self._return(principal, plan, version, "plans.return_plan", form.comments)
            return
        PLAN.move(self.db, version, PlanStatus.AWAITING_AGREEMENT, by=principal.user_id, why=form.comments)
        self._touch(version)
        await self.db.flush()
        self._audit(principal, version, "plans.pass_plan", after={"answers": form.answers}, why=form.comments)
        publish(
            self.db,
            PlanReadyToAgree(
                council_id=plan.council_id, plan_id=plan.id, plan_version_id=version.id, person_id=plan.person_id
            ),
        )

    async def agree(self, principal: Principal, version_id: UUID, expected: int) -> None:
        """Record the person's yes; a representative's is recorded with both names.

        Raises:
            NotFound: The plan is not theirs, or not shown to them.
            PlanChanged: The page showed another state of the plan.
            StepRefused: It does not wait for their answer.
        """
        _, version = await self._of_person(principal, version_id, expected)
        PLAN.move(self.db, version, PlanStatus.AWAITING_SIGN_OFF, by=principal.user_id)
        version.agreed_at, version.agreed_by_user_id = self.clock.now(), principal.user_id
        self._touch(version)
        await self.db.flush()
        self._audit(principal, version, "plans.agree_plan", after={"status": version.status.value})

    async def ask_for_change(self, principal: Principal, version_id: UUID, words: str, expected: int) -> None:
        """Send the plan back to its planner with the person's own words.

        Raises:
            NotFound: The plan is not theirs, or not shown to them.
            PlanChanged: The page showed another state of the plan.
            StepRefused: It does not wait for their answer.
        """
        plan, version = await self._of_person(principal, version_id, expected)
        await self._return(principal, plan, version, "plans.ask_for_change", words)

    async def sign_off(self, principal: Principal, plan_id: UUID, expected: int, reason: str = "") -> None:
        """Sign a plan off: it is in place from today, earns its tariff once, and its reviews are set (L15, L18).

        What it costs is the final budget from today on; `reason` says why that is not what was estimated.

        Raises:
            InvalidInput: It costs more than was estimated, and no reason is given.
            BeyondLimit: It costs more than the role signs off by itself: then it is passed on (D16).
            PlanChanged: The page showed another state of the plan.
            StepRefused: It does not wait for sign-off.
        """
        plan, version = await self._for_sign_off(principal, plan_id, expected)
        verdict = await ApprovalService(self.db).require(principal, plan, version)
        await PanelService(self.db).require_done(version.id)
        for earlier in await self.plans.signed_versions(plan.id):
            PLAN.move(self.db, earlier, PlanStatus.SUPERSEDED, by=principal.user_id)
            self._touch(earlier)
        PLAN.move(self.db, version, PlanStatus.SIGNED_OFF, by=principal.user_id)
        version.signed_off_at, version.signed_off_by_user_id = self.clock.now(), principal.user_id
        self._touch(version)
        await self.db.flush()
        in_place_on = today(self.clock)
        items = await self.plans.items(version.id)
        await EarlyStartService(self.db).end_of(principal, plan.council_id, plan.person_id, "signed")
        await FinalBudgetService(self.db).of_plan(principal, plan, items, reason, in_place_on)
        await note_planned(self.db, plan.council_id, plan.referral_id, self.clock.now())
        await ReviewService(self.db).schedule(plan, in_place_on, by=principal.user_id)
        after = {"completed_on": in_place_on, "weekly": verdict.weekly_pence, "budget": verdict.budget_pence}
        self._audit(principal, version, "plans.sign_off_plan", after=after)
        publish(
            self.db,
            PlanInPlace(
                council_id=plan.council_id,
                plan_id=plan.id,
                plan_version_id=version.id,
                person_id=plan.person_id,
                in_place_on=in_place_on,
            ),
        )
        if plan.worker_id is not None and plan.organisation_id is not None:
            publish(
                self.db,
                PlanSignedOff(
                    council_id=plan.council_id,
                    plan_id=plan.id,
                    plan_version_id=version.id,
                    person_id=plan.person_id,
                    worker_id=plan.worker_id,
                    organisation_id=plan.organisation_id,
                    visit_minutes=version.visit_minutes,
                    completed_on=in_place_on,
                ),
            )

    async def return_from_sign_off(self, principal: Principal, plan_id: UUID, why: str, expected: int) -> None:
        """Send an agreed plan back to its planner with the reason.

        Raises:
            PlanChanged: The page showed another state of the plan.
            StepRefused: It does not wait for sign-off.
        """
        plan, version = await self._for_sign_off(principal, plan_id, expected)
        await self._return(principal, plan, version, "plans.refuse_sign_off", why)

    async def _make(self, offer: Offer, principal: Principal | None) -> Plan:
        referral, person = await self.plans.subject(offer.council_id, offer.referral_id)
        plan = Plan(
            council_id=offer.council_id,
            referral_id=referral.id,
            person_id=person.id,
            organisation_id=offer.organisation_id,
            worker_id=offer.worker_id,
            created_at=self.clock.now(),
        )
        self.db.add(plan)
        await self.db.flush()
        version = PlanVersion(
            council_id=plan.council_id,
            plan_id=plan.id,
            number=1,
            status=PlanStatus.DRAFT,
            updated_at=self.clock.now(),
        )
        self.db.add(version)
        await self.db.flush()
        await fill_in(self.db, version, person.id)
        by = principal.user_id if principal else None
        PLAN.begin(self.db, version, by=by)
        self._audit(principal, version, "plans.start_plan", after={"referral_id": referral.id})
        await self.db.flush()
        return plan

    async def _hand_over(self, plan: Plan, offer: Offer, principal: Principal | None) -> None:
        version = await self.plans.newest_version(plan.id)
        if version.status not in EDITABLE:
            return
        before = {"worker_id": plan.worker_id, "organisation_id": plan.organisation_id}
        plan.worker_id, plan.organisation_id = offer.worker_id, offer.organisation_id
        plan.planned_by = PlannedBy.PLANNER
        after = {"worker_id": plan.worker_id, "organisation_id": plan.organisation_id}
        self._audit(principal, version, "plans.hand_over_plan", before=before, after=after)
        await self.db.flush()
        tell_left(self.db, plan, before["organisation_id"])

    async def _writable(self, principal: Principal, plan_id: UUID, expected: int) -> tuple[Plan, PlanVersion]:
        plan, version = await self.plans.locked(planner_scope(principal), plan_id)
        if version.status not in EDITABLE:
            raise PlanNotEditable("It has been submitted. You can change it again if it is sent back to you.")
        _compare(version, expected)
        return plan, version

    async def _write(self, principal: Principal, version: PlanVersion, content: PlanContent) -> None:
        texts = {
            "about_me": content.about_me,
            "good_days": content.good_days,
            "risks": content.risks,
            "money": content.money,
            "information_given": content.information_given,
            **{key: content.others.get(key, "") for key in ROWS},
        }
        by = Writing(self.clock.now(), principal.name, principal.user_id)
        changed = await self.sections.write_all(version, texts, by)
        if version.visit_minutes != content.visit_minutes:
            version.visit_minutes = content.visit_minutes
            changed.append("visit_minutes")
        await self.plans.replace_items(version, content.items)
        self._touch(version)
        await self.db.flush()
        after = {"changed": changed, "outcomes": len(content.items), "weekly_pence": content.weekly_pence}
        self._audit(principal, version, "plans.save_plan", after=after)

    async def _of_person(self, principal: Principal, version_id: UUID, expected: int) -> tuple[Plan, PlanVersion]:
        principal.require(Permission.PLANS_AGREE)
        person_id = principal.need_person()
        plan, version = await self.plans.version_of_person(principal.council_id, person_id, version_id)
        if version.status not in (*SHOWN_TO_PERSON, PlanStatus.RETURNED, PlanStatus.SUPERSEDED):
            raise NotFound
        if version.status is not PlanStatus.AWAITING_AGREEMENT:
            raise StepRefused("This plan does not wait for your answer now.")
        _compare(version, expected)
        return plan, version

    async def _for_sign_off(self, principal: Principal, plan_id: UUID, expected: int) -> tuple[Plan, PlanVersion]:
        principal.require(Permission.PLANS_SIGN_OFF)
        plan, version = await self.plans.locked(Scope((principal.council_id,), None), plan_id)
        if version.status is not PlanStatus.AWAITING_SIGN_OFF:
            raise StepRefused("This plan does not wait for sign-off now.")
        _compare(version, expected)
        return plan, version

    async def _return(self, principal: Principal, plan: Plan, version: PlanVersion, action: str, comments: str) -> None:
        PLAN.move(self.db, version, PlanStatus.RETURNED, by=principal.user_id, why=comments)
        version.comments = comments
        self._touch(version)
        await self.db.flush()
        self._audit(principal, version, action, after={"status": version.status.value}, why=comments)
        publish(
            self.db,
            PlanReturned(
                council_id=plan.council_id, plan_id=plan.id, plan_version_id=version.id, worker_id=plan.worker_id
            ),
        )

    def _touch(self, version: PlanVersion) -> None:
        version.updated_at = self.clock.now()
        # The row's version must move even when only its outcomes changed within one tick of the clock.
        flag_modified(version, "updated_at")

    def _audit(self, principal: Principal | None, version: PlanVersion, action: str, **given: Any) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=version.council_id,
            subject_kind="plan_version",
            subject_id=version.id,
            **given,
        )


def _compare(version: PlanVersion, expected: int) -> None:
    """Refuse to act on a page that showed another state of the row."""
    if version.version != expected:
        raise PlanChanged("Load the page again to see what it says now.")
