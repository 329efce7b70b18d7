"""The regulator's register on the market: what a location offers, taken from the register's own words."""

from collections.abc import Callable
from datetime import date
from typing import Protocol

from marketplace.accounts.words import NEEDS
from marketplace.providers.models import CATEGORY_LABELS, ListingCategory, RegulatorLocation
from marketplace.providers.repository.market import (
    HOME_CARE_TYPE,
    REGISTER_HOME_CARE_METRES,
    REGISTER_PREFIX,
    SUPPORTED_LIVING_TYPES,
)
from marketplace.providers.service.times import joined
from marketplace.providers.service.words import KIND_OF, run_by_of_register
from search import ListingDocument
from search.documents import NOT_RATED

NOT_BOOKED_HERE = "On the public register. It does not take bookings here."

NEEDS_OF_SPECIALISM: dict[str, tuple[str, ...]] = {
    "Caring for adults over 65 yrs": ("older",),
    "Dementia": ("dementia",),
    "Learning disabilities": ("learning", "autism"),
    "Mental health conditions": ("mental_health",),
    "Physical disabilities": ("physical",),
    "Sensory impairment": ("sight", "hearing"),
    "Substance misuse problems": ("substance",),
}
"""The register's specialisms in the words that people and workers use; the register joins autism with learning
disability and sight with hearing."""


class Registered(Protocol):
    """A register entry, or the columns of one."""

    @property
    def is_care_home(self) -> bool: ...
    @property
    def service_types(self) -> list[str]: ...
    @property
    def specialisms(self) -> list[str]: ...
    @property
    def town(self) -> str: ...
    @property
    def beds(self) -> int | None: ...


def category_of(location: Registered) -> ListingCategory:
    """Give the category of a register entry from its service types.

    A place that is a care home and more is a care home first; home care comes before supported living, since most
    supported living is given by home care agencies.
    """
    if location.is_care_home:
        return ListingCategory.CARE_HOME
    if HOME_CARE_TYPE in location.service_types:
        return ListingCategory.HOME_CARE
    if any(name in location.service_types for name in SUPPORTED_LIVING_TYPES):
        return ListingCategory.SUPPORTED_LIVING
    return ListingCategory.OTHER_REGULATED


def suits_of(location: Registered) -> list[str]:
    """Give the needs that a register entry says it is for, in our words."""
    codes = [code for name in location.specialisms for code in NEEDS_OF_SPECIALISM.get(name, ())]
    return [NEEDS[code] for code in dict.fromkeys(codes)]


def register_document(location: RegulatorLocation) -> ListingDocument:
    """Turn a register entry into what is searched."""
    category = category_of(location)
    return ListingDocument(
        id=REGISTER_PREFIX + location.location_id,
        name=location.name,
        provider=location.provider_name,
        category=category.value,
        kind=KIND_OF[category],
        summary=summary_of(location),
        body=NOT_BOOKED_HERE,
        keywords=[
            CATEGORY_LABELS[category],
            *location.service_types,
            *location.specialisms,
            *([location.also_known_as] if location.also_known_as else []),
        ],
        suits=suits_of(location),
        town=location.town,
        postcode_area=location.postcode.split(" ")[0],
        lat=location.lat,
        lon=location.lon,
        radius_metres=REGISTER_HOME_CARE_METRES if category is ListingCategory.HOME_CARE else None,
        rating=location.rating_overall or NOT_RATED,
        run_by=run_by_of_register(location),
        updated_at=location.updated_at.isoformat(),
    )


def words_of_rating(rating: str | None, rated_on: str | None, write: Callable[[date], str]) -> str:
    """Write a rating with its date; without a word it is "Not rated", never a number.

    Args:
        rating: The register's word.
        rated_on: ISO day, where it is known.
        write: Writes a date.
    """
    if not rating:
        return "Not rated"
    return f"{rating}, {write(date.fromisoformat(rated_on))}" if rated_on else rating


def summary_of(location: Registered) -> str:
    """Say in one sentence what a register entry is, from the register's facts alone."""
    parts = [CATEGORY_LABELS[category_of(location)]]
    if location.town:
        parts.append(f"in {location.town}")
    suits = suits_of(location)
    if suits:
        parts.append(f"for {joined([word[:1].lower() + word[1:] for word in suits])}")
    beds = f", with {location.beds} beds" if location.is_care_home and location.beds else ""
    return f"{' '.join(parts)}{beds}."
