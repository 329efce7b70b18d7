"""What a draft still lacks before it can be published, and whether the weights of each lot add up."""

from collections.abc import Sequence
from typing import Final

import msgspec

from marketplace.providers.models import Criterion, CriterionKind, FrameworkVersion, Lot
from marketplace.providers.service.frameworks.forms import evidence_label

WHOLE: Final = 100


class Share(msgspec.Struct, frozen=True):
    """A scored question and its share of the score."""

    title: str
    percent: int
    is_for_all: bool


class LotWeights(msgspec.Struct, frozen=True):
    """How the score of a lot is made up."""

    lot: Lot
    shares: tuple[Share, ...]

    @property
    def total(self) -> int:
        """Sum of the shares, per cent."""
        return sum(share.percent for share in self.shares)

    @property
    def is_right(self) -> bool:
        """Whether they add up to 100, or nothing is scored and every complete application passes."""
        return self.total == WHOLE or (not self.shares and self.lot.pass_percent == 0)

    @property
    def words(self) -> str:
        """Say how it stands."""
        if not self.shares:
            return "Nothing is scored." if self.is_right else "Nothing is scored, but there is a pass mark."
        if self.total == WHOLE:
            return "The weights add up to 100%."
        gap = WHOLE - self.total
        return f"The weights add up to {self.total}%: {abs(gap)}% too {'little' if gap > 0 else 'much'}."


class Check(msgspec.Struct, frozen=True):
    """One line of the list of what is missing."""

    title: str
    is_done: bool
    href: str
    hint: str = ""
    is_needed: bool = True
    """Whether publishing waits for it; others are worth a look."""


def weights_of(lots: Sequence[Lot], criteria: Sequence[Criterion]) -> list[LotWeights]:
    """Return the make-up of each lot's score: the questions asked of everybody and the lot's own."""
    scored = [one for one in criteria if one.kind is CriterionKind.SCORED]
    return [
        LotWeights(
            lot,
            tuple(
                Share(one.title, one.weight_percent, one.lot_id is None)
                for one in scored
                if one.lot_id is None or one.lot_id == lot.id
            ),
        )
        for lot in lots
    ]


def checks_of(version: FrameworkVersion, lots: Sequence[Lot], criteria: Sequence[Criterion]) -> list[Check]:
    """List what a version needs to be published, and what is worth a look."""
    base = f"/accreditation/versions/{version.id}"
    found = [
        Check("Write the specification", bool(version.specification.strip()), f"{base}/text#specification"),
        Check(
            "Write the terms of the agreement", bool(version.agreement_terms.strip()), f"{base}/text#agreement_terms"
        ),
        Check("Add at least one lot", bool(lots), f"{base}/lots/new"),
    ]
    if version.number > 1:
        found.insert(0, Check("Say what is new", bool(version.changes.strip()), f"{base}/text#changes"))
    for weights in weights_of(lots, criteria):
        title = f"Weights of lot {weights.lot.code} add up to 100"
        found.append(Check(title, weights.is_right, f"{base}#weights", weights.words))
    for lot in lots:
        missing = _not_asked(lot, criteria)
        if missing:
            title = f"Lot {lot.code}: ask for the evidence that must be in date"
            hint = f"Nobody is asked for: {', '.join(evidence_label(kind) for kind in missing)}."
            found.append(Check(title, False, f"{base}/criteria/new?kind=evidence", hint, is_needed=False))
    if lots and not any(one.kind is CriterionKind.ELIGIBILITY for one in criteria):
        title = "Ask who can apply at all"
        hint = "One or two yes or no questions save people from writing for nothing."
        found.append(Check(title, False, f"{base}/criteria/new?kind=eligibility", hint, is_needed=False))
    return found


def is_ready(checks: Sequence[Check]) -> bool:
    """Whether nothing that is needed is missing."""
    return all(check.is_done for check in checks if check.is_needed)


def _not_asked(lot: Lot, criteria: Sequence[Criterion]) -> list[str]:
    asked = {
        one.evidence_kind
        for one in criteria
        if one.kind is CriterionKind.EVIDENCE and (one.lot_id is None or one.lot_id == lot.id)
    }
    return [kind for kind in lot.evidence if kind not in asked]
