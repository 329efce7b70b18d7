"""Tables for spreadsheets: no cell runs, figures stay figures."""

import csv
import io
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.core.spreadsheets import csv_text, pounds_cell, safe_cell


@given(start=st.sampled_from("=+-@\t\r\n"), blanks=st.text(" \u00a0", max_size=3), rest=st.text(max_size=20))
def test_no_cell_runs_as_a_formula(start: str, blanks: str, rest: str) -> None:
    assert safe_cell(blanks + start + rest).startswith("'")


@pytest.mark.parametrize("text", ["", "Green gym", "3 places", "£-5", "a=b"])
def test_other_cells_stay_as_they_are(text: str) -> None:
    assert safe_cell(text) == text


@given(st.integers(-(10**12), 10**12))
def test_amounts_keep_their_pence_and_their_sign(pence: int) -> None:
    (row,) = csv.reader(io.StringIO(csv_text([[pounds_cell(pence)]]), newline=""))
    assert Decimal(row[0]) * 100 == pence
    assert len(row[0].partition(".")[2]) == 2


def test_words_figures_and_nothing_stand_in_one_row() -> None:
    assert csv_text([["What", "How many"], ["=1+1", -2], ["", None]]) == "What,How many\r\n'=1+1,-2\r\n,\r\n"
