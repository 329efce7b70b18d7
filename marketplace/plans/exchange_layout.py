"""The layouts in which data is exchanged with the council's case system, and their published JSON Schemas (L12)."""

from typing import Any, Final, NamedTuple

from marketplace.accounts.words import COMMUNICATION_NEEDS, LANGUAGES, NEEDS
from marketplace.matching.models import Complexity, ReferralSource, Urgency
from marketplace.plans.models import HelpKind, Progress, ReviewKind

SEPARATOR: Final = ";"
"""Between the entries of a list in one cell of a CSV file."""
POUNDS: Final = r"^[0-9]{1,7}(\.[0-9]{2})?$"
DAY: Final = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"


class Column(NamedTuple):
    """A column of a CSV file and a member of a JSON object, under one name."""

    name: str
    meaning: str
    is_required: bool = False
    options: tuple[str, ...] = ()
    is_list: bool = False
    pattern: str = ""


REFERRALS: Final = (
    Column("person_reference", "Number of the person in the case system", True),
    Column("given_name", "First name; needed for a person who is new here"),
    Column("family_name", "Last name; needed for a person who is new here"),
    Column("born_on", "Date of birth", pattern=DAY),
    Column("address_line", "House and street"),
    Column("town", "Town"),
    Column("postcode", "Postcode; needed for a person who is new here"),
    Column("phone", "Telephone number"),
    Column("email", "E-mail address"),
    Column("languages", "Languages", options=tuple(LANGUAGES), is_list=True),
    Column("communication_needs", "How to tell the person things", options=tuple(COMMUNICATION_NEEDS), is_list=True),
    Column("needs", "What support is about", True, tuple(NEEDS), is_list=True),
    Column(
        "referral_reference", "Number of the referral in the case system: the same number is the same referral", True
    ),
    Column("source", "Team that refers", options=tuple(ReferralSource)),
    Column("urgency", "How soon a plan is needed", options=tuple(Urgency)),
    Column("complexity", "Whether a planner of the network can do it", options=tuple(Complexity)),
    Column("complexity_reason", "Why it is complex; needed where it is"),
    Column("wants", "What the person wants, in their words"),
    Column("interim_plan", "What helps until the plan is in place"),
    Column("person_informed", "Whether the person knows and agrees", options=("yes", "no")),
    Column("indicative_weekly_pounds", "Indicative budget for a week, in pounds", True, pattern=POUNDS),
)
ITEMS: Final = (
    Column("outcome", "What will change", True),
    Column("what", "What will be done"),
    Column("helped_by", "Who helps", options=("", *HelpKind)),
    Column("weekly_pounds", "Cost of a week, in pounds", True, pattern=POUNDS),
)
PLANS: Final = (
    Column("person_reference", "Number of the person", True),
    Column("referral_reference", "Number of the referral", True),
    Column("plan_id", "Id of the plan here", True),
    Column("version", "Number of the version that is in place", True),
    Column("planned_by", "Who planned", True),
    Column("organisation", "Organisation of the planner; empty where the person planned"),
    Column("signed_off_on", "Day of the council's sign-off", True, pattern=DAY),
)
OUTCOMES: Final = (
    Column("person_reference", "Number of the person", True),
    Column("referral_reference", "Number of the referral", True),
    Column("review_id", "Id of the review here", True),
    Column("review_kind", "Which review", True, tuple(ReviewKind)),
    Column("held_on", "Day of the review", True, pattern=DAY),
    Column("position", "Place of the outcome in the plan", True),
    Column("outcome", "The outcome, as the plan says it", True),
    Column("progress", "How far it was reached", True, tuple(Progress)),
)
NUMBERS: Final = frozenset({"version", "position"})
FORMATS: Final = ("csv", "json")
EXPORTS: Final = ("plans", "outcomes")


def schema(name: str) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a layout.

    Args:
        name: "referrals", "plans" or "outcomes".

    Raises:
        KeyError: There is no such layout.
    """
    columns = {"referrals": REFERRALS, "plans": PLANS, "outcomes": OUTCOMES}[name]
    one = _object(columns, is_closed=name != "referrals")
    if name == "plans":
        one["properties"]["items"] = {"type": "array", "items": _object(ITEMS, is_closed=True)}
        one["required"].append("items")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"/exchange/schema/{name}.json",
        "title": name.capitalize(),
        "type": "object",
        "properties": {name: {"type": "array", "items": one}},
        "required": [name],
    }


def _object(columns: tuple[Column, ...], *, is_closed: bool) -> dict[str, Any]:
    found: dict[str, Any] = {
        "type": "object",
        "properties": {column.name: _kind(column) for column in columns},
        "required": [column.name for column in columns if column.is_required],
    }
    if is_closed:
        found["additionalProperties"] = False
    return found


def _kind(column: Column) -> dict[str, Any]:
    one: dict[str, Any] = {"type": "integer" if column.name in NUMBERS else "string"}
    if column.options:
        one["enum"] = [str(option) for option in column.options]
    if column.pattern:
        one["pattern"] = column.pattern
    if column.is_list:
        one = {"type": "array", "items": one}
    return {**one, "description": column.meaning}
