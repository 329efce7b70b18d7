"""The steps of the listing builder, in their order, and which of them a draft has."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

import msgspec

from marketplace.providers.models import Listing, Organisation, OrganisationKind, RegulatorLocation, Worker, WorkerKind


class Step(msgspec.Struct, frozen=True):
    """One small page of the builder."""

    name: str
    title: str
    hint: str
    fields: tuple[str, ...]
    """Fields that are kept as they were typed."""


STEPS: Final[tuple[Step, ...]] = (
    Step("kind", "Kind of offer", "Home care, a group, gardening, equipment and so on", ("category", "worker")),
    Step("what", "What you offer", "Title, a short text and details", ("title", "summary", "body")),
    Step(
        "suits",
        "Who it is for",
        "Needs, languages, interests, getting in",
        ("suits", "languages", "interests", "access_note"),
    ),
    Step(
        "care",
        "Personal care",
        "Whether you help with washing, dressing and the like",
        ("personal_care", "status", "location"),
    ),
    Step(
        "price",
        "Price and VAT",
        "Free, or what it costs, and how VAT applies",
        ("price_unit", "price", "usual", "vat_category", "vat_reason", "takes_bookings", "least_minutes"),
    ),
    Step("rates", "Weekend and bank holiday rates", "Other prices for some days, or from a date", ("rates",)),
    Step(
        "concessions",
        "What may cost less",
        "Help with the price, a carer free, first time free",
        ("concessions", "concession_note"),
    ),
    Step(
        "area",
        "Where",
        "Your own place, some miles round it, districts, or anywhere",
        ("area", "postcode", "miles", "districts"),
    ),
    Step("hours", "When", "Usual days and times", (*(f"day{day}" for day in range(7)), "session_places")),
    Step("room", "Room now", "How many places, hours or plans are free", ("capacity_kind", "capacity_free")),
    Step("share", "Open data", "Whether other directories may show it", ("is_open_data",)),
)  # fmt: skip
BY_NAME: Final = {step.name: step for step in STEPS}
HAS_SESSIONS: Final = frozenset({"community", "day_opportunity"})
"""Kinds of offer to which people come together: a place is booked, and nobody is named who comes."""
EMPTY_IS_AN_ANSWER: Final = frozenset({"rates", "concessions", "hours", "room", "suits"})
"""Steps that may be passed over: nothing said is an answer."""


class DraftContext(msgspec.Struct, frozen=True, kw_only=True):
    """What the answers of a draft are read against."""

    organisation: Organisation
    worker: Worker | None
    """The one worker it is of."""
    workers: Sequence[Worker]
    """Personal assistants of the organisation, whose own listing it may be; none for a worker's own role."""
    listing: Listing | None
    """The listing that the draft changes."""
    is_registered: bool
    """With the regulator."""
    locations: Sequence[RegulatorLocation]
    districts: Sequence[tuple[str, str]]
    """Districts to choose from: code and name."""
    day: date

    @property
    def is_individual(self) -> bool:
        """Whether somebody whom people hire directly stands behind the offer."""
        is_pa = self.worker is not None and self.worker.kind is WorkerKind.PA
        return is_pa or self.organisation.kind is OrganisationKind.SOLE_PA

    @property
    def rule_kind(self) -> OrganisationKind:
        """The kind of body by which the rule on regulated care judges."""
        return OrganisationKind.SOLE_PA if self.is_individual else self.organisation.kind


def steps_for(context: DraftContext, content: Mapping[str, Any]) -> list[Step]:
    """Return the steps that a draft has.

    A worker's hours stay on their availability page. Room is kept on a page of its own once a listing is on the market,
    so that changes that lie about for a week do not bring back the room of last week. Free offers have no other rates.
    """
    left_out = set()
    if context.worker is not None:
        left_out.add("hours")
    if context.listing is not None:
        left_out.add("room")
    if content.get("price", {}).get("price_unit") == "free":
        left_out.add("rates")
    return [step for step in STEPS if step.name not in left_out]
