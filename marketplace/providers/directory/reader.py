"""Reads any known layout of the regulator's directory, row by row."""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Self

import msgspec

from marketplace.core.textfiles import BadRow, Row, Table, TextFile
from marketplace.providers.directory.api import is_api_record, read_api_line
from marketplace.providers.directory.errors import WrongLayout
from marketplace.providers.directory.layouts import API_EXPECTED, find_heading
from marketplace.providers.directory.ratings import gather_ratings
from marketplace.providers.directory.records import (
    Item,
    Layout,
    NoteKind,
    RegisterLocation,
    RegisterProvider,
    RowNote,
)
from marketplace.providers.directory.rows import ROW_FUNCTIONS, Reading


class DirectoryReading:
    """An iterator of facts and notes that also tells what it reads and how far it has come.

    Every location comes at most once: a row that repeats the one before it is merged into it (the union of its
    lists), any other repetition is skipped with a note. Memory is bounded by the number of distinct locations.
    """

    def __init__(self, source: Path | str | BinaryIO, wanted: Layout | None) -> None:
        """Open the file and find its layout.

        Raises:
            UnreadableFile: Not a readable table; `WrongLayout` when it is one of another layout.
        """
        self.rows_read = 0
        self._file = TextFile(source)
        try:
            self._raw = self._open(wanted)
        except BaseException:
            self._file.close()
            raise
        self._items = self._once_each()

    def _open(self, wanted: Layout | None) -> Iterator[Item]:
        first = next((line for line in self._file.lines() if line.strip()), "")
        self._file.rewind()
        starts_as_json = first.lstrip().startswith(("{", "["))
        if wanted is Layout.API or (wanted is None and starts_as_json):
            if not is_api_record(first):
                raise WrongLayout(f"This is not a file of API records. Expected: {API_EXPECTED}.")
            self.layout = Layout.API
            return self._api()
        table = Table(self._file)
        heading = find_heading(table, wanted)
        self.layout = heading.columns.layout
        rows = self._counted(table)
        if self.layout is Layout.RATINGS:
            return gather_ratings(rows, heading.place)
        return self._delimited(rows, heading.place)

    @property
    def fraction(self) -> float:
        """Share of the file read so far, 0 to 1."""
        return self._file.packed_read / max(1, self._file.packed_bytes)

    def __iter__(self) -> Self:
        """Iterate once."""
        return self

    def __next__(self) -> Item:
        """Give the next location, provider or note."""
        return next(self._items)

    def close(self) -> None:
        """Close the file; done by itself at the end."""
        self._file.close()

    def _counted(self, table: Table) -> Iterator[Row | BadRow]:
        for row in table:
            self.rows_read = row.number
            yield row

    def _delimited(self, rows: Iterator[Row | BadRow], place: dict[str, int]) -> Iterator[Item]:
        read = ROW_FUNCTIONS[self.layout]
        for row in rows:
            if isinstance(row, BadRow):
                yield RowNote(row.number, None, None, NoteKind.REFUSED, row.message, row.text)
            else:
                yield from read(Reading(row, place))

    def _api(self) -> Iterator[Item]:
        for line in self._file.lines():
            if line.strip():
                self.rows_read += 1
                yield from read_api_line(self.rows_read, line)

    def _once_each(self) -> Iterator[Item]:
        seen: set[str] = set()
        held: RegisterLocation | None = None
        try:
            for item in self._raw:
                if isinstance(item, RowNote):
                    yield item
                elif isinstance(item, RegisterProvider):
                    key = f"provider {item.provider_id}"
                    if key in seen:
                        yield _repeated(item, None, "Repeats the provider of an earlier row, which stands.")
                    else:
                        seen.add(key)
                        yield item
                elif held is not None and held.location_id == item.location_id:
                    yield _repeated(item, item.location_id, "Repeats the row above; their lists were put together.")
                    held = _merged(held, item)
                elif item.location_id in seen:
                    yield _repeated(item, item.location_id, "Repeats an earlier row, which stands.")
                else:
                    seen.add(item.location_id)
                    if held is not None:
                        yield held
                    held = item
            if held is not None:
                yield held
        finally:
            self._file.close()


def read_directory(source: Path | str | BinaryIO, format: str = "auto") -> DirectoryReading:
    """Read a directory file of the regulator.

    Args:
        source: A path or a binary file that can seek; plain, gzip or xz, told by content.
        format: "auto", or the value of a `Layout` to insist on.

    Returns:
        An iterator of `RegisterLocation`, `RegisterProvider` and `RowNote`, streamed.

    Raises:
        UnreadableFile: At once, or while iterating when damage shows later; the message is for people.
        WrongLayout: The file is a table of another layout.
    """
    if format == "auto":
        return DirectoryReading(source, None)
    try:
        wanted = Layout(format)
    except ValueError:
        known = ", ".join(layout.value for layout in Layout)
        raise WrongLayout(f"The format {format!r} is unknown. Known are: auto, {known}.") from None
    return DirectoryReading(source, wanted)


def _merged(first: RegisterLocation, again: RegisterLocation) -> RegisterLocation:
    return msgspec.structs.replace(
        first,
        service_types=tuple(sorted({*first.service_types, *again.service_types})),
        specialisms=tuple(sorted({*first.specialisms, *again.specialisms})),
    )


def _repeated(item: RegisterLocation | RegisterProvider, location_id: str | None, message: str) -> RowNote:
    return RowNote(item.row_number, location_id, None, NoteKind.SKIPPED, message, item.name)
