"""Self-bills: made for a period under a signed agreement, never twice for one earning."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, setting
from marketplace.core import outbox
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput
from marketplace.core.ids import new_id
from marketplace.payments.events import SelfBillIssued
from marketplace.payments.models import (
    Accrual,
    AccrualKind,
    Invoice,
    InvoiceKind,
    InvoiceLine,
    SelfBillingAgreement,
    VatTreatment,
)
from marketplace.payments.repository.accruals import AccrualRepository
from marketplace.payments.repository.bills import BillRepository
from marketplace.payments.repository.self_bills import SelfBillRepository
from marketplace.payments.repository.series import SELF_BILLS, take_numbers
from marketplace.payments.repository.supply import VatRepository
from marketplace.payments.schemas import BillPreview, PeriodForm
from marketplace.payments.service.bills import BillService
from marketplace.payments.service.documents import parties_of
from marketplace.payments.service.facts import vat_of_earning
from marketplace.payments.service.self_billing import FOOTING_WORDS, Footing, SelfBillingService, Standing
from marketplace.payments.states import INVOICE, InvoiceStatus, LineStatus
from marketplace.payments.vat import Vat, vat_of_document
from marketplace.providers.models import Organisation

VAT_UNCLEAR = "Nobody has agreed how VAT applies to this service"


class _Supplier(NamedTuple):
    """Earnings of one supplier, apart by whether they can be billed."""

    organisation: Organisation
    standing: Standing
    clear: list[tuple[Accrual, Vat]]
    unclear: list[Accrual]

    @property
    def is_billed(self) -> bool:
        return self.standing.footing is Footing.LIVE and bool(self.clear)

    @property
    def parts(self) -> list[list[tuple[Accrual, Vat]]]:
        """What is clear by bill: nothing that VAT does not touch stands beside something it does (EN 16931 BR-O-11)."""
        subject = [(row, vat) for row, vat in self.clear if vat.code != "O"]
        return [part for part in (subject, [(row, vat) for row, vat in self.clear if vat.code == "O"]) if part]


class SelfBillService:
    """The verbs of self-bills."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.bills = SelfBillRepository(db)
        self.accruals = AccrualRepository(db)

    async def preview(self, principal: Principal, period: PeriodForm) -> list[BillPreview]:
        """Return the bills that would be made, and what would be left out and why, by name of the organisation."""
        principal.require(Permission.INVOICES_APPROVE)
        earnings = await self.accruals.unbilled(principal.council_id, period.starts_on, period.ends_on, locked=False)
        found: list[BillPreview] = []
        for supplier in await self._suppliers(principal.council_id, earnings):
            parts = [[row for row, _ in part] for part in supplier.parts]
            footing = supplier.standing.footing
            words = "" if footing is Footing.LIVE else FOOTING_WORDS[footing]
            for part, why in (*((rows, words) for rows in parts), (supplier.unclear, words or VAT_UNCLEAR)):
                if part:
                    found.append(
                        BillPreview(
                            supplier.organisation.id,
                            supplier.organisation.name,
                            bool(supplier.organisation.vat_number),
                            len(part),
                            sum(row.amount_pence for row in part),
                            why,
                        )
                    )
        return sorted(found, key=lambda item: (item.left_out != "", item.name, str(item.organisation_id)))

    async def make(self, principal: Principal, period: PeriodForm, expected_pence: int | None = None) -> list[Invoice]:
        """Make a bill for each organisation with unbilled earnings in the period and a live agreement.

        What VAT does not touch, such as interest for paying late to a registered supplier, goes on a bill of its own.

        Who has no live agreement gets no bill and is asked to sign; what was earned is kept (V10). So is what is left
        until somebody says how VAT applies to it.

        Args:
            principal: Somebody of finance.
            period: Days on which it was earned, half-open.
            expected_pence: The total the preview showed; something else is refused, so that nobody makes bills unseen.

        Returns:
            The bills in the order of their numbers; none where nobody has a live agreement.

        Raises:
            Forbidden: The role may not.
            InvalidInput: Nothing to bill, or not what the preview showed.
        """
        principal.require(Permission.INVOICES_APPROVE)
        council_id, day = principal.council_id, today(self.clock)
        # The series comes first: a second person waits here and then finds these earnings billed.
        await take_numbers(self.db, council_id, SELF_BILLS, 0)
        earnings = await self.accruals.unbilled(council_id, period.starts_on, period.ends_on, locked=True)
        if not earnings:
            raise InvalidInput({"first_on": "Nothing was earned on these days that is not on a self-bill already"})
        suppliers = await self._suppliers(council_id, earnings)
        billed = [supplier for supplier in suppliers if supplier.is_billed]
        total = sum(row.amount_pence for supplier in billed for row, _ in supplier.clear)
        if expected_pence is not None and total != expected_pence:
            raise InvalidInput({"first_on": "What was earned has changed since you looked. Check the list again"})
        service = SelfBillingService(self.db)
        for supplier in suppliers:
            if supplier.standing.footing is not Footing.LIVE:
                words = FOOTING_WORDS[supplier.standing.footing]
                await service.invite(council_id, supplier.organisation.id, words, principal)
        if not billed:
            return []
        terms_days: int = await setting(self.db, council_id, "payments.terms_days", day)
        reference = str(await setting(self.db, council_id, "payments.buyer_reference", day))
        drafts = [(supplier, rows) for supplier in billed for rows in supplier.parts]
        numbers = await take_numbers(self.db, council_id, SELF_BILLS, len(drafts))
        visits = await BillRepository(self.db).known_bookings(
            [row.source_id for supplier in billed for row, _ in supplier.clear if row.kind is AccrualKind.VISIT]
        )
        bills = []
        for number, (supplier, rows) in zip(numbers, drafts, strict=True):
            vat = vat_of_document([(row.amount_pence, each) for row, each in rows])
            gross = sum(row.amount_pence for row, _ in rows)
            agreement: SelfBillingAgreement | None = supplier.standing.agreement
            bill = Invoice(
                id=new_id(),
                council_id=council_id,
                organisation_id=supplier.organisation.id,
                kind=InvoiceKind.SELF_BILL,
                number=f"SB-{number:06}",
                status=InvoiceStatus.ISSUED,
                period_starts_on=period.starts_on,
                period_ends_on=period.ends_on,
                issued_on=day,
                received_on=day,
                due_on=day + timedelta(days=terms_days),
                net_pence=gross - sum(vat),
                vat_pence=sum(vat),
                total_pence=gross,
                buyer_reference=reference,
                parties=await parties_of(self.db, council_id, supplier.organisation, day),
                self_billing_agreement_id=agreement.id if agreement else None,
                created_at=self.clock.now(),
            )
            self.db.add(bill)
            await self.db.flush()
            await self.db.execute(
                insert(InvoiceLine),
                [
                    {
                        "id": new_id(),
                        "council_id": council_id,
                        "invoice_id": bill.id,
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
                    for position, ((row, each), inside) in enumerate(zip(rows, vat, strict=True), start=1)
                ],
            )
            await BillRepository(self.db).put_on_bill([row.id for row, _ in rows], bill.id)
            INVOICE.begin(self.db, bill, by=principal.user_id)
            BillService(self.db).record(
                principal, "payments.make_self_bill", bill, after={"total_pence": bill.total_pence}
            )
            outbox.publish(
                self.db,
                SelfBillIssued(council_id=council_id, invoice_id=bill.id, organisation_id=bill.organisation_id),
            )
            bills.append(bill)
        await self.db.flush()
        return bills

    async def _suppliers(self, council_id: UUID, earnings: Sequence[Accrual]) -> list[_Supplier]:
        """Sort earnings by supplier, apart by whether it is known how VAT applies."""
        grouped: dict[UUID, list[Accrual]] = defaultdict(list)
        for row in earnings:
            grouped[row.organisation_id].append(row)
        organisations = await self.bills.organisations(list(grouped))
        standings = await SelfBillingService(self.db).standings(council_id, organisations)
        treatments = await VatRepository(self.db).of_organisations(council_id, list(grouped))
        found = []
        for organisation in organisations:
            clear: list[tuple[Accrual, Vat]] = []
            unclear: list[Accrual] = []
            stated: list[VatTreatment] = treatments.get(organisation.id, [])
            for row in grouped[organisation.id]:
                vat = vat_of_earning(stated, organisation, row)
                if vat is None:
                    unclear.append(row)
                else:
                    clear.append((row, vat))
            found.append(_Supplier(organisation, standings[organisation.id], clear, unclear))
        return found

    async def approve(self, principal: Principal, invoice_id: UUID) -> Invoice:
        """Approve a bill: see `BillService.approve`."""
        return await BillService(self.db).approve(principal, invoice_id)

    async def approve_many(self, principal: Principal, invoice_ids: Iterable[UUID]) -> int:
        """Approve several bills, all or none. Returns how many."""
        return await BillService(self.db).approve_many(principal, invoice_ids)

    async def hold(self, principal: Principal, invoice_id: UUID, reason: str) -> Invoice:
        """Hold a bill: see `BillService.hold`."""
        return await BillService(self.db).hold(principal, invoice_id, reason)

    async def release_hold(self, principal: Principal, invoice_id: UUID) -> Invoice:
        """End the hold of a bill: see `BillService.release_hold`."""
        return await BillService(self.db).release_hold(principal, invoice_id)

    async def own(self, principal: Principal, invoice_id: UUID) -> Invoice:
        """Return a bill of the reader's own organisation.

        Raises:
            NotFound: It is another organisation's.
        """
        principal.require(Permission.EARNINGS_OWN)
        return await self.bills.own(principal.need_organisation(), principal.councils, invoice_id)
