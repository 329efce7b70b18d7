"""What all verbs of setting up a direct payment share: the row held, who may manage it, its steps."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.accounts.permissions import Scope
from marketplace.accounts.states import RepresentationStatus
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput
from marketplace.core.outbox import publish
from marketplace.people import PeopleRepository
from marketplace.people.models import Budget, BudgetStatus, FundingRoute, Holding, Person
from marketplace.plans.direct_payments import may_manage
from marketplace.plans.errors import SetupChanged
from marketplace.plans.events import SetupMoved
from marketplace.plans.models import DirectPaymentSetup, Frequency, ManagedBy
from marketplace.plans.repository.agreeing import CostRepository
from marketplace.plans.repository.setups import SetupRepository
from marketplace.plans.states import SETUP, SetupStatus

ACCEPTED_MANAGING = "plans.accept_managing"
DECLINED_MANAGING = "plans.decline_managing"
DECLINED = "plans.decline_setup"
"""Steps of the person, and of who is to manage the payment, that others are told of in other words."""


class SetupRows:
    """Holds, moves and notes the rows of direct payments to be set up."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.setups = SetupRepository(db)
        self.costs = CostRepository(db)

    async def budget(self, council_id: UUID, person_id: UUID, *, once: bool = False) -> Budget | None:
        """Return what a direct payment is part of: the agreed budget, else the indicative one, else equipment.

        Args:
            council_id: The council.
            person_id: Whose budget.
            once: For a sum that is paid once: what was estimated for equipment counts where no other is left. While a
                payment by the week runs nothing else counts: its budget stays as it is, and what that pays once comes
                with the plan.
        """
        if once and await self.setups.running(council_id, person_id) is not None:
            return await self.costs.equipment(council_id, person_id)
        found = await self.costs.final(council_id, person_id, today(self.clock))
        found = found or await self.costs.indicative(council_id, person_id)
        if found is None or (once and not await self.once_left(found)):
            return await self.costs.equipment(council_id, person_id) or found
        return found

    async def once_left(self, budget: Budget | None) -> int:
        """Return how much of a budget is paid once and was not yet, pence: what the schedule has paid is gone."""
        if budget is None or not budget.one_off_pence:
            return 0
        if budget.status is BudgetStatus.INDICATIVE:
            return 0 if await self.costs.is_agreed_once(budget) else budget.one_off_pence
        by_schedule = budget.route is FundingRoute.DIRECT_PAYMENT and await self.costs.is_held_from(budget)
        return 0 if by_schedule else budget.one_off_pence

    async def check_beside(
        self, row: DirectPaymentSetup, frequency: Frequency, holding: Holding, organisation_id: UUID | None
    ) -> None:
        """Refuse what does not go with a payment by the week that runs: another such, or money held elsewhere.

        Asked before the row is changed, because the database keeps two payments by the week apart, too.
        """
        running = await self.setups.running(row.council_id, row.person_id)
        if running is None or running.id == row.id:
            return
        if frequency is not Frequency.ONCE:
            raise InvalidInput({"frequency": "A payment by the week runs already. Select that this one is paid once"})
        if (holding, organisation_id) != (running.holding, running.organisation_id):
            raise InvalidInput({"holding": "Select who holds the payment that runs: the sum goes to the same place"})

    async def check_fund(self, row: DirectPaymentSetup) -> None:
        """Refuse when the organisation that is to hold the money may not, or no longer."""
        if row.holding is not Holding.PROVIDER_MANAGED or row.organisation_id is None:
            return
        managers = await self.setups.fund_managers(row.council_id, today(self.clock))
        if row.organisation_id not in {one.id for one in managers}:
            raise InvalidInput(
                {"organisation_id": "The organisation must be accredited by the council to look after money"}
            )

    async def held_person(self, council_id: UUID, person_id: UUID) -> Person:
        """Return the person, locked: what is set up for them is decided one after the other."""
        return await PeopleRepository(self.db).find(council_id, person_id, locked=True)

    async def locked(self, principal: Principal, setup_id: UUID, expected: int) -> DirectPaymentSetup:
        principal.require(Permission.SETUPS_DECIDE)
        row = await self.setups.find(principal.council_id, setup_id, locked=True)
        if row.version != expected:
            raise SetupChanged("Load the page again to see what it says now.")
        return row

    async def check_manager(self, row: DirectPaymentSetup) -> None:
        """Refuse when who is to manage the payment may not, or no longer."""
        if row.managed_by is ManagedBy.SELF:
            return
        found = await self.setups.manager(row.council_id, row.representation_id) if row.representation_id else None
        is_theirs = found is not None and found.person_id == row.person_id
        if (
            found is None
            or not is_theirs
            or found.status is not RepresentationStatus.LIVE
            or Scope.MONEY.value not in found.scopes
            or not may_manage(row.managed_by, found.kind)
        ):
            raise InvalidInput(
                {
                    "representation_id": "Who manages the payment must act for the person now, for money: a nominee "
                    "for somebody with capacity; an authorised person, attorney or deputy without"
                }
            )

    async def back(self, principal: Principal, row: DirectPaymentSetup, action: str) -> None:
        row.agreed_by_user_id = row.agreed_at = row.manager_accepted_at = None
        await self.move(principal, row, SetupStatus.DRAFT, action)

    async def move(
        self, principal: Principal, row: DirectPaymentSetup, to: SetupStatus, action: str, **given: Any
    ) -> None:
        SETUP.move(self.db, row, to, by=principal.user_id)
        await self.db.flush()
        self.note(principal, row, action, **given)
        self.tell(principal, row, action)

    def tell(self, principal: Principal, row: DirectPaymentSetup, action: str) -> None:
        """Have those concerned told of a step."""
        publish(
            self.db,
            SetupMoved(
                council_id=row.council_id,
                setup_id=row.id,
                person_id=row.person_id,
                status=row.status.value,
                by_user_id=principal.user_id,
                action=action,
            ),
        )

    def note(self, principal: Principal | None, row: DirectPaymentSetup, action: str, **given: Any) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=row.council_id,
            subject_kind="direct_payment_setup",
            subject_id=row.id,
            **given,
        )


def facts(row: DirectPaymentSetup) -> Mapping[str, Any]:
    return {
        "managed_by": row.managed_by,
        "has_capacity": row.has_capacity,
        "holding": row.holding,
        "frequency": row.frequency,
        "organisation_id": row.organisation_id,
        "weekly_pence": row.weekly_pence,
        "once_pence": row.once_pence,
        "starts_on": row.starts_on,
    }
