"""What a council asks of a personal assistant, and how one application stands (R24, domain.md 4.3)."""

from collections.abc import Collection, Sequence
from datetime import date, timedelta
from typing import Final

import msgspec

from marketplace.accounts.models import Council
from marketplace.core.formats import uk_date
from marketplace.providers.models import (
    EVIDENCE_LABELS,
    Evidence,
    EvidenceKind,
    Organisation,
    PaApproval,
    PaReference,
    StatusTest,
    Worker,
)
from marketplace.providers.service.evidence import state_of
from marketplace.providers.service.workforce.conduct import CURRENT
from marketplace.providers.states import PaApprovalStatus

ROUTES: Final = {
    "six_months": "I have worked as a personal assistant for some time",
    "starter": "I am starting out",
}
REFERENCES: Final = 2
RENEW_FROM: Final = timedelta(days=60)
"""How long before the end of the year it can be renewed."""
TRADING: Final = "providers.pa_trading_months"

REQUIRED: Final = (
    EvidenceKind.LIABILITY_INSURANCE,
    EvidenceKind.DBS,
    EvidenceKind.SAFEGUARDING_TRAINING,
    EvidenceKind.RIGHT_TO_WORK,
)
"""What must count on the first day of an approval."""
KEPT: Final = (EvidenceKind.LIABILITY_INSURANCE, EvidenceKind.DBS, EvidenceKind.SAFEGUARDING_TRAINING)
"""What must count on each day of it: without one of these the accreditation does not count on that day."""
ALSO: Final = (EvidenceKind.CARE_TRAINING,)
"""Asked for, without being a bar."""

_BEST: Final = ("live", "due", "scheduled", "waiting", "expired", "refused")
OPEN: Final = frozenset({PaApprovalStatus.DRAFT, PaApprovalStatus.APPLIED})


class Paper(msgspec.Struct, frozen=True):
    """One kind of evidence and how the best piece of it stands."""

    kind: EvidenceKind
    label: str
    state: str
    """A state of `service.evidence.state_of`, or "missing"."""
    detail: str
    row: Evidence | None
    is_required: bool


class Application(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about one approval, as the assistant sees it."""

    row: PaApproval
    council: Council
    organisation: Organisation
    worker: Worker
    references: Sequence[PaReference]
    papers: tuple[Paper, ...]
    status_test: StatusTest | None
    trading_months: int
    day: date

    @property
    def is_draft(self) -> bool:
        """Whether it can be changed."""
        return self.row.status is PaApprovalStatus.DRAFT

    @property
    def is_agreed(self) -> bool:
        """Whether the code of conduct as it stands now was agreed to."""
        return self.row.conduct_agreed_at is not None and self.row.conduct_version == CURRENT

    @property
    def may_renew(self) -> bool:
        """Whether the next year may be asked for."""
        until = self.row.approved_until
        return (
            self.row.status is PaApprovalStatus.APPROVED
            and until is not None
            and until - RENEW_FROM <= self.day < until
        )

    def missing(self) -> dict[str, str]:
        """Say what must be given before it can be sent, by part of the task list."""
        found: dict[str, str] = {}
        if not self.row.route:
            found["route"] = "Say how long you have worked as a personal assistant"
        elif late := trading_words(self.row, self.trading_months, self.day):
            found["route"] = late
        if len(self.references) < REFERENCES:
            found["references"] = f"Name {REFERENCES} people who can speak for you"
        if not self.is_agreed:
            found["conduct"] = "Agree to the code of conduct"
        papers = [
            paper.label.lower() if not paper.label.isupper() else paper.label
            for paper in self.papers
            if paper.is_required and paper.state in {"missing", "expired", "refused"}
        ]
        if papers:
            found["evidence"] = f"Give your evidence: {', '.join(papers)}"
        return found


def months_after(day: date, months: int) -> date:
    """Return the same day some months later, or the last day of a shorter month."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    first_of_next = date(year + (month == 11), (month + 1) % 12 + 1, 1)
    return min(date(year, month + 1, min(day.day, 28)) + timedelta(days=max(0, day.day - 28)),
               first_of_next - timedelta(days=1))  # fmt: skip


def trading_words(row: PaApproval, months: int, day: date) -> str:
    """Say why the usual route is not open on a day; empty when it is."""
    if row.route != "six_months":
        return ""
    if row.trading_since is None:
        return "Say since when you have worked as a personal assistant"
    ready = months_after(row.trading_since, months)
    if ready > day:
        return f"{months} months of work are complete on {uk_date(ready)}. Until then choose “I am starting out”"
    return ""


def papers_of(rows: Collection[Evidence], day: date) -> tuple[Paper, ...]:
    """Return how each kind of evidence stands that is asked of a personal assistant."""
    found = []
    for kind in (*REQUIRED, *ALSO):
        same = sorted((row for row in rows if row.kind is kind), key=lambda row: _BEST.index(state_of(row, day)))
        best = same[0] if same else None
        found.append(
            Paper(
                kind=kind,
                label=EVIDENCE_LABELS[kind],
                state=state_of(best, day) if best else "missing",
                detail=_paper_words(best) if best else "",
                row=best,
                is_required=kind in REQUIRED,
            )
        )
    return tuple(found)


def _paper_words(row: Evidence) -> str:
    last = f", until {uk_date(row.expires_on - timedelta(days=1))}" if row.expires_on else ""
    return f"{row.detail}. {uk_date(row.issued_on)}{last}"
