"""Forms of weights: whole points per part, reaches, and the day from which a version counts."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

import msgspec

from marketplace.core.forms import FormReader
from marketplace.matching.engine import DEFAULT_WEIGHTS, Part, Weights
from marketplace.matching.words import PART_LABELS

MOST_POINTS: Final = 10_000
LONGEST_REASON: Final = 2_000

PARTS: Final[dict[str, Part]] = {part.name.lower(): part for part in Part}
"""Parts of the score by the name of their weight."""


class Reach(msgspec.Struct, frozen=True):
    """A number of the weights that is not points: its words and bounds."""

    label: str
    hint: str
    least: int
    most: int


REACHES: Final[dict[str, Reach]] = {
    "distance_reach_metres": Reach(
        "Distance at which the points for distance end, in metres", "40,000 metres are 25 miles", 1_000, 500_000
    ),
    "interests_counted": Reach("Shared interests that count at most", "", 1, 20),
    "waiting_reach_days": Reach("Days of waiting at which the points for “how soon” end", "", 1, 366),
    "mean_rating": Reach(
        "Rating that counts for who has none, 0 to 100", "New planners are not put at a disadvantage", 0, 100
    ),
    "mean_rating_count": Reach(
        "How many ratings the average weighs", "A few ratings are drawn towards the average", 0, 100
    ),
    "travel_reach_minutes": Reach(
        "Minutes of travel at which the points for distance end",
        "0: miles count and not minutes",
        0,
        600,
    ),
    "organisation_share_percent": Reach(
        "Share of the open cases, in per cent, at which the points for a spread between organisations end", "", 1, 100
    ),
    "fair_spread_cases": Reach("Open cases at which the points for a fair spread end", "", 1, 1_000),
}

WEIGHT_NAMES: Final = tuple(name for name in Weights.__struct_fields__ if name != "version")


def reach_of(name: str) -> Reach:
    """Return the words and bounds of a number that is not points."""
    return REACHES.get(name) or Reach(name.replace("_", " ").capitalize(), "", 0, 10_000_000)


def weight_values(weights: Weights) -> dict[str, str]:
    """Return weights as the values of their form."""
    return {name: str(getattr(weights, name)) for name in WEIGHT_NAMES}


class WeightsForm(msgspec.Struct, frozen=True, kw_only=True):
    """Points by part and reaches."""

    values: dict[str, int]
    version: int = 0

    @classmethod
    def read(cls, data: Mapping[str, Any], *, base: Weights = DEFAULT_WEIGHTS) -> "WeightsForm":
        """Read the form; what it does not name stays as in `base`.

        Raises:
            InvalidInput: With all messages: whole points from 0 to 10,000, reaches within bounds, at least one part
                that counts, and the price never worth more than half of all points (K5).
        """
        form = FormReader(data)
        values: dict[str, int] = {}
        for name in WEIGHT_NAMES:
            if name not in data:
                continue
            if name in PARTS:
                label = f"the points for {PART_LABELS[PARTS[name]].lower()}"
                values[name] = form.number(name, label, least=0, most=MOST_POINTS)
            elif isinstance(getattr(base, name), int):
                reach = reach_of(name)
                values[name] = form.number(name, f"“{reach.label}”", least=reach.least, most=reach.most)
        every = {name: values.get(name, getattr(base, name)) for name in PARTS}
        if not form.errors and not sum(every.values()):
            form.wrong("distance", "Give points to at least one part")
        if not form.errors and 2 * every["price"] > sum(every.values()):
            form.wrong("price", "The price may bring at most half of all points: it never decides alone")
        version = form.number("version", "the version", least=0, most=1_000_000, required=False)
        form.done()
        return cls(values=values, version=version)


class PublishForm(msgspec.Struct, frozen=True, kw_only=True):
    """From when a version counts, and why it is as it is."""

    starts_on: date
    reason: str
    version: int

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> "PublishForm":
        """Read the form.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        starts_on = form.day("starts_on", "the first day")
        reason = form.text("reason", "why the weights are as they are", longest=LONGEST_REASON)
        version = form.number("version", "the version", least=0, most=1_000_000, required=False)
        form.done()
        return cls(starts_on=starts_on or date.min, reason=reason, version=version)
