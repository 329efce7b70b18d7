"""Frameworks as pages show them: rounds in plain sentences, lots with what they ask."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from marketplace.core.clock import LONDON, local
from marketplace.core.formats import days_ago, uk_datetime, uk_day
from marketplace.core.places import DISTRICT_NAMES
from marketplace.providers.models import SERVICE_LABELS, Criterion, CriterionKind, LateRule, Lot, Round
from marketplace.providers.service.frameworks.forms import KIND_HEADINGS, evidence_label
from marketplace.providers.service.frameworks.rounds import STATE_LABELS, round_state, takes_questions

STATE_TAGS = {"coming": "scheduled", "open": "live", "late": "due", "closed": "closed", "cancelled": "cancelled"}


def round_view(row: Round, now: datetime) -> dict[str, Any]:
    """Return a round in plain sentences."""
    state = round_state(row, now)
    return {
        "id": row.id,
        "name": row.name,
        "state": state,
        "tag": STATE_TAGS[state],
        "label": STATE_LABELS[state],
        "sentence": _sentence(row, now),
        "questions": _questions(row, now),
        "late": late_words(row),
        "decides_on": row.decides_on,
        "starts_on": row.starts_on,
        "reopens_on": row.reopens_on,
        "can_apply": state in ("open", "late"),
        "takes_questions": takes_questions(row, now),
        "version_id": row.version_id,
        "opens_at": row.opens_at,
        "closes_at": row.closes_at,
        "because": row.cancelled_because,
    }


def late_words(row: Round) -> str:
    """Explain what happens to late applications."""
    if row.late_rule is LateRule.REFUSE or row.late_until is None:
        return "What is sent after the closing time is not looked at. Our clock counts, so send it in good time."
    return (
        f"If something you could not help made you late, you can still send it until {uk_datetime(row.late_until)}, "
        "with the reason. The council decides whether the reason counts."
    )


def lot_view(lot: Lot, criteria: Sequence[Criterion]) -> dict[str, Any]:
    """Return a lot with its own criteria by kind; those asked of everybody stand apart."""
    return {
        "id": lot.id,
        "code": lot.code,
        "name": lot.name,
        "description": lot.description,
        "service": SERVICE_LABELS[lot.service_line],
        "districts": ", ".join(sorted(DISTRICT_NAMES.get(code, code) for code in lot.district_codes)),
        "evidence": [evidence_label(kind) for kind in lot.evidence],
        "needs_registration": lot.needs_registration,
        "trusts_other_councils": lot.trusts_other_councils,
        "months": lot.agreement_months,
        "pass_percent": lot.pass_percent,
        "groups": groups_of([one for one in criteria if one.lot_id == lot.id]),
        "row": lot,
    }


def groups_of(criteria: Sequence[Criterion]) -> list[dict[str, Any]]:
    """Return criteria by kind, in the order in which applicants meet them."""
    return [
        {"kind": kind.value, "heading": KIND_HEADINGS[kind], "criteria": [_criterion(one) for one in rows]}
        for kind in CriterionKind
        if (rows := [one for one in criteria if one.kind is kind])
    ]


def _criterion(one: Criterion) -> dict[str, Any]:
    return {
        "id": one.id,
        "key": one.key,
        "kind": one.kind.value,
        "title": one.title,
        "question": one.question,
        "help": one.help,
        "wanted": one.wanted_answer,
        "evidence": evidence_label(one.evidence_kind) if one.evidence_kind else "",
        "words": one.longest_words,
        "weight": one.weight_percent,
        "pass_score": one.pass_score,
    }


def _sentence(row: Round, now: datetime) -> str:
    state = round_state(row, now)
    today = now.astimezone(LONDON).date()
    if state == "coming":
        return f"Opens on {uk_datetime(row.opens_at)}, {days_ago(row.opens_at, today)}."
    if state == "open":
        return f"Closes on {uk_datetime(row.closes_at)}, {days_ago(row.closes_at, today)}."
    if state == "late" and row.late_until is not None:
        return (
            f"Closed on {uk_datetime(row.closes_at)}. Late applications are taken until {uk_datetime(row.late_until)}, "
            "with a reason."
        )
    if state == "cancelled" and row.cancelled_at is not None:
        return f"Cancelled on {uk_day(local(row.cancelled_at))}."
    return f"Closed on {uk_datetime(row.closes_at)}."


def _questions(row: Round, now: datetime) -> str:
    if row.cancelled_at is not None:
        return ""
    if takes_questions(row, now):
        return f"You can ask questions until {uk_datetime(row.questions_until)}."
    return f"Questions closed on {uk_datetime(row.questions_until)}."
