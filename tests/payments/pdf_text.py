"""Reads the words of a PDF the way a screen reader gets them: codes through each font's table of letters."""

import io
import re
from typing import Any

import pikepdf


def pdf_words(content: bytes) -> str:
    """Return the words of all pages, in the order they are drawn, one space between pieces."""
    pieces = []
    with pikepdf.open(io.BytesIO(content)) as pdf:
        for page in pdf.pages:
            fonts = {name: _letters(font) for name, font in page.Resources.Font.items()}
            letters: dict[int, str] = {}
            for operands, operator in pikepdf.parse_content_stream(page):
                name = str(operator)
                if name == "Tf":
                    letters = fonts[str(operands[0])]
                elif name in ("Tj", "TJ"):
                    items = operands[0] if name == "TJ" else [operands[0]]
                    pieces.append("".join(_decode(item, letters) for item in items if isinstance(item, pikepdf.String)))
    return " ".join(pieces)


def squeezed(text: str) -> str:
    """Return a text without blanks: how a line was broken says nothing."""
    return re.sub(r"\s+", "", text)


def _decode(item: Any, letters: dict[int, str]) -> str:
    codes = bytes(item)
    return "".join(letters.get(int.from_bytes(codes[at : at + 2], "big"), "?") for at in range(0, len(codes), 2))


def _letters(font: Any) -> dict[int, str]:
    table = font.ToUnicode.read_bytes().decode("latin-1")
    found: dict[int, str] = {}
    for block in re.findall(r"beginbfchar(.*?)endbfchar", table, re.S):
        for code, text in re.findall(r"<([0-9a-fA-F]+)>\s*<([0-9a-fA-F]+)>", block):
            found[int(code, 16)] = bytes.fromhex(text).decode("utf-16-be")
    for block in re.findall(r"beginbfrange(.*?)endbfrange", table, re.S):
        for first, last, text in re.findall(r"<([0-9a-fA-F]+)>\s*<([0-9a-fA-F]+)>\s*<([0-9a-fA-F]+)>", block):
            start = int.from_bytes(bytes.fromhex(text), "big")
            for step in range(int(last, 16) - int(first, 16) + 1):
                found[int(first, 16) + step] = chr(start + step)
    return found
