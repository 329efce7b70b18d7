"""PDF that screen readers can read (PDF/UA-1): tagged headings and tables, fonts inside.

Words reach the compiler as data (`json(bytes(sys.inputs.data))`), never as its language, so nothing typed can run in
it. The same data and day give the same bytes.
"""

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Any

import typst


async def typeset(page: bytes, given: Mapping[str, Any], made_on: date) -> bytes:
    """Write a document. Some 50 ms of work, done beside the event loop.

    Args:
        page: The layout, in Typst; our own constant, never anything typed.
        given: What it says: texts, numbers and lists. `made` is added: year, month, day.
        made_on: The document's own day, which is the day in the file.
    """
    return await asyncio.to_thread(_compile, page, dict(given), made_on)


def _compile(page: bytes, given: dict[str, Any], made_on: date) -> bytes:
    # The document's own day is the day in the file, so that the same rows give the same bytes.
    data = json.dumps({**given, "made": [made_on.year, made_on.month, made_on.day]})
    options: dict[str, Any] = {
        "format": "pdf",
        "sys_inputs": {"data": data},
        "ignore_system_fonts": True,
        "timestamp": int(datetime.combine(made_on, time(), UTC).timestamp()),
    }
    try:
        found = typst.compile(page, pdf_standards=["ua-1"], **options)
    except typst.TypstError:
        # A name in letters that the fonts lack: the standard refuses it. A tagged file with a box is better than none.
        found = typst.compile(page, **options)
    return bytes(found)
