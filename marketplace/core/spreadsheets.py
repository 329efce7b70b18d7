"""Tables that people open in a spreadsheet: CSV as in RFC 4180, with no cell that could run as a formula.

`core.textfiles` is the other way round: it reads what others send.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

Cell = str | int | Decimal | None
"""A text, a figure or nothing. Figures stay figures, below nothing too; only a text can be mistaken for a formula."""

_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
_BLANKS: Final = " \u00a0"


def safe_cell(text: str) -> str:
    """Put an apostrophe before words that a spreadsheet would run as a formula, whatever blanks stand before them."""
    return f"'{text}" if text.lstrip(_BLANKS).startswith(_FORMULA_STARTS) else text


def csv_text(rows: Iterable[Sequence[Cell]]) -> str:
    """Write rows as CSV with CR LF; the first of a file is its heading."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerows([safe_cell(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)
    return out.getvalue()


def pounds_cell(pence: int) -> Decimal:
    """Write pence as pounds with two decimals that a spreadsheet can add up: 1234.50, -5.00."""
    return Decimal(pence).scaleb(-2)
