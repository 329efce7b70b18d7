"""Reading a sample: what is taken, and what is said of each wrong row and file."""

import gzip
from decimal import Decimal

import pytest

from marketplace.core.errors import InvalidInput
from marketplace.people.ras.sample import read_sample
from tests.factories_ras import DOMAINS


def test_a_sample_is_read_by_key_or_label_with_groups_and_previous_cost() -> None:
    found = read_sample(
        "Anonymous sample\n"
        "Case;Washing and dressing;people;Previous annual;Age band;Gender;Name\n"
        'c1;20;5;£5,200.50;65-74;female;left out\nc2;0;0;;"75, or over";;\n'.encode(),
        DOMAINS,
    )
    assert found.problem_count == 0
    assert found.unused == ["Name"]
    first, second = found.cases
    assert (first.reference, first.points, first.previous_annual_pence) == ("c1", Decimal(25), 520_050)
    assert first.domain_points == {"washing": Decimal(20), "people": Decimal(5)}
    assert (first.age_band, first.gender) == ("65-74", "female")
    assert (second.points, second.previous_annual_pence, second.age_band) == (Decimal(0), None, "75, or over")


def test_each_wrong_row_is_named_with_all_that_is_wrong() -> None:
    found = read_sample(
        b"case,washing,people,previous_annual,points\n"
        b"c1,,5,,5\n"
        b"c2,-3,many,,0\n"
        b"c3,1.5,2000,,0\n"
        b",1,1,,2\n"
        b"C3,1,1,soon,2\n"
        b"c6,1,1,,3\n"
        b"c7,1\n"
        b"c8,1,1,,2\n",
        DOMAINS,
    )
    assert found.problem_count == 7
    assert [case.reference for case in found.cases] == ["c8"]
    said = {problem.line: problem.message for problem in found.problems}
    assert said[2] == "“washing” has no points. Write 0 where there are none."
    assert said[3] == "“washing” has points below 0. “people” must be a number of points or one of its answers."
    assert said[4] == "“washing” must be a whole number. “people” has more than 1,000 points."
    assert said[5] == "There is no case reference."
    assert "came before" in said[6]
    assert "amount in pounds" in said[6]
    assert said[7] == "The domains add up to 2, the file says 3."
    assert said[8] == "The row has 2 columns, the heading has 5."


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "The file is empty."),
        ("washing,people\n1,2\n", "no column “case”"),
        ("case,washing\nc1,2\n", "no column for “Seeing people”"),
        ("case\nc1\n", "no column for “Washing and dressing” and “Seeing people”"),
        ("case,washing,people\n", "a heading and no cases"),
        ("case,washing,people,washing\nc1,1,1,1\n", "two columns for “washing”"),
        ("\x89PNG\x00\x00\x00\x01\x00\x00", "binary content"),
    ],
)
def test_a_file_that_is_no_sample_is_refused_in_words(text: str, words: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_sample(text.encode(), DOMAINS)
    assert words in refused.value.fields["sample"]


def test_without_known_domains_every_other_column_is_one() -> None:
    found = read_sample(b"case,a,b,previous_annual_pence,points\nc1,1.25,2,520050,3.25\n")
    assert found.domains == ["a", "b"]
    assert found.cases[0].points == Decimal("3.25")
    assert found.cases[0].previous_annual_pence == 520_050
    assert read_sample(b"case,points\nc1,42\n").domains == ["points"]
    with pytest.raises(InvalidInput, match="no column of points"):
        read_sample(b"case,gender\nc1,female\n")


def test_a_huge_file_stops_early() -> None:
    rows = "".join(f"c{place},1,2\n" for place in range(20_000))
    packed = gzip.compress(f"case,washing,people\n{rows}".encode())
    with pytest.raises(InvalidInput, match="more than 5,000 cases"):
        read_sample(packed, DOMAINS)


def test_a_thousand_wrong_rows_are_counted_and_the_first_are_named() -> None:
    rows = "".join(f"c{place},-1,2\n" for place in range(1_000))
    found = read_sample(f"case,washing,people\n{rows}".encode(), DOMAINS)
    assert (found.problem_count, len(found.problems), len(found.cases)) == (1_000, 200, 0)


def test_an_answer_in_words_brings_its_points() -> None:
    found = read_sample(b"case,washing,people\nc1,I need help once a day,Rarely\nc2,much,7\nc3,sometimes,0\n", DOMAINS)
    first, second = found.cases
    assert (first.points, first.answers) == (Decimal(40), {"washing": "some", "people": "rarely"})
    assert (second.points, second.answers) == (Decimal(47), {"washing": "much"})
    assert found.problems[0].message == "“washing” must be a number of points or one of its answers."
