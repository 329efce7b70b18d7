"""Forms of runs over the waiting list, of what becomes of their proposals, and of late news."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

import msgspec

from marketplace.core.forms import FormReader
from marketplace.matching.forms import LONGEST_REASON
from marketplace.matching.models import RuleKind, Urgency
from marketplace.matching.words import URGENCY_LABELS

MOST_WEEKS = 26
MOST_FAIRNESS_POINTS = 200
MOST_AT_ONCE = 50
"""Proposals that one form confirms: each is its own decision and its own transaction."""

FAIRNESS: dict[str, tuple[str, int]] = {
    "none": ("Fit alone decides", 0),
    "some": ("Give some weight to an even spread", 5),
    "much": ("Give much weight to an even spread", 20),
}
"""How much an even spread between organisations counts: label, and points for each tenth of their places in use."""


class RunForm(msgspec.Struct, frozen=True, kw_only=True):
    """What a run is to cover, and how."""

    districts: list[str]
    """Codes; empty is everywhere."""
    urgencies: list[str]
    """Empty is every urgency."""
    weeks: int | None
    """How far ahead places are looked for; None as far as each referral allows."""
    share_cap_percent: int | None
    fairness: str

    @classmethod
    def read(cls, data: dict[str, Any], *, districts: Collection[str], horizon_weeks: int) -> "RunForm":
        """Read the form.

        Args:
            data: The form.
            districts: Codes that may be chosen.
            horizon_weeks: How far ahead the council looks at most.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        chosen = form.options("districts", "the areas", districts)
        urgencies = form.options("urgencies", "how urgent", [item.value for item in URGENCY_LABELS])
        weeks = cap = None
        if form.raw("weeks"):
            weeks = form.number("weeks", "how many weeks ahead", least=1, most=horizon_weeks)
        if form.raw("share_cap_percent"):
            cap = form.number("share_cap_percent", "the largest share", least=1, most=100)
        fairness = form.option("fairness", "how work is spread", FAIRNESS, required=False) or "none"
        form.done()
        return cls(
            districts=sorted(chosen),
            urgencies=[item.value for item in Urgency if item.value in urgencies and len(urgencies) < len(Urgency)],
            weeks=weeks,
            share_cap_percent=cap,
            fairness=fairness,
        )

    def scope(self) -> dict[str, Any]:
        """Return the form as a run keeps it."""
        return {
            "districts": self.districts,
            "urgencies": self.urgencies,
            "weeks": self.weeks,
            "share_cap_percent": self.share_cap_percent,
            "fairness": self.fairness,
        }


class RuleForm(msgspec.Struct, frozen=True, kw_only=True):
    """A pin or a veto, with its reason."""

    kind: RuleKind
    worker_id: UUID
    why: str

    @classmethod
    def read(cls, data: dict[str, Any], workers: Collection[UUID]) -> "RuleForm":
        """Read the form.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        kind = form.choice("kind", "what to do", RuleKind)
        worker_id = form.id("worker_id", "a planner")
        if worker_id is not None and worker_id not in workers:
            form.wrong("worker_id", "Select a planner from the list")
        why = form.text("why", "the reason", longest=LONGEST_REASON)
        form.done()
        return cls(kind=kind or RuleKind.PIN, worker_id=worker_id or UUID(int=0), why=why)


class AcceptForm(msgspec.Struct, frozen=True):
    """Which proposals of a run a broker confirms."""

    ids: list[UUID]

    @classmethod
    def read(cls, data: dict[str, Any]) -> "AcceptForm":
        """Read the ticked proposals.

        Raises:
            InvalidInput: None is ticked, or too many.
        """
        form = FormReader(data)
        given = data.get("proposals") or []
        texts = given if isinstance(given, list) else [given]
        ids = []
        for text in dict.fromkeys(str(item) for item in texts):
            found = FormReader({"id": text}).id("id", "a proposal", required=False)
            if found is not None:
                ids.append(found)
        if not ids:
            form.wrong("proposals", "Select at least one proposal to confirm")
        elif len(ids) > MOST_AT_ONCE:
            form.wrong("proposals", f"Select {MOST_AT_ONCE} proposals or fewer at once")
        form.done()
        return cls(ids)


class HandBackForm(msgspec.Struct, frozen=True):
    """Why a planner cannot go on with what they accepted."""

    reason: str

    @classmethod
    def read(cls, data: dict[str, Any]) -> "HandBackForm":
        """Read the form: one of the usual reasons, more in words if wanted.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        code = form.option("reason", "why you hand it back", HAND_BACK_REASONS)
        more = form.text("more", "more about the reason", required=False, longest=LONGEST_REASON)
        if code == "other" and not more:
            form.wrong("more", "Say why you hand it back")
        form.done()
        label = HAND_BACK_REASONS[code]
        if code == "other":
            return cls(more)
        return cls(f"{label}: {more}" if more else label)


HAND_BACK_REASONS: dict[str, str] = {
    "ill": "I am ill or away",
    "no_time": "I have no time any more",
    "not_reached": "I cannot reach the person",
    "persons_wish": "The person wants somebody else",
    "conflict": "I have a conflict of interest",
    "other": "Something else",
}
