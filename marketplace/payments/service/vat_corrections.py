"""What follows when finance agrees that a VAT treatment was wrong: its lines are taken back and may be billed again.

A treatment that stood on bills is never changed. Another one from the same day takes its place, with its own evidence;
each self-bill line that said the wrong thing gets a credit note and its earning goes on another bill. A supplier takes
back its own invoices itself.
"""

from collections import defaultdict
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Principal
from marketplace.core.formats import uk_date
from marketplace.payments.models import InvoiceLine, VatTreatment
from marketplace.payments.repository.self_bills import SelfBillRepository
from marketplace.payments.repository.supply import VatRepository
from marketplace.payments.service.billing_again import BillingAgainService
from marketplace.payments.service.credit_notes import CreditNoteService
from marketplace.payments.service.facts import service_line_of
from marketplace.payments.vat import vat_of


class TakenBack(NamedTuple):
    """What a correction took back."""

    bills: int
    lines: int
    pence: int


class VatCorrectionService:
    """Takes back what was billed under a wrong VAT treatment."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.rows = VatRepository(db)

    async def take_back(self, principal: Principal, wrong: VatTreatment) -> TakenBack:
        """Credit every whole self-bill line that a wrong treatment decided, and free its earning for another bill.

        Lines of which a part was taken back before are left: what is right there, people must say.

        Args:
            principal: Somebody of finance, who agreed to the correction.
            wrong: Marked as corrected; what takes its place counts already.

        Raises:
            Forbidden: The role may not.
            NotEnoughMoney: A direct payment has no longer what a visit costs.
        """
        organisation = await SelfBillRepository(self.db).organisation(wrong.organisation_id)
        stated = (await self.rows.of_organisations(wrong.council_id, [organisation.id])).get(organisation.id, [])
        by_bill: dict[UUID, list[InvoiceLine]] = defaultdict(list)
        for line, earning in await self.rows.billed_as(wrong):
            if service_line_of(earning) is not wrong.service_line:
                continue
            vat = vat_of(stated, organisation, wrong.service_line, earning.earned_on)
            if vat is not None and vat != (line.vat_category, line.vat_rate, line.vat_reason):
                by_bill[line.invoice_id].append(line)
        why = f"The VAT stated from {uk_date(wrong.starts_on)} was wrong"
        for invoice_id in sorted(by_bill):
            lines = {line.id: line.amount_pence for line in by_bill[invoice_id]}
            await CreditNoteService(self.db).make(principal, invoice_id, lines, why)
            await BillingAgainService(self.db).free(principal, invoice_id, why, only=set(lines))
        every = [line for lines in by_bill.values() for line in lines]
        return TakenBack(len(by_bill), len(every), sum(line.amount_pence for line in every))
