"""What the person's and a helper's pages of one section share: reading the form, and putting the page together."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from litestar.response import Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.forms import FormReader
from marketplace.plans.content import (
    MOST_ITEMS,
    ItemNames,
    help_options,
    item_values,
    join_money,
    read_items,
    split_money,
    without_item,
)
from marketplace.plans.models import PlanSection, PlanVersion
from marketplace.plans.own import KEEP, Typed
from marketplace.plans.repository.plans import contents
from marketplace.plans.repository.sections import SectionRepository
from marketplace.plans.sections import BY_KEY, LONGEST_TEXT, SOURCE_LABELS, Place, print_of, text_of

ASK = {
    "item": "Number",
    "many": "things",
    "outcome": "What do you want?",
    "what": "What will happen?",
    "helped_by": "Who helps?",
    "weekly": "What does it cost a week?",
    "add": "Add another thing",
}
ASK_OF_HELPER = {**ASK, "outcome": "What do they want?"}
OWN_NAMES = ItemNames(
    outcome="what you want in number {}",
    what="what will happen in number {}",
    helped_by="who helps with number {}",
    weekly="what number {} costs a week",
)
"""What messages call the fields of `ASK`."""
HELPER_NAMES = msgspec.structs.replace(OWN_NAMES, outcome="what they want in number {}")
KEEP_OPTIONS = [
    ("both", "Keep both", "The saved words come first, then yours"),
    ("mine", "Keep my words", "The saved words move to “Earlier words”"),
    ("theirs", "Keep the saved words", "Your words move to “Earlier words”"),
]


def read_typed(
    key: str, data: Mapping[str, Any], remove: int = 0, *, names: ItemNames = OWN_NAMES
) -> tuple[Typed, str]:
    """Read the form of a section: what was typed, and which wording to keep where two people wrote.

    Args:
        key: Key of the section.
        data: The form.
        remove: Row of outcomes to leave out; 0 for none.
        names: What messages call the fields of outcomes.

    Raises:
        InvalidInput: A text is too long, an amount is not one, no choice between two wordings.
    """
    form = FormReader(data)
    if BY_KEY[key].place is Place.ITEMS:
        found = Typed(key=key, items=without_item(read_items(form, names), remove))
    elif key == "money":
        held = form.text("money_held", "who looks after the money", required=False, longest=LONGEST_TEXT)
        why = form.text("why_over", "why you need more", required=False, longest=LONGEST_TEXT)
        found = Typed(key=key, words=join_money(held, why))
    else:
        found = Typed(key=key, words=form.text("words", "your words", required=False, longest=LONGEST_TEXT))
    keep = form.option("keep", "which words to keep", KEEP) if form.raw("clash") else ""
    form.done()
    return found, keep


def glance_at(key: str, data: Mapping[str, Any]) -> Typed:
    """Read what can be read of a section that is still being typed."""
    form = FormReader(data)
    if BY_KEY[key].place is Place.ITEMS:
        return Typed(key=key, items=read_items(form))
    if key == "money":
        return Typed(key=key, words=join_money(form.raw("money_held"), form.raw("why_over")))
    return Typed(key=key, words=form.raw("words"))


def values_of(typed: Typed) -> dict[str, str]:
    """Write a section back into the fields of its form."""
    if BY_KEY[typed.key].place is Place.ITEMS:
        return item_values(typed.items)
    if typed.key == "money":
        held, why = split_money(typed.words)
        return {"money_held": held, "why_over": why}
    return {"words": typed.words}


async def saved_section(db: AsyncSession, version: PlanVersion, key: str) -> tuple[Typed, PlanSection | None]:
    """Return what a section says now, and its row."""
    sections = SectionRepository(db)
    row = (await sections.rows(version.id)).get(key)
    if BY_KEY[key].place is Place.ITEMS:
        return Typed(key=key, items=contents(await sections.items(version.id))), row
    return Typed(key=key, words=text_of(version, key, {key: row} if row else {})), row


async def section_page(
    db: AsyncSession,
    version: PlanVersion,
    key: str,
    context: Mapping[str, Any],
    *,
    values: dict[str, Any] | None = None,
    errors: dict[str, str] | None = None,
    is_clash: bool = False,
    rows: int = 1,
    headers: dict[str, str] | None = None,
) -> Template:
    """Show the form of one section, empty of messages or refused; with both wordings where two people wrote."""
    saved, row = await saved_section(db, version, key)
    shown = values_of(saved) if values is None else values
    used = [n for n in range(1, MOST_ITEMS + 1) if any(shown.get(f"{name}-{n}") for name in ("outcome", "what"))]
    section = BY_KEY[key]
    page = {
        "section": section,
        "is_items": section.place is Place.ITEMS,
        "values": shown,
        "errors": errors or {},
        "seen": print_of(saved.text),
        "saved": saved.text,
        "saved_by": row.author if row else "",
        "saved_at": row.edited_at if row else version.updated_at,
        "is_clash": is_clash,
        "keep_options": KEEP_OPTIONS,
        "source": SOURCE_LABELS.get(row.source, "") if row else "",
        "earlier": earlier_of(row),
        "rows": range(1, min(MOST_ITEMS, max(rows, used[-1] if used else 1)) + 1),
        "most_items": MOST_ITEMS,
        "help_options": help_options(),
        **context,
    }
    status = 422 if errors else 409 if is_clash else 200
    return Template("plans/own/section.html", context=page, status_code=status, headers=headers)


def earlier_of(row: PlanSection | None) -> list[dict[str, Any]]:
    """Return the earlier wordings of a section, the newest first, with their times."""
    return [{**one, "at": datetime.fromisoformat(one["at"])} for one in row.earlier] if row else []


def clash_of(row: PlanSection | None) -> bool:
    """Whether the section stands as it does since two people wrote in it at once."""
    return bool(row and row.earlier and row.earlier[0]["clash"])


def typed_words(key: str, data: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
    """Return what was typed, for somebody whose words cannot be saved any more."""
    if BY_KEY[key].place is Place.ITEMS:
        names = ("outcome", "what", "weekly")
        return [
            (f"Number {row}", "\n".join(text for name in names if (text := str(data.get(f"{name}-{row}") or ""))))
            for row in range(1, MOST_ITEMS + 1)
            if any(data.get(f"{name}-{row}") for name in names)
        ]
    fields = ("money_held", "why_over") if key == "money" else ("words",)
    return [(BY_KEY[key].title, str(data[name])) for name in fields if data.get(name)]
