"""The rule sets of electronic invoices over the cases that councils really have: every kind, every VAT, odd amounts.

Self-bills lie outside Peppol, and the rule set of the norm looks at invoices and credit notes alone. Their content is
held to it all the same: it is written as those (type 389, self-billed invoice; 261, self-billed credit note) and run.
"""

from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest
from lxml import etree

from marketplace.payments.documents.content import Document, Item
from marketplace.payments.documents.ubl import NORM, render_ubl
from marketplace.payments.models import InvoiceKind
from marketplace.payments.vat import Vat, vat_of_document
from marketplace.providers.models import VatCategory
from tests.payments.test_documents import (
    ASSISTANT,
    CAC,
    CBC,
    CHARITY,
    EVERY_KIND,
    EXEMPT,
    NONE,
    NOT_REGISTERED,
    SELF_BILLED,
    STANDARD,
    a_document,
    fatal,
    item,
    lines_of,
    norm_rules,
    peppol_rules,
    schema_errors,
    schemas,
)

__all__ = ["schemas"]

MOST = 99_999_999_999
"""Eleven digits of pence, as much as a Bacs payment holds."""
OTHER_EXEMPT, OUTSIDE, REDUCED, ZERO = (
    VatCategory.EXEMPT_OTHER,
    VatCategory.OUTSIDE_SCOPE,
    VatCategory.REDUCED,
    VatCategory.ZERO,
)
ACCENTED = msgspec.structs.replace(
    CHARITY, name="Zażółć Gęślą & Ångström’s Ñandú “Café”", address_line="Flat 2\u00a0B, 1 Łódź Row", town="Llŷn"
)


def shared_out(*lines: tuple[int, VatCategory, int]) -> tuple[Item, ...]:
    """Lines of (pence with VAT, category, rate), with VAT as a bill of the platform shares it."""
    vat = vat_of_document([(pence, Vat(category, rate, "")) for pence, category, rate in lines])
    return tuple(
        Item(
            position=position,
            words=f"Visit {position}",
            on=date(2027, 2, 1 + position % 28),
            gross_pence=pence,
            vat_pence=inside,
            category=category,
            rate=rate,
        )
        for position, ((pence, category, rate), inside) in enumerate(zip(lines, vat, strict=True), start=1)
    )


CONTENT: dict[str, dict[str, Any]] = {
    "standard": {},
    "exempt": {"items": lines_of(EXEMPT)},
    "outside-scope": {"items": lines_of(OUTSIDE)},
    "zero-rated": {"items": lines_of(ZERO)},
    "reduced": {"items": shared_out((10_500, REDUCED, 500), (1_049, REDUCED, 500))},
    "four-vats": {
        "items": shared_out(
            (10_501, REDUCED, 500), (7_500, EXEMPT, 0), (12_001, STANDARD, 2_000), (1, ZERO, 0), (3, STANDARD, 2_000)
        )
    },
    "two-exemptions": {"items": (item(1, 7_500, 0, EXEMPT, 0), item(2, 2_500, 0, OTHER_EXEMPT, 0))},
    "nothing-to-pay": {"items": (item(1, 0, 0, STANDARD, 2_000), item(2, 0, 0, EXEMPT, 0))},
    "a-penny": {"items": shared_out((1, STANDARD, 2_000))},
    "eleven-digits": {"items": shared_out((MOST, STANDARD, 2_000), (MOST, EXEMPT, 0))},
    "many-odd-lines": {"items": shared_out(*((997 + 7 * n, STANDARD, 2_000) for n in range(12)))},
    "accents": {"supplier": ACCENTED, "note": "Première ligne\nseconde\u00a0ligne\tfin"},
}
KINDS = (
    InvoiceKind.PROVIDER_INVOICE,
    InvoiceKind.CREDIT_NOTE,
    InvoiceKind.SELF_BILL,
    InvoiceKind.SELF_BILL_CREDIT,
)
PLAIN = ("standard", "exempt", "outside-scope")
"""What `test_documents` runs for suppliers' own documents."""


def kinds_of(name: str, place: int) -> tuple[InvoiceKind, ...]:
    """Both self-billed kinds of a plain case; of an odd one a supplier's and a self-billed one in turn."""
    return KINDS[2:] if name in PLAIN else (KINDS[place % 2], KINDS[2 + (place + 1) % 2])


CASES = [
    pytest.param(a_document(kind, **given), id=f"{kind}-{name}")
    for place, (name, given) in enumerate(CONTENT.items())
    for kind in kinds_of(name, place)
]
STATEMENTS = [
    pytest.param(a_document(kind, supplier=ASSISTANT, items=lines_of(NONE)), id=f"{kind}-not-registered")
    for kind in (InvoiceKind.SELF_BILL, InvoiceKind.SELF_BILL_CREDIT)
]


def as_plain(content: bytes) -> bytes:
    """Write a self-billed document as an invoice or credit note of the norm with the same content."""
    for name in ("Invoice", "CreditNote"):
        content = content.replace(f"<SelfBilled{name}".encode(), f"<{name}".encode())
        content = content.replace(f"</SelfBilled{name}".encode(), f"</{name}".encode())
        content = content.replace(f"xsd:SelfBilled{name}-2".encode(), f"xsd:{name}-2".encode())
    root = etree.fromstring(content)
    version = root.find(f"{CBC}UBLVersionID")
    version.tag, version.text = f"{CBC}CustomizationID", NORM
    if etree.QName(root).localname == "CreditNote":
        code = etree.Element(f"{CBC}CreditNoteTypeCode")
        code.text = "261"
        root.find(f"{CBC}IssueDate").addnext(code)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


@pytest.mark.shared
@pytest.mark.parametrize("document", [*CASES, *STATEMENTS])
def test_every_kind_of_document_keeps_the_rules_in_every_case(document: Document, schemas: Path) -> None:
    content = render_ubl(document)
    assert schema_errors(schemas, content) == []
    if document.is_self_billed:
        content = as_plain(content)
        assert schema_errors(schemas, content) == []
    else:
        assert fatal(peppol_rules().broken(content)) == []
    assert fatal(norm_rules().broken(content)) == []


@pytest.mark.shared
@pytest.mark.parametrize("document", SELF_BILLED)
def test_the_plain_form_of_a_self_bill_is_really_checked(document: Document) -> None:
    content = as_plain(render_ubl(document))
    gross = f"{document.gross_pence // 100}.{document.gross_pence % 100:02}"
    wrong = content.replace(f">{gross}</cbc:PayableAmount>".encode(), b">0.01</cbc:PayableAmount>")
    assert wrong != content
    assert "BR-CO-16" in {one.rule for one in norm_rules().broken(wrong)}


def test_every_treatment_of_vat_is_run_for_suppliers_and_for_self_bills() -> None:
    documents = [each.values[0] for each in [*CASES, *STATEMENTS, *EVERY_KIND, *NOT_REGISTERED]]
    run = {(each.is_self_billed, one.category) for each in documents for one in each.items}
    assert run == {(is_self_billed, category) for is_self_billed in (False, True) for category in VatCategory}


def test_amounts_of_eleven_digits_are_written_whole() -> None:
    root = etree.fromstring(render_ubl(a_document(items=shared_out((MOST, STANDARD, 2_000)))))
    assert root.findtext(f"{CAC}LegalMonetaryTotal/{CBC}PayableAmount") == "999999999.99"
    assert root.findtext(f"{CAC}TaxTotal/{CBC}TaxAmount") == "166666666.67"
    assert root.findtext(f"{CAC}InvoiceLine/{CBC}LineExtensionAmount") == "833333333.32"


def test_words_stay_apart_where_a_name_or_note_has_other_blanks() -> None:
    root = etree.fromstring(render_ubl(a_document(supplier=ACCENTED, note="Première ligne\nseconde\u00a0ligne\tfin")))
    supplier = root.find(f"{CAC}AccountingSupplierParty/{CAC}Party")
    assert supplier.findtext(f"{CAC}PartyName/{CBC}Name") == ACCENTED.name
    assert supplier.findtext(f"{CAC}PostalAddress/{CBC}StreetName") == "Flat 2 B, 1 Łódź Row"
    assert root.findtext(f"{CBC}Note") == "Received as PI-000012. Première ligne seconde ligne fin"


def test_two_reasons_of_one_category_are_both_said() -> None:
    root = etree.fromstring(render_ubl(a_document(**CONTENT["two-exemptions"])))
    [reason] = root.findall(f".//{CAC}TaxSubtotal/{CAC}TaxCategory/{CBC}TaxExemptionReason")
    assert "welfare" in reason.text
    assert reason.text.endswith("; Exempt from VAT (VAT Act 1994, Schedule 9)")
