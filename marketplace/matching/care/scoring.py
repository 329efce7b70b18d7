"""Points for offers by the council's published weights: price is one of five, never alone (K5).

Each part is `floor(most * share + 1/2)` of one fraction of whole numbers, so points are whole and add up to the total
on every machine:

- *Price*: all points at or below the least lawful price, none from the ceiling on, a straight line between. A price
  below the least lawful one brings points only where the buyer accepted the provider's reason, and never more than the
  least lawful price would. For an offer of some visits, ceiling and least price are those of these visits.
- *Quality*: the mean of what is known, from 0 to 100: people's published feedback, drawn to the mean while there is
  little of it, and the regulator's rating. Where nothing is known the published mean counts, and the line says so.
- *Continuity*: all points for an organisation that cares for the person already.
- *Start*: all points on the day that is wanted, falling in a straight line to the last day that is in time.
- *Outcomes*: a broker's mark from 0 to 5 with a reason, given before any price is shown.
"""

from collections.abc import Mapping
from datetime import date
from fractions import Fraction
from typing import Any

import msgspec

from marketplace.core.formats import plural, pounds, uk_date

MOST_MARK = 5
_FULL = 100
_HALF = Fraction(1, 2)
_STAR_POINTS = 20
"""What a star of five is worth on a scale to 100."""

REGULATOR_POINTS: Mapping[str, int] = {
    "outstanding": 100,
    "good": 80,
    "requires improvement": 40,
    "inadequate": 0,
}
"""The regulator's words on a scale to 100; other words count as not rated, never as zero (domain.md 4.3)."""


class OfferWeights(msgspec.Struct, frozen=True, kw_only=True):
    """Most points of each part. A council publishes its own under the purpose "offers".

    Raises:
        ValueError: A weight below 0, none at all, price above half of all points, or a mean outside 0 to 100.
    """

    version: str = "2026-01-01/default"
    price: int = 30
    quality: int = 25
    continuity: int = 15
    start: int = 10
    outcomes: int = 20
    mean_rating: int = 70
    """Counts where nothing is known about quality."""
    mean_rating_count: int = 5
    """The mean weighs as much as so many pieces of feedback."""

    def __post_init__(self) -> None:
        weights = (self.price, self.quality, self.continuity, self.start, self.outcomes)
        if min(weights) < 0 or max(weights) > 10_000 or not sum(weights):
            raise ValueError("the points of a part must be from 0 to 10,000, and of one at least 1")
        if 2 * self.price > sum(weights):
            raise ValueError("price must not bring more than half of all points")
        if not 0 <= self.mean_rating <= _FULL or self.mean_rating_count < 0:
            raise ValueError("the mean rating must be from 0 to 100")

    @property
    def most(self) -> int:
        """All points there are."""
        return self.price + self.quality + self.continuity + self.start + self.outcomes


DEFAULT_OFFER_WEIGHTS = OfferWeights()
PART_LABELS: Mapping[str, str] = {
    "price": "Price",
    "quality": "Quality",
    "continuity": "Somebody they know",
    "start": "Start",
    "outcomes": "What would be different",
}
PART_HOW: Mapping[str, str] = {
    "price": "All points at the least lawful price, none at the most the council means to pay, a straight line between",
    "quality": "What people said in published feedback, and the regulator’s rating. Not rated counts as the mean",
    "continuity": "All points if you care for the person already",
    "start": "All points on the day that is wanted, fewer the later you can start",
    "outcomes": "A mark from 0 to 5 for how you would reach the outcomes, given before prices are seen",
}


class Quality(msgspec.Struct, frozen=True, kw_only=True):
    """What is known about an organisation's quality."""

    stars: int = 0
    """Sum of the stars of published feedback."""
    feedback: int = 0
    """How many pieces of feedback."""
    regulator: str = ""
    """The regulator's overall rating in its words."""


class OfferFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the points of one offer are made from. Prices are of a week of the visits offered."""

    weekly_pence: int
    ceiling_pence: int
    legal_pence: int
    accepted_below_cost: bool
    quality: Quality
    is_known: bool
    starts_on: date
    wanted_on: date
    latest_on: date
    mark: int
    """0 to 5."""
    mark_reason: str


class OfferPart(msgspec.Struct, frozen=True):
    """Points of a part and how they came about."""

    code: str
    label: str
    points: int
    maximum: int
    reason: str


class OfferScore(msgspec.Struct, frozen=True, kw_only=True):
    """The points of one offer; `total` is the sum of its parts, always."""

    version: str
    parts: tuple[OfferPart, ...]
    total: int
    maximum: int

    def as_json(self) -> dict[str, Any]:
        """Return it as it is kept with an offer."""
        found: dict[str, Any] = msgspec.to_builtins(self)
        return found


def weights_from(values: Mapping[str, Any], version: str) -> OfferWeights:
    """Read published weights; a part that is not named counts as the platform's own does."""
    known = {name: values[name] for name in OfferWeights.__struct_fields__ if name in values and name != "version"}
    return msgspec.convert({**known, "version": version}, OfferWeights)


def score_offer(facts: OfferFacts, weights: OfferWeights) -> OfferScore:
    """Give an offer its points."""
    shares = {
        "price": _price(facts),
        "quality": _quality(facts.quality, weights),
        "continuity": (Fraction(1), "Cares for the person already")
        if facts.is_known
        else (Fraction(0), "Does not care for the person yet"),
        "start": _start(facts),
        "outcomes": (Fraction(facts.mark, MOST_MARK), f"Mark {facts.mark} of {MOST_MARK}: {facts.mark_reason}"),
    }
    parts = tuple(
        OfferPart(code, PART_LABELS[code], int(getattr(weights, code) * share + _HALF), getattr(weights, code), reason)
        for code, (share, reason) in shares.items()
    )
    return OfferScore(
        version=weights.version, parts=parts, total=sum(part.points for part in parts), maximum=weights.most
    )


def _price(facts: OfferFacts) -> tuple[Fraction, str]:
    price, ceiling, legal = facts.weekly_pence, facts.ceiling_pence, facts.legal_pence
    words = f"{pounds(price)} a week; the least lawful price is {pounds(legal)}, the ceiling {pounds(ceiling)}"
    if price > ceiling:
        return Fraction(0), f"{words}. Above the ceiling"
    if price < legal and not facts.accepted_below_cost:
        return Fraction(0), f"{words}. Below the least lawful price, and the reason is not accepted"
    if price <= legal:
        below = ". Below it with a reason that was accepted" if price < legal else ""
        return Fraction(1), f"{words}{below}"
    return Fraction(ceiling - price, ceiling - legal), words


def _quality(quality: Quality, weights: OfferWeights) -> tuple[Fraction, str]:
    known: list[Fraction] = []
    words: list[str] = []
    if quality.feedback:
        drawn = quality.stars * _STAR_POINTS + weights.mean_rating * weights.mean_rating_count
        known.append(Fraction(drawn, quality.feedback + weights.mean_rating_count))
        words.append(
            f"{quality.stars / quality.feedback:.1f} of 5 stars in {plural(quality.feedback, 'piece')} of feedback"
        )
    regulator = REGULATOR_POINTS.get(quality.regulator.strip().lower())
    if regulator is not None:
        known.append(Fraction(regulator))
        words.append(f"the regulator’s rating is {quality.regulator.strip().lower()}")
    if not known:
        return Fraction(weights.mean_rating, _FULL), f"Not rated yet: counted as the mean, {weights.mean_rating} of 100"
    text = "; ".join(words)
    return sum(known, Fraction(0)) / len(known) / _FULL, text[:1].upper() + text[1:]


def _start(facts: OfferFacts) -> tuple[Fraction, str]:
    late = max(0, (facts.starts_on - facts.wanted_on).days)
    words = f"Can start on {uk_date(facts.starts_on)}"
    if not late:
        return Fraction(1), f"{words}, in time"
    window = (facts.latest_on - facts.wanted_on).days + 1
    return max(Fraction(0), 1 - Fraction(late, window)), f"{words}, {plural(late, 'day')} after the day wanted"
