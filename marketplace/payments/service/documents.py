"""Puts rows together as documents of finance, for whoever may see them."""

from collections.abc import AsyncIterator
from datetime import timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, setting
from marketplace.accounts.models import Council
from marketplace.core.clock import local
from marketplace.core.errors import NotFound
from marketplace.payments.documents.content import Document, DocumentRefused, Item, Party, Remittance, RemittanceItem
from marketplace.payments.documents.pdf import document_pdf, remittance_pdf
from marketplace.payments.documents.tables import document_csv, remittance_csv
from marketplace.payments.documents.ubl import render_remittance, render_ubl
from marketplace.payments.models import SELF_BILLED, Invoice, PaymentRun, PaymentRunLine
from marketplace.payments.repository.documents import DocumentRepository
from marketplace.payments.schemas import run_number
from marketplace.payments.service.bank_details import masked
from marketplace.payments.states import RELEASED_RUNS, LineStatus
from marketplace.providers.models import Organisation


class DocumentFormat(StrEnum):
    """What a document is written as."""

    UBL = "ubl"
    PDF = "pdf"
    CSV = "csv"


ENDINGS = {DocumentFormat.UBL: "xml", DocumentFormat.PDF: "pdf", DocumentFormat.CSV: "csv"}
MEDIA = {
    DocumentFormat.UBL: "application/xml",
    DocumentFormat.PDF: "application/pdf",
    DocumentFormat.CSV: "text/csv; charset=utf-8",
}


class Written(msgspec.Struct, frozen=True):
    """A document as a file."""

    name: str
    media: str
    content: bytes


async def parties_of(db: AsyncSession, council_id: UUID, organisation: Organisation, on: Any) -> dict[str, Any]:
    """Return both sides of a bill as they are now, to be kept with it.

    Args:
        db: The transaction.
        council_id: The buyer.
        organisation: The supplier.
        on: Day of the bill, for the council's details.
    """
    council = await db.get_one(Council, council_id)
    return parties(council, organisation, await setting(db, council_id, "payments.council_details", on))


def parties(council: Council, organisation: Organisation, details: dict[str, str]) -> dict[str, Any]:
    """Write both sides of a bill. `details` are the council's (setting `payments.council_details`)."""
    return {
        "supplier": msgspec.to_builtins(
            Party(
                id=str(organisation.id)[-12:],
                name=organisation.name,
                address_line=organisation.address_line,
                town=organisation.town,
                postcode=organisation.postcode,
                email=organisation.email,
                vat_number=organisation.vat_number or "",
                company_number=organisation.company_number or "",
                charity_number=organisation.charity_number or "",
            )
        ),
        "buyer": msgspec.to_builtins(Party(id=council.slug, name=council.name, email=council.contact_email, **details)),
    }


class DocumentService:
    """The documents of bills and payments."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.documents = DocumentRepository(db)

    async def for_council(self, principal: Principal, invoice_id: UUID, file_format: DocumentFormat) -> Written:
        """Write a bill of the reader's council.

        Raises:
            Forbidden: The role may not.
            NotFound: Another council's, or not numbered yet.
            DocumentRefused: Its rows make no document in this format.
        """
        principal.require(Permission.INVOICES_READ)
        return await self.written(await self.documents.find(principal.council_id, invoice_id), file_format)

    async def own(self, principal: Principal, invoice_id: UUID, file_format: DocumentFormat) -> Written:
        """Write a bill of the reader's own organisation. Raises as `for_council`."""
        principal.require(Permission.EARNINGS_OWN)
        bill = await self.documents.own(principal.need_organisation(), principal.councils, invoice_id)
        return await self.written(bill, file_format)

    async def remittance_for_council(self, principal: Principal, line_id: UUID, file_format: DocumentFormat) -> Written:
        """Write what a payment of the reader's council is for. Raises as `for_council`."""
        principal.require(Permission.INVOICES_READ)
        run, line = await self.documents.payment([principal.council_id], line_id)
        return await self.remittance_written(run, line, file_format)

    async def own_remittance(self, principal: Principal, line_id: UUID, file_format: DocumentFormat) -> Written:
        """Write what a payment to the reader's own organisation is for. Raises as `for_council`."""
        principal.require(Permission.EARNINGS_OWN)
        organisation_id = principal.need_organisation()
        run, line = await self.documents.payment(principal.councils, line_id)
        if line.organisation_id != organisation_id:
            raise NotFound
        return await self.remittance_written(run, line, file_format)

    async def written(self, bill: Invoice, file_format: DocumentFormat) -> Written:
        """Write a bill in a format."""
        document = await self.of(bill)
        name = f"{document.council_number}.{ENDINGS[file_format]}"
        if file_format is DocumentFormat.PDF:
            return Written(name, MEDIA[file_format], await document_pdf(document))
        render = render_ubl if file_format is DocumentFormat.UBL else document_csv
        return Written(name, MEDIA[file_format], render(document))

    async def remittance_written(self, run: PaymentRun, line: PaymentRunLine, file_format: DocumentFormat) -> Written:
        """Write what a payment is for in a format."""
        remittance = await self.remittance(run, line)
        name = f"{remittance.number}.{ENDINGS[file_format]}"
        if file_format is DocumentFormat.PDF:
            return Written(name, MEDIA[file_format], await remittance_pdf(remittance))
        render = render_remittance if file_format is DocumentFormat.UBL else remittance_csv
        return Written(name, MEDIA[file_format], render(remittance))

    async def of(self, bill: Invoice) -> Document:
        """Put a bill's rows together.

        Raises:
            NotFound: It has no number yet.
        """
        if bill.number is None:
            raise NotFound
        supplier, buyer = await self._parties(bill)
        credited = await self.db.get(Invoice, bill.credits_id) if bill.credits_id else None
        reference = bill.buyer_reference or await setting(
            self.db, bill.council_id, "payments.buyer_reference", bill.issued_on
        )
        is_own = bill.kind in SELF_BILLED
        return Document(
            kind=bill.kind,
            number=bill.number if is_own else bill.supplier_number or bill.number,
            council_number=bill.number,
            issued_on=bill.issued_on,
            due_on=bill.due_on,
            first_on=bill.period_starts_on,
            last_on=bill.period_ends_on - timedelta(days=1),
            supplier=supplier,
            buyer=buyer,
            buyer_reference=reference,
            credits=(credited.supplier_number or credited.number or "") if credited else "",
            credits_on=credited.issued_on if credited else None,
            note=bill.reason if bill.credits_id else "",
            items=[
                Item(
                    position=line.position,
                    words=line.description,
                    on=line.service_on,
                    gross_pence=line.amount_pence,
                    vat_pence=line.vat_pence,
                    category=line.vat_category,
                    rate=line.vat_rate,
                    reason=line.vat_reason,
                )
                for line in await self.documents.lines(bill.id)
                if line.status is not LineStatus.REFUSED
            ],
        )

    async def remittance(self, run: PaymentRun, line: PaymentRunLine) -> Remittance:
        """Put the rows of a payment together.

        Raises:
            NotFound: It was not released, or is a rehearsal.
        """
        if run.status not in RELEASED_RUNS or run.is_rehearsal or run.released_at is None:
            raise NotFound
        organisation = await self.db.get_one(Organisation, line.organisation_id)
        sides = await parties_of(self.db, run.council_id, organisation, local(run.released_at).date())
        return Remittance(
            number=f"{run_number(run.number)}-{line.position}",
            reference=line.reference,
            paid_on=run.pay_on,
            payer=msgspec.convert(sides["buyer"], Party),
            payee=msgspec.convert(sides["supplier"], Party),
            account=masked(line),
            items=[
                RemittanceItem(
                    number=bill.supplier_number or bill.number or "",
                    council_number=bill.number or "",
                    issued_on=bill.issued_on,
                    gross_pence=payable.amount_pence,
                )
                for payable, bill in await self.documents.paid_by(line.id)
            ],
        )

    async def every(self, council_id: UUID, file_format: DocumentFormat) -> AsyncIterator[Written | DocumentRefused]:
        """Write every document of a council, one at a time: bills by number, then remittances by run.

        What makes no document in the format comes as the refusal that says why.
        """
        async for bill in self.documents.every_bill(council_id):
            try:
                yield await self.written(bill, file_format)
            except DocumentRefused as error:
                yield error
        async for run, line in self.documents.every_payment(council_id):
            yield await self.remittance_written(run, line, file_format)

    async def _parties(self, bill: Invoice) -> tuple[Party, Party]:
        sides = bill.parties
        if not sides:
            # Bills from before the sides were kept with them.
            organisation = await self.db.get_one(Organisation, bill.organisation_id)
            sides = await parties_of(self.db, bill.council_id, organisation, bill.issued_on)
        return msgspec.convert(sides["supplier"], Party), msgspec.convert(sides["buyer"], Party)
