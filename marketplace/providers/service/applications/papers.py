"""The evidence an application needs: given once by the organisation, looked at here for the days of the round."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any, Final, Literal
from uuid import UUID

import msgspec

from marketplace.core.formats import uk_date
from marketplace.providers.models import EVIDENCE_LABELS, Criterion, CriterionKind, Evidence, EvidenceKind, Lot

PaperState = Literal["counts", "scheduled", "ends_early", "waiting", "expired", "refused", "missing"]
"""How a piece of evidence stands for a round.

"counts" on the day the agreements start; "scheduled" counts only from a later day; "ends_early" counts today and not on
that day; "waiting" for a council's first look; the others do not count.
"""
ORDER: Final[tuple[PaperState, ...]] = ("counts", "scheduled", "ends_early", "waiting", "expired", "refused", "missing")
GOOD_ENOUGH: Final = frozenset({"counts", "scheduled", "ends_early", "waiting"})
"""An application may be sent with these: the council looks at what waits, and the other two warn."""
MOST_PAPERS: Final = 50
"""Of one kind in a snapshot: an organisation has one DBS check for each worker."""


class Paper(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of evidence as it stands for a round."""

    id: UUID
    kind: EvidenceKind
    detail: str
    issued_on: date
    expires_on: date | None
    state: PaperState
    words: str

    def snapshot(self) -> dict[str, Any]:
        """Return what is kept of it when the application is sent."""
        return {
            "id": str(self.id),
            "kind": self.kind.value,
            "label": EVIDENCE_LABELS[self.kind],
            "detail": self.detail,
            "issued_on": self.issued_on.isoformat(),
            "expires_on": self.expires_on.isoformat() if self.expires_on else None,
            "state": self.state,
        }


class Needed(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of evidence that an application needs, with what the organisation has of it, the best first."""

    kind: EvidenceKind
    label: str
    why: tuple[str, ...]
    """What asks for it: lots by name, criteria by their question."""
    help: str
    papers: tuple[Paper, ...]

    @property
    def state(self) -> PaperState:
        """How the best of it stands."""
        return self.papers[0].state if self.papers else "missing"

    @property
    def is_enough(self) -> bool:
        """Whether the application may be sent with it."""
        return self.state in GOOD_ENOUGH

    @property
    def words(self) -> str:
        """The state of the best of it, in a sentence."""
        return self.papers[0].words if self.papers else "Not given yet"

    @property
    def warning(self) -> str:
        """What will go wrong later although it may be sent today; empty where nothing will."""
        paper = self.papers[0] if self.papers else None
        if paper is None or self.state not in ("ends_early", "scheduled"):
            return ""
        return f"{self.label}: {paper.words.lower()}. Give the next one before the agreements start."

    @property
    def problem(self) -> str:
        """Why the application cannot be sent with it; empty where it can."""
        last = self.papers[0].expires_on - timedelta(days=1) if self.papers and self.papers[0].expires_on else None
        return {
            "missing": f"{self.label}: give what you have",
            "expired": f"{self.label}: it ended after {uk_date(last)}. Give the one that counts now" if last else "",
            "refused": f"{self.label}: a council did not accept it. Give another one",
        }.get(self.state, "")


def paper_state(row: Evidence, day: date, starts_on: date) -> PaperState:
    """Say how a piece of evidence stands today for agreements that start on a day."""
    if row.refused_because:
        return "refused"
    if row.expires_on is not None and row.expires_on <= day:
        return "expired"
    if row.seen_at is None:
        return "waiting"
    if row.issued_on > max(starts_on, day):
        return "scheduled"
    if row.expires_on is not None and row.expires_on <= starts_on:
        return "ends_early"
    return "counts"


def _words(row: Evidence, state: PaperState, starts_on: date) -> str:
    last = uk_date(row.expires_on - timedelta(days=1)) if row.expires_on else ""
    return {
        "counts": f"Counts until {last}" if last else "Counts",
        "scheduled": f"Counts from {uk_date(row.issued_on)}",
        "ends_early": f"Ends after {last}, before the agreements start on {uk_date(starts_on)}",
        "waiting": f"Waiting for a council to see it. Last day {last}" if last else "Waiting for a council to see it",
        "expired": f"Ended after {last}",
        "refused": "Not accepted by a council",
        "missing": "Not given yet",
    }[state]


def needed(
    lots: Sequence[Lot], criteria: Iterable[Criterion], evidence: Sequence[Evidence], day: date, starts_on: date
) -> list[Needed]:
    """Return the evidence that some lots and criteria ask for, in the order of the criteria, then of the lots."""
    why: dict[EvidenceKind, list[str]] = {}
    helps: dict[EvidenceKind, str] = {}
    for criterion in criteria:
        kind = _kind(criterion.evidence_kind)
        if criterion.kind is CriterionKind.EVIDENCE and kind is not None:
            why.setdefault(kind, []).append(criterion.question)
            helps.setdefault(kind, criterion.help)
    for lot in lots:
        for text in lot.evidence:
            kind = _kind(text)
            if kind is not None:
                why.setdefault(kind, []).append(f"In date on every day you work under {lot.code} {lot.name}")
    return [
        Needed(
            kind=kind,
            label=EVIDENCE_LABELS[kind],
            why=tuple(dict.fromkeys(reasons)),
            help=helps.get(kind, ""),
            papers=_papers(kind, evidence, day, starts_on),
        )
        for kind, reasons in why.items()
    ]


def _papers(kind: EvidenceKind, evidence: Sequence[Evidence], day: date, starts_on: date) -> tuple[Paper, ...]:
    found = []
    for row in evidence:
        if row.kind is kind:
            state = paper_state(row, day, starts_on)
            found.append(
                Paper(
                    id=row.id,
                    kind=kind,
                    detail=row.detail,
                    issued_on=row.issued_on,
                    expires_on=row.expires_on,
                    state=state,
                    words=_words(row, state, starts_on),
                )
            )
    # The sort is stable and the rows come newest first.
    return tuple(sorted(found, key=lambda paper: ORDER.index(paper.state))[:MOST_PAPERS])


def _kind(text: str) -> EvidenceKind | None:
    try:
        return EvidenceKind(text)
    except ValueError:
        return None
