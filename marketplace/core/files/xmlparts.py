"""XML inside documents: UTF-8, well formed, without a document type, read element by element without a tree."""

import re
from collections.abc import Callable
from typing import Final
from xml.parsers import expat

from marketplace.core.files.kinds import FileRefused, damaged, too_complex

WHAT: Final = "document"
_DEEPEST: Final = 500
_ENCODING: Final = re.compile(rb"""^\s*<\?xml[^>]*?encoding\s*=\s*["']([^"']*)["']""")

OnElement = Callable[[str, dict[str, str]], None]
"""Called with an element's name and its attributes, each as "namespace local" (or "local" without a namespace)."""
OnText = Callable[[str, str], None]
"""Called with the name of the element around, and a piece of its text."""


def read_xml(part: bytes, on_element: OnElement | None = None, on_text: OnText | None = None) -> None:
    """Read a part from start to end.

    Raises:
        FileRefused: Not UTF-8, not well formed, nested too deeply, or with a document type or entities.
    """
    declared = _ENCODING.match(part.removeprefix(b"\xef\xbb\xbf")[:300])
    if declared and declared.group(1).lower() not in (b"utf-8", b"us-ascii"):
        raise damaged(WHAT)
    try:
        part.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise damaged(WHAT) from None
    open_elements: list[str] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        open_elements.append(name)
        if len(open_elements) > _DEEPEST:
            raise too_complex(WHAT)
        if on_element is not None:
            on_element(name, attributes)

    def end(_: str) -> None:
        open_elements.pop()

    def text(piece: str) -> None:
        if on_text is not None and open_elements:
            on_text(open_elements[-1], piece)

    def refuse(*_: object) -> int:
        raise FileRefused("entities", "The document is not built as Word or LibreOffice do it. Save it as PDF")

    parser = expat.ParserCreate(encoding="utf-8", namespace_separator=" ")
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, text
    parser.StartDoctypeDeclHandler, parser.EntityDeclHandler = refuse, refuse
    parser.ExternalEntityRefHandler, parser.UnparsedEntityDeclHandler = refuse, refuse
    try:
        parser.Parse(part, True)
    except expat.ExpatError as error:
        raise damaged(WHAT) from error


def local_name(name: str) -> str:
    """Return a name without its namespace."""
    return name.rpartition(" ")[2]


IsCut = Callable[[str, dict[str, str]], bool]


def without_elements(part: bytes, is_cut: IsCut) -> bytes:
    """Return a part without some elements and what stands in them; every other byte stays.

    Writing XML anew would lose the prefixes that Word's own attributes count on.
    """
    part = part.removeprefix(b"\xef\xbb\xbf")
    parser = expat.ParserCreate(encoding="utf-8", namespace_separator=" ")
    cuts: list[list[int]] = []
    depth = cut_depth = 0
    is_open = False

    def close() -> None:
        # An element ends where whatever follows it begins.
        nonlocal is_open
        if is_open and cut_depth == 0:
            cuts[-1].append(parser.CurrentByteIndex)
            is_open = False

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth, cut_depth, is_open
        close()
        depth += 1
        if cut_depth == 0 and depth > 1 and is_cut(name, attributes):
            cuts.append([parser.CurrentByteIndex])
            cut_depth, is_open = depth, True

    def end(_: str) -> None:
        nonlocal depth, cut_depth
        close()
        if depth == cut_depth:
            cut_depth = 0
        depth -= 1

    def other(_: str) -> None:
        close()

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler, parser.DefaultHandler = other, other
    parser.Parse(part, True)
    kept, at = [], 0
    for begins, ends in cuts:
        kept.append(part[at:begins])
        at = ends
    kept.append(part[at:])
    return b"".join(kept)
