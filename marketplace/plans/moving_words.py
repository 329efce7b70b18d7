"""What may be passed on when somebody moves to another council, and the forms of a move."""

from collections.abc import Collection, Mapping
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec

from marketplace.core.forms import FormReader
from marketplace.core.ids import parse_id

SHARED: Final[dict[str, str]] = {
    "profile": "What matters to me (my profile)",
    "plan": "My support plan",
    "assessment": "A summary of my assessment",
}
"""What a person may let the council they leave pass on, beside their name and how to talk with them."""
SUPPORT: Final[dict[str, str]] = {
    "ends": "It ends when I move",
    "goes_on": "It goes on until I say so",
}
ELSEWHERE: Final = "elsewhere"
"""Choice of a council that is not on the platform."""
LONGEST_AHEAD: Final = timedelta(days=730)


class MoveForm(msgspec.Struct, frozen=True):
    """Where somebody moves and when, as staff record it."""

    moves_on: date
    to_council_id: UUID | None
    to_name: str

    @classmethod
    def read(cls, data: Mapping[str, Any], day: date, councils: Collection[UUID]) -> "MoveForm":
        """Read the form.

        Args:
            data: As sent.
            day: Today.
            councils: The other councils on the platform.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        moves_on = form.day("moves_on", "the day they move")
        if moves_on is not None and not day - timedelta(days=365) <= moves_on <= day + LONGEST_AHEAD:
            form.wrong("moves_on", "The day must be within the last year or the next two years")
        to = form.option("to", "where they move", (ELSEWHERE, *(str(one) for one in councils)))
        name = form.text("to_name", "the name of the council", longest=200) if to == ELSEWHERE else ""
        form.done()
        return cls(moves_on or day, None if to == ELSEWHERE else parse_id(to), name)


class AnswerForm(msgspec.Struct, frozen=True):
    """What the person decides about their move."""

    consents: bool
    shared: tuple[str, ...]
    support: str
    words: str
    version: int

    @classmethod
    def read(cls, data: Mapping[str, Any], *, by_staff: bool) -> "AnswerForm":
        """Read the form; staff say how they learned it.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        consent = form.option("consent", "whether we may pass it on", ("yes", "no"))
        shared = form.options("shared", "what we may pass on", SHARED, required=True) if consent == "yes" else []
        support = form.option("support", "what happens to the support", SUPPORT)
        words = form.text("words", "how they told you", longest=1_000) if by_staff else ""
        version = form.number("version", "the version", least=0, most=1_000_000_000)
        form.done()
        return cls(consent == "yes", tuple(shared), support, words, version or 0)
