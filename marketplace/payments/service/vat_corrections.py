"""What follows when finance agrees that a VAT treatment was wrong: its lines are taken back and may be billed again.

A treatment that stood on bills is never changed. Another one from the same day takes its place, with its own evidence;
each self-bill line that said the wrong thing gets a credit note and its earning goes on another bill. A supplier takes
back its own invoices itself.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core import outbox
from marketplace.core.formats import uk_date
from marketplace.payments.events import VatCorrected
from marketplace.payments.models import Accrual, Invoice, InvoiceLine, VatTreatment
from marketplace.payments.repository.self_bills import SelfBillRepository
from marketplace.payments.repository.supply import VatRepository
from marketplace.payments.service.billing_again import BillingAgainService
from marketplace.payments.service.credit_notes import CreditNoteService
from marketplace.payments.service.facts import service_line_of
from marketplace.payments.vat import vat_of
from marketplace.providers.models import Organisation


class TakenBack(NamedTuple):
    """What a correction took back."""

    bills: int
    lines: int
    pence: int


class SentWrong(NamedTuple):
    """A supplier's own invoice that says the wrong VAT until its credit note comes."""

    bill: Invoice
    organisation: Organisation
    starts_on: date
    """First day of the treatment that was wrong."""


MOST_LINES = 5_000
"""Lines that are looked at for the list of what waits."""


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
            if _is_wrong(stated, organisation, wrong, line, earning):
                by_bill[line.invoice_id].append(line)
        why = f"The VAT stated from {uk_date(wrong.starts_on)} was wrong"
        for invoice_id in sorted(by_bill):
            lines = {line.id: line.amount_pence for line in by_bill[invoice_id]}
            await CreditNoteService(self.db).make(principal, invoice_id, lines, why)
            await BillingAgainService(self.db).free(principal, invoice_id, why, only=set(lines))
        if await self.own_invoices(wrong.council_id, wrong.id):
            outbox.publish(
                self.db,
                VatCorrected(council_id=wrong.council_id, treatment_id=wrong.id, organisation_id=wrong.organisation_id),
            )
        every = [line for lines in by_bill.values() for line in lines]
        return TakenBack(len(by_bill), len(every), sum(line.amount_pence for line in every))

    async def own_invoices(self, council_id: UUID, treatment_id: UUID | None = None) -> list[SentWrong]:
        """Return suppliers' own invoices that still say what a corrected treatment said, oldest first.

        A line of which the supplier took any back is done: finance meets that credit note among the bills.

        Args:
            council_id: Whose.
            treatment_id: Only of this treatment; of all that were corrected where it is None.
        """
        rows = await self.rows.sent_wrong(council_id, treatment_id, limit=MOST_LINES)
        owners = sorted({bill.organisation_id for _, _, _, bill in rows})
        if not owners:
            return []
        organisations = {row.id: row for row in await SelfBillRepository(self.db).organisations(owners)}
        stated = await self.rows.of_organisations(council_id, owners)
        found: dict[UUID, SentWrong] = {}
        for line, earning, wrong, bill in rows:
            organisation = organisations[bill.organisation_id]
            if _is_wrong(stated.get(organisation.id, []), organisation, wrong, line, earning):
                found.setdefault(bill.id, SentWrong(bill, organisation, wrong.starts_on))
        return list(found.values())

    async def waiting(self, principal: Principal) -> list[SentWrong]:
        """Return the invoices that wait for their suppliers' credit notes, oldest first.

        Raises:
            Forbidden: The role may not.
        """
        principal.require(Permission.INVOICES_READ)
        return await self.own_invoices(principal.council_id)


def _is_wrong(
    stated: Iterable[VatTreatment], organisation: Organisation, wrong: VatTreatment, line: InvoiceLine, earning: Accrual
) -> bool:
    """Say whether a wrong treatment decided a line that would say something else now."""
    if service_line_of(earning) is not wrong.service_line:
        return False
    vat = vat_of(stated, organisation, wrong.service_line, earning.earned_on)
    return vat is not None and vat != (line.vat_category, line.vat_rate, line.vat_reason)
