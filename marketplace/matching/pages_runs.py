"""What the pages of runs show, put together from rows."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from marketplace.core.clock import week_start
from marketplace.core.formats import miles, plural, uk_date, uk_datetime
from marketplace.matching.engine import Part
from marketplace.matching.forms_runs import FAIRNESS
from marketplace.matching.models import AssignmentRule, AssignmentRun, Proposal, Referral, RuleKind, Urgency
from marketplace.matching.states import ProposalStatus, RunStatus
from marketplace.matching.words import PART_LABELS, URGENCY_LABELS
from marketplace.matching.words_runs import PRACTICE_HINTS, PRACTICE_LABELS, PROPOSAL_LABELS
from marketplace.people.models import Person

SOMEBODY = "Somebody who has left"
GOES_ON = "Goes on waiting"
_ORDINALS = {1: "st", 2: "nd", 3: "rd"}


class ProposalLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a run."""

    id: str
    reference: str
    referral_id: str
    person: str
    urgency: str
    is_crisis: bool
    planner: str
    """Empty when nobody can take it."""
    organisation: str
    fit: str
    """Such as "730 of 850 points"."""
    standing: str
    """Such as "First of 14 for this person"."""
    distance: str
    week: str
    why: str
    status: ProposalStatus
    label: str
    decision: str
    rule: str
    """What a broker settled by hand for the next time."""
    is_open: bool


def proposal_line(
    proposal: Proposal,
    referral: Referral,
    person: Person,
    planner: tuple[str, str] | None,
    rules: Sequence[str] = (),
) -> ProposalLine:
    """Write one line of a run; `planner` is the name and the organisation of who is proposed."""
    detail = proposal.detail
    metres, maximum = detail.get("metres"), detail.get("maximum")
    waits = proposal.status is ProposalStatus.PROPOSED
    return ProposalLine(
        id=str(proposal.id),
        reference=referral.reference,
        referral_id=str(referral.id),
        person=person.name,
        urgency=URGENCY_LABELS[referral.urgency],
        is_crisis=referral.urgency is Urgency.CRISIS,
        planner=planner[0] if planner is not None else "",
        organisation=planner[1] if planner is not None else "",
        fit=f"{proposal.score} of {maximum} points" if proposal.score is not None and maximum else "",
        standing=standing_words(proposal.own_rank, int(detail.get("eligible") or 0)),
        distance=miles(metres) if metres is not None else "",
        week=uk_date(week_start(proposal.start_on)) if proposal.start_on else "",
        why=_sentence(str(detail.get("why") or "")),
        status=proposal.status,
        label=GOES_ON if waits and planner is None else PROPOSAL_LABELS[proposal.status],
        decision=proposal.why,
        rule="; ".join(rules),
        is_open=waits and planner is not None,
    )


def standing_words(own_rank: int | None, eligible: int) -> str:
    """Say where a planner stands in the referral's own ranking."""
    if own_rank is None:
        return ""
    if own_rank == 1:
        return "First for this person" if eligible != 1 else "The only planner who fits"
    ending = "th" if own_rank % 100 in (11, 12, 13) else _ORDINALS.get(own_rank % 10, "th")
    return f"{own_rank}{ending} of {eligible} for this person"


def score_parts(detail: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the points of a proposal for the macro that shows them."""
    return [
        {
            "label": PART_LABELS[Part(part["part"])],
            "points": part["points"],
            "maximum": part["maximum"],
            "reason": _sentence(part["reason"]),
        }
        for part in detail.get("parts") or []
        if part["maximum"]
    ]


def scope_rows(run: AssignmentRun, districts: Mapping[str, str], weights_version: str) -> list[dict[str, str]]:
    """Return what a run covers as rows of a summary list."""
    scope = run.scope
    chosen = scope.get("districts") or []
    urgencies = scope.get("urgencies") or []
    weeks, cap = scope.get("weeks"), scope.get("share_cap_percent")
    rows = {
        "Areas": ", ".join(districts.get(code, code) for code in chosen) or "Everywhere",
        "Urgency": ", ".join(URGENCY_LABELS[Urgency(item)] for item in urgencies) or "All",
        "Looks ahead": plural(weeks, "week") if weeks else "As far as the council plans",
        "Most that one organisation should get": f"{cap}% of the placed referrals" if cap else "",
        "Spread of work": FAIRNESS[scope.get("fairness") or "none"][0],
        "Weights": f"The council’s published weights, version {weights_version}" if weights_version else "",
        "Order between equals": f"Drawn by the published rule with the text “{run.salt}”",
    }
    return [{"key": key, "value": value} for key, value in rows.items() if value]


def practice_table(figures: Mapping[str, Any]) -> list[list[str]]:
    """Return the proposal beside today's ways as rows of a table, one way a row."""
    return [
        [
            PRACTICE_LABELS[name],
            f"{item['placed']:,}",
            *(f"{number:,}" for number in item["placed_by_tier"]),
            f"{item['waiting']:,}",
            miles(item["mean_metres"]),
            f"{item['needs_met_percent']:g}%",
            f"{item['total']:,}",
            f"{item['mean_fit']:g}",
            f"{item['largest_share_percent']:g}%",
        ]
        for name, item in _practices(figures)
    ]


def practice_bars(figures: Mapping[str, Any], key: str) -> list[tuple[str, float, str]]:
    """Return one figure of each way as the bars of a chart."""
    return [
        (PRACTICE_LABELS[name], float(item[key]), miles(item[key]) if key == "mean_metres" else f"{item[key]:,}")
        for name, item in _practices(figures)
    ]


def practice_hints(figures: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what each of today's ways means."""
    return [(PRACTICE_LABELS[name], PRACTICE_HINTS[name]) for name, _ in _practices(figures) if name in PRACTICE_HINTS]


def gain_words(figures: Mapping[str, Any]) -> str:
    """Say in one sentence what the proposal brings against today's ways; "" where nothing is placed."""
    ways = dict(_practices(figures))
    own = ways.get("proposal")
    if own is None or not own["placed"] or len(ways) < 2:
        return ""
    said = []
    for name in ("rotation", "nearest", "best_first"):
        other = ways.get(name)
        if other is None or not other["total"]:
            continue
        more = own["placed"] - other["placed"]
        percent = round(100 * own["total"] / other["total"]) - 100
        people = f", {plural(more, 'person', 'people')} more placed" if more > 0 else ""
        said.append(f"{percent:+d}% fit{people} against “{PRACTICE_LABELS[name].lower()}”")
    return "; ".join(said)


def rule_words(rule: AssignmentRule, names: Mapping[UUID, str]) -> str:
    """Say what a broker settled for a referral."""
    name = names.get(rule.worker_id, SOMEBODY)
    return f"Keep {name}" if rule.kind is RuleKind.PIN else f"Not {name}"


def proof_words(run: AssignmentRun, figures: Mapping[str, Any]) -> str:
    """Say how sure it is that nothing better exists: "proven" only with a certificate that was checked."""
    seconds = f"{figures['seconds']:.1f} seconds"
    if run.is_optimal:
        return (
            f"Proven best: nobody can place more people, the most urgent first, or reach more points than "
            f"{figures['bound']:,}. Worked out and checked in {seconds}."
        )
    gap = figures["bound"] - figures["total"]
    return f"Not proven: a better answer may exist, by {gap:,} points at most. Worked out in {seconds}."


def repeat_view(run: AssignmentRun) -> dict[str, Any] | None:
    """Return what working the stored inputs out once more gave, for the page."""
    repeat: dict[str, Any] | None = run.figures.get("repeat")
    if not repeat:
        return None
    at = repeat.get("at") or repeat["asked_at"]
    return {**repeat, "is_done": "at" in repeat, "when": uk_datetime(datetime.fromisoformat(at))}


def is_under_way(run: AssignmentRun) -> bool:
    """Whether a run is not over yet."""
    return run.status in (RunStatus.QUEUED, RunStatus.RUNNING)


def percent_done(run: AssignmentRun) -> int:
    """Return how much of a run is done, 0 to 100."""
    return min(100, 100 * run.progress_done // run.progress_total) if run.progress_total else 0


def counts_view(counts: Mapping[tuple[ProposalStatus, bool], int]) -> dict[str, int]:
    """Return how many lines are in each state, and how many nobody can take."""
    found = {status.value: counts.get((status, True), 0) for status in ProposalStatus}
    return {**found, "nobody": counts.get((ProposalStatus.PROPOSED, False), 0)}


def _practices(figures: Mapping[str, Any]) -> Iterable[tuple[str, Mapping[str, Any]]]:
    practices = figures.get("practices") or {}
    return [(name, practices[name]) for name in PRACTICE_LABELS if name in practices]


def _sentence(text: str) -> str:
    return f"{text.rstrip('.')}." if text else ""
