"""The council's share of direct payments, paid in on the days of each budget's schedule."""

from collections.abc import Sequence
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import audit
from marketplace.accounts.council_settings import setting_by_day
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.ledger import LedgerService, Purpose, credit, debit
from marketplace.payments.models import MovementKind
from marketplace.payments.repository.money import ENTRY, BudgetDue, MoneyRepository
from marketplace.payments.service.account.movements import LABELS
from marketplace.people.income import Payment, chain_payments, council_part
from marketplace.people.models import Budget, BudgetKind


class ShareService:
    """Pays in what is due. For money that the council holds it is an allocation; else its bank pays it out."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.money = MoneyRepository(db)

    async def due(self, council_id: UUID) -> list[tuple[BudgetDue, list[Payment]]]:
        """Return budgets with the council's share of the days up to today that were not paid.

        Where one budget follows another without the first having been ended, the newer one pays alone. Budgets for
        other things, such as a carer's own, stand beside each other.
        """
        now = today(self.clock)
        every_weeks = await setting_by_day(self.db, council_id, "payments.pay_every_weeks")
        chains: dict[tuple[UUID, BudgetKind], list[BudgetDue]] = {}
        for one in await self.money.schedules(council_id, now):
            chains.setdefault((one.budget.person_id, one.budget.kind), []).append(one)
        found = []
        for chain in chains.values():
            first = chain[0]
            until = now if first.died_on is None else min(now, first.died_on - timedelta(days=1))
            schedule = chain_payments([one.budget for one in chain], council_part, first.from_day, until, every_weeks)
            for one, payments in zip(chain, schedule, strict=True):
                due = [
                    payment
                    for payment in payments
                    if payment.pence > 0 and (one.paid_until is None or payment.day > one.paid_until)
                ]
                if due:
                    found.append((one, due))
        return found

    async def once_due(self, council_id: UUID) -> Sequence[Budget]:
        """Return budgets with a sum that is paid once, on their first day, and was not yet."""
        return await self.money.once_due(council_id, today(self.clock))

    async def pay(
        self,
        council_id: UUID,
        person_id: UUID,
        budget_id: UUID,
        day: date,
        pence: int,
        kind: MovementKind = MovementKind.COUNCIL_SHARE,
        *,
        paid_to: date | None = None,
    ) -> bool:
        """Pay in one day's share, or what is paid once. Returns False when that was done before.

        Args:
            paid_to: First day that the share is no longer for.
        """
        await LedgerService(self.db).locked_balance(council_id, Purpose.DIRECT_PAYMENT, person_id)
        movement_id = await self.money.insert_payday(council_id, person_id, budget_id, day, pence, kind)
        if movement_id is None:
            return False
        if paid_to is not None:
            await self.money.note_paid_to(council_id, budget_id, paid_to)
        await LedgerService(self.db).post(
            council_id,
            ENTRY,
            movement_id,
            [debit(Purpose.DIRECT_PAYMENT_SPEND, pence), credit(Purpose.DIRECT_PAYMENT, pence, person_id)],
            memo=LABELS[kind],
            effective_on=day,
        )
        audit.record(
            self.db,
            None,
            "payments.pay_one_off" if kind is MovementKind.ONE_OFF else "payments.pay_council_share",
            council_id=council_id,
            subject_kind="person",
            subject_id=person_id,
            after={"movement_id": movement_id, "budget_id": budget_id, "amount_pence": pence, "due_on": day},
        )
        return True

    async def pay_all(self, council_id: UUID) -> int:
        """Pay in everything that is due. Returns how many payments were new."""
        paid = 0
        for one, days in await self.due(council_id):
            for day, pence, paid_to in days:
                paid += await self.pay(council_id, one.budget.person_id, one.budget.id, day, pence, paid_to=paid_to)
        for row in await self.once_due(council_id):
            paid += await self.pay(
                council_id, row.person_id, row.id, row.starts_on, row.one_off_pence, MovementKind.ONE_OFF
            )
        return paid
