"""Shapes that plans hands around: who may reach what, and the small forms of decisions."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from marketplace.core.forms import FormReader

LONGEST_REASON = 2_000


class Scope(NamedTuple):
    """The rows somebody may ask for: councils, and for a planner only their own."""

    council_ids: tuple[UUID, ...]
    worker_id: UUID | None
    user_id: UUID | None = None
    """Who of the council asks, where their own rows are a list of their own."""


class CheckForm(msgspec.Struct, frozen=True):
    """A quality checker's answers. `answers[criterion]` is "yes", "no" or "" where none was given."""

    is_passed: bool
    answers: dict[str, str]
    comments: str
    expected: int

    @classmethod
    def read(cls, data: Mapping[str, Any], criteria: Sequence[str]) -> "CheckForm":
        """Read the form. A pass needs every answer, each a yes; a return needs comments.

        Raises:
            InvalidInput: With every message, by field.
        """
        form = FormReader(data)
        decision = form.option("decision", "what happens next", ("pass", "return"))
        is_passed = decision == "pass"
        answers: dict[str, str] = {}
        for place, criterion in enumerate(criteria, start=1):
            name = f"criterion-{place}"
            answers[criterion] = form.option(name, "yes or no for this question", ("yes", "no"), required=is_passed)
            if is_passed and answers[criterion] == "no":
                form.wrong(name, "You answered no here. Send the plan back, or change your answer")
        comments = form.text("comments", "what the planner should change", required=False, longest=LONGEST_REASON)
        if decision == "return" and not comments:
            form.wrong("comments", "Enter what the planner should change")
        expected = read_expected(form)
        form.done()
        return cls(is_passed, answers, comments, expected)


class AgreeForm(msgspec.Struct, frozen=True):
    """The person's yes."""

    expected: int

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> "AgreeForm":
        """Read the form.

        Raises:
            InvalidInput: The box was not ticked.
        """
        form = FormReader(data)
        if not form.ticked("has_read"):
            form.wrong("has_read", "Tick the box to say that you have read the plan or had it read to you")
        expected = read_expected(form)
        form.done()
        return cls(expected)


class ReasonForm(msgspec.Struct, frozen=True):
    """Why something is sent back or changed."""

    why: str
    expected: int

    @classmethod
    def read(cls, data: Mapping[str, Any], name: str, label: str) -> "ReasonForm":
        """Read the form; the reason must be given.

        Raises:
            InvalidInput: It is missing or too long.
        """
        form = FormReader(data)
        why = form.text(name, label, longest=LONGEST_REASON)
        expected = read_expected(form)
        form.done()
        return cls(why, expected)


def read_expected(form: FormReader) -> int:
    """Read which state of the row the page showed; 0, which never fits, when it is absent or not a number."""
    value = form.raw("version")
    return int(value) if value.isascii() and value.isdecimal() and len(value) < 10 else 0
