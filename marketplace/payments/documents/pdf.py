"""Documents as PDF that screen readers can read (PDF/UA-1): tagged headings and tables, fonts inside."""

from typing import Any, Final

from marketplace.core.formats import pounds, uk_date
from marketplace.core.typeset import typeset
from marketplace.payments.documents.content import CODES, Document, Party, Remittance

_PAGE: Final = b"""
#let data = json(bytes(sys.inputs.data))
#set document(title: data.title, date: datetime(year: data.made.at(0), month: data.made.at(1), day: data.made.at(2)))
#set page(paper: "a4", margin: 2cm, numbering: "1 of 1")
#set text(lang: "en", region: "gb", size: 10.5pt, ligatures: false, hyphenate: false)
#show heading: set block(above: 1.2em, below: 0.6em)
#let sheet(part) = table(
  columns: part.heads.enumerate().map(((at, head)) => if at == part.wide { 1fr } else { auto }),
  align: (x, y) => if x >= part.figures { right } else { left },
  stroke: (x, y) => (bottom: 0.5pt + luma(160)),
  inset: (x: 4pt, y: 5pt),
  table.header(..part.heads.map(strong)),
  ..part.rows.flatten(),
)
= #data.title
#for line in data.about [#par(line)]
#for side in data.sides [
  == #side.title
  #for line in side.lines [#line #linebreak()]
]
#for part in data.parts [
  == #part.title
  #sheet(part)
]
#for line in data.after [#par(line)]
"""


async def document_pdf(document: Document) -> bytes:
    """Write a bill or credit note as a PDF. Some 50 ms of work, done beside the event loop."""
    heads = ["Line", "What", "Day", "Net", "VAT", "Amount"]
    rows = [
        [
            str(item.position),
            item.words,
            uk_date(item.on) if item.on else "",
            pounds(item.net_pence),
            pounds(item.vat_pence),
            pounds(item.gross_pence),
        ]
        for item in document.items
    ]
    about = [
        f"Number {document.number}",
        f"Issued on {uk_date(document.issued_on)}"
        + ("" if document.is_credit else f", to be paid by {uk_date(document.due_on)}"),
        f"For {uk_date(document.first_on)} to {uk_date(document.last_on)}",
        f"Buyer's reference: {document.buyer_reference}",
    ]
    if document.council_number != document.number:
        about.append(f"The council's number: {document.council_number}")
    if document.credits:
        about.append(f"Takes back {document.credits}")
    if document.note:
        about.append(document.note)
    parts = [{"title": "Lines", "heads": heads, "wide": 1, "figures": 3, "rows": rows}]
    after = [f"Total: {pounds(document.gross_pence)}"]
    if document.has_vat_wording:
        parts.append(
            {
                "title": "VAT",
                "heads": ["Category", "Rate", "Why", "Net", "VAT"],
                "wide": 2,
                "figures": 3,
                "rows": [
                    [
                        CODES[part.category],
                        f"{part.rate / 100:g}%",
                        part.reason,
                        pounds(part.net_pence),
                        pounds(part.vat_pence),
                    ]
                    for part in document.vat_parts()
                ],
            }
        )
        if document.is_self_billed:
            after.append("Self-billing. The VAT shown is your output tax due to HMRC.")
    else:
        parts[0]["heads"] = [head for head in heads if head not in ("Net", "VAT")]
        parts[0]["rows"] = [[*row[:3], row[5]] for row in rows]
    given = {
        "title": f"{document.title} {document.number}",
        "about": about,
        "sides": [_side("From", document.supplier), _side("To", document.buyer)],
        "parts": parts,
        "after": after,
    }
    return await typeset(_PAGE, given, document.issued_on)


async def remittance_pdf(remittance: Remittance) -> bytes:
    """Write what a payment is for as a PDF."""
    given = {
        "title": f"Remittance advice {remittance.number}",
        "about": [
            f"{pounds(remittance.total_pence)} reaches your account {remittance.account} on "
            f"{uk_date(remittance.paid_on)}.",
            f"Your bank statement shows the reference {remittance.reference}.",
        ],
        "sides": [_side("From", remittance.payer), _side("To", remittance.payee)],
        "parts": [
            {
                "title": "What it is for",
                "heads": ["Bill", "The council's number", "Issued", "Paid now"],
                "wide": 0,
                "figures": 3,
                "rows": [
                    [item.number, item.council_number, uk_date(item.issued_on), pounds(item.gross_pence)]
                    for item in remittance.items
                ],
            }
        ],
        "after": [f"Total: {pounds(remittance.total_pence)}"],
    }
    return await typeset(_PAGE, given, remittance.paid_on)


def _side(title: str, party: Party) -> dict[str, Any]:
    lines = [party.name, party.address_line, " ".join(part for part in (party.town, party.postcode) if part)]
    if party.company_number:
        lines.append(f"Company number {party.company_number}")
    if party.charity_number:
        lines.append(f"Charity number {party.charity_number}")
    if party.vat_number:
        lines.append(f"VAT number {party.vat_number}")
    return {"title": title, "lines": [line for line in lines if line.strip()]}
