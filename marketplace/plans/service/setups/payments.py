"""The money of a direct payment that was set up: it starts, stops, and ends with a death (Care Act ss.31 to 33)."""

from datetime import date
from uuid import UUID

from marketplace.accounts import Principal
from marketplace.core.clock import today
from marketplace.core.errors import InvalidInput, StepRefused
from marketplace.core.formats import pounds
from marketplace.people.budgets import Part
from marketplace.people.models import BudgetKind, DirectPaymentArrangement, FundingRoute
from marketplace.plans.direct_payments import WEEKS
from marketplace.plans.models import DirectPaymentSetup, Frequency
from marketplace.plans.service.early_starts import EarlyStartService
from marketplace.plans.service.final_budget import agree_budget, direct_parts
from marketplace.plans.service.setups.rows import SetupRows, facts
from marketplace.plans.states import SETUP, SetupStatus

DIED = "It was recorded that the person has died"
MISTAKE = "The death was recorded by mistake"


class SetupPayments(SetupRows):
    """Starts and stops what was agreed."""

    async def start(
        self, principal: Principal, setup_id: UUID, early_reason: str, expected: int
    ) -> DirectPaymentArrangement:
        """Start the payment: a budget with its direct part, and an arrangement that pays in by the schedule.

        Where the plan is not signed yet, it starts early, if the council allows that, with a watched deadline (D4).

        Raises:
            SetupChanged: The page showed another state of it, such as a start by somebody else.
            StepRefused: It is not agreed, the plan is not signed and early starts are not allowed, or the person died.
            InvalidInput: The budget fell below the amount, the manager is gone, or no reason for the early start.
        """
        row = await self.locked(principal, setup_id, expected)
        if row.status is not SetupStatus.AGREED:
            raise StepRefused("The terms are not agreed yet, or it has been started.")
        person = await self.held_person(row.council_id, row.person_id)
        if person.died_on is not None:
            raise StepRefused("It is recorded that this person has died.")
        await self.check_manager(row)
        await self.check_fund(row)
        await self.check_beside(row, row.frequency, row.holding, row.organisation_id)
        budget = await self.budget(row.council_id, row.person_id, once=row.frequency is Frequency.ONCE)
        if budget is None or budget.weekly_pence < row.weekly_pence:
            now = pounds(budget.weekly_pence if budget else 0)
            raise InvalidInput(
                {"start": f"The budget is {now} a week now, less than what was agreed. Take it back to a draft first"}
            )
        if row.once_pence > await self.once_left(budget):
            raise InvalidInput(
                {"start": "What the budget pays once is less now, or was agreed already. Take it back to a draft first"}
            )
        starts_on = max(row.starts_on or today(self.clock), today(self.clock))
        signed = await self.setups.plan(row.council_id, row.person_id, is_signed=True)
        early = None
        # Equipment comes instead of support: there is no plan to wait for (R15).
        if signed is None and budget.kind is not BudgetKind.EQUIPMENT:
            early = await EarlyStartService(self.db).agree(
                principal, row.person_id, row.plan_id, starts_on, early_reason
            )
        agreed = await agree_budget(
            self.db,
            principal,
            row.person_id,
            budget.weekly_pence,
            direct_parts(budget.weekly_pence, row.weekly_pence),
            budget.variance_reason or "The estimate, held as a direct payment",
            starts_on,
            kind=budget.kind,
            compared_with_pence=budget.weekly_pence,
            every_weeks=WEEKS.get(row.frequency),
            is_monthly=row.frequency is Frequency.MONTHLY,
            one_off_pence=row.once_pence,
        )
        if early is not None:
            # The sum is final when the plan is signed.
            agreed.may_change_on = early.sign_off_by
        arrangement = await self._arrange(principal, row, agreed.starts_on)
        row.starts_on, row.plan_id = agreed.starts_on, signed.id if signed else row.plan_id
        await self.move(principal, row, SetupStatus.STARTED, "plans.start_setup", after=facts(row))
        return arrangement

    async def stop(self, principal: Principal, setup_id: UUID, ends_on: date, reason: str, expected: int) -> None:
        """Stop the payment from a day on, because a condition fails or the person asks: the council arranges the rest.

        The budget goes on, managed by the council: needs are met whatever the route.

        Raises:
            InvalidInput: A day gone by.
            SetupChanged, StepRefused: See there.
        """
        row = await self.locked(principal, setup_id, expected)
        if row.status is not SetupStatus.STARTED:
            raise StepRefused("No direct payment runs here.")
        if row.frequency is Frequency.ONCE:
            raise StepRefused("It is paid once, so there is nothing that goes on and could be stopped.")
        if ends_on < today(self.clock):
            raise InvalidInput({"ends_on": "The day must be today or later: money of days gone by has moved"})
        await self._end_payment(principal, row, ends_on)
        early = EarlyStartService(self.db)
        await early.end_of(principal, row.council_id, row.person_id, "stopped")
        row.reason, row.decided_by_user_id, row.decided_at = reason, principal.user_id, self.clock.now()
        await self.move(principal, row, SetupStatus.STOPPED, "plans.stop_setup", after={"ends_on": ends_on})

    async def _arrange(
        self, principal: Principal, row: DirectPaymentSetup, starts_on: date
    ) -> DirectPaymentArrangement:
        before = await self.setups.arrangement(row.council_id, row.person_id)
        if row.frequency is Frequency.ONCE and before is not None and _holds(before, row, starts_on):
            return before
        if before is not None and before.starts_on >= starts_on:
            # One that was to begin on that day or later never held anything by then: it is put right.
            before.holding, before.organisation_id, before.starts_on = row.holding, row.organisation_id, starts_on
            before.ends_on, before.set_by_user_id, before.set_at = None, principal.user_id, self.clock.now()
            await self.db.flush()
            return before
        if before is not None and (before.ends_on is None or before.ends_on > starts_on):
            before.ends_on = starts_on
            await self.db.flush()
        arrangement = DirectPaymentArrangement(
            council_id=row.council_id,
            person_id=row.person_id,
            holding=row.holding,
            organisation_id=row.organisation_id,
            starts_on=starts_on,
            reason="Direct payment set up",
            set_by_user_id=principal.user_id,
            set_at=self.clock.now(),
        )
        self.db.add(arrangement)
        await self.db.flush()
        return arrangement

    async def _end_payment(self, principal: Principal, row: DirectPaymentSetup, ends_on: date) -> None:
        budget = await self.costs.final(row.council_id, row.person_id, ends_on)
        if budget is None or budget.route is not FundingRoute.DIRECT_PAYMENT:
            return
        await agree_budget(
            self.db,
            principal,
            row.person_id,
            budget.weekly_pence,
            [Part(route=FundingRoute.COUNCIL_MANAGED, weekly_pence=budget.weekly_pence)],
            budget.variance_reason or "The direct payment stops; the council arranges the support",
            ends_on,
            kind=budget.kind,
            # What was to be paid once is still needed where the budget had not begun.
            one_off_pence=budget.one_off_pence if today(self.clock) < budget.starts_on >= ends_on else 0,
        )

    async def close_for_death(self, council_id: UUID, person_id: UUID) -> None:
        """Close what is set up for somebody who has died: an offer ends, a payment stops, no sign-off is waited for."""
        for row in await self.setups.open_of(council_id, person_id):
            runs = row.status is SetupStatus.STARTED
            row.reason, row.decided_at = DIED, self.clock.now()
            SETUP.move(self.db, row, SetupStatus.STOPPED if runs else SetupStatus.REFUSED, by=None, why=DIED)
            await self.db.flush()
            self.note(None, row, "plans.close_setup_for_death", after={"status": row.status})
        await EarlyStartService(self.db).end_of(None, council_id, person_id, "died")

    async def undo_death(self, council_id: UUID, person_id: UUID) -> None:
        """Open again what a death recorded by mistake had closed: a payment runs on, an offer is a draft again."""
        is_free = not await self.setups.open_of(council_id, person_id)
        for row in await self.setups.ended_by_death(council_id, person_id, DIED) if is_free else ():
            ran = row.status is SetupStatus.STOPPED
            row.reason = ""
            if not ran:
                row.agreed_at = row.agreed_by_user_id = row.manager_accepted_at = None
            SETUP.move(self.db, row, SetupStatus.STARTED if ran else SetupStatus.DRAFT, by=None, why=MISTAKE)
            await self.db.flush()
            self.note(None, row, "plans.reopen_setup_after_death", after={"status": row.status})
        await EarlyStartService(self.db).undo_death(council_id, person_id)


def _holds(before: DirectPaymentArrangement, row: DirectPaymentSetup, day: date) -> bool:
    """Whether an arrangement holds the money on a day as a set-up wants it held."""
    covers = before.starts_on <= day and (before.ends_on is None or before.ends_on > day)
    return covers and (before.holding, before.organisation_id) == (row.holding, row.organisation_id)
