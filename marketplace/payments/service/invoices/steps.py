"""What both ways to an invoice have: who may send one, the draft, and the number it gets when it is taken in."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, setting
from marketplace.core import outbox
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import Conflict, InvalidInput, NotFound, broken_constraint
from marketplace.core.formats import uk_date
from marketplace.core.ids import new_id
from marketplace.payments.events import InvoiceReceived
from marketplace.payments.models import Invoice, InvoiceKind
from marketplace.payments.repository.bills import BillRepository
from marketplace.payments.repository.invoice_facts import InvoiceFactRepository
from marketplace.payments.repository.self_bills import SelfBillRepository
from marketplace.payments.repository.series import PROVIDER_INVOICES, take_numbers
from marketplace.payments.repository.supply import BatchRepository
from marketplace.payments.service.bills import BillService
from marketplace.payments.service.documents import parties_of
from marketplace.payments.service.self_billing import SelfBillingService
from marketplace.payments.states import INVOICE, InvoiceStatus


class InvoiceSteps:
    """Steps that both ways share."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.bills = BillRepository(db)
        self.batches = BatchRepository(db)
        self.facts = InvoiceFactRepository(db)

    async def _supplier(self, principal: Principal, council_id: UUID) -> UUID:
        """Return the reader's organisation, which sends its own invoices to a council it works for."""
        principal.require(Permission.EARNINGS_OWN)
        organisation_id = principal.need_organisation()
        if council_id not in principal.councils:
            raise NotFound
        live = await SelfBillingService(self.db).live(council_id, organisation_id)
        if live is not None:
            raise Conflict(
                "You agreed that the council makes out your bills, so you cannot send invoices. "
                f"The agreement runs until {uk_date(live.ends_on - timedelta(days=1))}. You can end it sooner."
            )
        return organisation_id

    async def _invoice(
        self,
        principal: Principal,
        council_id: UUID,
        organisation_id: UUID,
        *,
        supplier_number: str,
        period: tuple[date, date],
        total_pence: int,
        vat_pence: int,
        batch_id: UUID | None = None,
    ) -> Invoice:
        """Write a draft: it has no number until it is sent."""
        day = today(self.clock)
        terms_days: int = await setting(self.db, council_id, "payments.terms_days", day)
        invoice = Invoice(
            id=new_id(),
            council_id=council_id,
            organisation_id=organisation_id,
            kind=InvoiceKind.PROVIDER_INVOICE,
            supplier_number=supplier_number,
            status=InvoiceStatus.DRAFT,
            period_starts_on=period[0],
            period_ends_on=period[1],
            issued_on=day,
            received_on=day,
            due_on=day + timedelta(days=terms_days),
            net_pence=total_pence - vat_pence,
            vat_pence=vat_pence,
            total_pence=total_pence,
            buyer_reference=str(await setting(self.db, council_id, "payments.buyer_reference", day)),
            parties=await parties_of(
                self.db, council_id, await SelfBillRepository(self.db).organisation(organisation_id), day
            ),
            batch_id=batch_id,
            submitted_by_user_id=principal.user_id,
            created_at=self.clock.now(),
        )
        self.db.add(invoice)
        await self.db.flush()
        INVOICE.begin(self.db, invoice, by=principal.user_id)
        return invoice

    async def _number(self, principal: Principal, invoices: Sequence[Invoice], held: Mapping[UUID, int]) -> None:
        """Take drafts in: they get their numbers and the day from which the 30 days run."""
        day = today(self.clock)
        council_id = invoices[0].council_id
        terms_days: int = await setting(self.db, council_id, "payments.terms_days", day)
        numbers = await take_numbers(self.db, council_id, PROVIDER_INVOICES, len(invoices))
        try:
            async with self.db.begin_nested():
                for number, invoice in zip(numbers, invoices, strict=True):
                    invoice.issued_on = invoice.received_on = day
                    invoice.due_on = day + timedelta(days=terms_days)
                    invoice.number = f"PI-{number:06}"
                    INVOICE.move(self.db, invoice, InvoiceStatus.ISSUED, by=principal.user_id)
                await self.db.flush()
        except IntegrityError as error:
            if broken_constraint(error) == "uq_invoices_supplier_number":
                raise InvalidInput(
                    {"supplier_number": "You used this number before. Give each invoice its own"}
                ) from error
            raise
        service = BillService(self.db)
        for invoice in invoices:
            service.record(principal, "payments.send_invoice", invoice, after={"total_pence": invoice.total_pence})
            outbox.publish(
                self.db,
                InvoiceReceived(
                    council_id=council_id,
                    invoice_id=invoice.id,
                    organisation_id=invoice.organisation_id,
                    held_lines=held[invoice.id],
                ),
            )
        await self.db.flush()
