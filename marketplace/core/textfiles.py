"""Tables that come from outside: opened by what they contain, read row by row, never trusted.

Councils and regulators send files named `.csv` that are gzip archives, spreadsheets or pictures, in UTF-8
or in Windows' cp1252, cut short or with a quotation mark that never closes. This module turns such a file
into numbered rows of text with bounded memory, or says in one sentence why it cannot. A damaged row is a
`BadRow` and the reading goes on; a damaged file raises `UnreadableFile`.
"""

import csv
import gzip
import io
import lzma
import zlib
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from marketplace.core.errors import BadRequest

BLOCK_BYTES = 256 * 1024
MAX_LINE_BYTES = 1024 * 1024
"""A line longer than this is not a table row: the file is something else."""

MAX_UNPACKED_BYTES = 8 * 1024**3
"""Stop here: no table we know unpacks to 8 GiB, but a hostile archive does."""

MAX_LINES_IN_A_ROW = 40
"""Quoted addresses may span lines; a row still open after this many holds a stray quotation mark."""

_FOREIGN = (
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a zip archive or a spreadsheet (save the sheet as CSV, or unpack it first)"),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word document (save the sheet as CSV)"),
    (b"SQLite format 3", "a SQLite database"),
    (b"\x7fELF", "a program"),
    (b"PAR1", "a Parquet file"),
    (b"BZh", "a bzip2 archive (gzip and xz are read)"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive (gzip and xz are read)"),
)


class UnreadableFile(BadRequest):
    """The whole file cannot be read; the message is one or two sentences for the person who sent it."""

    code = "unreadable-file"
    title = "This file cannot be read"


class Row(NamedTuple):
    """One data row: `number` counts rows after the heading from 1, `line` is the line of the file."""

    number: int
    line: int
    cells: list[str]


class BadRow(NamedTuple):
    """A row that is not a row: `message` says why, `text` holds its first 200 characters."""

    number: int
    line: int
    message: str
    text: str


class TextFile:
    """Lines of a plain, gzip or xz file, decoded; `packed_read` of `packed_bytes` tells the progress."""

    def __init__(self, source: Path | str | BinaryIO) -> None:
        """Open a path, or take over a binary file that can seek.

        Raises:
            UnreadableFile: Not there, empty, or not text (a picture, a spreadsheet, an archive of another kind).
        """
        if isinstance(source, (str, Path)):
            try:
                self._packed: BinaryIO = open(source, "rb")  # noqa: SIM115  # closed by close()
            except OSError as error:
                raise UnreadableFile(f"The file cannot be opened: {error.strerror or error}.") from error
            self._owned = True
        else:
            self._packed, self._owned = source, False
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        self._packed.seek(0, io.SEEK_END)
        self.packed_bytes = self._packed.tell()
        self._packed.seek(0)
        magic = self._packed.read(6)
        self._packed.seek(0)
        if not magic:
            raise UnreadableFile("The file is empty.")
        if magic.startswith(b"\x1f\x8b"):
            self._plain: BinaryIO = io.BufferedReader(gzip.GzipFile(fileobj=self._packed, mode="rb"))
        elif magic.startswith(b"\xfd7zXZ\x00"):
            self._plain = io.BufferedReader(lzma.LZMAFile(self._packed, "rb"))  # noqa: SIM115
        else:
            self._plain = self._packed
        self._unpacked = 0
        self._first = self._read_block()
        if not self._first:
            raise UnreadableFile("The file is empty.")
        self._refuse_foreign(self._first)
        self._first = self._first.removeprefix(b"\xef\xbb\xbf")

    def _refuse_foreign(self, start: bytes) -> None:
        for magic, kind in _FOREIGN:
            if start.startswith(magic):
                raise UnreadableFile(f"The file is {kind}, not a table of text.")
        if start.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise UnreadableFile("The file is in UTF-16; save it as UTF-8.")
        odd = sum(1 for byte in start[:4096] if byte < 9 or 13 < byte < 32)
        if odd * 20 > min(len(start), 4096):
            raise UnreadableFile("The file holds binary content, not a table of text.")

    @property
    def packed_read(self) -> int:
        """Bytes of the file (as stored) consumed so far; with `packed_bytes` this is the progress."""
        try:
            return min(self._packed.tell(), self.packed_bytes)
        except ValueError:
            return self.packed_bytes

    def _read_block(self) -> bytes:
        try:
            block = self._plain.read(BLOCK_BYTES)
        except (EOFError, gzip.BadGzipFile, zlib.error, lzma.LZMAError) as error:
            raise UnreadableFile("The archive is cut short or damaged: send the file again.") from error
        self._unpacked += len(block)
        if self._unpacked > MAX_UNPACKED_BYTES:
            raise UnreadableFile("The file unpacks to more than 8 GB.")
        return block

    def lines(self) -> Iterator[str]:
        """Yield every line without its line feed, UTF-8 or else cp1252.

        The encoding is decided line by line, because joined files mix both, and because the first odd byte may
        stand a million lines down, when a streamed reading can no longer start over.
        """
        block, rest = self._first, b""
        while block:
            whole, found, tail = block.rpartition(b"\n")
            if found:
                yield from _decoded_lines(rest + whole)
                rest = tail
            else:
                rest += block
            if len(rest) > MAX_LINE_BYTES:
                raise UnreadableFile("The file has a line of more than 1 MB, so it is not a table of text.")
            block = self._read_block()
        if rest:
            yield from _decoded_lines(rest)

    def rewind(self) -> None:
        """Go back to the first line, for a caller that looked at it to find out the layout."""
        self._packed.seek(0)
        self._open()

    def close(self) -> None:
        """Close what this object opened; a file that was handed in stays open."""
        if self._owned:
            self._packed.close()


def _decoded_lines(raw: bytes) -> list[str]:
    try:
        # Not splitlines(): it also cuts at form feeds and Unicode separators, which stand inside cells.
        return raw.decode().split("\n")
    except UnicodeDecodeError:
        return [decode(line) for line in raw.split(b"\n")]


def decode(raw: bytes) -> str:
    """Read bytes as UTF-8, or as cp1252 where they are not (its five unused bytes as Latin-1)."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        try:
            return raw.decode("cp1252")
        except UnicodeDecodeError:
            return raw.decode("latin-1")


class Table:
    """Rows of a delimited text file below a heading that the caller finds.

    Use: `heading_candidates()` until one fits, `start(cells)` with it, then iterate.
    """

    def __init__(self, file: TextFile) -> None:
        """Read from the file's current line on."""
        self.file = file
        self.rows_read = 0
        self.delimiter = ","
        self.width = 0
        self._lines = file.lines()
        self._waiting: deque[str] = deque()
        self._line = 0

    def heading_candidates(self, limit: int = 12) -> Iterator[list[str]]:
        """Yield the cells of the first non-empty lines: downloads may carry a title above the heading."""
        seen = 0
        while seen < limit:
            text = self._next_line()
            if text is None:
                return
            if not text.strip():
                continue
            seen += 1
            self.delimiter = max(",\t;", key=text.count)
            cells = self._split(text)
            if cells:
                yield [cell.strip() for cell in cells]

    def start(self, heading: list[str]) -> None:
        """Take this heading: every row below must have its width."""
        self.width = len(heading)

    def __iter__(self) -> Iterator[Row | BadRow]:
        """Yield rows in the order of the file; blank lines are not rows."""
        lines, waiting = self._lines, self._waiting
        while True:
            text = waiting.popleft() if waiting else next(lines, None)
            if text is None:
                return
            self._line += 1
            if not text or text.isspace():
                continue
            line = self._line
            self.rows_read += 1
            # Most rows hold no quotation mark, and splitting those is five times faster than the csv module.
            cells = self._one_row(text) if '"' in text else text.rstrip("\r").split(self.delimiter)
            if cells is not None and len(cells) == self.width and "\x00" not in text:
                yield Row(self.rows_read, line, cells)
            else:
                yield self._judged(line, text, cells)

    def _judged(self, line: int, text: str, cells: list[str] | None) -> Row | BadRow:
        number = self.rows_read
        if cells is None:
            return BadRow(number, line, "A quotation mark opens and never closes.", text.strip()[:200])
        if len(cells) > self.width and not any(cell.strip() for cell in cells[self.width :]):
            del cells[self.width :]
        if len(cells) != self.width:
            message = f"The row has {len(cells)} columns, the heading has {self.width}."
            return BadRow(number, line, message, text.strip()[:200])
        if any("\x00" in cell for cell in cells):
            return BadRow(number, line, "The row holds NUL bytes.", text.replace("\x00", "").strip()[:200])
        return Row(number, line, cells)

    def _one_row(self, text: str) -> list[str] | None:
        """Cells of the row that starts with this line; lines taken in vain go back to the queue.

        A row is complete when its quotation marks pair up. When they do not within `MAX_LINES_IN_A_ROW`, or
        the lines joined do not make a row of the right width, the first line stands alone.
        """
        if text.count('"') % 2 == 0:
            return self._split(text)
        taken = [text]
        while len(taken) < MAX_LINES_IN_A_ROW:
            more = self._next_line()
            if more is None:
                break
            taken.append(more)
            if more.count('"') % 2:
                cells = self._split("\n".join(taken))
                if cells is not None and len(cells) == self.width:
                    return cells
                break
        rest = taken[1:]
        self._waiting.extendleft(reversed(rest))
        self._line -= len(rest)
        cells = self._split(text, closed=True)
        return cells if cells is not None and len(cells) == self.width else None

    def _split(self, text: str, *, closed: bool = False) -> list[str] | None:
        """Cells of one row, None where the text is not well-formed CSV.

        Args:
            text: One row, which may span lines.
            closed: Also refuse a row whose last quotation mark is still open.
        """
        try:
            return next(csv.reader([text.rstrip("\r")], delimiter=self.delimiter, strict=closed), None)
        except csv.Error:
            return None

    def _next_line(self) -> str | None:
        text = self._waiting.popleft() if self._waiting else next(self._lines, None)
        self._line += text is not None
        return text
