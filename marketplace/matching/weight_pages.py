"""How weights are shown: points by part with a share of the whole, reaches, and what a draft changes."""

from typing import Any

from marketplace.matching.engine import Part, Weights
from marketplace.matching.weight_forms import PARTS, WEIGHT_NAMES, reach_of
from marketplace.matching.words import PART_LABELS, PART_REASONS


def table_rows(weights: Weights) -> list[list[str]]:
    """Return every part that counts: words, points, share of all points, what it looks at."""
    total = sum(weights.most(part) for part in Part)
    return [
        [PART_LABELS[part], f"{most:,}", f"{100 * most / total:.0f} %" if total else "", PART_REASONS[part]]
        for part in Part
        if (most := weights.most(part))
    ]


def reach_rows(weights: Weights) -> list[dict[str, Any]]:
    """Return the numbers that are not points, as rows of a summary list."""
    return [
        {"key": reach_of(name).label, "value": f"{getattr(weights, name):,}"}
        for name in WEIGHT_NAMES
        if name not in PARTS
    ]


def changed_rows(before: Weights, after: Weights) -> list[list[str]]:
    """Return what differs between two sets of weights: words, before, after."""
    return [
        [
            PART_LABELS[PARTS[name]] if name in PARTS else reach_of(name).label,
            f"{getattr(before, name):,}",
            f"{getattr(after, name):,}",
        ]
        for name in WEIGHT_NAMES
        if getattr(before, name) != getattr(after, name)
    ]
