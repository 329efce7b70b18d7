"""Background work of bills: telling suppliers and finance about invoices, held lines, credit notes, self-billing."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, Role
from marketplace.core import outbox
from marketplace.core.database import session_maker, transaction
from marketplace.core.schedule import every
from marketplace.messaging import MessagingService, delivery
from marketplace.payments.events import (
    CreditNoteIssued,
    InvoiceReceived,
    InvoiceRefused,
    LineHoldEnded,
    LinesFreed,
    LinesHeld,
    SelfBillingOffered,
    VatCorrected,
)
from marketplace.payments.models import Invoice, InvoiceKind
from marketplace.payments.repository.bills import BillRepository
from marketplace.payments.repository.self_bills import SelfBillRepository
from marketplace.payments.repository.supply import SelfBillingRepository, VatRepository
from marketplace.payments.service.holds import MOST_NAMED
from marketplace.payments.service.self_billing import SelfBillingService
from marketplace.payments.service.vat_corrections import VatCorrectionService
from marketplace.payments.states import HOLD_WORDS, InvoiceStatus, SelfBillingStatus
from marketplace.providers.models import SERVICE_LABELS


@outbox.task("payments.tell_invoice_received", on=InvoiceReceived)
async def tell_invoice_received(message_id: UUID, event: InvoiceReceived) -> None:
    """The supplier gets its receipt with the day to pay by, and finance hears of it."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await outbox.first_time(db, "payments.tell_invoice_received", message_id):
            return
        bill, context = await _bill(db, event.council_id, event.invoice_id, event.organisation_id)
        context["held_lines"] = event.held_lines
        context["document"] = "credit note" if bill.kind is InvoiceKind.CREDIT_NOTE else "invoice"
        messaging = MessagingService(db)
        await messaging.tell(event.council_id, "invoice_received", context, organisation_id=event.organisation_id)
        await messaging.tell(event.council_id, "invoice_arrived", context, role=Role.FINANCE)


@outbox.task("payments.tell_lines_held", on=LinesHeld)
async def tell_lines_held(message_id: UUID, event: LinesHeld) -> None:
    """The supplier hears without delay which lines are held and why (domain.md 4.6)."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await outbox.first_time(db, "payments.tell_lines_held", message_id):
            return
        _, context = await _bill(db, event.council_id, event.invoice_id, event.organisation_id)
        bills = BillRepository(db)
        holds = await bills.open_holds(event.line_ids)
        lines = [await bills.line(event.council_id, line_id) for line_id in event.line_ids if line_id in holds]
        context["lines"] = [
            (line.position, HOLD_WORDS[holds[line.id].reason_code], holds[line.id].reason, holds[line.id].stops_clock)
            for line in lines
        ]
        if lines:
            await MessagingService(db).tell(
                event.council_id, "lines_held", context, organisation_id=event.organisation_id
            )


@outbox.task("payments.tell_hold_ended", on=LineHoldEnded)
async def tell_hold_ended(message_id: UUID, event: LineHoldEnded) -> None:
    """The supplier hears whether a held line is paid after all."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await outbox.first_time(db, "payments.tell_hold_ended", message_id):
            return
        bill, context = await _bill(db, event.council_id, event.invoice_id, event.organisation_id)
        if bill.status is InvoiceStatus.REFUSED:
            return  # The message about the whole invoice says it.
        bills = BillRepository(db)
        holds = await bills.holds_of_line(event.line_id)
        context["line"] = await bills.line(event.council_id, event.line_id)
        context["outcome"] = holds[0].outcome if holds else ""
        context["is_paid"] = event.is_paid
        context["is_free"] = not event.is_paid and bill.kind is InvoiceKind.PROVIDER_INVOICE
        context["link"] = f"{delivery.settings().public_url}/provider/invoices/{bill.id}"
        await MessagingService(db).tell(
            event.council_id, "line_hold_ended", context, organisation_id=event.organisation_id
        )


@outbox.task("payments.tell_invoice_refused", on=InvoiceRefused)
async def tell_invoice_refused(message_id: UUID, event: InvoiceRefused) -> None:
    """The supplier hears why an invoice is not valid, and that its number may be used again."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await outbox.first_time(db, "payments.tell_invoice_refused", message_id):
            return
        _, context = await _bill(db, event.council_id, event.invoice_id, event.organisation_id)
        await MessagingService(db).tell(
            event.council_id, "invoice_refused", context, organisation_id=event.organisation_id
        )


@outbox.task("payments.tell_credit_note", on=CreditNoteIssued)
async def tell_credit_note(message_id: UUID, event: CreditNoteIssued) -> None:
    """The supplier hears that a bill was taken back, whole or in part."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await outbox.first_time(db, "payments.tell_credit_note", message_id):
            return
        _, context = await _bill(db, event.council_id, event.invoice_id, event.organisation_id)
        context["credited"] = await BillRepository(db).sent(event.council_id, event.credits_id)
        await MessagingService(db).tell(
            event.council_id, "credit_note_issued", context, organisation_id=event.organisation_id
        )


@outbox.task("payments.tell_lines_freed", on=LinesFreed)
async def tell_lines_freed(message_id: UUID, event: LinesFreed) -> None:
    """The supplier hears that it may invoice again what a credit note took back."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await outbox.first_time(db, "payments.tell_lines_freed", message_id):
            return
        _, context = await _bill(db, event.council_id, event.invoice_id, event.organisation_id)
        context |= {"lines": event.line_count, "amount_pence": event.amount_pence}
        await MessagingService(db).tell(event.council_id, "lines_freed", context, organisation_id=event.organisation_id)


@outbox.task("payments.tell_vat_corrected", on=VatCorrected)
async def tell_vat_corrected(message_id: UUID, event: VatCorrected) -> None:
    """The supplier hears which of its own invoices say the wrong VAT, and how to send a credit note."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await outbox.first_time(db, "payments.tell_vat_corrected", message_id):
            return
        row = await VatRepository(db).find(event.council_id, event.treatment_id)
        bills = await VatCorrectionService(db).own_invoices(event.council_id, row.id)
        if not bills:
            return  # Its credit notes came before this message.
        context = {
            **await _names(db, event.council_id, event.organisation_id),
            "bills": [found.bill for found in bills[:MOST_NAMED]],
            "more": max(len(bills) - MOST_NAMED, 0),
            "starts_on": row.starts_on,
            "service": SERVICE_LABELS[row.service_line],
            "link": f"{delivery.settings().public_url}/provider/invoices",
        }
        await MessagingService(db).tell(
            event.council_id, "vat_corrected", context, organisation_id=event.organisation_id
        )


@outbox.task("payments.tell_self_billing_offered", on=SelfBillingOffered)
async def tell_self_billing_offered(message_id: UUID, event: SelfBillingOffered) -> None:
    """The supplier is asked to sign, and reads that what it earns is kept until then (V10)."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await outbox.first_time(db, "payments.tell_self_billing_offered", message_id):
            return
        row = await SelfBillingRepository(db).find(event.council_id, event.agreement_id)
        if row.status is not SelfBillingStatus.OFFERED:
            return
        context = {**await _names(db, event.council_id, event.organisation_id), "why": event.why}
        await MessagingService(db).tell(
            event.council_id, "self_billing_offered", context, organisation_id=event.organisation_id
        )


@every(timedelta(days=1), "payments.renew_self_billing")
async def renew_self_billing() -> None:
    """End self-billing agreements whose time is over; offer new ones a month before, or when a VAT number changes."""
    async with transaction(session_maker(), "every") as db:
        await SelfBillingService(db).renew_due()


async def _bill(
    db: AsyncSession, council_id: UUID, invoice_id: UUID, organisation_id: UUID
) -> tuple[Invoice, dict[str, object]]:
    bill = await BillRepository(db).sent(council_id, invoice_id)
    return bill, {**await _names(db, council_id, organisation_id), "bill": bill}


async def _names(db: AsyncSession, council_id: UUID, organisation_id: UUID) -> dict[str, object]:
    council = await AccountRepository(db).council(council_id)
    organisation = await SelfBillRepository(db).organisation(organisation_id)
    return {
        "council_name": council.name if council else "the council",
        "organisation_name": organisation.name,
    }
