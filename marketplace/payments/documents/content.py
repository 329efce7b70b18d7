"""What a document of finance says, whatever it is written as. Amounts are positive whole pence, of credit notes too."""

from collections.abc import Sequence
from datetime import date
from typing import Final

import msgspec

from marketplace.payments.models import CREDITS, SELF_BILLED, InvoiceKind
from marketplace.providers.models import VatCategory

NOT_SUBJECT: Final = frozenset({VatCategory.NOT_REGISTERED, VatCategory.OUTSIDE_SCOPE})
EXEMPT: Final = frozenset({VatCategory.EXEMPT_WELFARE, VatCategory.EXEMPT_OTHER})

CODES: Final[dict[VatCategory, str]] = {
    VatCategory.NOT_REGISTERED: "O",
    VatCategory.OUTSIDE_SCOPE: "O",
    VatCategory.EXEMPT_WELFARE: "E",
    VatCategory.EXEMPT_OTHER: "E",
    VatCategory.REDUCED: "S",
    VatCategory.STANDARD: "S",
    VatCategory.ZERO: "Z",
}
"""UNCL5305 codes as EN 16931 uses them: a reduced rate is category S with that rate."""
REASONS: Final[dict[VatCategory, str]] = {
    VatCategory.NOT_REGISTERED: "Not subject to VAT",
    VatCategory.OUTSIDE_SCOPE: "Not subject to VAT",
    VatCategory.EXEMPT_WELFARE: "Exempt: welfare services (VAT Act 1994, Schedule 9, Group 7)",
    VatCategory.EXEMPT_OTHER: "Exempt from VAT (VAT Act 1994, Schedule 9)",
}
"""What a document says where nobody wrote a reason."""


class DocumentRefused(ValueError):
    """The rows do not make a document that other systems accept. The message says why."""


class Party(msgspec.Struct, frozen=True, kw_only=True):
    """One side of a document, as it was when the document was made."""

    id: str
    """The platform's own identifier of it."""
    name: str
    address_line: str = ""
    town: str = ""
    postcode: str = ""
    email: str = ""
    vat_number: str = ""
    """With its country, such as GB123456789; empty: not registered."""
    company_number: str = ""
    charity_number: str = ""

    @property
    def legal_id(self) -> str:
        """The number under which it is registered, empty for people who work on their own."""
        return self.company_number or self.charity_number


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One line."""

    position: int
    words: str
    on: date | None
    gross_pence: int
    vat_pence: int
    category: VatCategory
    rate: int
    """Hundredths of a per cent."""
    reason: str = ""

    @property
    def net_pence(self) -> int:
        """Without VAT."""
        return self.gross_pence - self.vat_pence


class VatPart(msgspec.Struct, frozen=True, kw_only=True):
    """The lines of one category and rate together."""

    category: VatCategory
    rate: int
    reason: str
    net_pence: int
    vat_pence: int


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A bill or a credit note."""

    kind: InvoiceKind
    number: str
    """What the side that made it out calls it."""
    council_number: str
    """What the council's books call it; the same for what the council makes out."""
    issued_on: date
    due_on: date
    first_on: date
    last_on: date
    """The period, both days in it."""
    supplier: Party
    buyer: Party
    buyer_reference: str
    items: Sequence[Item]
    credits: str = ""
    """Number of the bill that a credit note takes back."""
    credits_on: date | None = None
    note: str = ""

    @property
    def is_credit(self) -> bool:
        """Whether it takes money back."""
        return self.kind in CREDITS

    @property
    def is_self_billed(self) -> bool:
        """Whether the council made it out."""
        return self.kind in SELF_BILLED

    @property
    def has_vat_wording(self) -> bool:
        """Whether the supplier is registered: a statement for others says nothing of VAT (domain.md 4.5)."""
        return bool(self.supplier.vat_number)

    @property
    def title(self) -> str:
        """What it is, in words."""
        if self.is_self_billed and not self.has_vat_wording:
            return "Payment statement: money taken back" if self.is_credit else "Payment statement"
        return {
            InvoiceKind.SELF_BILL: "Self-billed invoice",
            InvoiceKind.SELF_BILL_CREDIT: "Self-billed credit note",
            InvoiceKind.PROVIDER_INVOICE: "Invoice",
            InvoiceKind.CREDIT_NOTE: "Credit note",
        }[self.kind]

    @property
    def net_pence(self) -> int:
        """Sum of the lines without VAT."""
        return sum(item.net_pence for item in self.items)

    @property
    def vat_pence(self) -> int:
        """Sum of the VAT."""
        return sum(item.vat_pence for item in self.items)

    @property
    def gross_pence(self) -> int:
        """Sum of the lines."""
        return sum(item.gross_pence for item in self.items)

    def vat_parts(self) -> list[VatPart]:
        """Return the lines by category and rate, in the order of their first lines.

        Raises:
            DocumentRefused: Something not subject to VAT beside something that is: EN 16931 BR-O-11 has them apart.
        """
        groups: dict[tuple[str, int], list[Item]] = {}
        for item in self.items:
            groups.setdefault((CODES[item.category], item.rate), []).append(item)
        if len(groups) > 1 and any(code == "O" for code, _ in groups):
            raise DocumentRefused("Lines not subject to VAT cannot stand beside lines with VAT on one document.")
        return [
            VatPart(
                category=items[0].category,
                rate=rate,
                reason=_reason(items),
                net_pence=sum(item.net_pence for item in items),
                vat_pence=sum(item.vat_pence for item in items),
            )
            for (_, rate), items in groups.items()
        ]


def _reason(items: Sequence[Item]) -> str:
    """Say once each why the lines of a category bear no VAT."""
    return "; ".join(dict.fromkeys(item.reason or REASONS.get(item.category, "") for item in items))


class RemittanceItem(msgspec.Struct, frozen=True, kw_only=True):
    """A bill, or a part of one, that a payment pays; negative for a credit note that is set off."""

    number: str
    council_number: str
    issued_on: date
    gross_pence: int


class Remittance(msgspec.Struct, frozen=True, kw_only=True):
    """What one payment is for."""

    number: str
    """Of the run, and the line in it."""
    reference: str
    """What the payee's bank statement shows."""
    paid_on: date
    payer: Party
    payee: Party
    account: str
    """Masked."""
    items: Sequence[RemittanceItem]

    @property
    def total_pence(self) -> int:
        """What is paid."""
        return sum(item.gross_pence for item in self.items)
