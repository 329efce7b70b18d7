"""What is taken out of free text before a planner has accepted."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.matching.anonymity import LEFT_OUT, without_identity

NAMES = ["Mary Anne", "O'Brien-Smith"]
PLACES = ["Flat 2, 14 Mill Lane", "Leyland", "PR25 1AB", "07700 900123", "mary@test.example", "LL-12/3"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mary likes tea", "[left out] likes tea"),
        ("Mrs O'BRIEN-SMITH and Anne", "Mrs [left out] and [left out]"),
        ("She is called Smith", "She is called [left out]"),
        ("Summary of annexes", "Summary of annexes"),
        ("pr251ab or PR25  1AB", "[left out] or [left out]"),
        ("Her son is at M1 1AE", "Her son is at [left out]"),
        ("Ring 07700900123 or +44 7700 900 123", "Ring [left out] or [left out]"),
        ("NHS 943 476 5919", "NHS [left out]"),
        ("Write to son.brien@other.example.", "Write to [left out]."),
        ("Born 5 June 1947, 1947-06-05, 5/6/47", "Born [left out]"),
        ("She lives in leyland on Mill  Lane", "She lives in [left out] on [left out]"),
        ("£150 a week for 20 visits, 8am to 10am", "£150 a week for 20 visits, 8am to 10am"),
        ("", ""),
    ],
)
def test_what_identifies_goes_and_the_rest_stays(text: str, expected: str) -> None:
    assert without_identity(text, names=NAMES, places=PLACES, born_on=date(1947, 6, 5)) == expected


@given(st.text(max_size=80), st.text(max_size=80), st.sampled_from([*NAMES, *PLACES]))
def test_no_known_text_survives_between_spaces(before: str, after: str, known: str) -> None:
    cleaned = without_identity(f"{before} {known} {after}", names=NAMES, places=PLACES)
    assert f" {known} " not in f" {cleaned} "
    assert LEFT_OUT in cleaned
