"""Steps of the journeys of points and budgets: a made-up sample, the workbench, what its tables and files say."""

import csv
import io
import json
import random
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from marketplace.people.ras.starting import STARTING_DOMAINS
from marketplace.reporting.demo.points import draw_levels
from tests.conftest import TESTS
from tests.journeys.accreditation import send
from tests.journeys.walker import Walker

CASES = 200
TOTAL_POINTS = 8_500
"""A mean of 42.5 (domain.md 4.7)."""
NIGHT, NIGHT_POINTS = "Help at night", 12
WITH_NIGHTS = 20
"""Cases of the sample that need help at night."""
SIXTY_POINTS = {"washing": "much", "eating": "much", "safe": "much", "day": "much"}
"""Answers of the starting domains that come to 60; the others: alone."""


def made_up_cases() -> list[dict[str, str]]:
    """Return 200 cases with answers, their mean exactly 42.5 points, as the rows of a file."""
    rng = random.Random("a made-up sample")
    levels = draw_levels(rng, CASES, TOTAL_POINTS - WITH_NIGHTS * NIGHT_POINTS)
    rows = []
    for number, answers in enumerate(levels, start=1):
        row = {"case": f"C{number:03}"}
        for domain, level in zip(STARTING_DOMAINS, answers, strict=True):
            row[domain["key"]] = domain["answers"][level]["key"]
        row["help_at_night"] = "Yes" if number <= WITH_NIGHTS else "No"
        points = sum(
            int(domain["answers"][level]["points"]) for domain, level in zip(STARTING_DOMAINS, answers, strict=True)
        )
        row["previous_annual"] = f"{max(1_000, points * rng.randint(80, 125))}.00"
        row["age_band"] = rng.choice(("18-64", "65-74", "75-84", "85 and over"))
        row["care_group"] = rng.choice(("Older people", "Physical disability", "Learning disability"))
        row["ethnicity"] = "White" if number > 3 else "Mixed"
        row["gender"] = rng.choice(("Female", "Male"))
        rows.append(row)
    return rows


def as_file(rows: list[dict[str, str]], name: str = "sample.csv") -> Any:
    """Return rows as a file to upload."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return {"name": name, "mimeType": "text/csv", "buffer": text.getvalue().encode()}


def upload(walker: Walker, version: str, file: Any) -> None:
    """Send a sample."""
    walker.open(f"{version}/sample")
    walker.page.locator("input[type=file]").set_input_files(files=[file])
    walker.press("Read the sample")
    walker.look()


def wrong_samples(walker: Walker, version: str, rows: list[dict[str, str]]) -> None:
    """Send what is no sample, one after the other: each is named in plain words, and nothing is taken."""
    without = [{key: value for key, value in row.items() if key != "help_at_night"} for row in rows]
    upload(walker, version, as_file(without))
    assert f"The file has no column for “{NIGHT}”" in walker.text
    strange = [
        {**rows[0], "washing": "-4"},
        {**rows[1], "eating": ""},
        {**rows[2], "home": "sometimes", "previous_annual": "a lot"},
        *rows[3:],
    ]
    upload(walker, version, as_file(strange))
    assert "3 rows of the file cannot be used" in walker.text
    assert "Nothing was taken over" in walker.text
    for words in (
        "has points below 0",
        "has no points. Write 0 where there are none",
        "must be a number of points or one of its answers",
        "The previous cost must be an amount in pounds a year",
    ):
        assert words in walker.text, words
    # The heading is line 1.
    lines = walker.page.locator("#problems-caption").locator("xpath=..").locator("tbody tr")
    assert lines.count() == 3
    assert "C001" in lines.first.inner_text()
    nothing = {key: "No" if key == "help_at_night" else "0" for key in rows[0]} | {"previous_annual": "", "case": "Z"}
    upload(walker, version, as_file([nothing, {**nothing, "case": "Y"}]))
    assert "All cases of the sample have 0 points, so a point has no value" in walker.text
    walker.open(version)
    assert "There is no sample yet" in walker.text
    upload(walker, version, as_file(rows[:1]))
    assert "The sample has 1 case. A mean says little below 30." in walker.text


def cell(walker: Walker, table: str, row: str) -> list[str]:
    """Return the cells of a row of a table, by the caption's id and what the row begins with."""
    found = walker.page.locator(f"table:has(#{table}-caption) tr").filter(has_text=re.compile(rf"^\s*{re.escape(row)}"))
    return [" ".join(words.split()) for words in found.first.locator("th, td").all_inner_texts()]


def cases_of(walker: Walker, version: str) -> dict[str, dict[str, str]]:
    """Return each case of a version with its sums, by its reference, as the file for download says."""
    answer = walker.page.request.get(f"{walker.address}{version}/cases.csv")
    assert answer.status == 200
    return {row["case"]: row for row in csv.DictReader(io.StringIO(answer.text().lstrip("\ufeff")))}


def set_up(walker: Walker, version: str, **changed: str) -> None:
    """Enter the settings of the worked example, some of them changed."""
    walker.open(f"{version}/settings")
    walker.fill(title="Points for next year", budget="10,000,000", people="2000", slice="15")
    walker.choose("slice_order", changed.get("slice_order", "first"))
    walker.choose("weeks", changed.get("weeks", "52"))
    send(walker, "Save the settings")


def previewed(folder: Path, rows: list[dict[str, str]], *, order: str, weeks: str) -> dict[str, Any]:
    """Run `marketplace ras preview` on the points of the same cases."""
    points = {domain["key"]: {one["key"]: one["points"] for one in domain["answers"]} for domain in STARTING_DOMAINS}
    points["help_at_night"] = {"Yes": NIGHT_POINTS, "No": 0}
    path = folder / "points.csv"
    priced = [{key: str(points[key][value]) if key in points else value for key, value in row.items()} for row in rows]
    path.write_bytes(as_file(priced)["buffer"])
    command = [sys.executable, "-m", "marketplace.web.cli", "ras", "preview", str(path), "--budget-pence", "1000000000"]
    options = ["--people", "2000", "--slice-percent", "15", "--slice", order, "--weeks", weeks, "--json"]
    done = subprocess.run([*command, *options], cwd=TESTS.parent, capture_output=True, check=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found
