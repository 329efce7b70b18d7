"""A plan on paper: the person's face, Easy Read, the statutory summary and what was shared, as tagged PDF files.

All say what their pages say, because they are written from the same faces.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

import msgspec

from marketplace.core.typeset import typeset
from marketplace.plans.faces import OUTCOMES, Face, easy_parts
from marketplace.plans.pictures import WORDS, svg_file

_HEAD: Final = b"""
#let data = json(bytes(sys.inputs.data))
#set document(title: data.title, date: datetime(year: data.made.at(0), month: data.made.at(1), day: data.made.at(2)))
#set page(paper: "a4", margin: 2cm, numbering: "1 of 1")
#set text(lang: "en", region: "gb", ligatures: false, hyphenate: false)
#set par(justify: false)
#show heading: set block(above: 1.4em, below: 0.7em)
#let drawing(part, size) = image(bytes(part.drawing), format: "svg", width: size, alt: part.shows)
#let paragraphs(lines) = for line in lines [#par(line)]
"""

_PLAN: Final = (
    _HEAD
    + b"""
#set text(size: 13pt)
= #data.title
#paragraphs(data.about)
#for part in data.parts [
  #block(breakable: false, below: 0.4em)[
    #grid(columns: (1.4cm, 1fr), column-gutter: 0.4cm, align: horizon, drawing(part, 1.2cm), [== #part.title])
  ]
  #paragraphs(part.lines)
  #for item in part.outcomes [
    #block(breakable: false, inset: 8pt, stroke: 0.5pt + luma(140), width: 100%)[
      #grid(columns: (1.2cm, 1fr), column-gutter: 0.4cm, drawing(item, 1cm), [
        === #item.title
        #paragraphs(item.lines)
      ])
    ]
  ]
  #paragraphs(part.after)
]
#paragraphs(data.after)
"""
)

_EASY: Final = (
    _HEAD
    + b"""
#set text(size: 17pt)
#set par(leading: 0.9em, spacing: 1em)
= #data.title
#paragraphs(data.about)
#for part in data.parts [
  == #part.title
  #grid(columns: (3cm, 1fr), column-gutter: 0.7cm, drawing(part, 2.6cm), paragraphs(part.lines))
]
#if data.words.len() > 0 [
  == Hard words
  #for word in data.words [#par[#strong(word.at(0)): #word.at(1)]]
]
"""
)

_SUMMARY: Final = (
    _HEAD
    + b"""
#set text(size: 10.5pt)
#let sheet(part) = table(
  columns: part.heads.enumerate().map(((at, head)) => if at == part.wide { 1fr } else { auto }),
  align: left,
  stroke: (x, y) => (bottom: 0.5pt + luma(160)),
  inset: (x: 4pt, y: 5pt),
  table.header(..part.heads.map(strong)),
  ..part.rows.flatten(),
)
= #data.title
#paragraphs(data.about)
#for part in data.parts [
  == #part.title
  #paragraphs(part.lines)
  #if part.rows.len() > 0 [#sheet(part)]
]
"""
)


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the statutory summary: text, and a table where there is one."""

    key: str
    """Its place on the page, for links."""
    title: str
    lines: tuple[str, ...] = ()
    heads: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    wide: int = 0
    """The column that takes the room that is left."""


async def face_pdf(face: Face, title: str, about: Sequence[str], after: Sequence[str], made_on: date) -> bytes:
    """Write a face as a PDF with pictures.

    Args:
        face: What it says.
        title: Heading of the file.
        about: Lines under the heading: whose plan, of which day.
        after: Lines at the end.
        made_on: The document's own day.
    """
    parts = [
        {
            **_drawn(part.picture),
            "title": part.title,
            "lines": _paragraphs(part.words),
            "outcomes": [
                {
                    **_drawn(item.picture),
                    "title": f"{item.number}. {item.outcome}",
                    "lines": [line for line in (*_paragraphs(item.what), f"Who helps: {item.who}", item.money) if line],
                }
                for item in (face.outcomes if part.key == OUTCOMES else ())
            ],
            "after": _after(face, part.key),
        }
        for part in face.parts
    ]
    given = {"title": title, "about": list(about), "parts": parts, "after": list(after)}
    return await typeset(_PLAN, given, made_on)


async def easy_pdf(
    face: Face, title: str, about: Sequence[str], words: Sequence[tuple[str, str]], made_on: date
) -> bytes:
    """Write a face as Easy Read: large letters, a picture beside few lines, hard words explained at the end."""
    parts = [
        {**_drawn(part.picture), "title": part.title, "lines": list(part.lines)}
        for part in easy_parts(face)
        if part.lines
    ]
    given = {"title": title, "about": list(about), "parts": parts, "words": [list(word) for word in words]}
    return await typeset(_EASY, given, made_on)


async def summary_pdf(title: str, about: Sequence[str], sheets: Sequence[Sheet], made_on: date) -> bytes:
    """Write a statutory summary."""
    parts = [
        {
            "title": sheet.title,
            "lines": list(sheet.lines),
            "heads": list(sheet.heads),
            "rows": [list(row) for row in sheet.rows],
            "wide": sheet.wide,
        }
        for sheet in sheets
    ]
    return await typeset(_SUMMARY, {"title": title, "about": list(about), "parts": parts}, made_on)


def _drawn(picture: str) -> dict[str, Any]:
    return {"drawing": svg_file(picture), "shows": WORDS[picture]}


def _paragraphs(words: str) -> list[str]:
    return [line.strip() for line in words.splitlines() if line.strip()]


def _after(face: Face, key: str) -> list[str]:
    if key == OUTCOMES and face.costs:
        return [face.costs]
    if key == "money" and face.why_over:
        return ["Why the plan costs more than the budget:", *_paragraphs(face.why_over)]
    return []
