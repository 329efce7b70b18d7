"""Pictures beside the words of a plan: plain line drawings of our own, for people who read pictures better than words.

Each stands for one thing wherever it is used. They are drawn in the colour of the text, on pages and on paper.
"""

from typing import Final

from marketplace.plans.models import HelpKind

_PERSON: Final = '<circle cx="{x}" cy="18" r="9"/><path d="M{a} 54v-8a14 14 0 0 1 28 0v8"/>'


def _person(x: int) -> str:
    return _PERSON.format(x=x, a=x - 14)


DRAWINGS: Final[dict[str, str]] = {
    "person": _person(32),
    "people": '<circle cx="20" cy="20" r="7"/><path d="M9 52v-8a11 11 0 0 1 22 0v8"/>'
    '<circle cx="44" cy="20" r="7"/><path d="M33 52v-8a11 11 0 0 1 22 0v8"/>',
    "sun": '<circle cx="24" cy="24" r="9"/><path d="M24 6v4M24 38v3M6 24h4M38 24h3M11 11l3 3M37 11l-3 3M11 37l3-3"/>'
    '<path d="M28 54h22a8 8 0 0 0 0-16 12 12 0 0 0-22 2 7 7 0 0 0 0 14z"/>',
    "calendar": '<rect x="8" y="12" width="48" height="44" rx="4"/><path d="M8 24h48M20 6v12M44 6v12"/>'
    '<path d="M18 34h6M30 34h6M42 34h6M18 45h6M30 45h6"/>',
    "hands": '<path d="M8 40c8-8 14-8 20-2l6 5M56 40c-8-8-14-8-20-2l-8 6"/><path d="M8 56h14l10-6 10 6h14"/>'
    '<path d="M32 28s-10-6-10-13a6 6 0 0 1 10-4 6 6 0 0 1 10 4c0 7-10 13-10 13z"/>',
    "star": '<path d="M32 7l8 17 18 2-13 13 4 18-17-9-17 9 4-18L6 26l18-2z"/>',
    "signpost": '<path d="M32 6v52M22 58h20"/><path d="M14 12h30l8 7-8 7H14zM50 32H22l-8 7 8 7h28z"/>',
    "shield": '<path d="M32 6l22 8v16c0 14-9 23-22 28C19 53 10 44 10 30V14z"/><path d="M22 32l8 8 13-15"/>',
    "phone": '<path d="M18 8l8 2 3 12-6 5a32 32 0 0 0 14 14l5-6 12 3 2 8c0 5-4 9-9 8'
    'C26 51 13 38 10 17c-1-5 3-9 8-9z"/>',
    "coins": '<circle cx="24" cy="38" r="17"/><path d="M29 32a5 5 0 0 0-9 3v11M16 39h9M16 46h14"/>'
    '<path d="M34 24a13 13 0 1 1 8 22"/>',
    "book": '<path d="M32 16c-6-5-14-6-24-5v40c10-1 18 0 24 5 6-5 14-6 24-5V11c-10-1-18 0-24 5zM32 16v40"/>',
    "look": '<circle cx="27" cy="27" r="18"/><path d="M40 40l17 17M19 27l6 6 11-12"/>',
    "speech": '<path d="M8 10h48v34H30L18 56V44H8z"/><path d="M18 22h28M18 32h20"/>',
    "house": '<path d="M6 32L32 8l26 24M12 28v28h40V28"/>'
    '<path d="M32 48s-9-5-9-11a5 5 0 0 1 9-3 5 5 0 0 1 9 3c0 6-9 11-9 11z"/>',
    "group": '<circle cx="32" cy="14" r="7"/><circle cx="13" cy="40" r="6"/><circle cx="51" cy="40" r="6"/>'
    '<path d="M22 36v-4a10 10 0 0 1 20 0v4M4 60v-3a9 9 0 0 1 18 0v3M42 60v-3a9 9 0 0 1 18 0v3"/>',
    "heart": '<path d="M32 56S8 42 8 24a12 12 0 0 1 24-4 12 12 0 0 1 24 4c0 18-24 32-24 32z"/>',
    "tools": '<path d="M14 58V20a8 8 0 0 1 16 0M50 58V20a8 8 0 0 0-16 0M30 20h4M14 36h36M10 58h8M46 58h8"/>',
    "clock": '<circle cx="32" cy="32" r="25"/><path d="M32 16v16l11 8"/>',
    "helper": '<circle cx="21" cy="17" r="8"/><path d="M8 56v-9a13 13 0 0 1 26 0"/><circle cx="45" cy="27" r="7"/>'
    '<path d="M34 58v-6a11 11 0 0 1 22 0v6"/>',
    "badge": '<rect x="12" y="14" width="40" height="44" rx="4"/><path d="M24 14V7h16v7"/>'
    '<circle cx="32" cy="31" r="6"/><path d="M22 50a10 10 0 0 1 20 0"/>',
}
"""Lines inside a square of 64 by 64, by name."""

WORDS: Final[dict[str, str]] = {
    "person": "A person",
    "people": "Two people",
    "sun": "Sun and cloud",
    "calendar": "A calendar",
    "hands": "Two hands and a heart",
    "star": "A star",
    "signpost": "A signpost",
    "shield": "A shield",
    "phone": "A telephone",
    "coins": "Coins",
    "book": "An open book",
    "look": "A magnifying glass",
    "speech": "A speech bubble",
    "house": "A house with a heart",
    "group": "A group of people",
    "heart": "A heart",
    "tools": "A walking frame",
    "clock": "A clock",
    "helper": "A person with a helper",
    "badge": "A name badge",
}
"""What each shows, for those who do not see it."""

OF_SECTION: Final[dict[str, str]] = {
    "about_me": "person",
    "people": "people",
    "good_days": "sun",
    "week": "calendar",
    "needs": "hands",
    "outcomes": "star",
    "choices": "signpost",
    "risks": "shield",
    "back_up": "phone",
    "money": "coins",
    "information_given": "book",
    "review": "look",
    "communication": "speech",
}
"""The picture of each section of a plan, and of how to talk with the person."""

OF_HELP: Final[dict[HelpKind, str]] = {
    HelpKind.MYSELF: "person",
    HelpKind.FAMILY: "house",
    HelpKind.COMMUNITY: "group",
    HelpKind.VOLUNTARY: "heart",
    HelpKind.EQUIPMENT: "tools",
    HelpKind.SHORT_TERM: "clock",
    HelpKind.PA: "helper",
    HelpKind.REGULATED: "badge",
}
"""The picture of who or what helps."""


def svg(name: str, pixels: int = 64) -> str:
    """Draw a picture for a page. It says nothing to screen readers: the words beside it do.

    Args:
        name: A key of `DRAWINGS`.
        pixels: Width and height.
    """
    return (
        f'<svg width="{pixels}" height="{pixels}" viewBox="0 0 64 64" fill="none" stroke="currentColor" '
        'stroke-width="3" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">'
        f"{DRAWINGS[name]}</svg>"
    )


def svg_file(name: str) -> str:
    """Draw a picture as a file of its own, in black: for paper."""
    start, rest = svg(name).replace("currentColor", "#0b0c0c").split(" ", 1)
    return f'{start} xmlns="http://www.w3.org/2000/svg" {rest}'
