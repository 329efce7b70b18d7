"""Answers of the market's JSON interface."""

import msgspec


class ListingHit(msgspec.Struct, frozen=True, kw_only=True):
    """One listing found."""

    id: str
    name: str
    provider: str
    category: str
    distance_miles: float | None
    """From the place asked for, to a tenth; None without one, or for a service without a base."""
    price_pence: int | None
    """Whole pence for one `price_unit`; 0 is free, None is on request."""
    price_unit: str | None
    url: str
    kind: str = ""
    """`regulated`, `pa`, `community`, `planning` or `equipment`."""
    weekly_pence: int | None = None
    """Whole pence in a usual week, or for the `amount` asked for; None for one payment and on request."""
    rating: str = ""
    """The regulator's word with its date, "Not rated", or "" where the regulator does not rate at all."""
    accredited_by: list[str] = msgspec.field(default_factory=list)
    """Short names of the councils that accredit the organisation today."""
    has_room: bool | None = None
    """Whether there is room now; None when nobody said."""


class ListingsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A page of listings."""

    total: int
    page: int
    per_page: int
    facets: dict[str, dict[str, int]]
    """Listings by facet and value; a facet ignores its own filter. Values of `councils` are ids."""
    results: list[ListingHit]
    suggestion: str | None = None
    """The words with likely misspellings put right."""
    place: str | None = None
    """The place as it was understood."""
    notice: str | None = None
    """What to tell the searcher about the place."""
