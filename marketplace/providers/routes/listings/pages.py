"""What the pages of the listing builder show: the steps, one step, all answers, the preview."""

from typing import Any

import msgspec
from litestar.response import Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.words import INTERESTS, LANGUAGES, NEEDS
from marketplace.core.errors import InvalidInput
from marketplace.core.forms import FormReader
from marketplace.core.web import FormData
from marketplace.providers.models import CONCESSIONS, VAT_LABELS, CapacityKind, PriceUnit, RegulatedBasis, VatCategory
from marketplace.providers.service.listings.answers import progress, read_draft
from marketplace.providers.service.listings.checks import warnings_about
from marketplace.providers.service.listings.drafts import DraftService, OpenDraft
from marketplace.providers.service.listings.facts import UNIT_PLURALS, RateFact, fact_rows
from marketplace.providers.service.listings.forms import (
    STATUS_CODES,
    UNIT_LABELS,
    category_in,
    category_options,
)
from marketplace.providers.service.listings.steps import BY_NAME, HAS_SESSIONS, steps_for
from marketplace.providers.service.listings.writing import hints
from marketplace.providers.service.rates import DAY_KIND_LABELS
from marketplace.providers.service.regulated import DIRECT, INTRODUCTIONS, PERSONAL_CARE, STATUS_TEST
from marketplace.providers.service.words import WEEKDAYS, price_parts, room_words

ROOM_KINDS = (
    (CapacityKind.PLACES.value, "Places"),
    (CapacityKind.HOURS.value, "Hours a week"),
    (CapacityKind.PLANS.value, "Plans a week"),
    (CapacityKind.NOT_SAID.value, "We do not say"),
)


def rates_of(opened: OpenDraft) -> list[RateFact]:
    return msgspec.convert(opened.content.get("rates", {}).get("rates") or [], list[RateFact])


def rate_name(rate: RateFact) -> str:
    return f"{rate.day_kind.value}-{rate.starts_on.isoformat()}"


def hints_for(values: FormData) -> list[str]:
    form = FormReader(values)
    return hints(form.raw("title")[:200], form.raw("summary")[:1_000], form.raw("body")[:6_000])


def _state(state: str, *, is_wrong: bool) -> str:
    """Return how a step is shown: what no longer fits in the whole is to be put right, too."""
    return "to_put_right" if state == "wrong" or (is_wrong and state == "completed") else state


def tasks_page(opened: OpenDraft, errors: dict[str, str]) -> Template:
    states = progress(opened.content, opened.context)
    base = f"/provider/listings/drafts/{opened.draft.id}"
    items = [
        {
            "name": step.name,
            "title": step.title,
            "hint": step.hint,
            "status": _state(states[step.name], is_wrong=step.name in errors),
            "href": f"{base}/{step.name}" if opened.may_change else "",
        }
        for step in steps_for(opened.context, opened.content)
    ]  # fmt: skip
    context = {
        "opened": opened,
        "items": items,
        "done": sum(state == "completed" for state in states.values()),
        "is_ready": not set(states.values()) & {"not_started", "wrong"},
        "errors": {name: message for name, message in errors.items() if name in states},
    }
    return Template("providers/listings/tasks.html", context=context, status_code=422 if errors else 200)


async def check_page(db: AsyncSession, opened: OpenDraft) -> Template:
    try:
        facts, room = await read_draft(db, opened.content, opened.context)
    except InvalidInput as error:
        return tasks_page(opened, error.fields)
    base = f"/provider/listings/drafts/{opened.draft.id}"
    left_out = {"hours"} if opened.context.worker is not None else set()
    context = {
        "opened": opened,
        "rows": [
            {"key": label, "value": words, "actions": [{"text": "Change", "href": f"{base}/{step}"}]}
            for step, label, words in fact_rows(facts.content())
            if step not in left_out
        ],
        "room": room_words(CapacityKind(room["capacity_kind"]), room["capacity_free"]) if room else "",
        "warnings": await warnings_about(db, opened.draft.council_id, facts, opened),
        "direct": DIRECT if facts.regulated_basis is RegulatedBasis.DIRECTLY_ENGAGED else "",
        "needs_check": await DraftService(db).needs_check(opened, facts),
        **preview_of(opened, facts.content(), room),
    }
    return Template("providers/listings/check.html", context=context)


def preview_of(opened: OpenDraft, content: dict[str, Any], room: dict[str, Any]) -> dict[str, Any]:
    """Return what the preview shows, for `_preview.html`."""
    amount, unit = price_parts(content["price_pence"], PriceUnit(content["price_unit"]))
    shown = ("suits", "care", "concessions", "area", "hours", "rates")
    return {
        "facts": content,
        "amount": amount,
        "unit": unit,
        "organisation": opened.context.organisation,
        "rows_shown": [
            {"key": label, "value": words} for step, label, words in fact_rows(content) if step in shown
        ],
        "room_now": room_words(CapacityKind(room["capacity_kind"]), room["capacity_free"]) if room else "",
    }  # fmt: skip


def step_page(
    opened: OpenDraft, step: str, values: FormData, errors: dict[str, str], *, has_looked: bool = False
) -> Template:
    context = {
        "opened": opened,
        "step": BY_NAME[step],
        "values": values,
        "errors": errors,
        **_choices(opened, step, values),
    }
    if step == "what":
        context |= {"hints": hints_for(values), "has_looked": has_looked or bool(values.get("title"))}
    return Template("providers/listings/step.html", context=context, status_code=422 if errors else 200)


def _choices(opened: OpenDraft, step: str, values: FormData) -> dict[str, Any]:
    """Return what a step offers to choose from."""
    context = opened.context
    if step == "kind":
        return {
            "categories": category_options(),
            "workers": [(str(worker.id), worker.name) for worker in context.workers],
        }
    if step == "suits":
        return {
            "needs": list(NEEDS.items()),
            "languages": [(name, name) for name in LANGUAGES],
            "interests": list(INTERESTS.items()),
        }
    if step == "care":
        return {
            "personal_care": PERSONAL_CARE,
            "status_test": list(zip(STATUS_CODES, STATUS_TEST, strict=True)) if context.is_individual else [],
            "introductions": "" if context.is_individual else INTRODUCTIONS,
            "locations": [(row.location_id, f"{row.name}, {row.town}") for row in context.locations],
        }
    if step == "price":
        return {
            "units": [(unit.value, label) for unit, label in UNIT_LABELS.items()],
            "vat": [(kind.value, VAT_LABELS[kind]) for kind in VatCategory],
            "counted": [unit.value for unit in UNIT_PLURALS],
        }
    if step == "rates":
        rates = rates_of(opened)
        return {
            "rates": [
                {
                    "name": rate_name(rate),
                    "days": DAY_KIND_LABELS[rate.day_kind],
                    "pence": rate.price_pence,
                    "starts_on": rate.starts_on,
                    "ends_on": rate.ends_on,
                }
                for rate in rates
            ],
            "day_kinds": [(kind.value, label) for kind, label in DAY_KIND_LABELS.items()],
        }
    if step == "area":
        return {"districts": list(context.districts)}
    lists: dict[str, dict[str, Any]] = {
        "concessions": {"concessions": list(CONCESSIONS.items())},
        "hours": {
            "weekdays": list(enumerate(WEEKDAYS)),
            "has_sessions": category_in(opened.content) in HAS_SESSIONS,
        },
        "room": {"room_kinds": list(ROOM_KINDS)},
    }
    return lists.get(step, {})
