"""Files from outside: told by content, damaged rows told apart from damaged files."""

import gzip
import io
import lzma

import pytest

from marketplace.core.textfiles import MAX_LINE_BYTES, BadRow, Row, Table, TextFile, UnreadableFile

PLAIN = b"a,b,c\n1,2,3\n4,5,6\n"


def read(content: bytes) -> list[Row | BadRow]:
    table = Table(TextFile(io.BytesIO(content)))
    table.start(next(table.heading_candidates()))
    return list(table)


def cells(content: bytes) -> list[list[str]]:
    return [row.cells for row in read(content) if isinstance(row, Row)]


@pytest.mark.parametrize("pack", [bytes, gzip.compress, lzma.compress])
def test_packing_is_told_by_content(pack: type[bytes]) -> None:
    assert cells(pack(PLAIN)) == [["1", "2", "3"], ["4", "5", "6"]]


def test_a_byte_order_mark_and_windows_line_ends_are_no_content() -> None:
    table = Table(TextFile(io.BytesIO(b"\xef\xbb\xbfa,b\r\n1,2\r\n")))
    assert next(table.heading_candidates()) == ["a", "b"]
    table.start(["a", "b"])
    assert [row.cells for row in table if isinstance(row, Row)] == [["1", "2"]]


def test_each_line_may_be_utf8_or_cp1252() -> None:
    assert cells("a,b\nCafé,1\n".encode() + "St Mary’s,2\n".encode("cp1252")) == [["Café", "1"], ["St Mary’s", "2"]]


def test_semicolons_and_tabs_are_recognised() -> None:
    assert cells(b"a;b\n1;2,5\n") == [["1", "2,5"]]
    assert cells(b"a\tb\n1\t2\n") == [["1", "2"]]


def test_quoted_cells_hold_commas_quotes_and_line_breaks() -> None:
    assert cells(b'a,b\n"x, ""y""","two\nlines"\n3,4\n') == [['x, "y"', "two\nlines"], ["3", "4"]]


def test_rows_keep_their_number_and_line() -> None:
    rows = read(b'a,b\n1,"x\ny"\n\n3,4\n')
    assert [(row.number, row.line) for row in rows] == [(1, 2), (2, 5)]


def test_a_quote_that_never_closes_costs_one_row() -> None:
    rows = read(b'a,b\n1,"x\n' + b"3,4\n" * 100)
    assert isinstance(rows[0], BadRow)
    assert "never closes" in rows[0].message
    assert len(rows) == 101
    assert all(isinstance(row, Row) for row in rows[1:])


def test_two_stray_quotes_do_not_swallow_the_rows_between() -> None:
    rows = read(b'a,b\n1,5" pipe\n3,4\n5,6" pipe\n')
    assert [row.cells for row in rows if isinstance(row, Row)] == [["1", '5" pipe'], ["3", "4"], ["5", '6" pipe']]


def test_ragged_rows_and_nul_bytes_are_refused_alone() -> None:
    rows = read(b"a,b\n1\n1,2,3\n1,2,,\nx\x00,2\n5,6\n")
    assert [row.message for row in rows if isinstance(row, BadRow)] == [
        "The row has 1 columns, the heading has 2.",
        "The row has 3 columns, the heading has 2.",
        "The row holds NUL bytes.",
    ]
    assert [row.cells for row in rows if isinstance(row, Row)] == [["1", "2"], ["5", "6"]]


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "empty"),
        (gzip.compress(b"", mtime=0), "empty"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "PNG"),
        (gzip.compress(b"\x89PNG\r\n\x1a\n" + bytes(100), mtime=0), "PNG"),
        (b"PK\x03\x04" + bytes(100), "spreadsheet"),
        (b"%PDF-1.7\n", "PDF"),
        ("a,b\n".encode("utf-16"), "UTF-16"),
        (bytes(range(256)) * 20, "binary"),
        (gzip.compress(PLAIN, mtime=0)[:-9], "damaged"),
        (lzma.compress(PLAIN)[:-9], "damaged"),
        (gzip.compress(PLAIN, mtime=0)[:12] + b"garbage" * 5, "damaged"),
        (b"a" * (MAX_LINE_BYTES + 2), "1 MB"),
    ],
)
def test_what_is_no_table_is_named(content: bytes, word: str) -> None:
    with pytest.raises(UnreadableFile, match=word):
        read(content)


def test_a_missing_file_is_named() -> None:
    with pytest.raises(UnreadableFile, match="cannot be opened"):
        TextFile("no-such-file.csv")
