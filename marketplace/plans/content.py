"""What a plan says: read from the form, checked against what the Care Act asks for, put into words.

Nothing here touches the database, so that a draft, a submission and the live checklist share one set of rules.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from marketplace.core.formats import plural, pounds
from marketplace.core.forms import FormReader
from marketplace.plans.models import HELP_LABELS, HelpKind
from marketplace.plans.sections import BY_KEY, LONGEST_TEXT, ROWS

LONGEST_OUTCOME = 500
LONGEST_WHAT = 1_000
MOST_ITEMS = 20
MOST_WEEKLY_PENCE = 1_000_000
"""£10,000 a week for one outcome: a larger figure is a slip of the keyboard."""
MOST_HOURS = 200

WHY_OVER = "Why the plan costs more than the budget:"
"""What stands between the two parts of the `money` section when it is stored as one text."""

MIX: tuple[tuple[str, tuple[HelpKind, ...]], ...] = (
    ("Myself, family and friends", (HelpKind.MYSELF, HelpKind.FAMILY)),
    ("Community groups and activities", (HelpKind.COMMUNITY,)),
    ("Charities and voluntary groups", (HelpKind.VOLUNTARY,)),
    ("Equipment and short-term support", (HelpKind.EQUIPMENT, HelpKind.SHORT_TERM)),
    ("Personal assistants", (HelpKind.PA,)),
    ("Registered care", (HelpKind.REGULATED,)),
)
"""The kinds of support that a plan shows side by side (B8), at most six for one chart."""


class ItemNames(msgspec.Struct, frozen=True, kw_only=True):
    """What messages call the fields of an outcome, as the page does; `{}` stands for its number."""

    outcome: str = "outcome {}"
    what: str = "what will happen for outcome {}"
    helped_by: str = "who helps with outcome {}"
    weekly: str = "the weekly cost of outcome {}"


STAFF_NAMES = ItemNames()
"""On the planner's page, where each is headed "Outcome 1"."""


class CostedItem(Protocol):
    """An outcome, typed or stored."""

    @property
    def helped_by(self) -> HelpKind | None:
        """Who or what helps."""

    @property
    def weekly_pence(self) -> int:
        """What it costs a week, pence."""


class ItemContent(msgspec.Struct, frozen=True, kw_only=True):
    """An outcome and how it will be reached, as typed. `row` is its place on the form, 1 or more."""

    row: int
    outcome: str = ""
    what: str = ""
    helped_by: HelpKind | None = None
    weekly_pence: int = 0


class PlanContent(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is written in a plan."""

    about_me: str = ""
    good_days: str = ""
    risks: str = ""
    money_held: str = ""
    why_over: str = ""
    information_given: str = ""
    visit_minutes: int = 0
    items: tuple[ItemContent, ...] = ()
    others: dict[str, str] = msgspec.field(default_factory=dict)
    """Words of the sections that are no columns, by key (`sections.ROWS`)."""

    @property
    def weekly_pence(self) -> int:
        """What all outcomes cost a week, pence."""
        return sum(item.weekly_pence for item in self.items)

    @property
    def money(self) -> str:
        """Both parts about money as the one text that is stored."""
        return join_money(self.money_held, self.why_over)


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the checklist. `field` is where on the form it is put right."""

    field: str
    title: str
    is_done: bool
    advice: str
    """What to do, in plain words: also the message of a refused submission."""


def join_money(held: str, why_over: str) -> str:
    """Write both parts about money as one text; `split_money` takes it apart again."""
    return f"{held}\n\n{WHY_OVER} {why_over}".strip() if why_over else held


def split_money(text: str) -> tuple[str, str]:
    """Take the stored text about money apart: how it is held, and why the plan is over the budget."""
    held, _, why = text.partition(WHY_OVER)
    return held.strip(), why.strip()


def read(data: Mapping[str, Any]) -> PlanContent:
    """Read the form of a plan; only hard limits are wrong here, because a draft may be incomplete.

    Raises:
        InvalidInput: A text is too long, an amount is not one, a choice is not on the list.
    """
    reader = FormReader(data)
    content = _read(reader)
    reader.done()
    return content


def glance(data: Mapping[str, Any]) -> PlanContent:
    """Read what can be read of a form that is still being typed: for the live checklist."""
    return _read(FormReader(data))


def _read(form: FormReader) -> PlanContent:
    about_me = form.text("about_me", "about the person", required=False, longest=LONGEST_TEXT)
    good_days = form.text("good_days", "good days and bad days", required=False, longest=LONGEST_TEXT)
    items = read_items(form)
    return PlanContent(
        about_me=about_me,
        good_days=good_days,
        items=items,
        risks=form.text("risks", "the risks", required=False, longest=LONGEST_TEXT),
        money_held=form.text("money_held", "how the money is held", required=False, longest=LONGEST_TEXT),
        why_over=form.text("why_over", "why the plan costs more", required=False, longest=LONGEST_TEXT),
        information_given=form.text("information_given", "the information given", required=False, longest=LONGEST_TEXT),
        others={
            key: words for key in ROWS if (words := form.text(key, _name(key), required=False, longest=LONGEST_TEXT))
        },
        visit_minutes=60 * form.number("visit_hours", "hours with the person", least=0, most=MOST_HOURS, required=False)
        + form.number("visit_minutes", "minutes with the person", least=0, most=59, required=False),
    )


def _name(key: str) -> str:
    title = BY_KEY[key].staff_title
    return title[0].lower() + title[1:]


def read_items(form: FormReader, names: ItemNames = STAFF_NAMES) -> tuple[ItemContent, ...]:
    """Read the rows of outcomes; rows in which nothing was typed are left out."""
    return tuple(item for row in range(1, MOST_ITEMS + 1) if (item := _read_item(form, row, names)) is not None)


def _read_item(form: FormReader, row: int, names: ItemNames) -> ItemContent | None:
    """Read one row of outcomes; None when nothing was typed in it."""
    typed = (form.raw(f"{name}-{row}") for name in ("outcome", "what", "helped_by", "weekly"))
    if not any(typed):
        return None
    return ItemContent(
        row=row,
        outcome=form.text(f"outcome-{row}", names.outcome.format(row), required=False, longest=LONGEST_OUTCOME),
        what=form.text(f"what-{row}", names.what.format(row), required=False, longest=LONGEST_WHAT),
        helped_by=form.choice(f"helped_by-{row}", names.helped_by.format(row), HelpKind, required=False),
        weekly_pence=form.pounds(f"weekly-{row}", names.weekly.format(row), most=MOST_WEEKLY_PENCE, required=False)
        or 0,
    )


def without_row(content: PlanContent, row: int) -> PlanContent:
    """Return the content without one row of outcomes."""
    return msgspec.structs.replace(content, items=without_item(content.items, row))


def without_item(items: Iterable[ItemContent], row: int) -> tuple[ItemContent, ...]:
    """Return outcomes without one row."""
    return tuple(item for item in items if item.row != row)


def values_of(content: PlanContent) -> dict[str, str]:
    """Write content back into the fields of the form, outcomes numbered from 1."""
    hours, minutes = divmod(content.visit_minutes, 60)
    values = {
        "about_me": content.about_me,
        "good_days": content.good_days,
        "risks": content.risks,
        "money_held": content.money_held,
        "why_over": content.why_over,
        "information_given": content.information_given,
        "visit_hours": str(hours) if content.visit_minutes else "",
        "visit_minutes": str(minutes) if content.visit_minutes else "",
        **{key: content.others.get(key, "") for key in ROWS},
    }
    return values | item_values(content.items)


def item_values(items: Iterable[ItemContent]) -> dict[str, str]:
    """Write outcomes back into the fields of the form, numbered from 1."""
    values: dict[str, str] = {}
    for row, item in enumerate(items, start=1):
        values[f"outcome-{row}"] = item.outcome
        values[f"what-{row}"] = item.what
        values[f"helped_by-{row}"] = item.helped_by.value if item.helped_by else ""
        values[f"weekly-{row}"] = (
            f"{item.weekly_pence // 100}.{item.weekly_pence % 100:02d}" if item.weekly_pence else ""
        )
    return values


def checklist(content: PlanContent, budget_pence: int) -> tuple[Check, ...]:
    """Say what a plan needs before it can be submitted, and what is there.

    Args:
        content: The plan as typed or stored.
        budget_pence: The indicative budget, pence a week.

    Source: Care Act 2014 s.25(1) (needs, which will be met and how, personal budget, advice); domain.md 4.1.
    """
    gaps = item_gaps(content)
    first_gap = next(iter(gaps.items()), None)
    return (
        _needed("about_me", "About the person and their needs", content.about_me, "Write about the person"),
        Check(
            field=first_gap[0] if first_gap else "outcome-1",
            title="What the person wants, and how it will happen",
            is_done=first_gap is None,
            advice=first_gap[1] if first_gap else "",
        ),
        _needed(
            "risks", "Risks and what will be done", content.risks, "Write what the risks are and what will be done"
        ),
        _needed("money_held", "How the money is held", content.money_held, "Write how the money will be held"),
        *(
            [
                _needed(
                    "why_over",
                    "Why the plan costs more than the budget",
                    content.why_over,
                    "Write why the plan costs more than the budget",
                )
            ]
            if content.weekly_pence > budget_pence
            else []
        ),
        _needed(
            "information_given",
            "Information and advice given",
            content.information_given,
            "Write what information and advice you gave",
        ),
        Check(
            field="visit_hours",
            title="Time spent with the person",
            is_done=content.visit_minutes > 0,
            advice="Enter the time you spent with the person",
        ),
    )


def item_gaps(content: PlanContent) -> dict[str, str]:
    """Say what each outcome lacks, by the field where it is put right; empty when there is nothing to do."""
    if not content.items:
        return {"outcome-1": "Add at least one outcome"}
    gaps: dict[str, str] = {}
    for item in content.items:
        if not item.outcome:
            gaps[f"outcome-{item.row}"] = f"Write what the person wants in outcome {item.row}"
        if not item.what:
            gaps[f"what-{item.row}"] = f"Write what will happen for outcome {item.row}"
        if item.helped_by is None:
            gaps[f"helped_by-{item.row}"] = f"Select who helps with outcome {item.row}"
    return gaps


def gaps(content: PlanContent, budget_pence: int) -> dict[str, str]:
    """Return why a plan cannot be submitted yet, by field, in the order of the form; empty when it can."""
    found = {check.field: check.advice for check in checklist(content, budget_pence) if not check.is_done}
    found.update(item_gaps(content))
    order = {name: place for place, name in enumerate(_fields(content))}
    return dict(sorted(found.items(), key=lambda gap: order.get(gap[0], len(order))))


def budget_words(weekly_pence: int, budget_pence: int) -> str:
    """Say how the plan stands against the budget: "That is £14.62 a week more than the budget"."""
    gap = weekly_pence - budget_pence
    if gap > 0:
        return f"That is {pounds(gap)} a week more than the budget."
    if gap < 0:
        return f"That leaves {pounds(-gap)} a week."
    return "That is exactly the budget."


def mix(items: Iterable[CostedItem]) -> list[tuple[str, int, str]]:
    """Count the outcomes by kind of support: (label, outcomes, outcomes and cost in words), kinds without any left out.

    The chart counts outcomes, not pounds: help that costs nothing is the point of it (B8).
    """
    held: Sequence[CostedItem] = list(items)
    parts = []
    for label, kinds in MIX:
        chosen = [item for item in held if item.helped_by in kinds]
        if chosen:
            cost = sum(item.weekly_pence for item in chosen)
            money = f"{pounds(cost)} a week" if cost else "no cost"
            parts.append((label, len(chosen), f"{plural(len(chosen), 'outcome')}, {money}"))
    return parts


def mix_words(parts: Sequence[tuple[str, int, str]]) -> str:
    """Describe the mix in a sentence, for people who do not see the chart."""
    return "; ".join(f"{label}: {written}" for label, _, written in parts) + "." if parts else "No outcomes yet."


def help_options() -> list[tuple[str, str]]:
    """Options of "Who helps?" in the order of the form."""
    return [(kind.value, label) for kind, label in HELP_LABELS.items()]


def _needed(field: str, title: str, text: str, advice: str) -> Check:
    return Check(field=field, title=title, is_done=bool(text), advice=advice)


def _fields(content: PlanContent) -> list[str]:
    rows = [item.row for item in content.items] or [1]
    items = [f"{name}-{row}" for row in rows for name in ("outcome", "what", "helped_by", "weekly")]
    return ["about_me", *items, "risks", "money_held", "why_over", "information_given", "visit_hours"]
