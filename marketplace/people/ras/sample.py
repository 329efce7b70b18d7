"""Reads a sample of anonymous cases: one row a case, one column of points a domain (R3).

Columns: `case` (or reference); one for each domain, with its points or, for a known version, the answer in words; and
where known `previous_annual` (pounds a year; or `previous_annual_pence`), `age_band`, `care_group`, `ethnicity`,
`gender`. A row that is wrong is named with its line and what is wrong. A sample with a wrong row is not used at all:
leaving rows out would change the mean without anybody noticing.
"""

import io
import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, BinaryIO, Final

import msgspec

from marketplace.core.errors import InvalidInput
from marketplace.core.money import parse_pounds
from marketplace.core.textfiles import BadRow, Row, Table, TextFile, UnreadableFile
from marketplace.people.ras.engine import MOST_POINTS

MOST_CASES: Final = 5_000
"""Cases of a sample that is kept; Derby's had 200."""
MOST_PROBLEMS: Final = 200
LONGEST_TEXT: Final = 60

_CASE = frozenset({"case", "case_id", "case_reference", "reference", "id"})
_PREVIOUS = frozenset({"previous_annual", "previous_annual_pounds", "previous_cost", "previous_annual_cost"})
_PREVIOUS_PENCE = frozenset({"previous_annual_pence", "previous_pence"})
_TOTAL = frozenset({"points", "total", "total_points"})
_GROUPS: Final = {
    "age_band": "age_band",
    "age": "age_band",
    "care_group": "care_group",
    "group": "care_group",
    "ethnicity": "ethnicity",
    "gender": "gender",
}


class SampleCase(msgspec.Struct, frozen=True, kw_only=True):
    """One case."""

    reference: str
    domain_points: dict[str, Decimal]
    answers: dict[str, str] = {}
    """Key of the answer by domain, where the file gives the answer and not points."""
    points: Decimal
    previous_annual_pence: int | None = None
    age_band: str = ""
    care_group: str = ""
    ethnicity: str = ""
    gender: str = ""


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with a row: `line` of the file, the case as far as it has one."""

    line: int
    case: str
    message: str


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """What a file holds."""

    cases: Sequence[SampleCase]
    problems: Sequence[Problem]
    """The first 200; with any of them the sample is not to be used."""
    problem_count: int
    domains: Sequence[str]
    """Keys of the columns of points, in the order of the file."""
    unused: Sequence[str]
    """Headings of columns that were left out."""


class _Columns(msgspec.Struct, kw_only=True):
    case: int
    domains: dict[str, int]
    labels: dict[str, str]
    answers: dict[str, dict[str, tuple[str, int]]]
    """`answers[domain][words] = (key, points)`."""
    previous: int | None = None
    is_previous_in_pence: bool = False
    total: int | None = None
    groups: dict[str, int]
    unused: list[str]


def key_of(text: str) -> str:
    """Return a heading or label as a key: "Washing and dressing" is washing_and_dressing."""
    return re.sub(r"[^a-z0-9]+", "_", text.strip().lower()).strip("_")


def read_sample(
    source: bytes | BinaryIO, domains: Sequence[Mapping[str, Any]] | None = None, *, most_cases: int = MOST_CASES
) -> Sample:
    """Read a sample from CSV (comma, semicolon or tab; plain or gzipped).

    Args:
        source: The file.
        domains: Those of a version (`RasVersion.domains`): each case must have all, as an answer's words or as a whole
            number of points. None: every column that is nothing else is a domain, with up to four decimals.
        most_cases: Stop with words beyond so many.

    Raises:
        InvalidInput: The file is no table, has no case, too many, or lacks columns; field `sample`.
    """
    stream = io.BytesIO(source) if isinstance(source, bytes) else source
    try:
        file = TextFile(stream)
        try:
            return _read(Table(file), domains, most_cases)
        finally:
            file.close()
    except UnreadableFile as error:
        raise InvalidInput({"sample": error.detail}) from error


def _read(table: Table, domains: Sequence[Mapping[str, Any]] | None, most_cases: int) -> Sample:
    columns = _heading(table, None if domains is None else {one["key"]: one["label"] for one in domains})
    for domain in domains or ():
        answers = columns.answers.setdefault(domain["key"], {})
        for answer in domain["answers"]:
            found_answer = (answer["key"], int(answer["points"]))
            answers[key_of(answer["label"])] = answers[key_of(answer["key"])] = found_answer
    cases: list[SampleCase] = []
    problems: list[Problem] = []
    problem_count, seen, lines = 0, set[str](), 0
    for row in table:
        lines += 1
        if lines > most_cases:
            raise InvalidInput({"sample": f"The file has more than {most_cases:,} cases. Send a smaller sample"})
        found = _case(row, columns, seen, is_whole=domains is not None)
        if isinstance(found, SampleCase):
            cases.append(found)
            continue
        problem_count += 1
        if len(problems) < MOST_PROBLEMS:
            problems.append(found)
    if not lines:
        raise InvalidInput({"sample": "The file has a heading and no cases"})
    return Sample(
        cases=cases,
        problems=problems,
        problem_count=problem_count,
        domains=list(columns.domains),
        unused=columns.unused,
    )


def _heading(table: Table, domains: Mapping[str, str] | None) -> _Columns:
    for cells in table.heading_candidates():
        keys = [key_of(cell) for cell in cells]
        if any(key in _CASE for key in keys):
            table.start(cells)
            return _columns(cells, keys, domains)
    raise InvalidInput({"sample": "The file has no column “case”. Its first row must name the columns"})


def _columns(cells: Sequence[str], keys: Sequence[str], domains: Mapping[str, str] | None) -> _Columns:
    columns = _Columns(
        case=next(place for place, key in enumerate(keys) if key in _CASE),
        domains={},
        labels={},
        answers={},
        groups={},
        unused=[],
    )
    wanted = None if domains is None else {name: key for key, label in domains.items() for name in (key, key_of(label))}
    for place, key in enumerate(keys):
        known = key if wanted is None else wanted.get(key)
        if place == columns.case or not key:
            continue
        if wanted is not None and known is not None:
            _take(columns, known, cells[place], place)
        elif key in _PREVIOUS | _PREVIOUS_PENCE:
            columns.previous, columns.is_previous_in_pence = place, key in _PREVIOUS_PENCE
        elif key in _GROUPS:
            columns.groups[_GROUPS[key]] = place
        elif key in _TOTAL:
            columns.total = place
        elif wanted is None and known is not None:
            _take(columns, known, cells[place], place)
        else:
            columns.unused.append(cells[place])
    if wanted is None and not columns.domains and columns.total is not None:
        _take(columns, "points", cells[columns.total], columns.total)
        columns.total = None
    missing = [label for key, label in (domains or {}).items() if key not in columns.domains]
    if missing:
        raise InvalidInput({"sample": f"The file has no column for {_listed(missing)}"})
    if not columns.domains:
        raise InvalidInput({"sample": "The file has no column of points. It needs one for each domain"})
    return columns


def _take(columns: _Columns, key: str, heading: str, place: int) -> None:
    if key in columns.domains:
        raise InvalidInput({"sample": f"The file has two columns for “{heading}”"})
    columns.domains[key] = place
    columns.labels[key] = heading


def _case(row: Row | BadRow, columns: _Columns, seen: set[str], *, is_whole: bool) -> SampleCase | Problem:
    if isinstance(row, BadRow):
        return Problem(line=row.line, case="", message=row.message)
    cells = [cell.strip() for cell in row.cells]
    reference, wrong = cells[columns.case], list[str]()
    if not reference:
        wrong.append("There is no case reference.")
    elif len(reference) > LONGEST_TEXT:
        wrong.append(f"The case reference is longer than {LONGEST_TEXT} characters.")
    elif reference.lower() in seen:
        wrong.append("This case reference came before.")
    seen.add(reference.lower())
    points: dict[str, Decimal] = {}
    answers: dict[str, str] = {}
    for key, place in columns.domains.items():
        answer = columns.answers.get(key, {}).get(key_of(cells[place])) if _number(cells[place]) is None else None
        if answer is not None:
            answers[key], points[key] = answer[0], Decimal(answer[1])
            continue
        found = _points(cells[place], columns.labels[key], is_whole=is_whole)
        if isinstance(found, str):
            wrong.append(found)
        else:
            points[key] = found
    total = sum(points.values(), Decimal())
    if columns.total is not None and not wrong and not _is_same(cells[columns.total], total):
        wrong.append(f"The domains add up to {total}, the file says {cells[columns.total] or 'nothing'}.")
    previous = None
    if columns.previous is not None and cells[columns.previous]:
        previous, words = _previous(cells[columns.previous], is_pence=columns.is_previous_in_pence)
        if words:
            wrong.append(words)
    groups = {name: cells[place] for name, place in columns.groups.items()}
    wrong += [
        f"The column {name} is longer than {LONGEST_TEXT} characters."
        for name, value in groups.items()
        if len(value) > LONGEST_TEXT
    ]
    if wrong:
        return Problem(line=row.line, case=reference[:LONGEST_TEXT], message=" ".join(wrong))
    return SampleCase(
        reference=reference,
        domain_points=points,
        answers=answers,
        points=total,
        previous_annual_pence=previous,
        **groups,
    )


def _points(text: str, label: str, *, is_whole: bool) -> Decimal | str:
    """Read the points of one domain, or say what is wrong."""
    if not text:
        return f"“{label}” has no points. Write 0 where there are none."
    value = _number(text)
    if value is None:
        return f"“{label}” must be a number of points{' or one of its answers' if is_whole else ''}."
    if value < 0:
        return f"“{label}” has points below 0."
    if value > MOST_POINTS:
        return f"“{label}” has more than {MOST_POINTS:,} points."
    if is_whole and value != value.to_integral_value():
        return f"“{label}” must be a whole number."
    return value


def _previous(text: str, *, is_pence: bool) -> tuple[int | None, str]:
    """Read what support cost before, pence a year, and what is wrong with it."""
    if is_pence:
        is_right = text.isascii() and text.isdecimal() and len(text) <= 11
        return (int(text), "") if is_right else (None, "The previous cost must be whole pence a year, like 520000.")
    found = parse_pounds(text)
    if found is None:
        return None, "The previous cost must be an amount in pounds a year, like 5200 or 5200.50."
    return found, ""


def _number(text: str) -> Decimal | None:
    if not re.fullmatch(r"[+-]?\d{1,9}(\.\d{1,4})?", text, re.ASCII):
        return None
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def _is_same(text: str, total: Decimal) -> bool:
    return _number(text) == total


def _listed(names: Iterable[str]) -> str:
    *most, last = [f"“{name}”" for name in names]
    return f"{', '.join(most)} and {last}" if most else last
