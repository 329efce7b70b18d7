"""Forms of assessments: answers, needs, what was decided, what comes of it."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import msgspec

from marketplace.core.forms import FormReader
from marketplace.people.models import AssessedNeed, Assessment, AssessmentKind, MetBy
from marketplace.people.words_assessments import outcomes_of

LONGEST_TEXT = 4_000
LONGEST_NEED = 1_000
MOST_WEEKLY_PENCE = 2_000_000


class AnswersForm(msgspec.Struct, frozen=True, kw_only=True):
    """Chosen answers by domain; those left open are absent."""

    answers: dict[str, str]
    version: int

    @classmethod
    def read(cls, data: Mapping[str, Any], domains: Sequence[Mapping[str, Any]]) -> "AnswersForm":
        """Read the form: any number of answers, because it may be saved and gone on with later.

        Raises:
            InvalidInput: An answer that a domain does not have.
        """
        form = FormReader(data)
        answers = {}
        for domain in domains:
            name = f"answer-{domain['key']}"
            options = [str(answer["key"]) for answer in domain["answers"]]
            chosen = form.option(name, f"an answer for “{domain['label']}”", options, required=False)
            if chosen:
                answers[str(domain["key"])] = chosen
        found = cls(answers=answers, version=_version(form))
        form.done()
        return found


class NeedForm(msgspec.Struct, frozen=True, kw_only=True):
    """One need."""

    outcome: str
    words: str
    is_eligible: bool
    met_by: MetBy
    how: str
    version: int

    @classmethod
    def read(cls, data: Mapping[str, Any], kind: AssessmentKind) -> "NeedForm":
        """Read the form.

        Raises:
            InvalidInput: With all messages; also where what is not eligible is said to be met by the council.
        """
        form = FormReader(data)
        is_eligible = form.option("is_eligible", "whether this is an eligible need", ("yes", "no")) == "yes"
        met_by = form.choice("met_by", "who meets this need", MetBy) or MetBy.COUNCIL
        how = form.text("how", "how it is met", required=False, longest=LONGEST_NEED)
        if is_eligible and met_by is MetBy.NOT_ELIGIBLE:
            form.wrong("met_by", "Select who meets this need: it is an eligible one")
        if not is_eligible and form.raw("is_eligible") and met_by is MetBy.COUNCIL and not how:
            form.wrong("how", "Write down why the council meets a need that is not eligible")
        if met_by is MetBy.INFORMAL and not how:
            form.wrong("how", "Write down who helps, and that they are willing and able to")
        found = cls(
            outcome=form.option("outcome", "the outcome that this is about", outcomes_of(kind)),
            words=form.text("words", "what the need is", longest=LONGEST_NEED),
            is_eligible=is_eligible,
            met_by=met_by,
            how=how,
            version=_version(form),
        )
        form.done()
        return found


class DecisionForm(msgspec.Struct, frozen=True, kw_only=True):
    """What was said, agreed and decided. Everything may be left for later."""

    held_on: date | None
    in_my_words: str
    agreed_outcomes: str
    has_substantial_difficulty: bool
    supported_by: str
    previous_weekly_pence: int | None
    is_eligible: bool | None
    rationale: str
    cares_for: str = ""
    """Reference of whom a carer cares for; only a carer's assessment asks."""
    version: int

    @classmethod
    def read(cls, data: Mapping[str, Any], today: date) -> "DecisionForm":
        """Read the form.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        held_on = form.day("held_on", "the day of the assessment", required=False)
        if held_on is not None and held_on > today:
            form.wrong("held_on", "The day of the assessment must be today or in the past")
        eligible = form.option("is_eligible", "whether the person is eligible", ("yes", "no"), required=False)
        previous = form.pounds("previous_weekly", "what support cost before", most=MOST_WEEKLY_PENCE, required=False)
        found = cls(
            held_on=held_on,
            in_my_words=form.text("in_my_words", "the person’s words", required=False, longest=LONGEST_TEXT),
            agreed_outcomes=form.text("agreed_outcomes", "what should change", required=False, longest=LONGEST_TEXT),
            has_substantial_difficulty=form.ticked("has_substantial_difficulty"),
            supported_by=form.text("supported_by", "who supports the person", required=False, longest=500),
            previous_weekly_pence=previous,
            is_eligible={"yes": True, "no": False}.get(eligible),
            rationale=form.text("rationale", "why this was decided", required=False, longest=LONGEST_TEXT),
            cares_for=form.text("cares_for", "whom they care for", required=False, longest=100),
            version=_version(form),
        )
        form.done()
        return found


class AwardForm(msgspec.Struct, frozen=True, kw_only=True):
    """The sum that a carer's or an equipment assessment ends with."""

    weekly_pence: int
    one_off_pence: int
    reason: str
    version: int

    @classmethod
    def read(cls, data: Mapping[str, Any], *, has_award: bool) -> "AwardForm":
        """Read the form that completes an assessment; amounts only where the kind ends with a sum set by hand.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        weekly = one_off = None
        reason = ""
        if has_award:
            weekly = form.pounds("weekly", "the sum for a week", most=MOST_WEEKLY_PENCE, required=False)
            one_off = form.pounds("one_off", "the sum paid once", most=MOST_WEEKLY_PENCE, required=False)
            reason = form.text("reason", "how the sum came about", required=bool(weekly or one_off), longest=1_000)
        found = cls(weekly_pence=weekly or 0, one_off_pence=one_off or 0, reason=reason, version=_version(form))
        form.done()
        return found


def need_values(row: AssessedNeed) -> dict[str, Any]:
    """Return a need as the values of its form."""
    return {
        "outcome": row.outcome,
        "words": row.words,
        "is_eligible": "yes" if row.is_eligible else "no",
        "met_by": row.met_by.value,
        "how": row.how,
    }


def decision_values(row: Assessment) -> dict[str, Any]:
    """Return what was decided as the values of its form."""
    values: dict[str, Any] = {
        "in_my_words": row.in_my_words,
        "agreed_outcomes": row.agreed_outcomes,
        "has_substantial_difficulty": "yes" if row.has_substantial_difficulty else "",
        "supported_by": row.supported_by,
        "previous_weekly": "" if row.previous_weekly_pence is None else f"{row.previous_weekly_pence / 100:.2f}",
        "is_eligible": {True: "yes", False: "no", None: ""}[row.is_eligible],
        "rationale": row.rationale,
    }
    if row.held_on is not None:
        values |= {
            "held_on-day": str(row.held_on.day),
            "held_on-month": str(row.held_on.month),
            "held_on-year": str(row.held_on.year),
        }
    return values


def _version(form: FormReader) -> int:
    """Read the version a page was drawn from; 0 when the field was tampered with."""
    value = form.raw("version")
    return int(value) if value.isascii() and value.isdecimal() and len(value) < 10 else 0
