"""What an organisation answered in an earlier round, brought over to be confirmed, and what was asked since (V5)."""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from difflib import SequenceMatcher
from typing import Literal
from uuid import UUID

import msgspec

from marketplace.providers.models import ApplicationAnswer, Criterion, CriterionKind
from marketplace.providers.repository.applications import EarlierAnswer

_PIECES = re.compile(r"\s+|[\w’'-]+|[^\w\s]")


class Part(msgspec.Struct, frozen=True):
    """A stretch of text that two wordings share, or that one of them has alone."""

    kind: Literal["same", "out", "in"]
    text: str


def differences(before: str, after: str) -> list[Part]:
    """Compare two wordings word by word.

    Returns:
        Parts in reading order. Those that are "same" or "out" make up the old wording, "same" or "in" the new one.
    """
    old, new = _PIECES.findall(before), _PIECES.findall(after)
    parts: list[Part] = []
    for tag, old_from, old_to, new_from, new_to in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            parts.append(Part("same", "".join(old[old_from:old_to])))
            continue
        out, added = "".join(old[old_from:old_to]), "".join(new[new_from:new_to])
        parts += [part for part in (Part("out", out), Part("in", added)) if part.text]
    return parts


class Earlier(msgspec.Struct, frozen=True, kw_only=True):
    """An earlier answer beside what is asked now."""

    choice: str
    words: str
    where: str
    """The round and the council it was given in."""
    was_sent: bool
    """Whether that application was sent in; a draft's answers are kept, too."""
    parts: list[Part]
    is_changed: bool
    """The question reads differently now, or wants another answer."""
    wanted_was: str
    """The answer that needed no explanation then, where that is another one now."""


def earlier_of(source: EarlierAnswer, criterion: Criterion) -> Earlier:
    """Put an earlier answer beside what its criterion asks now."""
    then = source.criterion
    is_other_answer = then.wanted_answer != criterion.wanted_answer
    return Earlier(
        choice=source.answer.choice,
        words=source.answer.words,
        where=f"{source.round.name}, {source.council.short_name}",
        was_sent=source.application.submitted_at is not None,
        parts=differences(then.question, criterion.question),
        is_changed=is_asked_anew(source, criterion),
        wanted_was=then.wanted_answer if is_other_answer else "",
    )


def is_asked_anew(source: EarlierAnswer, criterion: Criterion) -> bool:
    """Whether the question reads differently now, or wants another answer."""
    then = source.criterion
    return (then.question, then.wanted_answer) != (criterion.question, criterion.wanted_answer)


def newest_by_key(found: Iterable[EarlierAnswer], framework_id: UUID, kind: CriterionKind) -> dict[str, EarlierAnswer]:
    """Return for each key the answer to carry over: the framework's own newest one, else that of another framework.

    Args:
        found: Earlier answers, the newest application first.
        framework_id: The framework that is applied to now.
        kind: What sort of criterion.
    """
    own: dict[str, EarlierAnswer] = {}
    other: dict[str, EarlierAnswer] = {}
    for item in found:
        if item.criterion.kind is kind and (item.answer.choice or item.answer.words):
            side = own if item.round.framework_id == framework_id else other
            side.setdefault(item.criterion.key, item)
    return {**other, **own}


def carried(source: EarlierAnswer, criterion: Criterion, application_id: UUID, now: datetime) -> ApplicationAnswer:
    """Make the answer that begins as an earlier one. It counts only when somebody confirms it."""
    return ApplicationAnswer(
        council_id=criterion.council_id,
        application_id=application_id,
        criterion_id=criterion.id,
        choice=source.answer.choice,
        words=source.answer.words,
        carried_from_id=source.answer.id,
        updated_at=now,
    )


def is_changed_since(answer: ApplicationAnswer, sources: dict[UUID, EarlierAnswer]) -> bool:
    """Whether a carried answer says something else than the one it began as."""
    source = sources.get(answer.carried_from_id) if answer.carried_from_id else None
    return source is not None and (source.answer.choice, source.answer.words) != (answer.choice, answer.words)


def to_carry(criteria: Sequence[Criterion], answered: Iterable[UUID]) -> list[Criterion]:
    """Return the declarations that have no answer yet."""
    have = set(answered)
    return [row for row in criteria if row.kind is CriterionKind.DECLARATION and row.id not in have]
