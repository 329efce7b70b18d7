"""Documents as UBL 2.1: Peppol BIS Billing 3 for suppliers' documents, self-billed document types for the council's.

A self-bill is never a type 380 invoice of the supplier: British self-billing has no place in Peppol profile 01
(domain.md 4.6), so it is written as UBL SelfBilledInvoice (type 389) or SelfBilledCreditNote.
"""

from decimal import Decimal
from typing import Final

from lxml import etree

from marketplace.payments.documents.content import (
    CODES,
    EXEMPT,
    NOT_SUBJECT,
    Document,
    DocumentRefused,
    Item,
    Party,
    Remittance,
    VatPart,
)

_CAC: Final = "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"
_CBC: Final = "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2"
_ROOT: Final = "urn:oasis:names:specification:ubl:schema:xsd:{}-2"
CUSTOMIZATION: Final = "urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0"
PROFILE: Final = "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0"
NORM: Final = "urn:cen.eu:en16931:2017"
"""EN 16931 alone, of which Peppol BIS Billing 3 is a narrower use."""
_UK_VAT: Final = "9932"
"""Electronic address scheme: United Kingdom VAT number."""
_MAIL: Final = "EM"
"""Electronic address scheme: e-mail. The norm's code list has it, Peppol's has not."""


def render_ubl(document: Document) -> bytes:
    """Write an invoice or credit note as UBL 2.1.

    Returns:
        UTF-8 bytes with an XML declaration: Invoice or CreditNote for what suppliers make out, in Peppol BIS Billing 3
        where both sides have an address there and else in EN 16931 alone; SelfBilledInvoice or SelfBilledCreditNote
        for what the council makes out.

    Raises:
        DocumentRefused: The rows would break a rule of EN 16931.

    Source: Peppol BIS Billing 3.0.19, EN 16931-1, UBL 2.1; domain.md 4.5 and 4.6.
    """
    parts = _checked(document)
    name = ("SelfBilled" if document.is_self_billed else "") + ("CreditNote" if document.is_credit else "Invoice")
    root = etree.Element(f"{{{_ROOT.format(name)}}}{name}", nsmap={None: _ROOT.format(name), "cac": _CAC, "cbc": _CBC})
    if document.is_self_billed:
        _text(root, "UBLVersionID", "2.1")
    elif is_for_peppol(document):
        _text(root, "CustomizationID", CUSTOMIZATION)
        _text(root, "ProfileID", PROFILE)
    else:
        _text(root, "CustomizationID", NORM)
    _text(root, "ID", document.number)
    _text(root, "IssueDate", document.issued_on.isoformat())
    if not document.is_credit and not document.is_self_billed:
        _text(root, "DueDate", document.due_on.isoformat())
    if not document.is_credit:
        _text(root, "InvoiceTypeCode", "389" if document.is_self_billed else "380")
    elif not document.is_self_billed:
        _text(root, "CreditNoteTypeCode", "381")
    if note := _note(document):
        _text(root, "Note", note)
    _text(root, "DocumentCurrencyCode", "GBP")
    if not document.is_self_billed:
        _text(root, "BuyerReference", document.buyer_reference)
    period = _group(root, "InvoicePeriod")
    _text(period, "StartDate", document.first_on.isoformat())
    _text(period, "EndDate", document.last_on.isoformat())
    if document.is_self_billed:
        _text(_group(root, "OrderReference"), "ID", document.buyer_reference)
    if document.credits:
        reference = _group(_group(root, "BillingReference"), "InvoiceDocumentReference")
        _text(reference, "ID", document.credits)
        if document.credits_on:
            _text(reference, "IssueDate", document.credits_on.isoformat())
    is_outside = all(item.category in NOT_SUBJECT for item in document.items)
    _party(_group(root, "AccountingSupplierParty"), document.supplier, has_vat=not is_outside)
    _party(_group(root, "AccountingCustomerParty"), document.buyer, has_vat=not is_outside)
    if not (document.is_self_billed and document.is_credit):
        _text(_group(root, "PaymentTerms"), "Note", _terms(document))
    _taxes(root, parts, document.vat_pence)
    total = _group(root, "LegalMonetaryTotal")
    _amount(total, "LineExtensionAmount", document.net_pence)
    _amount(total, "TaxExclusiveAmount", document.net_pence)
    _amount(total, "TaxInclusiveAmount", document.gross_pence)
    _amount(total, "PayableAmount", document.gross_pence)
    for item in document.items:
        _line(root, item, is_credit=document.is_credit)
    return _bytes(root)


def is_for_peppol(document: Document) -> bool:
    """Whether a supplier's document may claim Peppol BIS Billing 3: both sides need an address there (R010, R020).

    Ours are VAT numbers. A supplier without one has no address on that network, and none is made up.
    """
    return not document.is_self_billed and bool(document.supplier.vat_number and document.buyer.vat_number)


def render_remittance(remittance: Remittance) -> bytes:
    """Write what a payment is for as UBL 2.1 RemittanceAdvice."""
    root = etree.Element(
        f"{{{_ROOT.format('RemittanceAdvice')}}}RemittanceAdvice",
        nsmap={None: _ROOT.format("RemittanceAdvice"), "cac": _CAC, "cbc": _CBC},
    )
    _text(root, "UBLVersionID", "2.1")
    _text(root, "ID", remittance.number)
    _text(root, "IssueDate", remittance.paid_on.isoformat())
    _text(root, "Note", f"Paid to {remittance.account} with the reference {remittance.reference}")
    _text(root, "DocumentCurrencyCode", "GBP")
    _amount(root, "TotalDebitAmount", sum(item.gross_pence for item in remittance.items if item.gross_pence > 0))
    _amount(root, "TotalCreditAmount", -sum(item.gross_pence for item in remittance.items if item.gross_pence < 0))
    _amount(root, "TotalPaymentAmount", remittance.total_pence)
    _text(root, "LineCountNumeric", str(len(remittance.items)))
    _party(_group(root, "AccountingCustomerParty"), remittance.payer, has_vat=True)
    _party(_group(root, "AccountingSupplierParty"), remittance.payee, has_vat=True)
    for position, item in enumerate(remittance.items, start=1):
        line = _group(root, "RemittanceAdviceLine")
        _text(line, "ID", str(position))
        _amount(line, "CreditLineAmount" if item.gross_pence < 0 else "DebitLineAmount", abs(item.gross_pence))
        kind = "CreditNoteDocumentReference" if item.gross_pence < 0 else "InvoiceDocumentReference"
        reference = _group(_group(line, "BillingReference"), kind)
        _text(reference, "ID", item.number)
        _text(reference, "IssueDate", item.issued_on.isoformat())
    return _bytes(root)


def _checked(document: Document) -> list[VatPart]:
    problems = []
    parts = document.vat_parts()
    if not document.items:
        problems.append("It has no lines.")
    if not document.buyer_reference:
        problems.append("It has no buyer reference (Peppol R003).")
    if any(part.category in EXEMPT for part in parts) and not document.supplier.vat_number:
        problems.append("Exempt lines need the supplier's VAT number (EN 16931 BR-E-02).")
    if any(CODES[part.category] in ("S", "Z") for part in parts) and not document.supplier.vat_number:
        problems.append("Lines with VAT need the supplier's VAT number (EN 16931 BR-S-02).")
    if any(item.vat_pence and CODES[item.category] != "S" for item in document.items):
        problems.append("A line without VAT carries VAT.")
    if problems:
        raise DocumentRefused(f"{document.number}: {' '.join(problems)}")
    return parts


def _note(document: Document) -> str:
    words = []
    if document.is_self_billed and document.has_vat_wording:
        words.append("Self-billing. The VAT shown is your output tax due to HMRC.")
    if document.council_number != document.number:
        words.append(f"Received as {document.council_number}.")
    if document.note:
        words.append(document.note)
    return " ".join(words)


def _terms(document: Document) -> str:
    if document.is_credit:
        return "Set off against the next payment"
    return f"Due on {document.due_on.isoformat()}"


def _party(parent: etree._Element, party: Party, *, has_vat: bool) -> None:
    node = _group(parent, "Party")
    vat = _vat_id(party.vat_number)
    # An address says where the document goes, nothing about VAT: it may stand where the number as such may not (O).
    if vat:
        _text(node, "EndpointID", vat, schemeID=_UK_VAT)
    elif party.email.strip():
        _text(node, "EndpointID", party.email, schemeID=_MAIL)
    _text(_group(node, "PartyIdentification"), "ID", party.id)
    _text(_group(node, "PartyName"), "Name", party.name)
    postal = _group(node, "PostalAddress")
    for name, value in (("StreetName", party.address_line), ("CityName", party.town), ("PostalZone", party.postcode)):
        if value.strip():
            _text(postal, name, value)
    _text(_group(postal, "Country"), "IdentificationCode", "GB")
    if vat and has_vat:
        scheme_node = _group(node, "PartyTaxScheme")
        _text(scheme_node, "CompanyID", vat)
        _text(_group(scheme_node, "TaxScheme"), "ID", "VAT")
    legal = _group(node, "PartyLegalEntity")
    _text(legal, "RegistrationName", party.name)
    if party.legal_id.strip():
        _text(legal, "CompanyID", party.legal_id)
    if party.email.strip():
        _text(_group(node, "Contact"), "ElectronicMail", party.email)


def _vat_id(number: str) -> str:
    plain = "".join(sign for sign in number.upper() if sign.isalnum())
    return plain if not plain or plain[:2].isalpha() else f"GB{plain}"


def _taxes(root: etree._Element, parts: list[VatPart], vat_pence: int) -> None:
    total = _group(root, "TaxTotal")
    _amount(total, "TaxAmount", vat_pence)
    for part in parts:
        node = _group(total, "TaxSubtotal")
        _amount(node, "TaxableAmount", part.net_pence)
        _amount(node, "TaxAmount", part.vat_pence)
        _category(_group(node, "TaxCategory"), CODES[part.category], part.rate, part.reason)


def _category(node: etree._Element, code: str, rate: int, reason: str) -> None:
    _text(node, "ID", code)
    if code != "O":
        _text(node, "Percent", f"{Decimal(rate).scaleb(-2):f}")
    if reason and code in ("E", "O"):
        _text(node, "TaxExemptionReason", reason)
    _text(_group(node, "TaxScheme"), "ID", "VAT")


def _line(root: etree._Element, item: Item, *, is_credit: bool) -> None:
    line = _group(root, "CreditNoteLine" if is_credit else "InvoiceLine")
    _text(line, "ID", str(item.position))
    _text(line, "CreditedQuantity" if is_credit else "InvoicedQuantity", "1", unitCode="C62")
    _amount(line, "LineExtensionAmount", item.net_pence)
    if item.on:
        period = _group(line, "InvoicePeriod")
        _text(period, "StartDate", item.on.isoformat())
        _text(period, "EndDate", item.on.isoformat())
    product = _group(line, "Item")
    _text(product, "Name", item.words[:200])
    _category(_group(product, "ClassifiedTaxCategory"), CODES[item.category], item.rate, "")
    _amount(_group(line, "Price"), "PriceAmount", item.net_pence)


def _group(parent: etree._Element, name: str) -> etree._Element:
    return etree.SubElement(parent, f"{{{_CAC}}}{name}")


def _text(parent: etree._Element, name: str, value: str, **attributes: str) -> None:
    # Control characters have no place in XML; a line break or a blank of another kind parts words as a blank does.
    clean = " ".join("".join(sign for sign in value if sign.isprintable() or sign.isspace()).split())
    if not clean:
        raise DocumentRefused(f"{name} is empty.")
    etree.SubElement(parent, f"{{{_CBC}}}{name}", attributes).text = clean


def _amount(parent: etree._Element, name: str, pence: int) -> None:
    _text(parent, name, f"{Decimal(pence).scaleb(-2):f}", currencyID="GBP")


def _bytes(root: etree._Element) -> bytes:
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True))
