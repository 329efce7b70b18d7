"""The questions of an assessment and the points of their answers (R2), and what a person's answers come to."""

from collections.abc import Mapping
from typing import Any

from marketplace.core.errors import InvalidInput
from marketplace.people.models import RasVersion
from marketplace.people.ras.engine import worth


def points_of(version: RasVersion, answers: Mapping[str, Any], *, partial: bool = False) -> int:
    """Add up the points of a person's answers.

    Args:
        version: Whose domains were asked.
        answers: `answers[domain] = answer`, both by key. Other keys are wrong: they belong to another version.
        partial: Domains without an answer count nothing, for a sum beside a half-written assessment.

    Raises:
        InvalidInput: A domain without an answer, or an answer that the domain does not have; by key of the domain.
    """
    wrong: dict[str, str] = {}
    total = 0
    keys = set()
    for domain in version.domains:
        keys.add(domain["key"])
        chosen = answers.get(domain["key"])
        if chosen in (None, ""):
            if not partial:
                wrong[domain["key"]] = f"Select an answer for “{domain['label']}”"
            continue
        points = next((answer["points"] for answer in domain["answers"] if answer["key"] == chosen), None)
        if points is None:
            wrong[domain["key"]] = f"Select an answer for “{domain['label']}” from the list"
        else:
            total += int(points)
    for key in answers.keys() - keys:
        wrong[str(key)] = "This question is not in the version of the points that is used"
    if wrong:
        raise InvalidInput(wrong)
    return total


def indicative(version: RasVersion, points: int) -> tuple[int, int]:
    """Return what points come to in a version: `(annual_pence, weekly_pence)`.

    Raises:
        ValueError: Points below nothing.
    """
    found = worth(points, version.point_value_pence, version.weeks)
    return found.annual_pence, found.weekly_pence


def most_points(version: RasVersion) -> int:
    """Return the points of somebody who chose the highest answer everywhere."""
    return sum(max((int(answer["points"]) for answer in one["answers"]), default=0) for one in version.domains)
