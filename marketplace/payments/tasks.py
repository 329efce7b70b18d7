"""Background work of payments: earning money for finished work, and telling organisations about theirs."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository
from marketplace.bookings.events import BookingApproved, BookingRestApproved
from marketplace.core import outbox
from marketplace.core.database import session_maker, transaction
from marketplace.messaging import MessagingService
from marketplace.payments.events import SelfBillHeld, SelfBillIssued
from marketplace.payments.repository.self_bills import SelfBillRepository
from marketplace.payments.service.accruals import AccrualService
from marketplace.payments.service.tariffs import ACCRUE_PLAN
from marketplace.plans.events import PlanSignedOff


@outbox.task(ACCRUE_PLAN, on=PlanSignedOff)
async def accrue_plan(message_id: UUID, event: PlanSignedOff) -> None:
    """A completed plan earns its tariff. Without a tariff for that day this fails until one is set."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if await outbox.first_time(db, ACCRUE_PLAN, message_id):
            await AccrualService(db).accrue_plan(event)


@outbox.task("payments.accrue_visit", on=BookingApproved)
async def accrue_visit(message_id: UUID, event: BookingApproved) -> None:
    """An approved visit that a direct payment pays for is put on the next self-bill."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if await outbox.first_time(db, "payments.accrue_visit", message_id):
            await AccrualService(db).accrue_visit(event)


@outbox.task("payments.accrue_rest", on=BookingRestApproved)
async def accrue_rest(message_id: UUID, event: BookingRestApproved) -> None:
    """What had been held back of a visit and is agreed after all is put on the next self-bill, too."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if await outbox.first_time(db, "payments.accrue_rest", message_id):
            await AccrualService(db).accrue_visit(event)


@outbox.task("payments.tell_self_bill", on=SelfBillIssued)
async def tell_self_bill(message_id: UUID, event: SelfBillIssued) -> None:
    """The organisation hears that a bill was made out for it."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if await outbox.first_time(db, "payments.tell_self_bill", message_id):
            await _tell_of_bill(db, event, "self_bill_issued")


@outbox.task("payments.tell_held", on=SelfBillHeld)
async def tell_held(message_id: UUID, event: SelfBillHeld) -> None:
    """The organisation hears without delay that a bill is held, and why (domain.md 4.6)."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if await outbox.first_time(db, "payments.tell_held", message_id):
            await _tell_of_bill(db, event, "self_bill_held")


async def _tell_of_bill(db: AsyncSession, event: SelfBillIssued | SelfBillHeld, template: str) -> None:
    bills = SelfBillRepository(db)
    bill = await bills.find(event.council_id, event.invoice_id)
    organisation = await bills.organisation(event.organisation_id)
    context = {
        "bill": bill,
        "organisation_name": organisation.name,
        "council_name": await _council_name(db, event.council_id),
        "document": "self-bill" if organisation.vat_number else "payment statement",
    }
    await MessagingService(db).tell(event.council_id, template, context, organisation_id=event.organisation_id)


async def _council_name(db: AsyncSession, council_id: UUID) -> str:
    council = await AccountRepository(db).council(council_id)
    return council.name if council else "the council"
