"""What is done of an application, what is left, and where the next page is."""

from enum import StrEnum

import msgspec

from marketplace.core.formats import plural
from marketplace.providers.models import ApplicationAnswer, Criterion, CriterionKind
from marketplace.providers.service.applications.opened import Opened


class TaskStatus(StrEnum):
    """How far a step is."""

    NOT_STARTED = "not_started"
    IN_PROGRESS = "in_progress"
    TO_CONFIRM = "to_confirm"
    """It was brought over from an earlier round and somebody has to say that it still holds."""
    CHANGED = "changed"
    """As before, and the question has changed since: the earlier answer may not fit it."""
    DONE = "done"
    CANNOT_START = "cannot_start"


STATUS_LABELS = {
    TaskStatus.NOT_STARTED: "Not started",
    TaskStatus.IN_PROGRESS: "In progress",
    TaskStatus.TO_CONFIRM: "To confirm",
    TaskStatus.CHANGED: "Changed: read again",
    TaskStatus.DONE: "Done",
    TaskStatus.CANNOT_START: "Cannot start yet",
}


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the task list."""

    name: str
    title: str
    href: str
    status: TaskStatus
    hint: str = ""
    problem: str = ""
    """What is still to do, for the list of errors; empty when it is done."""


class Section(msgspec.Struct, frozen=True):
    """Lines of the task list that belong together."""

    title: str
    steps: list[Step]


def word_count(text: str) -> int:
    """Count words as people and word processors do: what stands between spaces."""
    return len(text.split())


def answer_status(answer: ApplicationAnswer | None, *, is_asked_anew: bool = False) -> TaskStatus:
    """Say how far an answer is, and whether its question changed since it was given."""
    if answer is None:
        return TaskStatus.NOT_STARTED
    if answer.confirmed_at is not None:
        return TaskStatus.DONE
    if answer.carried_from_id is None:
        return TaskStatus.IN_PROGRESS
    return TaskStatus.CHANGED if is_asked_anew else TaskStatus.TO_CONFIRM


def sections(opened: Opened) -> list[Section]:
    """Return the task list of a draft. Until it is clear that the organisation may apply, the rest has to wait."""
    made = [Section("Check that you can apply", [_lots(opened), *_eligibility(opened), *_registration(opened)])]
    made.append(Section("Declarations", [_question(opened, row) for row in opened.of_kind(CriterionKind.DECLARATION)]))
    made.append(Section("Evidence", _papers(opened)))
    scored = opened.of_kind(CriterionKind.SCORED)
    made.append(Section("Your answers", [_question(opened, row) for row in scored if row.lot_id is None]))
    for lot in opened.lots:
        own = [_question(opened, row) for row in scored if row.lot_id == lot.id]
        made.append(Section(f"Your answers for {lot.code} {lot.name}", own))
    made = [section for section in made if section.steps]
    if opened.is_eligible:
        return made
    return [made[0], *(Section(section.title, [_waiting(step) for step in section.steps]) for section in made[1:])]


def problems(opened: Opened) -> list[Step]:
    """Return the steps that keep an application from being sent, in order."""
    return [step for section in sections(opened) for step in section.steps if step.status is not TaskStatus.DONE]


def next_page(opened: Opened, after: str = "") -> str:
    """Return the page to go to after a step: the next one that is not done, else the task list.

    Args:
        opened: The application.
        after: Name of the step that was just done; the first open one comes next where it is empty.
    """
    steps = [step for section in sections(opened) for step in section.steps]
    names = [step.name for step in steps]
    rest = steps[names.index(after) + 1 :] if after in names else steps
    found = next((step for step in rest if step.status is not TaskStatus.DONE and step.href), None)
    if found is not None:
        return found.href
    return opened.path if problems(opened) else f"{opened.path}/check"


def _waiting(step: Step) -> Step:
    return msgspec.structs.replace(step, href="", status=TaskStatus.CANNOT_START)


def _lots(opened: Opened) -> Step:
    names = ", ".join(f"{lot.code} {lot.name}" for lot in opened.lots)
    return Step(
        name="lots",
        title="What you apply for",
        href=f"{opened.path}/lots",
        status=TaskStatus.DONE if opened.lots else TaskStatus.NOT_STARTED,
        hint=names,
        problem="" if opened.lots else "Choose what you apply for",
    )


def _eligibility(opened: Opened) -> list[Step]:
    asked = opened.of_kind(CriterionKind.ELIGIBILITY)
    if not asked:
        return []
    is_begun = any(opened.answer(row) is not None for row in asked)
    not_done = TaskStatus.IN_PROGRESS if is_begun else TaskStatus.NOT_STARTED
    return [
        Step(
            name="eligibility",
            title="Whether you can apply",
            href=f"{opened.path}/eligibility",
            status=TaskStatus.DONE if opened.is_eligible else not_done,
            hint=plural(len(asked), "short question"),
            problem="" if opened.is_eligible else "Answer the questions on whether you can apply",
        )
    ]


def _registration(opened: Opened) -> list[Step]:
    if not opened.needs_registration:
        return []
    names = ", ".join(f"{lot.code} {lot.name}" for lot in opened.lots if lot.needs_registration)
    return [
        Step(
            name="registration",
            title="Registration with the Care Quality Commission",
            href=f"{opened.path}/evidence",
            status=TaskStatus.DONE if opened.is_registered else TaskStatus.NOT_STARTED,
            hint=f"Needed for {names}",
            problem=""
            if opened.is_registered
            else f"Link your registration with the Care Quality Commission ({names})",
        )
    ]


def _papers(opened: Opened) -> list[Step]:
    return [
        Step(
            name=item.kind.value,
            title=item.label,
            href=f"{opened.path}/evidence",
            status=TaskStatus.DONE if item.is_enough else TaskStatus.NOT_STARTED,
            hint=item.words,
            problem=item.problem,
        )
        for item in opened.needed
    ]


def _question(opened: Opened, criterion: Criterion) -> Step:
    answer = opened.answer(criterion)
    status = answer_status(answer, is_asked_anew=criterion.id in opened.asked_anew)
    hint = ""
    if criterion.kind is CriterionKind.SCORED:
        written = word_count(answer.words) if answer else 0
        hint = (
            f"{written:,} of {criterion.longest_words:,} words"
            if written
            else f"Up to {criterion.longest_words:,} words"
        )
        if criterion.weight_percent:
            hint += f", {criterion.weight_percent}% of the score"
    asked = {
        TaskStatus.NOT_STARTED: f"Answer “{criterion.title}”",
        TaskStatus.IN_PROGRESS: f"Finish “{criterion.title}”",
        TaskStatus.TO_CONFIRM: f"Say whether your earlier answer still holds: “{criterion.title}”",
        TaskStatus.CHANGED: f"Read the changed question and answer it: “{criterion.title}”",
    }
    return Step(
        name=str(criterion.id),
        title=criterion.title,
        href=f"{opened.path}/questions/{criterion.id}",
        status=status,
        hint=hint,
        problem=asked.get(status, ""),
    )
