"""Files of visits that suppliers send in: columns found by their headings, rows read one by one, none lost.

A row that cannot be read at all is a problem with its row number and goes back to the supplier; every other row becomes
a line that is judged. Memory stays with the rows that are kept, and a file with more rows than we take is refused
before they are read.
"""

import csv
import io
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, time
from typing import Any, BinaryIO, NamedTuple

from marketplace.core.clock import parse_day
from marketplace.core.errors import InvalidInput
from marketplace.core.forms import FormReader
from marketplace.core.money import parse_pounds
from marketplace.core.textfiles import BadRow, Table, TextFile, UnreadableFile
from marketplace.payments.line_checks import LARGEST_LINE_PENCE, AskedLine, tidy_reference

MOST_ROWS = 5_000
MOST_INVOICES = 500
MOST_PROBLEMS = 200
"""Problems that are kept with a file; their number is kept whole."""
LONGEST_NUMBER = 40

COLUMNS = ("invoice_number", "person_reference", "visit_date", "start_time", "minutes", "amount_pounds")
OPTIONAL = "visit_reference"

OTHER_NAMES: Mapping[str, tuple[str, ...]] = {
    "invoice_number": ("invoice", "invoice no", "invoice ref", "invoice reference", "inv no", "number"),
    "person_reference": (
        "person",
        "agreement",
        "agreement reference",
        "agreement ref",
        "client reference",
        "client ref",
    ),
    "visit_date": ("date", "date of visit", "service date", "day"),
    "start_time": ("start", "time", "starts", "from", "start time of visit"),
    "minutes": ("duration", "duration minutes", "mins", "length", "length minutes"),
    "amount_pounds": ("amount", "amount gbp", "price", "total", "amount pounds gbp", "gross", "gross amount"),
    "visit_reference": ("our reference", "platform reference", "visit ref", "visit"),
}
"""Headings that systems of suppliers write for our columns, beside our own."""


class AskedRow(NamedTuple):
    """A row that can become a line."""

    row: int
    """As a spreadsheet counts: the heading is row 1."""
    invoice_number: str
    asked: AskedLine


class Problem(NamedTuple):
    """A row that cannot become a line."""

    row: int
    code: str
    words: str

    def as_dict(self) -> dict[str, Any]:
        """Write it as it is stored with the file."""
        return {"row": self.row, "code": self.code, "words": self.words}


class ReadFile(NamedTuple):
    """What a file holds."""

    rows: list[AskedRow]
    problems: list[Problem]

    @property
    def row_count(self) -> int:
        """How many rows it has below its heading."""
        return len(self.rows) + len(self.problems)


def read_file(source: BinaryIO) -> ReadFile:
    """Read a file of visits.

    Raises:
        UnreadableFile: Not a table, no such columns, no rows, or too many rows or invoices. The message says which.
    """
    file = TextFile(source)
    table = Table(file)
    order = _order(table)
    rows: list[AskedRow] = []
    problems: list[Problem] = []
    for found in table:
        if table.rows_read > MOST_ROWS:
            raise UnreadableFile(f"The file has more than {MOST_ROWS:,} rows. Split it into several files.")
        number = found.line
        if isinstance(found, BadRow):
            problems.append(Problem(number, "broken-row", found.message))
            continue
        cells = {name: found.cells[place].strip() for name, place in order.items()}
        if not any(cells.values()):
            continue
        row = _row(number, cells)
        if isinstance(row, Problem):
            problems.append(row)
        else:
            rows.append(row)
    if not rows and not problems:
        raise UnreadableFile("The file has a heading but no rows. Add a row for each visit.")
    if len({row.invoice_number.upper() for row in rows}) > MOST_INVOICES:
        raise UnreadableFile(f"The file has more than {MOST_INVOICES} invoice numbers. Split it into several files.")
    return ReadFile(rows, problems)


def _order(table: Table) -> dict[str, int]:
    """Find the columns by their headings, in any order."""
    best: set[str] = set(COLUMNS)
    for heading in table.heading_candidates():
        order: dict[str, int] = {}
        for place, cell in enumerate(heading):
            name = _column(cell)
            if name and name not in order:
                order[name] = place
        missing = set(COLUMNS) - set(order)
        if not missing:
            table.start(heading)
            return order
        best = min(best, missing, key=len)
    names = ", ".join(name for name in COLUMNS if name in best)
    raise UnreadableFile(
        f"The file has no column for: {names}. The first row must name the columns as our template does."
    )


def _column(heading: str) -> str | None:
    plain = _plain(heading)
    for name in (*COLUMNS, OPTIONAL):
        if plain == name.replace("_", " ") or plain in OTHER_NAMES[name]:
            return name
    return None


def _plain(text: str) -> str:
    """Write a heading as it is compared: small letters without accents, words apart by one space."""
    letters = unicodedata.normalize("NFKD", text.casefold())
    kept = "".join(char if char.isalnum() else " " for char in letters if not unicodedata.combining(char))
    return " ".join(kept.split())


def _row(number: int, cells: Mapping[str, str]) -> AskedRow | Problem:
    invoice = unicodedata.normalize("NFC", " ".join(cells["invoice_number"].split()))
    if not invoice or len(invoice) > LONGEST_NUMBER or not invoice.isprintable():
        words = f"Enter an invoice number of up to {LONGEST_NUMBER} letters and numbers"
        return Problem(number, "invoice-number", words)
    reference = tidy_reference(cells["person_reference"])
    if not reference or len(reference) > LONGEST_NUMBER:
        return Problem(number, "person-reference", "Enter the reference of the agreement, like SA-00012")
    on = _day(cells["visit_date"])
    if on is None or not 2000 <= on.year <= 2100:
        return Problem(number, "visit-date", "Enter the date of the visit, like 27/03/2027")
    starts = _time(cells["start_time"])
    if starts is None and cells["start_time"]:
        return Problem(number, "start-time", "Enter when the visit began, like 08:30")
    minutes = _minutes(cells["minutes"])
    if minutes is None:
        return Problem(number, "minutes", "Minutes must be a whole number from 1 to 1440")
    pence = parse_pounds(cells["amount_pounds"].removeprefix("GBP"))
    if pence is None or pence < 1:
        words = "The amount must be pounds and pence above nothing, like 18.50. Send a credit note to take money back"
        return Problem(number, "amount", words)
    if pence > LARGEST_LINE_PENCE:
        return Problem(number, "amount-too-large", "The amount must be £1,000,000 or less")
    visit = tidy_reference(cells.get(OPTIONAL, ""))
    if len(visit) > LONGEST_NUMBER:
        return Problem(
            number, "visit-reference", "Enter the reference of the visit from our template, or leave it empty"
        )
    return AskedRow(number, invoice, AskedLine(reference, on, starts, minutes, pence, visit))


def _day(text: str) -> date | None:
    parts = text.replace("-", "/").replace(".", "/").split(" ")[0].split("/")
    if len(parts) == 3 and len(parts[0]) <= 2 and all(part.isascii() and part.isdecimal() for part in parts):
        day, month, year = (int(part) for part in parts)
        try:
            return date(year + 2000 if year < 100 else year, month, day)
        except ValueError:
            return None
    return parse_day(text.split("T")[0].split(" ")[0])


def _time(text: str) -> time | None:
    parts = text.replace(".", ":").split(":")
    if len(parts) == 1 and len(text) == 4:
        parts = [text[:2], text[2:]]
    if len(parts) in (2, 3) and all(part.isascii() and part.isdecimal() and len(part) <= 2 for part in parts):
        hour, minute = int(parts[0]), int(parts[1])
        return time(hour, minute) if hour < 24 and minute < 60 else None
    return None


def _minutes(text: str) -> int | None:
    whole = text.removesuffix(".0").removesuffix(".00")
    if not whole.isascii() or not whole.isdecimal() or len(whole) > 4:
        return None
    return int(whole) if 1 <= int(whole) <= 1440 else None


def read_correction(data: Mapping[str, Any]) -> AskedLine:
    """Read a supplier's correction of a held line, from the form of its page.

    Raises:
        InvalidInput: With all messages.
    """
    form = FormReader(data)
    reference = form.text("person_reference", "the reference of the agreement", longest=LONGEST_NUMBER)
    on = form.day("visit_date", "the date of the visit")
    starts = form.clock_time("start_time", "when the visit began")
    minutes = form.number("minutes", "the minutes of the visit", least=1, most=1440)
    pence = form.pounds("amount_pounds", "the amount", least=1, most=LARGEST_LINE_PENCE)
    visit = form.text("visit_reference", "the reference of the visit", required=False, longest=LONGEST_NUMBER)
    form.done()
    if on is None or pence is None:
        raise InvalidInput({"visit_date": "Enter the date of the visit"})
    return AskedLine(tidy_reference(reference), on, starts, minutes, pence, tidy_reference(visit))


def template(rows: Iterable[Sequence[str]]) -> bytes:
    """Write a file as we read it: the headings, then rows in the order of COLUMNS and the visit's reference.

    Spreadsheets take cells that begin with =, +, - or @ for formulas: those get an apostrophe before them.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow((*COLUMNS, OPTIONAL))
    for row in rows:
        writer.writerow([f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t") else cell for cell in row])
    # The mark lets spreadsheets read accents as they are.
    return b"\xef\xbb\xbf" + out.getvalue().encode()
