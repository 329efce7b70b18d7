"""What scores mean, how they add up, and when a lot is passed. Pure rules, no rows are written here."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final
from uuid import UUID

import msgspec

from marketplace.providers.models import Criterion, CriterionKind, Evaluation, Lot
from marketplace.providers.states import EvaluationStatus

SCORES: Final[dict[int, tuple[str, str]]] = {
    0: ("Nothing", "No answer, or it does not answer the question"),
    1: ("Poor", "It answers a small part. There are serious doubts"),
    2: ("Weak", "It answers some of the question. There are gaps that matter"),
    3: ("Good enough", "It answers the question. There are small gaps"),
    4: ("Good", "It answers the whole question and says how, with some proof"),
    5: ("Excellent", "It answers the whole question with proof, and offers more than was asked"),
}
"""What each score means, as `(word, sentence)`: the same words for evaluators and applicants."""

TOP: Final = 5
LEAST_REASON_WORDS: Final = 8
"""Words that feedback has at least where the evaluators were far apart: it is to say why the agreed score is right."""


def score_words(score: int) -> str:
    """Write a score as people read it: "4 of 5, good"."""
    return f"{score} of {TOP}, {SCORES[score][0].lower()}"


def weighted_percent(scores: Iterable[tuple[int, int]]) -> int:
    """Return the weighted score of a lot in percent.

    Args:
        scores: Pairs of a score from 0 to 5 and its weight in percent; the weights of a lot add up to 100.

    Returns:
        The sum of score times weight, divided by 5, rounded half up once at the very end, in whole numbers throughout.
    """
    total = sum(score * weight for score, weight in scores)
    return (2 * total + TOP) // (2 * TOP)


class LotResult(msgspec.Struct, frozen=True, kw_only=True):
    """How an application did for one lot."""

    percent: int | None
    """Weighted score; None where nothing of the lot is scored or scores are missing."""
    short_of: tuple[str, ...]
    """Why it is not passed, as sentences; empty when it is."""

    @property
    def is_passed(self) -> bool:
        """Whether the lot reached every pass mark."""
        return not self.short_of


def scored(criteria: Sequence[Criterion]) -> list[Criterion]:
    """Return the criteria that evaluators score."""
    return [criterion for criterion in criteria if criterion.kind is CriterionKind.SCORED]


def of_lot(criteria: Sequence[Criterion], lot: Lot) -> list[Criterion]:
    """Return the scored criteria that count for a lot: its own and those asked of everybody."""
    return [criterion for criterion in scored(criteria) if criterion.lot_id in (None, lot.id)]


def lot_result(lot: Lot, criteria: Sequence[Criterion], scores: Mapping[UUID, int]) -> LotResult:
    """Work out a lot from the agreed scores, `scores[criterion_id]`.

    The pass mark is compared with the rounded percentage: what the applicant reads is what decides.
    """
    counted = of_lot(criteria, lot)
    if not counted:
        return LotResult(percent=None, short_of=())
    missing = [criterion for criterion in counted if criterion.id not in scores]
    if missing:
        return LotResult(percent=None, short_of=("Not all answers have an agreed score.",))
    percent = weighted_percent((scores[criterion.id], criterion.weight_percent) for criterion in counted)
    short = [
        f"“{criterion.title}” got {scores[criterion.id]} of {TOP}. It needs {criterion.pass_score}."
        for criterion in counted
        if scores[criterion.id] < criterion.pass_score
    ]
    if percent < lot.pass_percent:
        short.insert(0, f"The score is {percent}%. The pass mark is {lot.pass_percent}%.")
    return LotResult(percent=percent, short_of=tuple(short))


def active(evaluations: Iterable[Evaluation]) -> list[Evaluation]:
    """Return the evaluations that count: nobody who stood down."""
    return [row for row in evaluations if row.status is not EvaluationStatus.STOOD_DOWN]


def are_all_sent(evaluations: Iterable[Evaluation], needed: int) -> bool:
    """Whether enough evaluators were chosen and each has sent their scores. Until then nobody sees another's scores."""
    rows = active(evaluations)
    return len(rows) >= max(needed, 1) and all(row.status is EvaluationStatus.SUBMITTED for row in rows)


def names_list(names: Collection[str]) -> str:
    """Join names: "A", "A or B", "A, B or C"."""
    rows = list(names)
    return rows[0] if len(rows) == 1 else f"{', '.join(rows[:-1])} or {rows[-1]}" if rows else ""
