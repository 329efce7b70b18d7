"""Forms of evaluation: evaluators, interests, scores, moderation, decisions, appeals."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import msgspec

from marketplace.core.forms import FormReader
from marketplace.core.ids import parse_id
from marketplace.providers.models import Criterion, LotOutcome
from marketplace.providers.service.evaluation.rules import LEAST_REASON_WORDS, SCORES

LONGEST_WORDS: Final = 4_000
REFUSED_FOR: Final = {
    "late": "It came late and the reason is not accepted",
    "ineligible": "The organisation is not eligible",
}
"""Why an application is refused without being scored."""


class ChooseForm(msgspec.Struct, frozen=True):
    """Who is to score an application."""

    user_ids: tuple[UUID, ...]

    @classmethod
    def read(cls, data: Mapping[str, Any], candidates: Collection[UUID], least: int) -> "ChooseForm":
        """Read the form.

        Args:
            data: What was sent.
            candidates: Who may be chosen.
            least: How many more are needed at least.

        Raises:
            InvalidInput: Too few, or somebody who is not on the list.
        """
        form = FormReader(data)
        chosen = form.options("evaluators", "the evaluators", [str(user_id) for user_id in candidates])
        if not form.errors and len(chosen) < max(least, 1):
            form.wrong("evaluators", f"Select at least {max(least, 1)} to score this application")
        form.done()
        return cls(tuple(UUID(item) for item in chosen))


class InterestForm(msgspec.Struct, frozen=True):
    """What an evaluator declares before they see an application; empty where there is nothing."""

    interest: str

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> "InterestForm":
        """Read the form.

        Raises:
            InvalidInput: Nothing was selected, or an interest without words.
        """
        form = FormReader(data)
        answer = form.option("has_interest", "whether you have an interest", ("no", "yes"))
        words = form.text("interest", "what your interest is", longest=1_000) if answer == "yes" else ""
        form.done()
        return cls(words)


class ScoreForm(msgspec.Struct, frozen=True):
    """One evaluator's score of one answer."""

    score: int
    comment: str

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> "ScoreForm":
        """Read the form.

        Raises:
            InvalidInput: No score, or no comment.
        """
        form = FormReader(data)
        score = form.option("score", "a score", [str(score) for score in SCORES])
        comment = form.text("comment", "a comment that says why", longest=LONGEST_WORDS)
        form.done()
        return cls(int(score), comment)


class Agreed(msgspec.Struct, frozen=True):
    """What the evaluators agreed on for one criterion; the score is None where none is chosen yet."""

    score: int | None
    feedback: str


class ModerationForm(msgspec.Struct, frozen=True):
    """The agreed scores, `agreed[criterion_id]`."""

    agreed: dict[UUID, Agreed]

    @classmethod
    def read(
        cls, data: Mapping[str, Any], criteria: Sequence[Criterion], apart: Collection[UUID], *, is_final: bool
    ) -> "ModerationForm":
        """Read the form.

        Args:
            data: Fields `score-ID` and `feedback-ID` for each criterion.
            criteria: What is scored.
            apart: The criteria on which the evaluators were far apart.
            is_final: Everything must be there; otherwise what is there is kept.

        Raises:
            InvalidInput: What is wrong, by field.
        """
        form = FormReader(data)
        agreed = {}
        for criterion in criteria:
            score = form.option(
                f"score-{criterion.id}", f"the agreed score for “{criterion.title}”", _TEXTS, required=is_final
            )
            name = f"feedback-{criterion.id}"
            feedback = form.text(name, f"the feedback on “{criterion.title}”", required=is_final, longest=LONGEST_WORDS)
            if is_final and feedback and criterion.id in apart and len(feedback.split()) < LEAST_REASON_WORDS:
                form.wrong(
                    name,
                    f"The scores for “{criterion.title}” were far apart. Say in the feedback why the agreed score is "
                    f"right, in {LEAST_REASON_WORDS} words or more",
                )
            agreed[criterion.id] = Agreed(int(score) if score else None, feedback)
        form.done()
        return cls(agreed)


_TEXTS: Final = [str(score) for score in SCORES]


class LotDecision(msgspec.Struct, frozen=True):
    """What is decided about one lot."""

    outcome: LotOutcome
    reason: str


class DecisionForm(msgspec.Struct, frozen=True):
    """A decision about an application, `lots[lot_id]`, with what the applicant is told about the whole."""

    lots: dict[UUID, LotDecision]
    feedback: str
    seen_version: int | None
    """Version of the application that the page showed; None where the form had none."""

    @classmethod
    def read(cls, data: Mapping[str, Any], lots: Mapping[UUID, str]) -> "DecisionForm":
        """Read the form.

        Args:
            data: Fields `outcome-ID` and `reason-ID` for each lot, `feedback` and `version`.
            lots: The lots that wait for a decision, name by id.

        Raises:
            InvalidInput: What is wrong, by field.
        """
        form = FormReader(data)
        decided = {}
        for lot_id, name in lots.items():
            outcome = form.choice(f"outcome-{lot_id}", f"what you decide about {name}", LotOutcome)
            needs_reason = outcome is LotOutcome.REFUSED
            reason = form.text(
                f"reason-{lot_id}", f"the reason for refusing {name}", required=needs_reason, longest=LONGEST_WORDS
            )
            if outcome is not None:
                decided[lot_id] = LotDecision(outcome, reason)
        feedback = form.text("feedback", "the feedback", required=False, longest=LONGEST_WORDS)
        form.done()
        return cls(decided, feedback, seen_version(data))


class RefusalForm(msgspec.Struct, frozen=True):
    """Why an application is refused without being scored."""

    ground: str
    """Key of `REFUSED_FOR`."""
    reason: str
    seen_version: int | None

    @classmethod
    def read(cls, data: Mapping[str, Any], *, is_late: bool) -> "RefusalForm":
        """Read the form.

        Raises:
            InvalidInput: What is wrong, by field.
        """
        form = FormReader(data)
        grounds = list(REFUSED_FOR) if is_late else ["ineligible"]
        ground = form.option("ground", "why you refuse it", grounds)
        reason = form.text("reason", "the reason in words", longest=LONGEST_WORDS)
        form.done()
        return cls(ground, reason, seen_version(data))


class WhyForm(msgspec.Struct, frozen=True):
    """A reason and nothing else."""

    reason: str

    @classmethod
    def read(cls, data: Mapping[str, Any], label: str = "the reason") -> "WhyForm":
        """Read the form.

        Raises:
            InvalidInput: Without a reason.
        """
        form = FormReader(data)
        reason = form.text("reason", label, longest=LONGEST_WORDS)
        form.done()
        return cls(reason)


class AppealForm(msgspec.Struct, frozen=True):
    """What is decided about an appeal."""

    is_upheld: bool
    decision: str

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> "AppealForm":
        """Read the form.

        Raises:
            InvalidInput: What is wrong, by field.
        """
        form = FormReader(data)
        outcome = form.option("outcome", "what you decide", ("upheld", "dismissed"))
        decision = form.text("decision", "the reasons", longest=LONGEST_WORDS)
        form.done()
        return cls(outcome == "upheld", decision)


class BulkForm(msgspec.Struct, frozen=True):
    """Applications that are decided together, each with the version the page showed."""

    wanted: dict[UUID, int]
    feedback: str

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> "BulkForm":
        """Read the form: `application` holds ids with versions, "ID:3".

        Raises:
            InvalidInput: Nothing was selected, or what was sent makes no sense.
        """
        form = FormReader(data)
        given = data.get("application", [])
        wanted: dict[UUID, int] = {}
        for item in given if isinstance(given, list) else [given]:
            text, _, version = str(item).partition(":")
            application_id = parse_id(text)
            if application_id is None or not (version.isascii() and version.isdecimal() and len(version) < 9):
                form.wrong("application", "Select applications from the list")
                continue
            wanted[application_id] = int(version)
        if not wanted:
            form.wrong("application", "Select at least one application")
        feedback = form.text("feedback", "the feedback", required=False, longest=LONGEST_WORDS)
        form.done()
        return cls(wanted, feedback)


def seen_version(data: Mapping[str, Any]) -> int | None:
    """Read which version of the row the page showed; None when it is absent or no number."""
    text = str(data.get("version") or "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else None
