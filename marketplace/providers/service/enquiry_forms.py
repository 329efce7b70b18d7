"""Forms of enquiries: what is asked, when somebody could meet, what is answered."""

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec

from marketplace.core.clock import instant, local
from marketplace.core.forms import FormReader
from marketplace.providers.models import EnquiryKind, MeetingPlace

LEAST_WORDS: Final = 10
"""Characters that a first question has at least: less says nothing."""
LONGEST_WORDS: Final = 2_000
MOST_WISHES: Final = 3
FURTHEST_AHEAD: Final = timedelta(weeks=8)

PLACE_LABELS: Final[dict[MeetingPlace, str]] = {
    MeetingPlace.PHONE: "By phone",
    MeetingPlace.VIDEO: "By video call",
    MeetingPlace.PROVIDER: "At the provider’s place",
    MeetingPlace.PUBLIC: "In a public place, such as a café or a library",
}


class AskForm(msgspec.Struct, frozen=True, kw_only=True):
    """A question, or the wish for a first meeting."""

    listing_id: UUID
    kind: EnquiryKind
    words: str
    place: MeetingPlace | None = None
    wishes: tuple[str, ...] = ()
    """Wall-clock times in Europe/London, ISO, the earliest first."""

    @classmethod
    def read(cls, data: Mapping[str, Any], now: datetime) -> "AskForm":
        """Read the form.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        listing_id = form.id("listing", "what you ask about")
        kind = form.choice("kind", "what you want", EnquiryKind) or EnquiryKind.QUESTION
        is_meeting = kind is EnquiryKind.MEETING
        place = form.choice("place", "where you want to meet", MeetingPlace) if is_meeting else None
        wishes = _wishes(form, now) if is_meeting else ()
        words = read_words(form, "what you want to talk about" if is_meeting else "your question", least=LEAST_WORDS)
        form.done()
        assert listing_id is not None  # noqa: S101 - `done` raised otherwise
        return cls(listing_id=listing_id, kind=kind, words=words, place=place, wishes=wishes)


class ProposalForm(msgspec.Struct, frozen=True, kw_only=True):
    """Another time for a meeting, with words if any."""

    starts_at: datetime
    words: str
    version: int

    @classmethod
    def read(cls, data: Mapping[str, Any], now: datetime) -> "ProposalForm":
        """Read the form.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        starts_at = _moment(form, "proposal", "the day", "the time", now, required=True)
        words = read_words(form, "your message", name="proposal_words", required=False)
        version = read_version(form)
        form.done()
        assert starts_at is not None  # noqa: S101 - `done` raised otherwise
        return cls(starts_at=starts_at, words=words, version=version)


class StepForm(msgspec.Struct, frozen=True, kw_only=True):
    """A step that both sides must see the same thread for: words where they are wanted, and the version shown."""

    words: str
    version: int

    @classmethod
    def read(cls, data: Mapping[str, Any], label: str = "", *, name: str = "words") -> "StepForm":
        """Read the form. `label` names the words where they are required.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        words = read_words(form, label or "your message", name=name, required=bool(label))
        version = read_version(form)
        form.done()
        return cls(words=words, version=version)


class ChoiceForm(msgspec.Struct, frozen=True, kw_only=True):
    """One of the times that the person can do."""

    wish: str
    version: int

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> "ChoiceForm":
        """Read the form. Whether it is one of the times that were given is the service's to say.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        wish = form.raw("wish")
        if not wish:
            form.wrong("wish", "Select one of the times")
        version = read_version(form)
        form.done()
        return cls(wish=wish, version=version)


def words_of(data: Mapping[str, Any], label: str, *, name: str = "words", least: int = 1) -> str:
    """Read a form that holds words alone.

    Raises:
        InvalidInput: With all messages.
    """
    form = FormReader(data)
    words = read_words(form, label, name=name, least=least)
    form.done()
    return words


def read_words(form: FormReader, label: str, *, name: str = "words", least: int = 1, required: bool = True) -> str:
    """Read what somebody writes, of at least so many characters."""
    words = form.text(name, label, required=required, longest=LONGEST_WORDS)
    if words and len(words) < least:
        form.wrong(name, f"{label[:1].upper()}{label[1:]} must be {least} characters or more")
    return words


def read_version(form: FormReader) -> int:
    """Read the version of the thread that the page showed."""
    version = form.number("version", "the version", least=1, most=1_000_000)
    if form.errors.pop("version", ""):
        form.wrong("form", "Open the conversation again, then send this once more")
    return version


def wish_instant(wish: str) -> datetime:
    """Turn a wished wall-clock time into an instant."""
    wanted = datetime.fromisoformat(wish)
    return instant(wanted.date(), wanted.time())


def _wishes(form: FormReader, now: datetime) -> tuple[str, ...]:
    found: set[str] = set()
    for number in range(1, MOST_WISHES + 1):
        name = f"wish{number}"
        typed = [form.raw(part) for part in (f"{name}-day", f"{name}-month", f"{name}-year", f"{name}_time")]
        if number > 1 and not any(typed):
            continue
        which = {1: "first", 2: "second", 3: "third"}[number]
        at = _moment(form, name, f"the {which} day you can do", f"the {which} time you can do", now, required=True)
        if at is not None:
            found.add(local(at).strftime("%Y-%m-%dT%H:%M"))
    return tuple(sorted(found))


def _moment(
    form: FormReader, name: str, day_label: str, time_label: str, now: datetime, *, required: bool
) -> datetime | None:
    """Read a day and a time of a meeting: in the future and within eight weeks."""
    day = form.day(name, day_label, required=required)
    at: time | None = form.clock_time(f"{name}_time", time_label, required=required)
    if day is None or at is None:
        return None
    starts_at = instant(day, at)
    if starts_at <= now:
        form.wrong(name, f"{day_label[:1].upper()}{day_label[1:]} must be in the future")
        return None
    if starts_at > now + FURTHEST_AHEAD:
        form.wrong(name, f"{day_label[:1].upper()}{day_label[1:]} must be within the next 8 weeks")
        return None
    return starts_at
