"""What the pages of matching show, put together from rows and rankings."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import msgspec

from marketplace.accounts.words import COMMUNICATION_NEEDS, GENDER_LABELS, LANGUAGES, NEEDS, SKILLS, Gender
from marketplace.core.clock import week_start
from marketplace.core.formats import plural, uk_date, uk_datetime
from marketplace.core.models import Step
from marketplace.matching.engine import (
    Candidate,
    LeftOut,
    Part,
    RankedCandidate,
    Ranking,
    Rule,
    Weights,
    week_of,
    why_first,
)
from marketplace.matching.forms import GENDER_RULES, NO_RULE
from marketplace.matching.models import Offer, Referral
from marketplace.matching.service.shortlists import Choice
from marketplace.matching.states import OfferStatus, ReferralStatus
from marketplace.matching.words import (
    COMPLEXITY_LABELS,
    FUNNEL_WORDS,
    OFFER_LABELS,
    PART_LABELS,
    RULE_LABELS,
    SOURCE_LABELS,
    STATUS_LABELS,
    URGENCY_LABELS,
)

SHOWN = 10
"""Planners a page shows before "show all"."""
LONG_LIST = 50
"""Planners of the longest list."""
SHOWN_LEFT_OUT = 10
WAITING = frozenset({ReferralStatus.RECEIVED, ReferralStatus.INCOMPLETE, ReferralStatus.OFFERED})
"""States in which the clock to the plan is running."""

GONE = ("Somebody who has left", "")
Names = Mapping[str, tuple[str, str]]
"""Name and organisation by worker id."""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One planner of a shortlist."""

    id: str
    name: str
    organisation: str
    rank: int
    total: int
    maximum: int
    first_day: int
    parts: list[dict[str, Any]]
    capacity: str
    """Such as "4 of 5 places free in the week of 8 March 2027"."""
    note: str
    what_if: str


class LeftOutGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Planners left out by one rule first of all."""

    label: str
    count: int
    people: list[tuple[str, str, str]]
    """Name, organisation, every reason."""
    more: int


class ShortlistView(msgspec.Struct, frozen=True, kw_only=True):
    """A shortlist for a page."""

    lines: list[Line]
    hidden: int
    considered: int
    eligible: int
    why_first: str
    left_out: list[LeftOutGroup]
    left_out_count: int
    possible: list[str]
    """When nobody fits: what lifting one rule would bring."""
    weights_version: str
    fingerprint: str
    funnel: str
    """Such as "312 planners: 40 too far, 12 without a free place soon enough. 20 fit"."""
    choice_cannot: str = ""
    """Why the person's choice cannot be followed; the list then holds others."""
    choice_name: str = ""


def shortlist_view(
    ranking: Ranking,
    candidates: Iterable[Candidate],
    names: Names,
    *,
    declined: Mapping[str, date],
    without_base: Sequence[str] = (),
    notes: Mapping[str, str] | None = None,
    what_ifs: Mapping[str, str] | None = None,
    most: int = SHOWN,
    choice: Choice | None = None,
) -> ShortlistView:
    """Put a ranking into words for a page.

    Args:
        ranking: What the engine said.
        candidates: Whom it ranked.
        names: Of everybody in it.
        declined: Day on which a planner said no, by worker id.
        without_base: Worker ids that could not be ranked.
        notes: A remark for a planner, by worker id.
        what_ifs: What would bring a planner to the top, by worker id.
        most: Planners to show.
        choice: Whom the person chose.
    """
    by_id = {candidate.id: candidate for candidate in candidates}
    lines = [
        _line(entry, by_id[entry.id], names, (notes or {}).get(entry.id, ""), (what_ifs or {}).get(entry.id, ""))
        for entry in ranking.entries[:most]
    ]
    return ShortlistView(
        lines=lines,
        hidden=len(ranking.entries) - len(lines),
        considered=ranking.considered + len(without_base),
        eligible=ranking.eligible,
        why_first=why_first(ranking),
        left_out=_groups(ranking.left_out, names, declined, without_base),
        left_out_count=ranking.considered - ranking.eligible + len(without_base),
        possible=[] if ranking.eligible else _possible(ranking),
        weights_version=ranking.weights_version,
        fingerprint=ranking.fingerprint,
        funnel=funnel_words(ranking, len(without_base)),
        choice_cannot=choice.cannot if choice else "",
        choice_name=_choice_name(choice, candidates, names) if choice else "",
    )


def funnel_words(ranking: Ranking, without_base: int = 0) -> str:
    """Say how many planners fell out at which rule: each is counted once, at the first rule they break."""
    everybody = ranking.considered + without_base
    steps, before = [], ranking.considered
    if without_base:
        steps.append(f"{without_base:,} whose base nobody recorded")
    for rule, standing in ranking.funnel.items():
        if before > standing:
            steps.append(f"{before - standing:,} {FUNNEL_WORDS[rule]}")
        before = standing
    left = f"{ranking.eligible:,} {'fits' if ranking.eligible == 1 else 'fit'}"
    return f"{plural(everybody, 'planner')}: {', '.join([*steps, left])}"


def left_out_lines(
    left_out: Iterable[LeftOut], names: Names, declined: Mapping[str, date]
) -> list[tuple[str, str, str, str, str]]:
    """Return who was left out as (first rule's code, name, organisation, every reason, worker id)."""
    return [
        (_first_rule(item, declined).value, *names.get(item.id, GONE), _reasons(item, declined), item.id)
        for item in left_out
    ]


def published_parts(weights: Weights) -> list[tuple[str, int]]:
    """Return the most points of each part that counts."""
    return [(PART_LABELS[part], weights.most(part)) for part in Part if weights.most(part)]


def due_words(referral: Referral, today: date) -> str:
    """Say when the plan is due, and in words when that day has passed."""
    if referral.status not in WAITING:
        return uk_date(referral.due_on)
    days = (referral.due_on - today).days
    if days < 0:
        return f"Overdue by {plural(-days, 'day')}"
    if days == 0:
        return "Due today"
    return f"Due in {plural(days, 'day')}"


def referral_rows(referral: Referral, names: Names, organisations: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return what a referral says as rows of a summary list."""
    needs = referral.required_gender
    gender = f"{GENDER_LABELS[Gender(needs)]} only (a rule: others are left out)" if needs else "No rule"
    communication = ", ".join(COMMUNICATION_NEEDS.get(code, code) for code in referral.communication_needs)
    rows: dict[str, Any] = {
        "Needs": ", ".join(NEEDS.get(code, code) for code in referral.needs),
        "Communication needs": communication or "None recorded",
        "Referred by": SOURCE_LABELS[referral.source],
        "Complexity": COMPLEXITY_LABELS[referral.complexity],
        "Why complex": referral.complexity_reason,
        "Gender of the planner": gender,
        "Essential language": referral.essential_language or "No rule",
        "Skills the planner must have": ", ".join(SKILLS.get(code, code) for code in referral.required_skills),
        "Person’s choice of planner": _name(names, referral.chosen_worker_id),
        "Has planned with": _name(names, referral.previous_worker_id),
        "Does not want": ", ".join(
            organisations.get(organisation_id, "An organisation no longer listed")
            for organisation_id in referral.excluded_organisation_ids
        ),
        "Person knows what to expect and agrees": "Yes" if referral.person_informed else "Not yet",
    }
    return [{"key": key, "value": value} for key, value in rows.items() if value]


def offer_rows(offers: Iterable[Offer], names: Names) -> list[list[str]]:
    """Return a referral's offers as rows of a table."""
    return [
        [
            ", ".join(names.get(str(offer.worker_id), GONE)).rstrip(", "),
            uk_datetime(offer.offered_at),
            str(offer.rank),
            offer.override_reason or ("First in the ranking" if offer.rank == 1 else ""),
            OFFER_LABELS[offer.status],
            uk_datetime(offer.answered_at) if offer.answered_at else f"By {uk_datetime(offer.answer_by)}",
            offer.decline_reason,
        ]
        for offer in offers
    ]


def history(steps: Iterable[Step], users: Mapping[UUID, str]) -> list[dict[str, str]]:
    """Return the steps of a referral and its offers as a timeline, newest first."""
    words: dict[str, Mapping[Any, str]] = {"referral": STATUS_LABELS, "offer": OFFER_LABELS}
    return [
        {
            "title": f"{'Offer' if step.subject_kind == 'offer' else 'Referral'}: "
            f"{words[step.subject_kind].get(step.to_status, step.to_status).lower()}",
            "when": uk_datetime(step.at),
            "at": step.at.isoformat(),
            "by": users.get(step.by_user_id, "") if step.by_user_id else "the platform",
            "text": step.why,
        }
        for step in reversed(list(steps))
    ]


def lapse_notes(offers: Iterable[Offer]) -> dict[str, str]:
    """Return by worker id that an earlier offer of this referral was not answered in time."""
    return {
        str(offer.worker_id): f"Did not answer the offer of {uk_date(offer.offered_at)} in time"
        for offer in offers
        if offer.status is OfferStatus.LAPSED
    }


def form_choices(planners: Sequence[tuple[str, str, str, str]]) -> dict[str, Any]:
    """Return the choices of a referral's form. `planners` are (worker id, name, organisation id, organisation)."""
    organisations = {organisation_id: organisation for _, _, organisation_id, organisation in planners}
    return {
        "sources": [(source.value, label) for source, label in SOURCE_LABELS.items()],
        "urgencies": [(urgency.value, label) for urgency, label in URGENCY_LABELS.items()],
        "complexities": [(complexity.value, label) for complexity, label in COMPLEXITY_LABELS.items()],
        "needs": list(NEEDS.items()),
        "communication_needs": list(COMMUNICATION_NEEDS.items()),
        "genders": [(NO_RULE, "No rule"), *((code, f"{GENDER_LABELS[Gender(code)]} only") for code in GENDER_RULES)],
        "languages": [(language, language) for language in LANGUAGES],
        "skills": list(SKILLS.items()),
        "planners": [(worker_id, f"{name}, {organisation}") for worker_id, name, _, organisation in planners],
        "organisations": list(organisations.items()),
    }


def _line(entry: RankedCandidate, candidate: Candidate, names: Names, note: str, what_if: str) -> Line:
    week = week_of(entry.first_day)
    monday = week_start(date.fromordinal(entry.first_day))
    places = plural(candidate.week_capacity, "place")
    name, organisation = names.get(entry.id, GONE)
    return Line(
        id=entry.id,
        name=name,
        organisation=organisation,
        rank=entry.rank,
        total=entry.total,
        maximum=entry.maximum,
        first_day=entry.first_day,
        parts=[
            {
                "label": PART_LABELS[part],
                "points": points.points,
                "maximum": points.maximum,
                "reason": f"{points.reason}.",
            }
            for part, points in entry.parts.items()
            if points.maximum
        ],
        capacity=f"{candidate.free_places(week)} of {places} free in the week of {uk_date(monday)}",
        note=note,
        what_if=what_if,
    )


def _groups(
    left_out: Iterable[LeftOut], names: Names, declined: Mapping[str, date], without_base: Sequence[str]
) -> list[LeftOutGroup]:
    """Group who was left out by the first rule they break, in the order of the rules."""
    found: dict[str, list[tuple[str, str, str]]] = {label: [] for label in RULE_LABELS.values()}
    for item in left_out:
        label = RULE_LABELS[_first_rule(item, declined)]
        found[label].append((*names.get(item.id, GONE), _reasons(item, declined)))
    no_base = "Where they start from is not recorded"
    found["No base recorded"] = [(*names.get(item, ("", "")), no_base) for item in without_base]
    return [
        LeftOutGroup(
            label=label,
            count=len(people),
            people=people[:SHOWN_LEFT_OUT],
            more=max(0, len(people) - SHOWN_LEFT_OUT),
        )
        for label, people in found.items()
        if people
    ]


def _first_rule(item: LeftOut, declined: Mapping[str, date]) -> Rule:
    # Somebody who said no is named for that, whatever else would stand in the way.
    return Rule.NOT_EXCLUDED if item.id in declined else item.rules[0]


def _reasons(item: LeftOut, declined: Mapping[str, date]) -> str:
    return "; ".join(
        f"Declined this referral on {uk_date(declined[item.id])}"
        if rule is Rule.NOT_EXCLUDED and item.id in declined
        else words
        for rule, words in zip(item.rules, item.reasons, strict=True)
    )


def _choice_name(choice: Choice, candidates: Iterable[Candidate], names: Names) -> str:
    if choice.worker_id:
        return ", ".join(names.get(choice.worker_id, GONE)).rstrip(", ")
    found = (names.get(one.id) for one in candidates if one.organisation_id == choice.organisation_id)
    return next((name[1] for name in found if name), "An organisation without planners")


def _possible(ranking: Ranking) -> list[str]:
    """Say what lifting one rule alone would bring."""
    return [
        f"{plural(number, 'planner')} would fit but for one rule: {RULE_LABELS[rule].lower()}. "
        f"The nearest: {ranking.nearest_miss[rule].reasons[0]}."
        for rule, number in ranking.failed_only.items()
        if number and rule in ranking.nearest_miss
    ]


def _name(names: Names, worker_id: UUID | None) -> str:
    if worker_id is None:
        return ""
    return ", ".join(names.get(str(worker_id), ("Somebody who has left",)))


def week_words(week_on: date | None) -> str:
    """Write a held place's week by its Monday: "8 March 2027"."""
    return uk_date(week_on) if week_on else ""
