"""What organisations earn: one row for one event, ever."""

from uuid import UUID, uuid5

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import audit
from marketplace.bookings.events import BookingApproved, BookingRestApproved
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

    async def accrue_visit(self, event: BookingApproved | BookingRestApproved) -> bool:
        """Note what an approved visit has earned, as far as the council pays it from a direct payment that it holds.

        The ledger's entry was posted by bookings when the visit was approved. Card money goes straight to the payee,
        people who hold their own direct payment pay themselves, and a fund pays who manages it: none of that goes
        through a bill. What had been held back of a visit at first is a row of its own.

        Returns:
            Whether it was new.
        """
        is_rest = isinstance(event, BookingRestApproved)
        pence = event.accrued_pence
        if isinstance(event, BookingApproved) and pence is None:
            pence = event.cost_pence if event.funding == Funding.DIRECT_PAYMENT else 0
        if not pence or pence <= 0:
            return False
        words = "Rest of the visit" if is_rest else "Visit"
        added = await self.accruals.insert_once(
            council_id=event.council_id,
            organisation_id=event.organisation_id,
            kind=AccrualKind.VISIT,
            source_id=rest_of(event.booking_id) if is_rest else event.booking_id,
            description=f"{words} on {uk_date(event.visit_on)}, {_reference(event.booking_id)}",
            amount_pence=pence,
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
            after={"amount_pence": pence},
        )
        return True


def rest_of(booking_id: UUID) -> UUID:
    """Return the id under which the rest of a part-approved visit is earned: always the same for a visit."""
    return uuid5(booking_id, "visit-approved-rest")


def _reference(row_id: object) -> str:
    """Write a short reference of a row: says nothing about anybody, and both sides can look it up."""
    return f"reference {str(row_id)[-8:].upper()}"
