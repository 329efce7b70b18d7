"""Why somebody was proposed, in plain words, from the stored shortlist: for the person, and for the planner.

Both read about one line of the ranking alone. The person may know everything about that line; a planner before
accepting must not learn who the person is or who else stood where.
"""

from datetime import date
from typing import Any

import msgspec

from marketplace.accounts.words import GENDER_LABELS, INTERESTS, NEEDS, SKILLS, Gender
from marketplace.core.formats import uk_date
from marketplace.matching.engine import Case, Part, RankedCandidate
from marketplace.matching.models import Offer, Referral, Shortlist
from marketplace.matching.service.shortlists import stored_ranking
from marketplace.matching.words import PART_LABELS
from marketplace.people.models import Person

PLANNER_WORDS: dict[Part, tuple[str, str]] = {
    Part.INTERESTS: ("You share interests", "You share no interests that are recorded"),
    Part.LANGUAGE: ("You speak a language that helps", "A language you do not speak would help"),
    Part.CONTINUITY: ("You have planned with the person before", "You have not planned with the person before"),
}
"""Parts whose reasons tell who the person is; a planner before accepting reads these words instead."""


DISTANCE_STEPS = 20
"""Into so many steps the points for distance are put for a planner before accepting."""


class Basis(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a stored shortlist."""

    rank: int
    total: int
    maximum: int
    parts: list[dict[str, Any]]
    weights_version: str


def _entry(stored: Shortlist, offer: Offer) -> RankedCandidate | None:
    ranking = stored_ranking(stored)
    return next((line for line in ranking.entries if line.id == str(offer.worker_id)), None)


def persons_basis(stored: Shortlist, offer: Offer) -> Basis | None:
    """Return why the planner stands where they stand, for the person. None when the line is not stored."""
    entry = _entry(stored, offer)
    if entry is None:
        return None
    parts = [
        {
            "label": PART_LABELS[part],
            "points": points.points,
            "maximum": points.maximum,
            "reason": f"{points.reason}.",
        }
        for part, points in entry.parts.items()
        if points.maximum
    ]
    return Basis(
        rank=entry.rank,
        total=entry.total,
        maximum=entry.maximum,
        parts=parts,
        weights_version=stored.weights_version,
    )


def planners_basis(stored: Shortlist, offer: Offer, *, is_accepted: bool) -> Basis | None:
    """Return why the council asked the planner, for the planner: their own points, nothing of others.

    Before accepting, reasons that would tell who the person is, or exactly where they live, are put in general words.
    """
    basis = persons_basis(stored, offer)
    entry = _entry(stored, offer)
    if basis is None or entry is None or is_accepted:
        return basis
    parts = []
    for part, points in entry.parts.items():
        if not points.maximum:
            continue
        shown, reason = points.points, points.reason
        if part in PLANNER_WORDS:
            yes, no = PLANNER_WORDS[part]
            reason = yes if points.points else no
        elif part is Part.DISTANCE:
            # Exact points could be turned back into metres and point at a street.
            step = max(1, points.maximum // DISTANCE_STEPS)
            shown, reason = shown // step * step, "How far you travel, to the nearest step"
        parts.append({"label": PART_LABELS[part], "points": shown, "maximum": points.maximum, "reason": f"{reason}."})
    return msgspec.structs.replace(basis, parts=parts, total=sum(part["points"] for part in parts))


def counted_data(case: Case, referral: Referral, person: Person) -> list[dict[str, str]]:
    """Return what was looked at about the person, as rows of a summary list."""
    gender = GENDER_LABELS[Gender(case.required_gender)] if case.required_gender else ""
    rows = {
        "Where you live": person.postcode,
        "What support is about": _labels(NEEDS, case.needs),
        "What you enjoy": _labels(INTERESTS, case.interests),
        "Languages": ", ".join(sorted(case.wished_languages | case.essential_languages)),
        "You asked for": f"{gender} only" if gender else "",
        "Skills the planner must have": ", ".join(SKILLS.get(code, code) for code in referral.required_skills),
        "How urgent it is": referral.urgency.value.capitalize(),
        "Your choice": "You named who you want" if case.chosen_worker_id or case.chosen_organisation_id else "",
        "You have planned with somebody before": "Yes" if case.previous_worker_id else "",
        "First day looked for": uk_date(date.fromordinal(case.start_day)),
    }
    return [{"key": key, "value": value} for key, value in rows.items() if value]


def _labels(words: dict[str, str], codes: frozenset[str]) -> str:
    return ", ".join(sorted(words.get(code, code) for code in codes))
