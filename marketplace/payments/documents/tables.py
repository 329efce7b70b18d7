"""Documents as CSV: one row a line, so that a spreadsheet or a finance system can add them up."""

from typing import Final

from marketplace.core.spreadsheets import Cell, csv_text, pounds_cell
from marketplace.payments.documents.content import CODES, Document, Remittance

DOCUMENT_HEADING: Final[tuple[Cell, ...]] = (
    "document", "number", "council_number", "issued_on", "due_on", "first_on", "last_on", "supplier", "supplier_vat",
    "buyer", "buyer_reference", "credits", "line", "service_on", "description", "net", "vat_category", "vat_rate",
    "vat", "gross",
)  # fmt: skip
REMITTANCE_HEADING: Final[tuple[Cell, ...]] = (
    "payment", "reference", "paid_on", "payer", "payee", "account", "document", "council_number", "issued_on", "paid",
)  # fmt: skip


def document_csv(document: Document) -> bytes:
    """Write a bill or credit note. Amounts of credit notes are negative, so that columns add up."""
    sign = -1 if document.is_credit else 1
    rows: list[tuple[Cell, ...]] = [DOCUMENT_HEADING]
    rows.extend(
        (
            document.title,
            document.number,
            document.council_number,
            document.issued_on.isoformat(),
            document.due_on.isoformat(),
            document.first_on.isoformat(),
            document.last_on.isoformat(),
            document.supplier.name,
            document.supplier.vat_number,
            document.buyer.name,
            document.buyer_reference,
            document.credits,
            item.position,
            item.on.isoformat() if item.on else "",
            item.words,
            pounds_cell(sign * item.net_pence),
            CODES[item.category],
            pounds_cell(item.rate),
            pounds_cell(sign * item.vat_pence),
            pounds_cell(sign * item.gross_pence),
        )
        for item in document.items
    )
    return csv_text(rows).encode()


def remittance_csv(remittance: Remittance) -> bytes:
    """Write what a payment is for."""
    rows: list[tuple[Cell, ...]] = [REMITTANCE_HEADING]
    rows.extend(
        (
            remittance.number,
            remittance.reference,
            remittance.paid_on.isoformat(),
            remittance.payer.name,
            remittance.payee.name,
            remittance.account,
            item.number,
            item.council_number,
            item.issued_on.isoformat(),
            pounds_cell(item.gross_pence),
        )
        for item in remittance.items
    )
    return csv_text(rows).encode()
