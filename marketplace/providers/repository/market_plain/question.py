"""A question in the database's own values, and the row that answers it."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final, NamedTuple

import msgspec

ONE_VALUE: Final = ("category", "kind", "price_band", "rating", "gender", "run_by", "has_free_capacity")
MANY_VALUES: Final = ("languages", "suits", "councils", "days")


class PlainUnit(msgspec.Struct, frozen=True, kw_only=True):
    """One thing asked for, with what stands for it outside the texts."""

    query: str
    """For `to_tsquery`, made of letters and digits only."""
    stem: str
    """Beginning of the word that a title may have."""
    categories: tuple[str, ...] = ()
    suits: tuple[str, ...] = ()
    interests: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    genders: tuple[str, ...] = ()
    weekdays: tuple[int, ...] = ()
    specialisms: tuple[str, ...] = ()
    service_types: tuple[str, ...] = ()
    """The register's words."""


class PlainQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """A question in the database's own values."""

    day: date
    units: Sequence[PlainUnit]
    point: tuple[float, float] | None
    radius_metres: int | None
    district: str | None
    chosen: Mapping[str, Sequence[str]]
    """By facet, as the columns have them: codes of needs, numbers of weekdays as texts."""
    slots: Sequence[tuple[int | None, tuple[int, int] | None]]
    """Weekday and stretch of the day (minutes after midnight), either None; one of them must fit."""
    sort: str
    offset: int
    limit: int
    price_bands: Sequence[tuple[int, str]]
    top_band: str
    no_price_band: str
    not_rated: str
    kinds: Mapping[str, str]
    run_by: Mapping[str, str]
    """By kind of organisation."""
    room_since: Any
    """Room said before this moment counts as not said."""


class PlainRow(NamedTuple):
    """A row of the page."""

    id: str
    distance_metres: float | None
    words: str
