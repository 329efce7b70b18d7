"""`ras preview`: what a point would be worth, from a file of cases. It needs no database, no settings, no services."""

import argparse
import io
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

from marketplace.core.errors import InvalidInput
from marketplace.core.formats import pounds
from marketplace.people.models import SliceOrder, WeeksOfYear
from marketplace.people.ras.engine import Calibration, RasSettings, calibrate, protection, worth
from marketplace.people.ras.sample import Sample, SampleCase, read_sample
from marketplace.web.cli.console import print_figures, print_json, say

EXIT_BAD_INPUT = 2
MOST_CASES = 200_000
MOST_LINES = 20
"""Problems that are said one by one."""
SMALL_SAMPLE = 30
FIELDS = {"budget": "--budget-pence", "people": "--people", "slice": "--slice-percent"}


def preview(options: argparse.Namespace) -> int:
    """Read, work out, print. Exit code 2 when the file or a figure is wrong, with a line that says what and where."""
    name = "standard input" if options.file == "-" else options.file
    try:
        content = sys.stdin.buffer.read() if options.file == "-" else Path(options.file).read_bytes()
        settings = RasSettings(
            budget_pence=options.budget_pence,
            people=options.people,
            slice_basis_points=int(options.slice_percent * 100),
            slice_order=SliceOrder(options.slice),
            weeks=WeeksOfYear(options.weeks),
        )
        sample = read_sample(io.BytesIO(content), most_cases=MOST_CASES)
        if sample.problem_count:
            _say_problems(name, sample)
            return EXIT_BAD_INPUT
        found = calibrate([case.points for case in sample.cases], settings)
    except InvalidInput as error:
        for field, message in error.fields.items():
            say(f"marketplace: {FIELDS.get(field, name)}: {message}")
        return EXIT_BAD_INPUT
    except OSError as error:
        say(f"marketplace: {name}: {error.strerror}")
        return EXIT_BAD_INPUT
    warnings = _warnings(found)
    for words in warnings:
        say(f"marketplace: {words}")
    cases = [_case(case, found, settings.weeks) for case in sample.cases]
    if options.json:
        print_json({**_figures(found, settings), "domains": sample.domains, "warnings": warnings, "cases": cases})
        return 0
    print_figures(
        {
            "cases": found.cases,
            "mean_points": _plain(found.mean_points),
            "total_points": _plain(found.total_points),
            "protection": pounds(found.protection_pence),
            "allocatable": pounds(found.allocatable_pence),
            "value_of_a_point": f"{_plain(found.point_value_pence)} pence a year",
        }
    )
    print(f"\n{'case':<24}{'points':>10}{'a year':>16}{'a week':>14}")
    for row in cases:
        print(
            f"{row['case'][:23]:<24}{row['points']!s:>10}{pounds(row['indicative_annual_pence']):>16}"
            f"{pounds(row['indicative_weekly_pence']):>14}"
        )
    return 0


def _figures(found: Calibration, settings: RasSettings) -> dict[str, Any]:
    return {
        "point_value_pence": _plain(found.point_value_pence),
        "allocatable_pence": found.allocatable_pence,
        "protection_pence": found.protection_pence,
        "mean_points": _plain(found.mean_points),
        "total_points": _plain(found.total_points),
        "promised_pence": found.promised_pence,
        "beyond_pence": found.beyond_pence,
        "slice": settings.slice_order.value,
        "weeks": settings.weeks.value,
        "case_count": found.cases,
    }


def _case(case: SampleCase, found: Calibration, weeks: WeeksOfYear) -> dict[str, Any]:
    sums = worth(case.points, found.point_value_pence, weeks)
    previous = case.previous_annual_pence
    return {
        "case": case.reference,
        "points": _plain(case.points),
        "indicative_annual_pence": sums.annual_pence,
        "indicative_weekly_pence": sums.weekly_pence,
        "previous_annual_pence": previous,
        "protection_annual_pence": None if previous is None else protection(previous, sums.annual_pence),
    }


def _warnings(found: Calibration) -> list[str]:
    words = []
    if found.cases == 1:
        words.append("The sample is one case: its mean says nothing of anybody else")
    elif found.cases < SMALL_SAMPLE:
        words.append(f"The sample has {found.cases} cases: below {SMALL_SAMPLE} a mean says little")
    # Rounding the value to four decimals moves the sum by a few pence, which is no warning.
    if found.beyond_pence > found.allocatable_pence // 1_000:
        words.append(f"The points promise {pounds(found.beyond_pence)} more than is left beside the protected slice")
    return words


def _say_problems(name: str, sample: Sample) -> None:
    for problem in sample.problems[:MOST_LINES]:
        case = f", case {problem.case}" if problem.case else ""
        say(f"marketplace: {name}: line {problem.line}{case}: {problem.message}")
    if sample.problem_count > MOST_LINES:
        say(f"marketplace: {name}: and {sample.problem_count - MOST_LINES:,} more rows")
    say("marketplace: Nothing is worked out: a sample without these rows would have another mean.")


def _plain(value: Decimal) -> int | float:
    """Return a number for programs: 10000, 11764.7059. Four decimals of such sums survive a float unharmed."""
    return int(value) if value == value.to_integral_value() else float(value)
