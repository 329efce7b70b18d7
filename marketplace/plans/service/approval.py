"""Who may sign a plan off: limits by role, what the plan may cost, and passing on what is beyond (D16, D19)."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.attributes import flag_modified

from marketplace.accounts import Permission, Principal, Role, audit
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import StepRefused
from marketplace.core.forms import FormReader
from marketplace.core.outbox import publish
from marketplace.plans.errors import BeyondLimit, PlanChanged
from marketplace.plans.events import PlanPassedOn
from marketplace.plans.limits import LAST_ROLE, SIGNING_ROLES, Beyond, Limit, beyond, limits_on
from marketplace.plans.models import ApprovalLimit, Plan, PlanItem, PlanVersion
from marketplace.plans.repository import PlanRepository
from marketplace.plans.repository.agreeing import AskRepository, CostRepository, LimitRepository
from marketplace.plans.schemas import Scope
from marketplace.plans.service.final_budget import plan_cost
from marketplace.plans.states import PlanStatus


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """How a plan stands against what it may cost and against the reader's limit; pence a week."""

    weekly_pence: int
    budget_pence: int
    """What it may cost now: the newest indicative budget, or more that was agreed or made final since."""
    advised_pence: int
    """The newest indicative budget; before there is one, what the planner was given."""
    referred_pence: int
    """The budget that the planner was given."""
    agreed_pence: int | None
    """What was agreed beyond the indicative budget; None: nothing."""
    beyond: tuple[Beyond, ...]
    limit: Limit

    @property
    def has_fallen(self) -> bool:
        """Whether the budget fell after the plan was begun, so that the plan costs more than it may now."""
        return self.budget_pence < self.referred_pence and self.weekly_pence > self.budget_pence


class LimitForm(msgspec.Struct, frozen=True, kw_only=True):
    """Up to what cost a role signs off from a day on."""

    role: Role
    weekly_pence: int | None
    over_budget_pence: int
    starts_on: date

    @classmethod
    def read(cls, data: Mapping[str, Any], now: date) -> "LimitForm":
        """Read the form.

        Raises:
            InvalidInput: With every message, by field.
        """
        form = FormReader(data)
        roles = [role.value for role in SIGNING_ROLES if role is not LAST_ROLE]
        role = form.option("role", "whose limit it is", roles)
        kind = form.option("has_limit", "whether there is a limit", ("yes", "no"))
        weekly = form.pounds("weekly", "the most that a plan may cost a week", required=kind == "yes")
        over = form.pounds("over_budget", "how much a plan may go over the budget a week", required=False)
        starts_on = form.day("starts_on", "the first day")
        if starts_on is not None and starts_on < now:
            form.wrong("starts_on", "The first day must be today or later: plans of days gone by are signed")
        form.done()
        return cls(
            role=Role(role),
            weekly_pence=weekly if kind == "yes" else None,
            over_budget_pence=over or 0,
            starts_on=starts_on or now,
        )


class ApprovalService:
    """The verbs of limits, and the question whether somebody may sign a plan off."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.limits = LimitRepository(db)
        self.costs = CostRepository(db)

    async def limits_of(self, council_id: UUID) -> dict[Role, Limit]:
        """Return what counts for each signing role of a council today."""
        return limits_on(await self.limits.all_of(council_id), today(self.clock))

    async def set_limit(self, principal: Principal, form: LimitForm) -> ApprovalLimit:
        """Set a role's limit from a day on; setting it again for the same day puts it right."""
        principal.require(Permission.LIMITS_SET)
        row = await self.limits.on_day(principal.council_id, form.role, form.starts_on)
        before = None if row is None else {"weekly": row.weekly_pence, "over_budget": row.over_budget_pence}
        if row is None:
            row = ApprovalLimit(council_id=principal.council_id, role=form.role, starts_on=form.starts_on)
            self.db.add(row)
        row.weekly_pence, row.over_budget_pence = form.weekly_pence, form.over_budget_pence
        row.set_by_user_id, row.set_at = principal.user_id, self.clock.now()
        await self.db.flush()
        audit.record(
            self.db,
            principal,
            "plans.set_limit",
            council_id=row.council_id,
            subject_kind="approval_limit",
            subject_id=row.id,
            before=before,
            after={
                "role": form.role,
                "weekly": form.weekly_pence,
                "over_budget": form.over_budget_pence,
                "starts_on": form.starts_on,
            },
        )
        return row

    async def budget_of(self, plan: Plan) -> tuple[int, int | None]:
        """Return what a plan may cost a week now, and what was agreed beyond the advice; pence."""
        _, budget, agreed = await self._sums(plan)
        return budget, agreed

    async def _sums(self, plan: Plan) -> tuple[int, int, int | None]:
        """Return what was advised, what a plan may cost now, and what was agreed beyond the advice; pence a week.

        More that was agreed counts until the budget is worked out anew: then the new advice counts, and more has to be
        asked for again. So does a budget that was made final since: the next version may cost what is in place.
        """
        on = today(self.clock)
        indicative, final = await self.costs.advice_and_final(plan.council_id, plan.person_id, on)
        agreed = await AskRepository(self.db).agreed_of(plan.id)
        referred, since = await self.costs.referred(plan.council_id, plan.referral_id)
        advised = referred if indicative is None else indicative.weekly_pence
        since = since if indicative is None else indicative.created_at
        in_place = final.weekly_pence if final is not None and since is not None and final.created_at > since else 0
        budget = max(advised, in_place)
        if agreed is None or agreed.agreed_weekly_pence is None or agreed.answered_at is None:
            return advised, budget, None
        if indicative is not None and indicative.created_at > agreed.answered_at:
            return advised, budget, None
        return advised, max(budget, agreed.agreed_weekly_pence), agreed.agreed_weekly_pence

    async def verdict(
        self, principal: Principal, plan: Plan, version: PlanVersion, items: Sequence[PlanItem] | None = None
    ) -> Verdict:
        """Say how a version stands against its budget and what the reader's role may sign off.

        Args:
            principal: The reader.
            plan: The plan.
            version: Its version.
            items: The version's outcomes where they were read already.
        """
        weekly = plan_cost(await PlanRepository(self.db).items(version.id) if items is None else items)
        advised, budget, agreed = await self._sums(plan)
        limits = await self.limits_of(plan.council_id)
        limit = limits.get(principal.role, Limit(weekly_pence=0, over_budget_pence=0))
        return Verdict(
            weekly_pence=weekly,
            budget_pence=budget,
            advised_pence=advised,
            referred_pence=(await self.costs.referred(plan.council_id, plan.referral_id))[0],
            agreed_pence=agreed,
            beyond=beyond(limit, weekly, budget),
            limit=limit,
        )

    async def require(self, principal: Principal, plan: Plan, version: PlanVersion) -> Verdict:
        """Return the verdict, or refuse what is beyond the reader's limit.

        Raises:
            BeyondLimit: Somebody else has to sign it off.
        """
        found = await self.verdict(principal, plan, version)
        if found.beyond:
            raise BeyondLimit("Pass it on to a manager, who may sign it off. Nothing was changed.")
        return found

    async def pass_on(self, principal: Principal, plan_id: UUID, why: str, expected: int) -> None:
        """Pass a plan that is beyond one's limit on to who may sign it off, with what one thinks of it.

        Raises:
            PlanChanged: The page showed another state of the plan.
            StepRefused: It does not wait for sign-off, or is within one's own limit.
        """
        principal.require(Permission.PLANS_SIGN_OFF)
        plan, version = await PlanRepository(self.db).locked(Scope((principal.council_id,), None), plan_id)
        if version.status is not PlanStatus.AWAITING_SIGN_OFF:
            raise StepRefused("This plan does not wait for sign-off now.")
        if version.version != expected:
            raise PlanChanged("Load the page again to see what it says now.")
        if not (await self.verdict(principal, plan, version)).beyond:
            raise StepRefused("You may sign this plan off yourself.")
        version.passed_on_at, version.passed_on_by_user_id = self.clock.now(), principal.user_id
        version.passed_on_why, version.updated_at = why, self.clock.now()
        flag_modified(version, "updated_at")
        await self.db.flush()
        audit.record(
            self.db,
            principal,
            "plans.pass_on_plan",
            council_id=plan.council_id,
            subject_kind="plan_version",
            subject_id=version.id,
            after={"to": LAST_ROLE},
        )
        publish(self.db, PlanPassedOn(council_id=plan.council_id, plan_id=plan.id, plan_version_id=version.id))
