"""What is taken out of free text before a planner has accepted."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.matching.anonymity import LEFT_OUT, scan, without_identity

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


@pytest.mark.parametrize(
    "text",
    [
        "mary anne o'brien-smith",
        "Mary O'Brien Smith likes tea",
        "For O'Brien-Smith, Mary Anne",
        "Mary  Anne O'BRIEN-SMITH",
    ],
)
def test_a_full_name_must_go(text: str) -> None:
    assert any(item.is_certain for item in scan(text, names=NAMES, places=PLACES))


@pytest.mark.parametrize("text", ["Anne Boleyn", "A smith by trade", "mary", "Leyland"])
def test_a_part_of_a_name_or_a_place_may_be_a_word(text: str) -> None:
    found = scan(text, names=NAMES, places=PLACES)
    assert found
    assert not any(item.is_certain for item in found)


def test_a_person_with_one_name_is_warned_about_only() -> None:
    assert [item.is_certain for item in scan("Plato is here", names=["Plato", ""], places=[])] == [False]
