"""The faces of a plan: the same rows as the person reads them, and as an organisation reads what was shared with it.

Pure functions of rows, so that pages and PDF files say the same.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from marketplace.core.formats import pounds
from marketplace.plans.content import split_money
from marketplace.plans.easy_read import EasyPart, lines_of
from marketplace.plans.models import HELP_LABELS
from marketplace.plans.pictures import OF_HELP, OF_SECTION
from marketplace.plans.sections import BY_KEY, KEYS, SectionText, Written

OUTCOMES = "outcomes"
MONEY = "money"
COMMUNICATION = "communication"
"""What can be shared beside the sections of the plan: how to talk with the person (Accessible Information Standard)."""
COMMUNICATION_TITLE = "How to talk with me"

SHARED_KEYS: tuple[str, ...] = (COMMUNICATION, *KEYS)
"""What may be shared with an organisation, in the order it is shown."""


class FaceOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What the person wants, and how it will happen."""

    number: int
    outcome: str
    what: str
    who: str
    picture: str
    money: str
    """What it costs, in words; empty where costs are not shown."""


class FacePart(msgspec.Struct, frozen=True, kw_only=True):
    """A section with its picture. Of the outcomes the words are empty and the rows stand in the face."""

    key: str
    picture: str
    title: str
    words: str


class Face(msgspec.Struct, frozen=True, kw_only=True):
    """A plan as somebody reads it."""

    parts: tuple[FacePart, ...]
    outcomes: tuple[FaceOutcome, ...]
    costs: str
    """What everything costs together, in words; empty where costs are not shown."""
    why_over: str
    """Why the plan costs more than the budget; empty where money is not shown."""


def person_face(texts: Sequence[SectionText], items: Iterable[Written]) -> Face:
    """Return a plan as the person reads it: every section that says something, in their own order of reading."""
    return _face(texts, items, frozenset(KEYS), with_costs=True, communication="")


def shared_face(
    texts: Sequence[SectionText], items: Iterable[Written], shared: Collection[str], communication: str
) -> Face:
    """Return what an organisation reads of a plan: the shared sections and nothing else.

    What outcomes cost is shown only where the person shared their money, too: others' prices are nobody's business.

    Args:
        texts: All sections of the version.
        items: Its outcomes.
        shared: Keys of `SHARED_KEYS`.
        communication: How to talk with the person, in words; used only where that is shared.
    """
    keys = frozenset(shared)
    return _face(
        texts,
        items,
        keys,
        with_costs=MONEY in keys,
        communication=communication if COMMUNICATION in keys else "",
    )


def titles_of(keys: Iterable[str]) -> list[str]:
    """Return the titles of shared keys in the order they are shown; unknown ones are left out."""
    given = set(keys)
    return [title_of(key) for key in SHARED_KEYS if key in given]


def title_of(key: str) -> str:
    """Return the title of something that can be shared."""
    return COMMUNICATION_TITLE if key == COMMUNICATION else BY_KEY[key].title


def easy_parts(face: Face) -> tuple[EasyPart, ...]:
    """Set a face out as Easy Read: one picture and a few lines at a time."""
    found: list[EasyPart] = []
    for part in face.parts:
        if part.key == OUTCOMES:
            found.extend(_easy_outcome(item) for item in face.outcomes)
            if face.costs:
                found.append(EasyPart(picture="coins", title="What it costs", lines=lines_of(face.costs)))
        else:
            found.append(EasyPart(picture=part.picture, title=part.title, lines=lines_of(part.words)))
    return tuple(found)


def _easy_outcome(item: FaceOutcome) -> EasyPart:
    lines = [*lines_of(item.outcome)]
    if item.what:
        lines += ["This will happen:", *lines_of(item.what)]
    lines.append(f"Who helps: {item.who[:1].lower() + item.who[1:] if not item.who.startswith('I ') else item.who}.")
    if item.money:
        lines.append(item.money)
    return EasyPart(picture=item.picture, title=f"What I want: number {item.number}", lines=tuple(lines))


def _face(
    texts: Sequence[SectionText],
    items: Iterable[Written],
    keys: frozenset[str],
    *,
    with_costs: bool,
    communication: str,
) -> Face:
    held_items = list(items)
    outcomes = tuple(_outcome(number, item, with_costs) for number, item in enumerate(held_items, start=1))
    words = {text.section.key: text.words for text in texts}
    held, why_over = split_money(words.get(MONEY, ""))
    words[MONEY] = held
    parts = [
        FacePart(key=COMMUNICATION, picture=OF_SECTION[COMMUNICATION], title=COMMUNICATION_TITLE, words=communication)
    ]
    parts += [_part(key, words) for key in KEYS if key in keys]
    shown = [part for part in parts if part.words.strip() or (part.key == OUTCOMES and outcomes)]
    has_outcomes = OUTCOMES in keys
    return Face(
        parts=tuple(shown),
        outcomes=outcomes if has_outcomes else (),
        costs=_costs(sum(item.weekly_pence for item in held_items)) if with_costs and has_outcomes and outcomes else "",
        why_over=why_over if MONEY in keys else "",
    )


def _costs(weekly_pence: int) -> str:
    return f"Everything together costs {pounds(weekly_pence)} a week." if weekly_pence else "All of this costs nothing."


def _part(key: str, words: Mapping[str, str]) -> FacePart:
    says = "" if key == OUTCOMES else words.get(key, "")
    return FacePart(key=key, picture=OF_SECTION[key], title=BY_KEY[key].title, words=says)


def _outcome(number: int, item: Written, with_costs: bool) -> FaceOutcome:
    money = ""
    if with_costs:
        money = f"It costs {pounds(item.weekly_pence)} a week." if item.weekly_pence else "It costs nothing."
    return FaceOutcome(
        number=number,
        outcome=item.outcome or "Not written yet",
        what=item.what,
        who=HELP_LABELS[item.helped_by] if item.helped_by else "Not chosen yet",
        picture=OF_HELP[item.helped_by] if item.helped_by else OF_SECTION[OUTCOMES],
        money=money,
    )
