"""Documents of finance: UBL that the published rule sets accept, PDF that can be read aloud, CSV that adds up."""

import io
import tarfile
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pikepdf
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from marketplace.payments.documents.content import (
    Document,
    DocumentRefused,
    Item,
    Party,
    Remittance,
    RemittanceItem,
)
from marketplace.payments.documents.pdf import document_pdf, remittance_pdf
from marketplace.payments.documents.tables import document_csv, remittance_csv
from marketplace.payments.documents.ubl import render_remittance, render_ubl
from marketplace.payments.models import InvoiceKind
from marketplace.providers.models import VatCategory
from tests.payments.pdf_text import pdf_words, squeezed
from tests.payments.schematron import Broken, RuleSet, peppol_functions
from tests.shared_data import shared_file

CBC = "{urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2}"
CAC = "{urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2}"

COUNCIL = Party(
    id="ribbleshire", name="Ribbleshire County Council", address_line="County Hall", town="Preston", postcode="PR1 8XJ",
    vat_number="GB 155 9072 13", email="invoices@ribbleshire.example",
)  # fmt: skip
CHARITY = Party(
    id="0a1b2c3d", name="Friends & Neighbours <Planning>", address_line="1 Mill Lane", town="Preston",
    postcode="PR1 1AA", vat_number="987654321", charity_number="1099999", email="bills@friends.example",
)  # fmt: skip
ASSISTANT = Party(id="9f8e7d6c", name="Zoë O’Connor, personal assistant", town="Chorley")
STANDARD, EXEMPT, NONE = VatCategory.STANDARD, VatCategory.EXEMPT_WELFARE, VatCategory.NOT_REGISTERED


def item(position: int, gross: int, vat: int = 0, category: VatCategory = STANDARD, rate: int = 2_000) -> Item:
    """A line."""
    return Item(
        position=position,
        words=f"Support plan completed on {position} February 2027",
        on=date(2027, 2, position),
        gross_pence=gross,
        vat_pence=vat,
        category=category,
        rate=rate,
    )


def a_document(kind: InvoiceKind = InvoiceKind.PROVIDER_INVOICE, **given: Any) -> Document:
    """A document of two lines at the standard rate."""
    values: dict[str, Any] = {
        "kind": kind,
        "number": "INV-77",
        "council_number": "PI-000012",
        "issued_on": date(2027, 3, 1),
        "due_on": date(2027, 3, 31),
        "first_on": date(2027, 2, 1),
        "last_on": date(2027, 2, 28),
        "supplier": CHARITY,
        "buyer": COUNCIL,
        "buyer_reference": "ADULT-SOCIAL-CARE",
        "items": (item(1, 9_000, 1_500), item(2, 24_000, 4_000)),
    }
    if kind in (InvoiceKind.SELF_BILL_CREDIT, InvoiceKind.CREDIT_NOTE):
        values |= {"credits": "INV-70", "credits_on": date(2027, 2, 1)}
    return Document(**{**values, **given})


def lines_of(category: VatCategory, rate: int = 0) -> tuple[Item, ...]:
    """Two lines without VAT."""
    return item(1, 7_500, 0, category, rate), item(2, 45_000, 0, category, rate)


EVERY_KIND = [
    pytest.param(a_document(), id="invoice-standard"),
    pytest.param(a_document(InvoiceKind.CREDIT_NOTE), id="credit-note-standard"),
    pytest.param(a_document(items=lines_of(EXEMPT)), id="invoice-exempt"),
    pytest.param(a_document(InvoiceKind.CREDIT_NOTE, items=lines_of(EXEMPT)), id="credit-note-exempt"),
    pytest.param(a_document(items=lines_of(VatCategory.OUTSIDE_SCOPE)), id="invoice-outside-scope"),
    pytest.param(a_document(items=lines_of(VatCategory.ZERO)), id="invoice-zero"),
    pytest.param(
        a_document(items=(item(1, 10_500, 500, VatCategory.REDUCED, 500), item(2, 7_500, 0, EXEMPT, 0))), id="mixed"
    ),
]
ASSISTANT_WITH_MAIL = msgspec.structs.replace(ASSISTANT, email="zoe@assistant.example")
NOT_REGISTERED = [
    pytest.param(a_document(supplier=ASSISTANT, items=lines_of(NONE)), id="no-address"),
    pytest.param(a_document(supplier=ASSISTANT_WITH_MAIL, items=lines_of(NONE)), id="mail"),
    pytest.param(a_document(InvoiceKind.CREDIT_NOTE, supplier=ASSISTANT, items=lines_of(NONE)), id="credit-note"),
]
SELF_BILLED = [
    pytest.param(a_document(InvoiceKind.SELF_BILL, number="SB-000003", council_number="SB-000003"), id="self-bill"),
    pytest.param(
        a_document(InvoiceKind.SELF_BILL_CREDIT, number="SC-000001", council_number="SC-000001"), id="self-bill-credit"
    ),
    pytest.param(
        a_document(
            InvoiceKind.SELF_BILL,
            number="SB-000004",
            council_number="SB-000004",
            supplier=ASSISTANT,
            items=lines_of(NONE),
        ),
        id="statement",
    ),
]


def packed(name: str) -> Iterator[tuple[str, bytes]]:
    """The files of an archive of the shared data."""
    with tarfile.open(shared_file(f"specs/einvoicing/{name}")) as archive:
        for member in archive:
            if member.isfile():
                yield member.name.removeprefix("./"), archive.extractfile(member).read()  # type: ignore[union-attr]


@cache
def norm_rules() -> RuleSet:
    """EN 16931 for UBL."""
    return RuleSet(
        next(
            content
            for name, content in packed("en16931_ubl_examples_tests_schematron.tar.xz")
            if name.endswith("EN16931-UBL-validation-preprocessed.sch")
        )
    )


@cache
def peppol_rules() -> RuleSet:
    """Peppol BIS Billing 3 beside it."""
    return RuleSet(
        next(
            content
            for name, content in packed("peppol_bis_billing_3_rules_examples_tests.tar.xz")
            if name.endswith("PEPPOL-EN16931-UBL.sch")
        ),
        peppol_functions(),
    )


@pytest.fixture(scope="module")
def schemas(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The UBL schemas, unpacked, with those of self-billed documents made from their counterparts."""
    folder: Path = tmp_path_factory.mktemp("ubl")
    for name, content in packed("ubl_2.1_xsd_invoice_creditnote.tar.xz"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def schema_errors(folder: Path, content: bytes) -> list[str]:
    """What the schema of a document's type says."""
    root = etree.fromstring(content)
    name = etree.QName(root).localname
    plain = name.removeprefix("SelfBilled")
    path = next(folder.rglob(f"UBL-{plain}-2.1.xsd"))
    if plain != name:
        # The types share their components; the self-billed ones know no due day, buyer reference or credit note type.
        words = path.read_text().replace(f'"{plain}', f'"{name}').replace(f"xsd:{plain}-2", f"xsd:{name}-2")
        path = path.with_name(f"UBL-{name}-2.1.xsd")
        path.write_text(words)
        for unknown in ("DueDate", "BuyerReference", "CreditNoteTypeCode"):
            assert root.find(f"{CBC}{unknown}") is None
    schema = etree.XMLSchema(etree.parse(str(path)))
    schema.validate(root)
    return [str(error.message) for error in schema.error_log]


def fatal(found: list[Broken]) -> list[Broken]:
    return [one for one in found if one.flag == "fatal"]


@pytest.mark.shared
@pytest.mark.parametrize("document", EVERY_KIND)
def test_every_supplier_document_passes_the_norm_and_peppol(document: Document, schemas: Path) -> None:
    content = render_ubl(document)
    assert schema_errors(schemas, content) == []
    assert fatal(norm_rules().broken(content)) == []
    assert fatal(peppol_rules().broken(content)) == []


@pytest.mark.shared
@pytest.mark.parametrize("document", NOT_REGISTERED)
def test_a_document_of_an_unregistered_supplier_passes_the_norm_and_claims_no_peppol_address(
    document: Document, schemas: Path
) -> None:
    content = render_ubl(document)
    assert schema_errors(schemas, content) == []
    assert fatal(norm_rules().broken(content)) == []
    root = etree.fromstring(content)
    assert root.findtext(f"{CBC}CustomizationID") == "urn:cen.eu:en16931:2017"
    assert root.find(f"{CBC}ProfileID") is None
    endpoints = {
        name: root.find(f"{CAC}Accounting{name}Party/{CAC}Party/{CBC}EndpointID") for name in ("Supplier", "Customer")
    }
    assert {name: one.get("schemeID") for name, one in endpoints.items() if one is not None} == {
        "Customer": "9932",
        **({"Supplier": "EM"} if document.supplier.email else {}),
    }
    # Peppol's own set objects to what Peppol alone asks for, and to nothing else.
    assert {one.rule for one in fatal(peppol_rules().broken(content))} == {
        "PEPPOL-EN16931-R001",
        "PEPPOL-EN16931-R004",
        "PEPPOL-EN16931-R007",
        "PEPPOL-EN16931-CL008" if document.supplier.email else "PEPPOL-EN16931-R020",
    }


@pytest.mark.shared
@pytest.mark.parametrize("document", SELF_BILLED)
def test_self_billed_documents_keep_to_the_schema(document: Document, schemas: Path) -> None:
    assert schema_errors(schemas, render_ubl(document)) == []


@pytest.mark.shared
def test_the_rules_are_really_run() -> None:
    good = render_ubl(a_document())
    wrong = good.replace(b">330.00</cbc:PayableAmount>", b">330.01</cbc:PayableAmount>")
    assert [one.rule for one in norm_rules().broken(wrong)] == ["BR-CO-16"]
    without = good.replace(b"<cbc:BuyerReference>ADULT-SOCIAL-CARE</cbc:BuyerReference>", b"")
    assert "PEPPOL-EN16931-R003" in {one.rule for one in peppol_rules().broken(without)}
    as_self_bill = good.replace(b">380<", b">389<")
    assert "PEPPOL-EN16931-P0100" in {one.rule for one in peppol_rules().broken(as_self_bill)}
    assert norm_rules().count > 900
    assert peppol_rules().count > 150


@pytest.mark.parametrize("document", SELF_BILLED)
def test_a_self_bill_is_never_the_suppliers_own_invoice(document: Document) -> None:
    content = render_ubl(document)
    root = etree.fromstring(content)
    assert etree.QName(root).localname.startswith("SelfBilled")
    assert b">380<" not in content
    assert b">381<" not in content
    if not document.is_credit:
        assert root.findtext(f"{CBC}InvoiceTypeCode") == "389"
    assert (b"output tax due to HMRC" in content) == document.has_vat_wording


def test_without_registration_nothing_of_vat_is_said() -> None:
    content = render_ubl(a_document(supplier=ASSISTANT, items=lines_of(NONE)))
    root = etree.fromstring(content)
    assert root.find(f".//{CAC}PartyTaxScheme") is None
    assert root.find(f".//{CBC}Percent") is None
    assert root.findtext(f".//{CAC}TaxSubtotal/{CAC}TaxCategory/{CBC}ID") == "O"
    assert root.findtext(f".//{CAC}TaxCategory/{CBC}TaxExemptionReason") == "Not subject to VAT"


def test_exempt_says_why_and_names_the_vat_number() -> None:
    root = etree.fromstring(render_ubl(a_document(items=lines_of(EXEMPT))))
    assert root.findtext(f".//{CAC}AccountingSupplierParty//{CAC}PartyTaxScheme/{CBC}CompanyID") == "GB987654321"
    assert "welfare" in (root.findtext(f".//{CAC}TaxCategory/{CBC}TaxExemptionReason") or "")
    with pytest.raises(DocumentRefused, match="BR-E-02"):
        render_ubl(a_document(supplier=ASSISTANT, items=lines_of(EXEMPT)))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"items": ()}, "no lines"),
        ({"buyer_reference": ""}, "R003"),
        ({"items": (item(1, 100, 0, NONE, 0), item(2, 120, 20))}, "cannot stand beside"),
        ({"supplier": ASSISTANT}, "BR-S-02"),
        ({"items": (item(1, 100, 5, EXEMPT, 0),)}, "carries VAT"),
        ({"number": " \x00 "}, "ID is empty"),
    ],
)
def test_rows_that_make_no_document_are_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(DocumentRefused, match=words):
        render_ubl(a_document(**given))


@given(st.lists(st.tuples(st.integers(1, 99_999_999_999), st.booleans()), min_size=1, max_size=30))
def test_totals_are_the_sums_of_the_lines_to_the_penny(amounts: list[tuple[int, bool]]) -> None:
    items = tuple(
        item(1, gross, gross // 6, STANDARD, 2_000) if is_standard else item(1, gross, 0, EXEMPT, 0)
        for gross, is_standard in amounts
    )
    root = etree.fromstring(render_ubl(a_document(items=items)))
    total = root.find(f"{CAC}LegalMonetaryTotal")
    gross = sum(one.gross_pence for one in items)
    assert Decimal(total.findtext(f"{CBC}PayableAmount")) * 100 == gross
    net = sum(Decimal(line.findtext(f"{CBC}LineExtensionAmount")) for line in root.findall(f"{CAC}InvoiceLine"))
    vat = Decimal(root.findtext(f"{CAC}TaxTotal/{CBC}TaxAmount"))
    assert (net + vat) * 100 == gross
    parts = root.findall(f"{CAC}TaxTotal/{CAC}TaxSubtotal")
    assert sum(Decimal(part.findtext(f"{CBC}TaxAmount")) for part in parts) == vat
    assert sum(Decimal(part.findtext(f"{CBC}TaxableAmount")) for part in parts) == net


@pytest.mark.parametrize("document", [*EVERY_KIND, *SELF_BILLED])
async def test_the_same_rows_give_the_same_bytes(document: Document) -> None:
    again = msgspec.structs.replace(document)
    assert render_ubl(document) == render_ubl(again)
    assert document_csv(document) == document_csv(again)
    assert await document_pdf(document) == await document_pdf(again)


async def test_the_pdf_is_tagged_and_says_what_the_page_says() -> None:
    content = await document_pdf(a_document(InvoiceKind.SELF_BILL, number="SB-000003", council_number="SB-000003"))
    with pikepdf.open(io.BytesIO(content)) as pdf:
        assert pdf.Root.MarkInfo.Marked
        assert str(pdf.Root.Lang).startswith("en")
    words = squeezed(pdf_words(content))
    for part in ("Self-billed invoice SB-000003", "Friends & Neighbours <Planning>", "£330.00", "output tax due"):
        assert squeezed(part) in words


async def test_a_statement_for_somebody_not_registered_has_no_vat_words() -> None:
    content = await document_pdf(a_document(InvoiceKind.SELF_BILL, supplier=ASSISTANT, items=lines_of(NONE)))
    words = squeezed(pdf_words(content))
    assert squeezed("Payment statement") in words
    assert "VATnumber" not in words.split("To")[0]
    assert "outputtax" not in words


def test_the_csv_of_a_credit_note_takes_away() -> None:
    rows = document_csv(a_document(InvoiceKind.CREDIT_NOTE)).decode().splitlines()
    assert rows[1].endswith(",-75.00,S,20.00,-15.00,-90.00")
    assert len(rows) == 3


async def test_a_remittance_says_what_a_payment_is_for() -> None:
    a_bill = RemittanceItem(
        number="SB-000001", council_number="SB-000001", issued_on=date(2027, 3, 1), gross_pence=9_000
    )
    a_credit = RemittanceItem(
        number="SC-000001", council_number="SC-000001", issued_on=date(2027, 3, 2), gross_pence=-500
    )
    remittance = Remittance(
        number="PR-000004-2",
        reference="PR-000004",
        paid_on=date(2027, 3, 8),
        payer=COUNCIL,
        payee=ASSISTANT,
        account="**-**-15 ****0008",
        items=(a_bill, a_credit),
    )
    root = etree.fromstring(render_remittance(remittance))
    assert root.findtext(f"{CBC}TotalPaymentAmount") == "85.00"
    assert root.findtext(f"{CBC}TotalCreditAmount") == "5.00"
    assert len(root.findall(f"{CAC}RemittanceAdviceLine")) == 2
    assert remittance_csv(remittance).decode().splitlines()[2].endswith("-5.00")
    assert squeezed("£85.00 reaches your account") in squeezed(pdf_words(await remittance_pdf(remittance)))
