"""Forms of reviews: booking, recording, signing, what the person writes, asking for one, handing one on."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

import msgspec

from marketplace.core.forms import FormReader
from marketplace.plans.models import AskedBy, NoteKind, Progress, ReviewOutcome
from marketplace.plans.schemas import LONGEST_REASON, read_expected

NO_CUT = "A review cannot lower a budget. Choose “Ask for a new assessment” instead"
LONGEST_LIST = 4_000
LONGEST_NOTE = 1_000


class BookForm(msgspec.Struct, frozen=True):
    """The date of a review."""

    booked_on: date
    why: str
    at_time: str = ""
    """Local time, "14:30"; empty where none was agreed."""
    place: str = ""

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> "BookForm":
        """Read the form.

        Raises:
            InvalidInput: With every message, by field.
        """
        form = FormReader(data)
        booked_on = form.day("booked_on", "the date of the review")
        at_time = form.clock_time("at_time", "the time", required=False)
        place = form.text("place", "the place", required=False)
        why = form.text("why", "the reason", required=False, longest=500)
        form.done()
        return cls(booked_on or date.min, why, f"{at_time:%H:%M}" if at_time else "", place)


class Result(msgspec.Struct, frozen=True):
    """How far one outcome of the plan was reached."""

    position: int
    outcome: str
    progress: Progress
    words: str = ""


class HoldForm(msgspec.Struct, frozen=True):
    """What a review found and what follows (L17). No money in it: that is looked at apart (T14)."""

    held_on: date
    working: str
    not_working: str
    expected: int
    outcome: ReviewOutcome = ReviewOutcome.GO_ON
    changes: str = ""
    changes_from: date | None = None
    results: tuple[Result, ...] = ()
    came: frozenset[UUID] = frozenset()
    """Invited people who were there."""

    @classmethod
    def read(cls, data: Mapping[str, Any], outcomes: Mapping[int, str], invited: Mapping[UUID, str]) -> "HoldForm":
        """Read the form.

        Args:
            data: The form.
            outcomes: Outcomes of the plan in place, by position.
            invited: Names of those who were invited, by the invitation's id.

        Raises:
            InvalidInput: With every message, by field. A change that would lower the budget is one of them: that
                takes a new assessment which shows less need (S12).
        """
        form = FormReader(data)
        held_on = form.day("held_on", "the date you met")
        working = form.text("working", "what is working", longest=LONGEST_LIST)
        not_working = form.text("not_working", "what is not working", longest=LONGEST_LIST)
        results = []
        for position, outcome in outcomes.items():
            progress = form.choice(f"progress-{position}", f"how far outcome {position} was reached", Progress)
            words = form.text(f"words-{position}", f"the words on outcome {position}", required=False, longest=500)
            results.append(Result(position, outcome, progress or Progress.NOT_YET, words))
        outcome = form.choice("outcome", "what follows from the review", ReviewOutcome) or ReviewOutcome.GO_ON
        is_change = outcome is ReviewOutcome.CHANGE_PLAN
        changes = form.text(
            "changes", "what changes and why", required=outcome is not ReviewOutcome.GO_ON, longest=LONGEST_LIST
        )
        changes_from = form.day("changes_from", "the date the changes start", required=is_change)
        if is_change and form.option("lowers", "whether the budget would go down", ("yes", "no")) == "yes":
            form.wrong("lowers", NO_CUT)
        if is_change and held_on and changes_from and changes_from < held_on:
            form.wrong("changes_from", "The date the changes start must be the date you met or later")
        came = {UUID(value) for value in form.options("came", "who was there", [str(key) for key in invited])}
        expected = read_expected(form)
        form.done()
        return cls(
            held_on or date.min,
            working,
            not_working,
            expected,
            outcome,
            changes,
            changes_from if is_change else None,
            tuple(results),
            frozenset(came),
        )


class SignForm(msgspec.Struct, frozen=True):
    """Somebody's signature under what the page showed."""

    expected: int

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> "SignForm":
        """Read the form.

        Raises:
            InvalidInput: The box was not ticked.
        """
        form = FormReader(data)
        if not form.ticked("agrees"):
            form.wrong("agrees", "Tick the box to say that this is right")
        expected = read_expected(form)
        form.done()
        return cls(expected)


class NoteForm(msgspec.Struct, frozen=True):
    """A line on one of the three lists."""

    kind: NoteKind
    words: str
    by_name: str

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> "NoteForm":
        """Read the form.

        Raises:
            InvalidInput: With every message, by field.
        """
        form = FormReader(data)
        kind = form.choice("kind", "which list it goes on", NoteKind)
        words = form.text("words", "what you want to say", longest=LONGEST_NOTE)
        by_name = form.text("by_name", "who says it", required=False, longest=80)
        form.done()
        return cls(kind or NoteKind.WISH, words, by_name)


class InviteForm(msgspec.Struct, frozen=True):
    """Somebody whom the person wants at a review (T15)."""

    name: str
    relation: str
    email: str

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> "InviteForm":
        """Read the form.

        Raises:
            InvalidInput: With every message, by field.
        """
        form = FormReader(data)
        name = form.text("name", "their name", longest=100)
        relation = form.text("relation", "who they are", required=False, longest=100)
        email = form.email("email", "their email address", required=False)
        form.done()
        return cls(name, relation, email)


class AskForm(msgspec.Struct, frozen=True):
    """Why a review is wanted now (S11: on reasonable request)."""

    reason: str
    asked_by: AskedBy

    @classmethod
    def read(cls, data: Mapping[str, Any], asked_by: AskedBy | None = None) -> "AskForm":
        """Read the form; who asked is on it only where staff write it down.

        Raises:
            InvalidInput: With every message, by field.
        """
        form = FormReader(data)
        asked_by = asked_by or form.choice("asked_by", "who asks for the review", AskedBy)
        reason = form.text("reason", "why a review is needed now", longest=LONGEST_REASON)
        form.done()
        return cls(reason, asked_by or AskedBy.COUNCIL)


class HandOnForm(msgspec.Struct, frozen=True):
    """Who holds a review from now on: a planner, somebody of the council, or nobody yet."""

    worker_id: UUID | None
    user_id: UUID | None
    why: str
    expected: int

    @classmethod
    def read(cls, data: Mapping[str, Any], choices: Mapping[str, str]) -> "HandOnForm":
        """Read the form.

        Args:
            data: The form.
            choices: Names by value: "worker:<id>", "user:<id>" or "nobody".

        Raises:
            InvalidInput: With every message, by field.
        """
        form = FormReader(data)
        kind, _, row = form.option("to", "who holds the review", choices).partition(":")
        why = form.text("reason", "the reason", required=False, longest=LONGEST_REASON)
        expected = read_expected(form)
        form.done()
        return cls(UUID(row) if kind == "worker" else None, UUID(row) if kind == "user" else None, why, expected)
