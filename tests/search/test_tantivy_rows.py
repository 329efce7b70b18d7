"""Rows of a rebuild made by another process: the same rows in the same order, also when it cannot be had or dies."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from search import ListingDocument, ListingQuery
from search import tantivy_rows as rows
from search.synonyms import PhraseFinder, Synonyms
from search.tantivy_backend import TantivySearch
from search.tantivy_schema import Row, row_of
from tests.search.market import MARKET, make_listing

PHRASES = PhraseFinder(Synonyms.default().terms())


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "FEW_LISTINGS", 2)
    monkeypatch.setattr(rows, "ROWS_HERE", 2)
    monkeypatch.setattr(rows, "ROWS_BESIDE", 3)


def listings(number: int) -> list[ListingDocument]:
    return [
        make_listing(f"l{at}", name=f"Care worker {at}", suits=["dementia"], lat=53.0, lon=-2.0) for at in range(number)
    ]


def made(documents: Iterable[ListingDocument]) -> list[Row]:
    return [row for some in rows.rows_of(documents, PHRASES) for row in some]


@pytest.mark.parametrize("number", [0, 1, 2, 3, 5, 6, 7, 10, 23])
@pytest.mark.parametrize("processors", [1, 2])
def test_all_rows_come_in_order(monkeypatch: pytest.MonkeyPatch, number: int, processors: int) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(processors)))
    documents = listings(number)
    assert made(documents) == [row_of(document, PHRASES) for document in documents]


def test_the_other_process_makes_rows() -> None:
    beside = rows.RowsBeside(PHRASES)
    try:
        if beside._process is None:
            pytest.skip("There is only one processor.")
        for documents in (MARKET, listings(3)):
            beside.send(documents)
            assert beside.receive() == [row_of(document, PHRASES) for document in documents]
    finally:
        beside.close()


@pytest.mark.parametrize("code", ["", "import sys; sys.stdout.buffer.write(b'half')", "raise SystemExit(3)"])
def test_without_the_other_process_rows_are_made_here(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    monkeypatch.setattr(rows, "_SERVE", code)
    documents = listings(40)
    assert made(documents) == [row_of(document, PHRASES) for document in documents]


def test_text_that_is_no_utf_8_is_made_here(tmp_path: Path) -> None:
    documents = [make_listing(f"l{at}", name="Choir \ud800 here") for at in range(9)]
    search = TantivySearch(tmp_path)
    assert search.rebuild(documents) == 9
    assert search.search(ListingQuery(text="choir")).total == 9


def test_an_error_of_whoever_makes_the_listings_ends_the_other_process(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[rows.RowsBeside] = []
    start = rows.RowsBeside.__init__

    def remember(beside: rows.RowsBeside, phrases: PhraseFinder) -> None:
        start(beside, phrases)
        started.append(beside)

    monkeypatch.setattr(rows.RowsBeside, "__init__", remember)

    def broken() -> Iterator[ListingDocument]:
        yield from listings(12)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        made(broken())
    assert [beside._process for beside in started] == [None]
