"""Personal budgets: advice worked out from points, then what the agreed plan costs (domain.md 4.1, 4.7; P4).

An indicative budget is advice. A final one is the sufficient cost of the plan, and says why it differs. Rows are never
rewritten: a new decision ends the one before, so that a person's history tells what counted when. How much of a budget
the person pays themselves comes from the financial assessment alone (`people.charges`).
"""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.core import outbox
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput
from marketplace.core.formats import pounds, uk_date
from marketplace.people.budget_parts import Part, Working, check_amounts, direct_of, end_budget, figures, route_of
from marketplace.people.charges_rules import own_share
from marketplace.people.errors import PersonHasDied
from marketplace.people.events import BudgetSet
from marketplace.people.models import (
    Assessment,
    Budget,
    BudgetKind,
    BudgetPart,
    BudgetStatus,
    FinancialAssessment,
    FundingRoute,
    Person,
)
from marketplace.people.protections import protect
from marketplace.people.repository_assessments import ChargeRepository
from marketplace.people.repository_budgets import PersonalBudgetRepository

__all__ = ["BudgetService", "Part", "Working"]

INDICATIVE_DAYS = 84
"""How long an estimate stands before it becomes final or is worked out again; the person is told the day."""


class BudgetService:
    """The verbs that set budgets."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.budgets = PersonalBudgetRepository(db)
        self.charges = ChargeRepository(db)

    async def set_indicative(
        self,
        principal: Principal,
        person_id: UUID,
        weekly_pence: int,
        *,
        kind: BudgetKind = BudgetKind.SUPPORT,
        one_off_pence: int = 0,
        route: FundingRoute = FundingRoute.COUNCIL_MANAGED,
        working: Working | None = None,
        assessment: Assessment | None = None,
        starts_on: date | None = None,
        reason: str = "",
    ) -> Budget:
        """Set what support should cost about, as advice. It takes the place of the advice before it.

        Args:
            principal: Who may assess, answers a challenge, or hands over what the case system worked out.
            person_id: Whose budget.
            weekly_pence: Whole budget for a week. With `working`, what the points come to; what is protected is added.
            kind: What it is for.
            one_off_pence: Paid once, beside it.
            route: How it is likely to be held; the plan decides.
            working: Points, version and what support cost before; None: set by hand, with a reason.
            assessment: What it rests on.
            starts_on: First day; today unless given.
            reason: Why this sum, where no points stand behind it.

        Raises:
            NotFound: No such person in the council.
            PersonHasDied: Nothing new is decided.
            InvalidInput: An amount out of range, nothing at all for equipment, or no reason for a sum set by hand.
        """
        if not principal.may(Permission.CHALLENGES_ANSWER) and not principal.may(Permission.EXCHANGE):
            principal.require(Permission.ASSESS)
        person = await self._living(principal, person_id)
        day = starts_on or today(clock_of(self.db))
        check_amounts(weekly_pence, one_off_pence)
        if working is None and not reason.strip():
            raise InvalidInput({"reason": "Write down how this sum came about"})
        if kind is BudgetKind.EQUIPMENT and not (one_off_pence or weekly_pence):
            raise InvalidInput({"one_off_pence": "Enter what the equipment costs"})
        extra = max(0, (working.previous_weekly_pence or 0) - weekly_pence) if working else 0
        before = await self.budgets.indicative(person.council_id, person.id, kind)
        if before is not None:
            end_budget(before, day)
            await self.db.flush()
        charge = await self._charge(person, kind, day)
        budget = Budget(
            council_id=person.council_id,
            person_id=person.id,
            status=BudgetStatus.INDICATIVE,
            kind=kind,
            route=route,
            weekly_pence=weekly_pence + extra,
            own_weekly_pence=own_share(charge, weekly_pence + extra),
            financial_assessment_id=charge.id if charge else None,
            one_off_pence=one_off_pence,
            starts_on=day,
            may_change_on=day + timedelta(days=INDICATIVE_DAYS),
            assessment_id=assessment.id if assessment else None,
            ras_version_id=working.version.id if working else None,
            points=working.points if working else None,
            point_value_pence=Decimal(working.version.point_value_pence) if working else None,
            annual_pence=working.annual_pence if working else None,
            variance_reason=reason,
            decided_by_user_id=principal.user_id,
            created_at=clock_of(self.db).now(),
        )
        self.db.add(budget)
        await self.db.flush()
        await protect(self.db, principal, budget, working, extra)
        self._note(principal, "people.set_indicative_budget", budget, before, why="" if working else reason)
        self._tell(budget)
        return budget

    async def make_final(
        self,
        principal: Principal,
        person_id: UUID,
        weekly_pence: int,
        parts: Sequence[Part],
        reason: str,
        starts_on: date,
        *,
        kind: BudgetKind = BudgetKind.SUPPORT,
        one_off_pence: int = 0,
        route: FundingRoute | None = None,
        compared_with_pence: int | None = None,
    ) -> Budget:
        """Agree a budget: what the plan costs. It ends the agreed budget before it; the advice stays beside it.

        A budget that began on or after the day and never ran is replaced. One that began on that very day keeps it,
        for it may have been paid: the new one begins the day after. Signing off the same sum twice makes no new row.

        Args:
            principal: Who may sign plans off, or who answers a challenge. Limits of approval are the caller's.
            person_id: Whose budget.
            weekly_pence: Whole budget for a week, the person's own share included.
            parts: How it is held, part by part; one part or none for a single route. Their sum is `weekly_pence`.
            reason: Why it differs from the indicative sum; may be empty where it does not.
            starts_on: First day.
            kind: What it is for.
            one_off_pence: Paid once.
            route: How it is held, where there are no parts; the estimate's route unless given.
            compared_with_pence: The indicative sum that the referral was made with, where no row of it exists.

        Raises:
            NotFound: No such person in the council.
            PersonHasDied: Nothing new is decided.
            InvalidInput: An amount out of range, parts that do not add up, or another sum without a reason.
        """
        if not principal.may(Permission.CHALLENGES_ANSWER):
            principal.require(Permission.PLANS_SIGN_OFF)
        person = await self._living(principal, person_id)
        check_amounts(weekly_pence, one_off_pence)
        if parts and sum(part.weekly_pence for part in parts) != weekly_pence:
            raise InvalidInput({"parts": f"The parts must add up to {pounds(weekly_pence)}"})
        advice = await self.budgets.indicative(person.council_id, person.id, kind)
        expected = advice.weekly_pence if advice is not None else compared_with_pence
        if expected is not None and expected != weekly_pence and not reason.strip():
            raise InvalidInput(
                {"variance_reason": f"Write down why the budget is not {pounds(expected)} a week, as first estimated"}
            )
        values = {"weekly_pence": weekly_pence, "one_off_pence": one_off_pence, "route": route_of(parts, route, advice)}
        return await self._replace(principal, person, kind, starts_on, values, parts, reason, advice)

    async def share_changed(self, principal: Principal, person_id: UUID, charge: FinancialAssessment) -> list[Budget]:
        """Apply a decision on what somebody pays to the budgets for support that run, from its first day on.

        An agreed budget is followed by one with the new share: what was paid so far stays as it was paid. Advice is
        put right where it stands. The person is told of the charge once, by the caller, and not of each budget.

        Returns:
            The budgets that changed.
        """
        principal.require(Permission.CHARGES_DECIDE)
        person = await self.budgets.hold(principal.council_id, person_id)
        changed: list[Budget] = []
        advice = await self.budgets.indicative(person.council_id, person.id, BudgetKind.SUPPORT)
        if advice is not None:
            share = own_share(charge, advice.weekly_pence)
            if (advice.own_weekly_pence, advice.financial_assessment_id) != (share, charge.id):
                was = advice.own_weekly_pence
                advice.own_weekly_pence, advice.financial_assessment_id = share, charge.id
                await self.db.flush()
                self._note_share(principal, advice, was)
                changed.append(advice)
        day = max(charge.starts_on, today(clock_of(self.db)))
        for budget in await self.budgets.finals(person.council_id, person.id, BudgetKind.SUPPORT, day):
            share = own_share(charge, budget.weekly_pence)
            if share == budget.own_weekly_pence:
                continue
            if budget.starts_on > day:
                was = budget.own_weekly_pence
                budget.own_weekly_pence, budget.financial_assessment_id = share, charge.id
                await self.db.flush()
                self._note_share(principal, budget, was)
                changed.append(budget)
                continue
            parts = [
                Part(route=part.route, weekly_pence=part.weekly_pence, what_for=part.what_for)
                for part in await self.budgets.parts(person.council_id, [budget.id])
            ]
            values = {
                "weekly_pence": budget.weekly_pence,
                "one_off_pence": 0,  # Paid once, with the budget before.
                "route": budget.route,
                "ends_on": budget.ends_on,
                "pay_every_weeks": budget.pay_every_weeks,
                "pays_monthly": budget.pays_monthly,
            }
            follower = await self._replace(
                principal, person, BudgetKind.SUPPORT, day, values, parts, budget.variance_reason, advice, tells=False
            )
            changed.append(follower)
        return changed

    async def _replace(
        self,
        principal: Principal,
        person: Person,
        kind: BudgetKind,
        starts_on: date,
        values: dict[str, Any],
        parts: Sequence[Part],
        reason: str,
        advice: Budget | None,
        *,
        tells: bool = True,
    ) -> Budget:
        """Put an agreed budget in the place of those that run on its first day or begin later."""
        first = today(clock_of(self.db))
        running = list(await self.budgets.finals(person.council_id, person.id, kind, starts_on))
        begun = [budget for budget in running if budget.starts_on < starts_on or budget.starts_on <= first]
        if begun and begun[-1].starts_on >= starts_on:
            starts_on = begun[-1].starts_on + timedelta(days=1)
        charge = await self._charge(person, kind, starts_on)
        share = own_share(charge, values["weekly_pence"])
        if len(running) == 1 and begun and not parts:
            same = begun[0]
            stands = {**values, "own_weekly_pence": share}
            if all(getattr(same, name) == value for name, value in stands.items()) and same.ends_on is None:
                return same
        for budget in running:
            end_budget(budget, starts_on, had_begun=budget in begun)
        await self.db.flush()
        budget = Budget(
            council_id=person.council_id,
            person_id=person.id,
            status=BudgetStatus.FINAL,
            kind=kind,
            own_weekly_pence=share,
            financial_assessment_id=charge.id if charge else None,
            starts_on=starts_on,
            indicative_id=advice.id if advice else None,
            assessment_id=advice.assessment_id if advice else None,
            ras_version_id=advice.ras_version_id if advice else None,
            points=advice.points if advice else None,
            point_value_pence=advice.point_value_pence if advice else None,
            annual_pence=advice.annual_pence if advice else None,
            variance_reason=reason.strip(),
            decided_by_user_id=principal.user_id,
            created_at=clock_of(self.db).now(),
            direct_weekly_pence=direct_of(parts),
            **values,
        )
        self.db.add(budget)
        await self.db.flush()
        self.db.add_all(
            BudgetPart(
                council_id=person.council_id,
                budget_id=budget.id,
                position=place,
                route=part.route,
                weekly_pence=part.weekly_pence,
                what_for=part.what_for,
            )
            for place, part in enumerate(parts, start=1)
        )
        await self.db.flush()
        self._note(principal, "people.make_final_budget", budget, begun[-1] if begun else None)
        if tells:
            self._tell(budget)
        return budget

    async def _living(self, principal: Principal, person_id: UUID) -> Person:
        person = await self.budgets.hold(principal.council_id, person_id)
        if person.died_on is not None:
            raise PersonHasDied(f"{uk_date(person.died_on)} is recorded as the day. No budget is set any more.")
        return person

    async def _charge(self, person: Person, kind: BudgetKind, day: date) -> FinancialAssessment | None:
        """Return what counts for a budget: carers' support and minor aids are not charged for."""
        if kind is not BudgetKind.SUPPORT:
            return None
        return await self.charges.on(person.council_id, person.id, day)

    def _note(self, principal: Principal, action: str, budget: Budget, before: Budget | None, *, why: str = "") -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=budget.council_id,
            subject_kind="budget",
            subject_id=budget.id,
            before={"budget_id": str(before.id), **figures(before)} if before else None,
            after={"person_id": str(budget.person_id), **figures(budget)},
            # A reason may speak of the person; the log outlives their record, and the row keeps it.
            why="set by hand, with a reason" if why else "",
        )

    def _note_share(self, principal: Principal, budget: Budget, was: int) -> None:
        audit.record(
            self.db,
            principal,
            "people.change_own_share",
            council_id=budget.council_id,
            subject_kind="budget",
            subject_id=budget.id,
            before={"own_weekly_pence": was},
            after={"own_weekly_pence": budget.own_weekly_pence},
        )

    def _tell(self, budget: Budget) -> None:
        outbox.publish(
            self.db,
            BudgetSet(
                council_id=budget.council_id,
                budget_id=budget.id,
                person_id=budget.person_id,
                status=budget.status.value,
            ),
        )
