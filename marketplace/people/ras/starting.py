"""Domains that a council's first draft begins with, to be changed. They follow the outcomes of the Care Act."""

from typing import Any, Final

_LADDER: Final = (
    ("alone", "I manage on my own, or with help I have"),
    ("little", "I need a little help each week"),
    ("daily", "I need help every day"),
    ("much", "I need help several times a day"),
)


def _domain(key: str, label: str, help_text: str, points: tuple[int, int, int, int]) -> dict[str, Any]:
    answers = [
        {"key": name, "label": words, "points": worth} for (name, words), worth in zip(_LADDER, points, strict=True)
    ]
    return {"key": key, "label": label, "help": help_text, "answers": answers}


STARTING_DOMAINS: Final[list[dict[str, Any]]] = [
    _domain("washing", "Washing, dressing and using the toilet", "Think of most days.", (0, 4, 10, 18)),
    _domain("eating", "Eating and drinking", "Shopping, cooking, and help at the table.", (0, 3, 8, 14)),
    _domain("home", "Looking after my home", "Cleaning, laundry, small repairs, bills.", (0, 3, 5, 8)),
    _domain("getting_about", "Getting about", "Inside, outside and by bus or car.", (0, 3, 6, 10)),
    _domain("people", "Family and friends", "Seeing the people who matter to you.", (0, 3, 6, 9)),
    _domain("day", "Work, learning and things to do", "What fills your days.", (0, 4, 8, 12)),
    _domain("safe", "Staying safe and well", "Medicines, falls, nights, worries.", (0, 4, 9, 16)),
    _domain("caring", "Caring for others", "Children, or somebody else you look after.", (0, 2, 5, 8)),
]
"""The points are a start to try out on a sample, not a finding: no study stands behind them."""
