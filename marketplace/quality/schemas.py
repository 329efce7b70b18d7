"""Forms of feedback: what is said, why it is not published, the reply."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import msgspec

from marketplace.core.forms import FormReader

LONGEST_WORDS: Final = 2_000
STARS: Final = ("5", "4", "3", "2", "1")


class Signing(StrEnum):
    """How the writer wants to be named in public."""

    FIRST_NAME = "first_name"
    RELATIVE = "relative"
    """For who acts for somebody."""
    NOBODY = "nobody"


RELATIVE: Final = "A relative or friend"


class Refusal(StrEnum):
    """Why feedback may be kept off a page. That it is bad is none of these."""

    NAMES = "names"
    INSULTS = "insults"
    OTHER = "other"
    PERSONAL = "personal"


REFUSAL_LABELS: Final[dict[Refusal, str]] = {
    Refusal.NAMES: "It names somebody",
    Refusal.INSULTS: "It insults somebody",
    Refusal.OTHER: "It is about something else",
    Refusal.PERSONAL: "It holds personal details, such as an address or an illness",
}


class FeedbackForm(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody says about a visit."""

    booking_id: UUID
    stars: int
    words: str
    signing: Signing

    @classmethod
    def read(cls, data: Mapping[str, Any], *, is_representative: bool) -> "FeedbackForm":
        """Read the form.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        booking_id = form.id("booking", "the visit")
        stars = form.option("stars", "how the visit was", STARS)
        words = form.text("words", "what you want to say", required=False, longest=LONGEST_WORDS)
        signing = form.choice("signing", "how you want to be named", Signing)
        if signing is Signing.RELATIVE and not is_representative:
            form.wrong("signing", "Select how you want to be named from the list")
        if not form.ticked("is_own"):
            form.wrong("is_own", "Confirm that nobody gave you anything for this")
        form.done()
        assert booking_id is not None  # noqa: S101 - `done` raised otherwise
        return cls(booking_id=booking_id, stars=int(stars), words=words, signing=signing or Signing.NOBODY)


class RefusalForm(msgspec.Struct, frozen=True, kw_only=True):
    """Why feedback is not published, for its writer to read."""

    reason: str
    version: int

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> "RefusalForm":
        """Read the form.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        why = form.choice("why", "why it cannot be published", Refusal)
        words = form.text("words", "what the writer should change", longest=LONGEST_WORDS)
        version = read_version(form)
        form.done()
        return cls(reason=f"{REFUSAL_LABELS[why or Refusal.OTHER]}. {words}", version=version)


class ReplyForm(msgspec.Struct, frozen=True, kw_only=True):
    """A provider's reply."""

    reply: str
    version: int

    @classmethod
    def read(cls, data: Mapping[str, Any], label: str = "your reply") -> "ReplyForm":
        """Read the form.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        reply = form.text("reply", label, longest=LONGEST_WORDS)
        version = read_version(form)
        form.done()
        return cls(reply=reply, version=version)


def version_of(data: Mapping[str, Any]) -> int:
    """Read a form that holds nothing but the version it was shown for.

    Raises:
        InvalidInput: There is none.
    """
    form = FormReader(data)
    version = read_version(form)
    form.done()
    return version


def read_version(form: FormReader) -> int:
    """Read the version of the feedback that the page showed."""
    version = form.number("version", "the version", least=1, most=1_000_000)
    if form.errors.pop("version", ""):
        form.wrong("form", "Open the page again, then send this once more")
    return version
