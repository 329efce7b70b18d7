"""Forms of stages and of times of crisis."""

from datetime import date, timedelta
from typing import Any

import msgspec

from marketplace.core.forms import FormReader
from marketplace.people.words import STAGES

LONGEST_TEXT = 4_000
LOOK_AGAIN_WITHIN = timedelta(days=42)
"""Longest time until a crisis is looked at again: as long as short-term support lasts at most (T11)."""


class StageForm(msgspec.Struct, frozen=True, kw_only=True):
    """A stage that begins, and what came of the one that ends."""

    stage: int
    started_on: date
    tried: str
    result: str
    exception_reason: str
    stamp: str
    """`stamp` of the stage that ends; empty where there is none."""

    @classmethod
    def read(cls, data: dict[str, Any], today: date) -> "StageForm":
        """Read the form.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        stage = form.option("stage", "the stage", [str(number) for number in STAGES])
        started_on = form.day("started_on", "the day on which it begins")
        if started_on is not None and started_on > today:
            form.wrong("started_on", "The day on which it begins must be today or in the past")
        found = cls(
            stage=int(stage or 1),
            started_on=started_on or today,
            tried=form.text("tried", "what was tried", required=False, longest=LONGEST_TEXT),
            result=form.text("result", "what came of it", required=False, longest=LONGEST_TEXT),
            exception_reason=form.text("exception_reason", "the reason", required=False, longest=LONGEST_TEXT),
            stamp=form.raw("stage_stamp"),
        )
        form.done()
        return found


class CrisisForm(msgspec.Struct, frozen=True, kw_only=True):
    """A crisis that begins."""

    reason: str
    look_again_on: date

    @classmethod
    def read(cls, data: dict[str, Any], today: date) -> "CrisisForm":
        """Read the form.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        day = form.day("look_again_on", "the day on which you look again")
        if day is not None and not today < day <= today + LOOK_AGAIN_WITHIN:
            form.wrong("look_again_on", "Look again after today, and within 6 weeks")
        found = cls(
            reason=form.text("crisis_reason", "what has happened", longest=LONGEST_TEXT), look_again_on=day or today
        )
        form.done()
        return found


class CrisisChange(msgspec.Struct, frozen=True, kw_only=True):
    """The end of a crisis, or why planning goes on in it."""

    reason: str
    stamp: str
    """`stamp` of the crisis."""

    @classmethod
    def read(cls, data: dict[str, Any], *, needs_reason: bool) -> "CrisisChange":
        """Read the form.

        Raises:
            InvalidInput: Without a reason where one is needed.
        """
        form = FormReader(data)
        found = cls(
            reason=form.text("override_reason", "the reason", longest=LONGEST_TEXT) if needs_reason else "",
            stamp=form.raw("crisis_stamp"),
        )
        form.done()
        return found
