"""A statement as a PDF that screen readers can read (PDF/UA-1): tagged headings and tables, fonts inside.

Words reach the compiler as data, never as its language, so nothing typed can run in it.
"""

import asyncio
import json
from datetime import date
from typing import Any, Final

import typst

from marketplace.core.formats import pounds, uk_date
from marketplace.payments.service.direct_payments import Statement, StatementLine

_PAGE: Final = b"""
#let data = json(bytes(sys.inputs.data))
#set document(title: data.title)
#set page(paper: "a4", margin: 2cm, numbering: "1")
#set text(lang: "en", region: "gb", size: 11pt, ligatures: false, hyphenate: false)
#let statement(rows, heads) = table(
  columns: (auto, 1fr, auto, auto),
  align: (left, left, right, right),
  stroke: (x, y) => (bottom: 0.5pt + luma(180)),
  table.header(..heads.map(strong)),
  ..rows.flatten(),
)
= #data.title
#for line in data.about [#par(line)]
#for part in data.parts [
  == #part.title
  #statement(part.rows, part.heads)
]
"""


def statement_parts(statement: Statement) -> list[dict[str, Any]]:
    """Return the tables of a statement as they are written, cell by cell: the page and the PDF hold the same."""
    month = uk_date(statement.month)
    parts = [
        {
            "title": f"Statement for {statement.name}",
            "heads": ["Date", "What", "In or out", "Balance"],
            "rows": [
                [month, "At the start", "", pounds(statement.opening_pence)],
                *_rows(statement.lines),
                ["At the end", "", "", pounds(statement.closing_pence)],
            ],
        }
    ]
    if statement.has_owed:
        parts.append(
            {
                "title": "Visits you pay yourself",
                "heads": ["Date", "What", "Approved or paid", "Still to pay"],
                "rows": [
                    [month, "At the start", "", pounds(statement.owed_opening_pence)],
                    *_rows(statement.owed_lines),
                    ["At the end", "", "", pounds(statement.owed_closing_pence)],
                ],
            }
        )
    return parts


async def statement_pdf(statement: Statement, *, person: str, reference: str, council: str, made_on: date) -> bytes:
    """Write a statement as a PDF. Some 50 ms of work, done beside the event loop."""
    given = {
        "title": f"Direct payment: {statement.name}",
        "about": [f"{person}, reference {reference}", f"{council}. Written on {uk_date(made_on)}."],
        "parts": statement_parts(statement),
    }
    return await asyncio.to_thread(_compile, json.dumps(given))


def _compile(given: str) -> bytes:
    options: dict[str, Any] = {"format": "pdf", "sys_inputs": {"data": given}, "ignore_system_fonts": True}
    try:
        found = typst.compile(_PAGE, pdf_standards=["ua-1"], **options)
    except typst.TypstError:
        # A name in letters that the fonts lack: the standard refuses it. A tagged file with a box is better than none.
        found = typst.compile(_PAGE, **options)
    return bytes(found)


def _rows(lines: list[StatementLine]) -> list[list[str]]:
    return [[uk_date(line.on), line.words, pounds(line.change_pence), pounds(line.balance_pence)] for line in lines]
