"""The code of conduct that personal assistants agree to. A version never changes: a new text is a new version."""

from typing import Final

CODES: Final[dict[str, tuple[str, ...]]] = {
    "2026-1": (
        "I treat people with respect. They decide how they live.",
        "I do what we agreed, at the time we agreed. If I cannot come, I say so as early as I can.",
        "I keep private what I see and hear, unless somebody is not safe.",
        "I tell the council’s safeguarding team at once if I think somebody is being harmed or neglected.",
        "I only do tasks that I have learned to do. I ask when I am not sure.",
        "I never borrow or lend money, and I take no gifts worth more than a small thank-you.",
        "I help with somebody’s money only if it is in their plan, and I keep a note of every penny.",
        "I do not work while I am affected by alcohol, drugs or illness that could harm somebody.",
        "I keep my insurance, my DBS check and my training up to date.",
        "I tell the council within 5 days if something changes that it should know, such as a caution or a complaint.",
    ),
}
"""Ten points by version, in plain words, written for this service."""

CURRENT: Final = "2026-1"


def code_of(version: str) -> tuple[str, ...]:
    """Return the points of a version; the current ones where the version is not known."""
    return CODES.get(version, CODES[CURRENT])
