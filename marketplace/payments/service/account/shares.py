"""The council's share of direct payments, paid in on the days of each budget's schedule."""

from datetime import date, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import audit, setting
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.ledger import LedgerService, Purpose, credit, debit
from marketplace.payments.models import MovementKind
from marketplace.payments.repository.money import ENTRY, BudgetDue, MoneyRepository
from marketplace.payments.service.account.movements import LABELS
from marketplace.people.income import own_part, paydays


class ShareService:
    """Pays in what is due. For money that the council holds it is an allocation; else its bank pays it out."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.money = MoneyRepository(db)

    async def due(self, council_id: UUID) -> list[tuple[BudgetDue, list[tuple[date, int]]]]:
        """Return budgets with the council's share of the days up to today that were not paid: (day, pence)."""
        now = today(self.clock)
        every_weeks = int(await setting(self.db, council_id, "payments.pay_every_weeks", now))
        found = []
        schedules = await self.money.schedules(council_id, now)
        for one in schedules:
            after = max(one.from_day - timedelta(days=1), one.paid_until or date.min)
            until = now if one.died_on is None else min(now, one.died_on - timedelta(days=1))
            # Where one budget follows another without the first having been ended, the newer one pays alone.
            newer = [
                other.budget.starts_on
                for other in schedules
                if other.budget.person_id == one.budget.person_id and other.budget.starts_on > one.budget.starts_on
            ]
            if newer:
                until = min(until, min(newer) - timedelta(days=1))
            days = [
                (day, one.budget.weekly_pence * length // 7 - own_part(one.budget, length))
                for day, length in paydays(one.budget, after, until, every_weeks)
            ]
            if any(pence > 0 for _, pence in days):
                found.append((one, [(day, pence) for day, pence in days if pence > 0]))
        return found

    async def pay(self, council_id: UUID, person_id: UUID, budget_id: UUID, day: date, pence: int) -> bool:
        """Pay in one day's share. Returns False when that was done before."""
        await LedgerService(self.db).locked_balance(council_id, Purpose.DIRECT_PAYMENT, person_id)
        movement_id = await self.money.insert_payday(council_id, person_id, budget_id, day, pence)
        if movement_id is None:
            return False
        await LedgerService(self.db).post(
            council_id,
            ENTRY,
            movement_id,
            [debit(Purpose.DIRECT_PAYMENT_SPEND, pence), credit(Purpose.DIRECT_PAYMENT, pence, person_id)],
            memo=LABELS[MovementKind.COUNCIL_SHARE],
            effective_on=day,
        )
        audit.record(
            self.db,
            None,
            "payments.pay_council_share",
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
            for day, pence in days:
                paid += await self.pay(council_id, one.budget.person_id, one.budget.id, day, pence)
        return paid
