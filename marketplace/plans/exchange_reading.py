"""Reading a file of the case system: CSV or JSON, into rows of texts by column, with what cannot be read."""

from typing import Any, NamedTuple

import msgspec

from marketplace.core.textfiles import BadRow, Row, Table, TextFile, UnreadableFile
from marketplace.plans.exchange_layout import REFERRALS, SEPARATOR

LISTS = frozenset(column.name for column in REFERRALS if column.is_list)
KNOWN = frozenset(column.name for column in REFERRALS)
NEEDED = ("person_reference", "referral_reference")


class GivenRow(NamedTuple):
    """A row of the file: texts by column, lists as lists; `problem` says why it is no row."""

    number: int
    cells: dict[str, Any]
    problem: str = ""


class GivenFileRows(NamedTuple):
    """What a file holds."""

    format: str
    rows: list[GivenRow]
    unknown: list[str]
    """Columns that nobody reads here."""


def read_rows(source: Any, content: bytes) -> GivenFileRows:
    """Read a file of referrals.

    Args:
        source: A binary file that can seek.
        content: Its bytes, by which JSON is told from CSV.

    Raises:
        UnreadableFile: It is neither, or lacks the columns that name person and referral.
    """
    if content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"["):
        return _json(content)
    return _csv(source)


def _csv(source: Any) -> GivenFileRows:
    file = TextFile(source)
    try:
        table = Table(file)
        heading: list[str] = []
        for cells in table.heading_candidates():
            names = [cell.strip().lower() for cell in cells]
            if all(name in names for name in NEEDED):
                heading = names
                break
        if not heading:
            raise UnreadableFile(f"The file has no heading with the columns {' and '.join(NEEDED)}.")
        if len(set(heading)) != len(heading):
            raise UnreadableFile("Two columns of the file have the same name.")
        table.start(heading)
        rows = [_row(heading, item) for item in table]
        return GivenFileRows("csv", rows, sorted(set(heading) - KNOWN))
    finally:
        file.close()


def _row(heading: list[str], item: Row | BadRow) -> GivenRow:
    if isinstance(item, BadRow):
        return GivenRow(item.number, {}, item.message)
    cells: dict[str, Any] = {
        name: cell.strip() for name, cell in zip(heading, item.cells, strict=True) if name in KNOWN and cell.strip()
    }
    for name in LISTS & cells.keys():
        cells[name] = [part.strip() for part in cells[name].split(SEPARATOR) if part.strip()]
    return GivenRow(item.number, cells)


def _json(content: bytes) -> GivenFileRows:
    try:
        found = msgspec.json.decode(content.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableFile("The file is not JSON that can be read.") from error
    listed = found.get("referrals") if isinstance(found, dict) else found
    if not isinstance(listed, list):
        raise UnreadableFile("The file has no list called referrals.")
    unknown: set[str] = set()
    rows = []
    for number, item in enumerate(listed, start=1):
        if not isinstance(item, dict):
            rows.append(GivenRow(number, {}, "This is not an object with named members."))
            continue
        unknown |= set(item) - KNOWN
        wrong = next((name for name, value in item.items() if name in KNOWN and not _is_fit(name, value)), None)
        if wrong is not None:
            rows.append(GivenRow(number, {}, f"{wrong} must be {'a list of texts' if wrong in LISTS else 'a text'}."))
        else:
            cells = {name: value for name, value in item.items() if name in KNOWN and value not in ("", [], None)}
            rows.append(GivenRow(number, cells))
    return GivenFileRows("json", rows, sorted(unknown))


def _is_fit(name: str, value: Any) -> bool:
    if value is None:
        return True
    if name in LISTS:
        return isinstance(value, list) and all(isinstance(item, str) for item in value)
    return isinstance(value, str)
