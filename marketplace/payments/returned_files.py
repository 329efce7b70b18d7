"""Files in which a bank lists payments that came back: any table with the usual columns."""

import io
import re
from datetime import date, datetime
from typing import Final

import msgspec

from marketplace.core.errors import InvalidInput
from marketplace.core.money import parse_pounds
from marketplace.core.textfiles import BadRow, Table, TextFile, UnreadableFile

RETURN_CODES: Final[dict[str, str]] = {
    "0": "Details not valid",
    "2": "Payee has died",
    "3": "Account moved to another bank",
    "5": "No such account",
    "B": "Account closed",
    "C": "The sender asked for it back",
    "X": "Another reason",
}
"""Why banks send credits back; X is ours, for what a bank words in its own way.

Source: the reason codes of the return service for unapplied credits (ARUCS) as two bureaux publish them, NatWest's
help.pt-x.com and the Access PaySuite help pages; the scheme's own guide is not public.
"""

MOST_ROWS: Final = 5_000
MOST_PROBLEMS: Final = 50

_COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "returned_on": ("date", "returned on", "date returned", "return date", "processing date", "value date"),
    "amount": ("amount", "value", "amount (gbp)", "value of item"),
    "reference": ("reference", "ref", "payment reference", "our reference"),
    "account": ("account", "account number", "destination account", "receiver account", "payee account"),
    "code": ("code", "return code", "reason code", "reason"),
}
_DATES: Final = ("%Y-%m-%d", "%d/%m/%Y", "%d-%m-%Y", "%d/%m/%y", "%d %b %Y", "%d %B %Y")


class ReturnedRow(msgspec.Struct, frozen=True):
    """One payment that came back, as a file or a form gives it."""

    returned_on: date
    amount_pence: int
    reference: str
    """What the payment carried; may be empty."""
    account_ends: str
    """The last four figures of the account it went to; may be empty."""
    code: str
    note: str = ""


class ReturnedFile(msgspec.Struct, frozen=True):
    """What could be read of a file, and what could not."""

    rows: list[ReturnedRow]
    problems: list[str]
    """Sentences by line of the file, the first 50: no names, no accounts."""


def read_returned(content: bytes, today: date) -> ReturnedFile:
    """Read a bank's list of payments that came back.

    Args:
        content: The file: CSV, or with tabs or semicolons, UTF-8 or cp1252, perhaps with a title above the heading.
        today: No row may be of a later day.

    Raises:
        InvalidInput: On the field `file`: not a table, no heading we know, or too long a one.
    """
    try:
        return _read(content, today)
    except UnreadableFile as error:
        raise InvalidInput({"file": str(error)}) from error


def _read(content: bytes, today: date) -> ReturnedFile:
    table = Table(TextFile(io.BytesIO(content)))
    places: dict[str, int] | None = None
    for heading in table.heading_candidates():
        places = _places(heading)
        if places is not None:
            table.start(heading)
            break
    if places is None:
        raise InvalidInput(
            {"file": "The file needs a heading with the columns Date, Amount, Reference, Account number and Code"}
        )
    rows: list[ReturnedRow] = []
    problems: list[str] = []
    for row in table:
        if len(rows) + len(problems) >= MOST_ROWS:
            raise InvalidInput({"file": f"The file has more than {MOST_ROWS:,} rows. Cut it into several"})
        if isinstance(row, BadRow):
            problems.append(f"Line {row.line}: the row is damaged")
            continue
        found = _row({name: row.cells[place].strip() for name, place in places.items()}, today)
        if isinstance(found, str):
            problems.append(f"Line {row.line}: {found}")
        else:
            rows.append(found)
    if not rows and not problems:
        raise InvalidInput({"file": "The file has no rows below its heading"})
    return ReturnedFile(rows, problems[:MOST_PROBLEMS])


def _places(heading: list[str]) -> dict[str, int] | None:
    """Find our columns in a heading; None where the amount, the day or what tells payments apart is missing."""
    words = [re.sub(r"\s+", " ", cell).casefold() for cell in heading]
    found = {
        name: next(place for place, word in enumerate(words) if word in known)
        for name, known in _COLUMNS.items()
        if any(word in known for word in words)
    }
    has_mark = "reference" in found or "account" in found
    return found if has_mark and {"returned_on", "amount"} <= set(found) else None


def _row(cells: dict[str, str], today: date) -> ReturnedRow | str:
    """Read one row; a sentence where something in it is wrong."""
    day = _day(cells["returned_on"])
    if day is None or day > today:
        return "the date is not a day up to today"
    pence = parse_pounds(cells["amount"])
    if pence is None or pence <= 0:
        return "the amount is not an amount above nothing"
    figures = re.sub(r"\D", "", cells.get("account", ""))
    reference = cells.get("reference", "")
    if not reference and len(figures) < 4:
        return "there is neither a reference nor an account number"
    code = cells.get("code", "").upper()
    note = "" if code in RETURN_CODES or not code else cells["code"][:200]
    return ReturnedRow(day, pence, reference[:50], figures[-4:], code if code in RETURN_CODES else "X", note)


def _day(text: str) -> date | None:
    for pattern in _DATES:
        try:
            return datetime.strptime(text, pattern).date()  # noqa: DTZ007 - a date has no time zone
        except ValueError:
            continue
    return None
