"""`marketplace ras preview`: the worked example from a file, and wrong files in words with an exit code."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from marketplace.web.cli.parser import main

Preview = Callable[..., tuple[int, dict[str, Any], str]]
WORKED = "case,washing,people,previous_annual\n" + "".join(
    f"c{place},{20 if place % 2 else 25},20,4200\n" for place in range(200)
)


@pytest.fixture
def preview(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Preview:
    def run(text: str, *words: str, budget_pence: int = 1_000_000_000, people: int = 2_000) -> Any:
        file = tmp_path / "sample.csv"
        file.write_text(text)
        figures = ["--budget-pence", str(budget_pence), "--people", str(people), "--json"]
        code = main(["ras", "preview", str(file), *figures, *words])
        said = capsys.readouterr()
        return code, json.loads(said.out) if said.out else {}, said.err

    return run


def test_the_worked_example_with_the_slice_first(preview: Preview) -> None:
    code, found, said = preview(WORKED, "--slice-percent", "15", "--slice", "first")
    assert (code, said) == (0, "")
    assert found["point_value_pence"] == 10_000
    assert found["allocatable_pence"] == 850_000_000
    assert found["protection_pence"] == 150_000_000
    assert found["mean_points"] == 42.5
    assert len(found["cases"]) == 200
    assert found["cases"][1] == {
        "case": "c1",
        "points": 40,
        "indicative_annual_pence": 400_000,
        "indicative_weekly_pence": 7_692,
        "previous_annual_pence": 420_000,
        "protection_annual_pence": 20_000,
    }


def test_the_worked_example_with_the_slice_after_says_that_it_is_promised_twice(preview: Preview) -> None:
    code, found, said = preview(WORKED, "--slice", "after", "--weeks", "7/365")
    assert code == 0
    assert found["point_value_pence"] == 11764.7059
    assert found["cases"][1]["indicative_annual_pence"] == 470_588
    assert found["cases"][1]["indicative_weekly_pence"] == 9_025
    assert "promise £1,500,000.02 more than is left" in said


def test_figures_for_people_are_a_table(preview: Preview, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in.csv").write_text(WORKED)
    words = ["ras", "preview", str(tmp_path / "in.csv"), "--budget-pence", "1000000000", "--people", "2000"]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert "value of a point  10000 pence a year" in said
    assert "£4,500.00" in said


def test_one_case_is_worked_out_with_a_warning(preview: Preview) -> None:
    code, found, said = preview("case,washing\nc1,10\n", people=1, budget_pence=100_000)
    assert code == 0
    assert found["point_value_pence"] == 8_500
    assert "The sample is one case" in said
    assert found["warnings"]


@pytest.mark.parametrize(
    ("text", "more", "line"),
    [
        ("case,a,b\nc1,,2\n", {}, "line 2, case c1: “a” has no points"),
        ("case,a,b\nc1,-4,2\n", {}, "line 2, case c1: “a” has points below 0."),
        ("case,a\nc1,0\nc2,0\n", {}, "All cases of the sample have 0 points"),
        ("a,b\n1,2\n", {}, "no column “case”"),
        ("", {}, "The file is empty."),
        ("case,a\nc1,5\n", {"people": 0}, "--people: There must be at least one person"),
        ("case,a\nc1,5\n", {"budget_pence": -1}, "--budget-pence: The budget must be more than £0"),
    ],
)
def test_what_is_wrong_is_a_line_and_exit_code_two(
    text: str, more: dict[str, int], line: str, preview: Preview
) -> None:
    code, found, said = preview(text, **more)
    assert (code, found) == (2, {})
    assert line in said
    assert "Traceback" not in said


def test_wrong_words_are_refused_by_the_parser(preview: Preview, tmp_path: Path) -> None:
    for words in (["--slice-percent", "a lot"], ["--slice", "before"], ["--slice-percent", "-5"]):
        with pytest.raises(SystemExit) as left:
            preview(WORKED, *words)
        assert left.value.code == 2
    code, _, said = preview(WORKED, "--slice-percent", "100")
    assert code == 2
    assert "--slice-percent" in said
    figures = ["--budget-pence", "5", "--people", "5"]
    assert main(["ras", "preview", str(tmp_path / "none.csv"), *figures]) == 2
