"""What organisations earn: one row for one event, ever."""

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import audit
from marketplace.bookings.events import BookingApproved
from marketplace.bookings.models import Funding
from marketplace.core.database import clock_of
from marketplace.core.formats import uk_date
from marketplace.ledger import LedgerService, Purpose, credit, debit
from marketplace.payments.bands import fee_for, read_bands
from marketplace.payments.errors import NoTariff
from marketplace.payments.models import AccrualKind, TariffEvent
from marketplace.payments.repository.accruals import AccrualRepository
from marketplace.payments.repository.tariffs import TariffRepository
from marketplace.plans.events import PlanSignedOff


class AccrualService:
    """Turns facts of other packages into money earned. Repeating a fact does nothing."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.accruals = AccrualRepository(db)

    async def accrue_plan(self, event: PlanSignedOff) -> bool:
        """Note the tariff that a completed plan version has earned, and post it.

        The tariff is the one of the day the plan was completed, whenever the message arrives (C3).

        Returns:
            Whether it was new.

        Raises:
            NoTariff: The council has no tariff for that day.
        """
        if await self.accruals.has(AccrualKind.PLAN, event.plan_version_id):
            return False
        tariff = await TariffRepository(self.db).on(event.council_id, TariffEvent.PLAN_COMPLETED, event.completed_on)
        if tariff is None:
            raise NoTariff(
                f"Plan version {event.plan_version_id} was completed on {uk_date(event.completed_on)}, "
                "and the council has set no tariff for that day."
            )
        amount = fee_for(read_bands(tariff.bands), event.visit_minutes)
        added = await self.accruals.insert_once(
            council_id=event.council_id,
            organisation_id=event.organisation_id,
            kind=AccrualKind.PLAN,
            source_id=event.plan_version_id,
            tariff_id=tariff.id,
            description=f"Support plan completed on {uk_date(event.completed_on)}, {_reference(event.plan_version_id)}",
            amount_pence=amount,
            earned_on=event.completed_on,
            created_at=self.clock.now(),
        )
        if added is None:
            return False
        await LedgerService(self.db).post(
            event.council_id,
            "plan-tariff",
            event.plan_version_id,
            [debit(Purpose.PLAN_SPEND, amount), credit(Purpose.ACCRUED, amount, event.organisation_id)],
            memo=f"Tariff of a support plan, {_reference(event.plan_version_id)}",
            effective_on=event.completed_on,
        )
        audit.record(
            self.db,
            None,
            "payments.accrue_plan",
            council_id=event.council_id,
            subject_kind="accrual",
            subject_id=added,
            after={"tariff_id": tariff.id, "minutes": event.visit_minutes, "amount_pence": amount},
        )
        return True

    async def accrue_visit(self, event: BookingApproved) -> bool:
        """Note what an approved visit has earned, when a direct payment pays for it and it costs something.

        The ledger's entry was posted by bookings when the visit was approved. Card money goes straight to the payee
        and never through a bill.

        Returns:
            Whether it was new.
        """
        if event.funding != Funding.DIRECT_PAYMENT or event.cost_pence <= 0:
            return False
        added = await self.accruals.insert_once(
            council_id=event.council_id,
            organisation_id=event.organisation_id,
            kind=AccrualKind.VISIT,
            source_id=event.booking_id,
            description=f"Visit on {uk_date(event.visit_on)}, {_reference(event.booking_id)}",
            amount_pence=event.cost_pence,
            earned_on=event.visit_on,
            created_at=self.clock.now(),
        )
        if added is None:
            return False
        audit.record(
            self.db,
            None,
            "payments.accrue_visit",
            council_id=event.council_id,
            subject_kind="accrual",
            subject_id=added,
            after={"amount_pence": event.cost_pence},
        )
        return True


def _reference(row_id: object) -> str:
    """Write a short reference of a row: says nothing about anybody, and both sides can look it up."""
    return f"reference {str(row_id)[-8:].upper()}"
