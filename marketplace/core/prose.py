"""Longer texts that people type: paragraphs, headings, lists. No markup language and no HTML.

A line that starts with "## " is a heading; lines that start with "- " are items of a list; everything else is
paragraphs, parted by empty lines.
"""

from collections.abc import Iterator
from typing import Literal, NamedTuple

BlockKind = Literal["heading", "list", "paragraph"]

HEADING = "## "
ITEM = "- "


class Block(NamedTuple):
    """One piece of a text. A heading has one line, a list its items, a paragraph its lines."""

    kind: BlockKind
    lines: tuple[str, ...]


def blocks(text: str) -> list[Block]:
    """Take a text apart. Any text is right: what is no heading and no item is a paragraph."""
    return list(_blocks(text.replace("\r\n", "\n").replace("\r", "\n").split("\n")))


def headings(text: str) -> list[str]:
    """Return the headings of a text in order."""
    return [block.lines[0] for block in blocks(text) if block.kind == "heading"]


def plain(block: Block) -> str:
    """Write a block as it was typed, without the blank lines around it."""
    before = {"heading": HEADING, "list": ITEM, "paragraph": ""}[block.kind]
    return "\n".join(f"{before}{line}" for line in block.lines)


def _blocks(lines: list[str]) -> Iterator[Block]:
    kind: BlockKind = "paragraph"
    held: list[str] = []
    for line in [*lines, ""]:
        stripped = line.strip()
        found: BlockKind = "paragraph"
        if stripped.startswith(HEADING) and stripped[len(HEADING) :].strip():
            found, stripped = "heading", stripped[len(HEADING) :].strip()
        elif stripped.startswith(ITEM) and stripped[len(ITEM) :].strip():
            found, stripped = "list", stripped[len(ITEM) :].strip()
        if held and (not stripped or found != kind):
            yield Block(kind, tuple(held))
            held = []
        if found == "heading":
            yield Block("heading", (stripped,))
        elif stripped:
            kind = found
            held.append(stripped)
