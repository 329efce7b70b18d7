"""An invoice made from what was delivered and approved: all its lines are clean."""

from typing import NamedTuple
from uuid import UUID

from sqlalchemy import insert

from marketplace.accounts import Principal
from marketplace.core.errors import InvalidInput
from marketplace.core.formats import uk_date
from marketplace.core.ids import new_id
from marketplace.payments.line_checks import AskedLine
from marketplace.payments.models import Accrual, AccrualKind, Invoice, InvoiceLine
from marketplace.payments.repository.series import PROVIDER_INVOICES, take_numbers
from marketplace.payments.schemas import PeriodForm
from marketplace.payments.service.facts import LineFacts, columns_of, service_line_of, visit_reference
from marketplace.payments.service.invoice_files import template
from marketplace.payments.service.invoices.steps import InvoiceSteps
from marketplace.payments.states import LineStatus
from marketplace.payments.vat import Vat, vat_of_document

MOST_LINES = 5_000


class Delivered(NamedTuple):
    """What a supplier can bill now: each earning, and how VAT applies to it where that is known."""

    rows: list[tuple[Accrual, Vat]]
    unclear: list[Accrual]
    """Earnings that wait until somebody says how VAT applies."""
    is_cut: bool

    @property
    def total_pence(self) -> int:
        """The sum of what can be billed."""
        return sum(row.amount_pence for row, _ in self.rows)


class DeliveredInvoices(InvoiceSteps):
    """Verbs for what was approved and is on no bill."""

    async def delivered(
        self, principal: Principal, council_id: UUID, period: PeriodForm, *, locked: bool = False
    ) -> Delivered:
        """Return what the reader's organisation earned in a period and no bill has.

        Raises:
            Forbidden: The role may not.
            NotFound: A council the reader does not work for.
            Conflict: The council makes out the organisation's bills.
        """
        organisation_id = await self._supplier(principal, council_id)
        rows = await self.facts.unbilled(
            council_id, organisation_id, period.starts_on, period.ends_on, limit=MOST_LINES + 1, locked=locked
        )
        facts = LineFacts(self.db, council_id, organisation_id)
        known: list[tuple[Accrual, Vat]] = []
        unclear = []
        for row in rows[:MOST_LINES]:
            vat = await facts.vat(service_line_of(row), row.earned_on)
            if vat is None:
                unclear.append(row)
            else:
                known.append((row, vat))
        return Delivered(known, unclear, len(rows) > MOST_LINES)

    async def send_delivered(
        self,
        principal: Principal,
        council_id: UUID,
        period: PeriodForm,
        supplier_number: str,
        expected_pence: int | None = None,
    ) -> Invoice:
        """Send an invoice for everything that was delivered and approved in a period: all its lines are clean.

        Args:
            principal: Somebody of the supplier.
            council_id: Whom it goes to.
            period: Days of supply.
            supplier_number: What the supplier calls it.
            expected_pence: The total that the reader saw; something else is refused.

        Raises:
            InvalidInput: Nothing to bill, another total, or a number that was used before.
            Conflict: The council makes out the organisation's bills.
        """
        organisation_id = await self._supplier(principal, council_id)
        # The series comes first: a second click waits here and then finds these earnings billed.
        await take_numbers(self.db, council_id, PROVIDER_INVOICES, 0)
        await self._free_number(council_id, organisation_id, supplier_number)
        found = await self.delivered(principal, council_id, period, locked=True)
        if not found.rows:
            raise InvalidInput({"first_on": "Nothing was approved on these days that is not on a bill already"})
        if expected_pence is not None and found.total_pence != expected_pence:
            raise InvalidInput({"first_on": "What was approved has changed since you looked. Check the list again"})
        vat = vat_of_document([(row.amount_pence, each) for row, each in found.rows])
        invoice = await self._invoice(
            principal,
            council_id,
            organisation_id,
            supplier_number=supplier_number,
            period=(period.starts_on, period.ends_on),
            total_pence=found.total_pence,
            vat_pence=sum(vat),
        )
        visits = await self.bills.known_bookings(
            [row.source_id for row, _ in found.rows if row.kind is AccrualKind.VISIT]
        )
        lines = [
            {
                "id": new_id(),
                "council_id": council_id,
                "invoice_id": invoice.id,
                "position": position,
                "status": LineStatus.CLEAN,
                "accrual_id": row.id,
                "booking_id": row.source_id if row.source_id in visits else None,
                "service_on": row.earned_on,
                "description": row.description,
                "amount_pence": row.amount_pence,
                "vat_pence": inside,
                "vat_category": each.category,
                "vat_rate": each.rate,
                "vat_reason": each.reason,
            }
            for position, ((row, each), inside) in enumerate(zip(found.rows, vat, strict=True), start=1)
        ]
        await self.db.execute(insert(InvoiceLine), lines)
        await self.bills.put_on_bill([row.id for row, _ in found.rows], invoice.id)
        await self._number(principal, [invoice], {invoice.id: 0})
        return invoice

    async def template(self, principal: Principal, council_id: UUID, period: PeriodForm) -> bytes:
        """Write a file for the supplier to fill in or send: its approved visits of a period that no bill has."""
        organisation_id = await self._supplier(principal, council_id)
        earned = await self.facts.unbilled(
            council_id, organisation_id, period.starts_on, period.ends_on, limit=MOST_LINES
        )
        visits = {
            row.id: row
            for row in await self.facts.visits(council_id, organisation_id, {row.earned_on for row in earned})
        }
        rows = []
        for row in earned:
            visit = visits.get(row.source_id)
            if row.kind is AccrualKind.VISIT and visit is not None:
                reference = visit_reference(visit.id)
                asked = AskedLine(
                    visit.reference or reference,
                    visit.visit_on,
                    visit.starts_local,
                    visit.minutes,
                    row.amount_pence,
                    reference,
                )
                cells = columns_of(asked)
                rows.append(["", *(cells[name] for name in list(cells))])
        return template(rows)

    async def _free_number(self, council_id: UUID, organisation_id: UUID, number: str) -> None:
        used = await self.bills.number_taken(council_id, organisation_id, [number])
        for row in used.values():
            words = f"You used this number on {uk_date(row.received_on)} ({row.number}). Give each invoice its own"
            raise InvalidInput({"supplier_number": words})
