"""Asking for more than the indicative budget, and the manager's answer (P5)."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.core.database import clock_of
from marketplace.core.errors import Forbidden, InvalidInput, NotFound, StepRefused, broken_constraint
from marketplace.core.formats import pounds
from marketplace.core.forms import FormReader
from marketplace.core.outbox import publish
from marketplace.plans.content import MOST_WEEKLY_PENCE
from marketplace.plans.errors import AskNotOpen, PlanChanged
from marketplace.plans.events import PlanAskMoved
from marketplace.plans.models import AskStatus, Plan, PlanAsk, PlanVersion
from marketplace.plans.policies import planner_scope
from marketplace.plans.repository import PlanRepository
from marketplace.plans.repository.agreeing import AskRepository
from marketplace.plans.schemas import Scope, read_expected
from marketplace.plans.service.approval import ApprovalService
from marketplace.plans.states import PlanStatus

LONGEST = 2_000
ASKED_IN = (
    PlanStatus.DRAFT,
    PlanStatus.RETURNED,
    PlanStatus.IN_QUALITY_CHECK,
    PlanStatus.AWAITING_AGREEMENT,
    PlanStatus.AWAITING_SIGN_OFF,
)
"""States in which more may be asked for: until the plan is signed."""


class AskForm(msgspec.Struct, frozen=True):
    """How much is needed a week, pence, and why."""

    weekly_pence: int
    reason: str

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> "AskForm":
        """Read the form.

        Raises:
            InvalidInput: With every message, by field.
        """
        form = FormReader(data)
        weekly = form.pounds("weekly", "how much the plan needs a week", most=MOST_WEEKLY_PENCE)
        reason = form.text("reason", "why the plan needs more", longest=LONGEST)
        form.done()
        return cls(weekly or 0, reason)


class AnswerForm(msgspec.Struct, frozen=True, kw_only=True):
    """A manager's answer. `weekly_pence` is what the plan may cost from now on, when agreed."""

    is_agreed: bool
    weekly_pence: int
    answer: str
    expected: int

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> "AnswerForm":
        """Read the form.

        Raises:
            InvalidInput: With every message, by field.
        """
        form = FormReader(data)
        decision = form.option("decision", "your answer", ("agree", "refuse"))
        weekly = form.pounds(
            "weekly", "what the plan may cost a week", most=MOST_WEEKLY_PENCE, required=decision == "agree"
        )
        answer = form.text("answer", "the reason for your answer", longest=LONGEST)
        expected = read_expected(form)
        form.done()
        return cls(is_agreed=decision == "agree", weekly_pence=weekly or 0, answer=answer, expected=expected)


class AskService:
    """The verbs of asks for more."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.asks = AskRepository(db)
        self.plans = PlanRepository(db)

    async def ask(self, principal: Principal, plan_id: UUID, form: AskForm) -> PlanAsk:
        """Ask for more than the budget: the planner, or the person for themselves.

        Raises:
            NotFound: Not theirs.
            StepRefused: The plan is signed, or an ask waits for its answer.
            InvalidInput: No more than the budget.
        """
        plan, version = await self._writable(principal, plan_id)
        if version.status not in ASKED_IN:
            raise StepRefused("This plan is signed off. Start a new version first.")
        budget, _ = await ApprovalService(self.db).budget_of(plan)
        if form.weekly_pence <= budget:
            raise InvalidInput({"weekly": f"Enter more than the budget, which is {pounds(budget)} a week"})
        ask = PlanAsk(
            council_id=plan.council_id,
            plan_version_id=version.id,
            status=AskStatus.OPEN,
            budget_weekly_pence=budget,
            asked_weekly_pence=form.weekly_pence,
            reason=form.reason,
            asked_by_user_id=principal.user_id,
            asked_at=self.clock.now(),
        )
        try:
            async with self.db.begin_nested():
                self.db.add(ask)
        except IntegrityError as error:
            if broken_constraint(error) != "uq_plan_asks_open":
                raise
            raise StepRefused("The council has been asked already. Wait for the answer, or take it back.") from error
        self._note(principal, plan, ask, "plans.ask_for_more", after={"asked": form.weekly_pence, "budget": budget})
        return ask

    async def withdraw(self, principal: Principal, plan_id: UUID) -> None:
        """Take an ask back before it is answered.

        Raises:
            NotFound: Not theirs.
            AskNotOpen: None waits.
        """
        plan, version = await self._writable(principal, plan_id)
        ask = await self.asks.open_of(version.id, locked=True)
        if ask is None:
            raise AskNotOpen("There is nothing to take back.")
        ask.status, ask.answered_at = AskStatus.WITHDRAWN, self.clock.now()
        await self.db.flush()
        self._note(principal, plan, ask, "plans.withdraw_ask", after={"status": ask.status})

    async def answer(self, principal: Principal, ask_id: UUID, form: AnswerForm) -> PlanAsk:
        """Agree, to all or some of it, or refuse. An agreed sum is what the plan may cost from now on.

        Raises:
            NotFound: None of the council.
            AskNotOpen: Another manager was first, or it was taken back.
            Forbidden: Nobody answers what they asked themselves.
            InvalidInput: Not more than the budget, or more than was asked for.
        """
        principal.require(Permission.ASKS_DECIDE)
        found = await self.asks.line(principal.council_id, ask_id)
        # The plan is locked first, as everywhere: nobody signs it off while this is decided.
        plan, _ = await self.plans.locked(Scope((principal.council_id,), None), found.plan_id)
        ask = await self.asks.find(principal.council_id, ask_id, locked=True)
        if ask.status is not AskStatus.OPEN:
            raise AskNotOpen("It was answered or taken back since you opened the page. Nothing was changed.")
        if ask.version != form.expected:
            raise PlanChanged("Load the page again to see what it says now.")
        if ask.asked_by_user_id == principal.user_id:
            raise Forbidden("You asked for this, so somebody else has to answer.")
        if form.is_agreed and not ask.budget_weekly_pence < form.weekly_pence <= ask.asked_weekly_pence:
            least, most = pounds(ask.budget_weekly_pence), pounds(ask.asked_weekly_pence)
            raise InvalidInput({"weekly": f"Enter more than the budget of {least}, and at most {most} as asked"})
        ask.status = AskStatus.AGREED if form.is_agreed else AskStatus.REFUSED
        ask.agreed_weekly_pence = form.weekly_pence if form.is_agreed else None
        ask.answer, ask.answered_by_user_id, ask.answered_at = form.answer, principal.user_id, self.clock.now()
        await self.db.flush()
        after = {"status": ask.status, "agreed": ask.agreed_weekly_pence}
        self._note(principal, plan, ask, "plans.answer_ask", after=after)
        return ask

    async def of_person(self, principal: Principal) -> UUID:
        """Return the plan that a person may ask more for: the newest that is not signed yet.

        Raises:
            NotFound: There is none.
        """
        principal.require(Permission.PLANS_AGREE)
        found = await self.plans.unsigned_of_person(principal.council_id, principal.need_person())
        if found is None:
            raise NotFound
        return found

    async def _writable(self, principal: Principal, plan_id: UUID) -> tuple[Plan, PlanVersion]:
        """Return the plan, locked, where the reader may ask: its planner, or the person and who acts for them."""
        if principal.may(Permission.PLANS_WRITE):
            return await self.plans.locked(planner_scope(principal), plan_id)
        principal.require(Permission.PLANS_AGREE)
        plan, version = await self.plans.locked(Scope((principal.council_id,), None), plan_id)
        if plan.person_id != principal.need_person():
            raise NotFound
        return plan, version

    def _note(self, principal: Principal, plan: Plan, ask: PlanAsk, action: str, **given: Any) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=ask.council_id,
            subject_kind="plan_ask",
            subject_id=ask.id,
            **given,
        )
        publish(
            self.db,
            PlanAskMoved(
                council_id=ask.council_id,
                ask_id=ask.id,
                plan_id=plan.id,
                person_id=plan.person_id,
                status=ask.status.value,
            ),
        )
