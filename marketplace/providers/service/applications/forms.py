"""The forms of an application, read and held against what is asked."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from marketplace.core.errors import InvalidInput
from marketplace.core.forms import FormReader
from marketplace.providers.models import Criterion, CriterionKind
from marketplace.providers.service.applications.opened import is_wanted
from marketplace.providers.service.applications.steps import word_count

LONGEST_TEXT: Final = 40_000
"""Characters. More than any number of words that a question takes; what is longer is no answer."""
YES_NO: Final = {"yes": "Yes", "no": "No"}


class AnswerForm(msgspec.Struct, frozen=True):
    """An answer to a declaration or a scored question."""

    choice: str
    words: str

    @classmethod
    def read(cls, criterion: Criterion, data: Mapping[str, Any], *, is_finished: bool) -> "AnswerForm":
        """Read the form of a question.

        Raises:
            InvalidInput: With all messages. What is not finished may be empty or too long.
        """
        form = FormReader(data)
        choice = ""
        if criterion.kind is CriterionKind.DECLARATION:
            choice = form.option("choice", "yes or no", YES_NO, required=is_finished)
        words = form.text("words", "your answer", required=False, longest=LONGEST_TEXT)
        form.done()
        if criterion.wanted_answer and choice == criterion.wanted_answer:
            # The field for the explanation is hidden then; what it held belongs to the other answer.
            words = ""
        answer = cls(choice, words)
        if is_finished:
            check_answer(criterion, answer)
        return answer


def check_answer(criterion: Criterion, answer: AnswerForm) -> None:
    """Hold an answer against what is asked.

    Raises:
        InvalidInput: It is missing, has no explanation where one is wanted, or is too long.
    """
    errors: dict[str, str] = {}
    if criterion.kind is CriterionKind.DECLARATION:
        if answer.choice not in YES_NO:
            errors["choice"] = "Select yes or no"
        elif not is_wanted(criterion, answer.choice) and not answer.words:
            errors["words"] = f"Explain why your answer is {answer.choice}"
    elif not answer.words:
        errors["words"] = "Enter your answer"
    written = word_count(answer.words)
    if written > criterion.longest_words:
        over = written - criterion.longest_words
        errors["words"] = (
            f"Your answer has {written:,} words. Take out {over:,}, so that it has {criterion.longest_words:,} or fewer"
        )
    if errors:
        raise InvalidInput(errors)


class SubmitForm(msgspec.Struct, frozen=True, kw_only=True):
    """What the person who sends an application signs."""

    seen: str
    """`snapshot.print_of` the answers that the page showed."""
    name: str
    role: str
    late_reason: str

    @classmethod
    def read(cls, data: Mapping[str, Any], *, is_late: bool) -> "SubmitForm":
        """Read the form.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        name = form.text("name", "your full name", longest=120)
        role = form.text("role", "what you are in the organisation", longest=120)
        late_reason = form.text("late_reason", "why it comes late", longest=2_000) if is_late else ""
        if not form.ticked("agree"):
            form.wrong("agree", "Tick the box to say that you may sign and that the answers are true")
        form.done()
        return cls(seen=form.raw("seen"), name=name, role=role, late_reason=late_reason)
