"""What the engine is told: a case, the candidates for it, and the weights the council has published.

Nothing here names a person: ids, codes, days and metres only. A *day* is `date.toordinal()`: whole days, so that a
day fits an array and JSON alike and has no time zone. A *week* runs from Monday to Sunday; see `week_of`.
"""

from datetime import date
from enum import StrEnum
from math import isfinite
from typing import Final

import msgspec
from msgspec.structs import force_setattr

ENGINE: Final = "marketplace-rank/1"
"""Version of rules and formulas. It is part of every fingerprint, so a changed formula never passes for the old one."""

NO_DAY: Final = date.max.toordinal()
"""Stands for "no such day" in arrays: later than any day a case can ask for."""

_LAST_WEEKS: Final = 104  # Two years of diary: more is a mistake in the caller's units, not a plan.
_WORKING_RANGE_METRES: Final = 2_000_000  # The National Grid is 700 km by 1,300 km.


def week_of(day: int) -> int:
    """Number of the week a day is in; weeks begin on Monday, and day 1 (1 January of year 1) was one."""
    return (day - 1) // 7


def monday_of(week: int) -> int:
    """First day of a week."""
    return week * 7 + 1


class Part(StrEnum):
    """Parts of the score, in the order they are added and shown."""

    DISTANCE = "distance"
    SPECIALISM = "specialism"
    INTERESTS = "interests"
    LANGUAGE = "language"
    CONTINUITY = "continuity"
    QUALITY = "quality"
    PRICE = "price"
    WAITING = "waiting"
    SPARE_CAPACITY = "spare-capacity"
    FAIR_SPREAD = "fair-spread"


class Accreditation(msgspec.Struct, frozen=True, kw_only=True):
    """Leave to deliver one service for one council, on the half-open days `[from_day, until_day)`."""

    service: str
    council: str
    from_day: int
    until_day: int | None = None  # None: until withdrawn.

    def covers(self, day: int) -> bool:
        """Whether the accreditation is live on this day."""
        return self.from_day <= day and (self.until_day is None or day < self.until_day)


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One referral: what it needs by rule, and what would make a good fit.

    Codes are the council's own; `labels` says how each is written for people. Positions are whole metres on the
    British National Grid (see `grid`). Distances are straight lines times `road_factor`: 1.3 is a common stand-in for
    roads, and too little across an estuary or a moor.

    Raises:
        ValueError: A road factor below 1, a window of no days, a budget below zero, a position off the map.
    """

    id: str
    service: str
    council: str
    start_day: int
    x_metres: int
    y_metres: int
    window_days: int = 28  # A place must come free on one of the days start_day .. start_day + window_days - 1.
    road_factor: float = 1.3

    required_gender: str | None = None  # Only on the person's own request; a rule, never a score.
    essential_languages: frozenset[str] = frozenset()
    required_skills: frozenset[str] = frozenset()
    party_ids: frozenset[str] = frozenset()  # The person, family, organisations with a stake: met with `conflicts`.
    excluded_worker_ids: frozenset[str] = frozenset()
    excluded_organisation_ids: frozenset[str] = frozenset()
    chosen_worker_id: str | None = None
    chosen_organisation_id: str | None = None

    wished_languages: frozenset[str] = frozenset()
    needs: frozenset[str] = frozenset()
    interests: frozenset[str] = frozenset()  # Opt-in on both sides.
    previous_worker_id: str | None = None
    budget_pence: int | None = None
    urgency_tier: int = 2  # 0 is the most urgent. It orders cases in a batch and changes nothing in one ranking.

    labels: dict[str, str] = {}  # msgspec copies an empty default for each instance.

    def __post_init__(self) -> None:
        # 1 and 1.0 are one factor and must give one fingerprint.
        force_setattr(self, "road_factor", float(self.road_factor))
        if not (isfinite(self.road_factor) and 1 <= self.road_factor <= 10):
            raise ValueError(f"road_factor must be from 1 to 10, not {self.road_factor}")
        if not 1 <= self.window_days <= 366:
            raise ValueError(f"window_days must be from 1 to 366, not {self.window_days}")
        if not 1 <= self.start_day < NO_DAY - 366:
            raise ValueError(f"start_day is not a day: {self.start_day}")
        if self.budget_pence is not None and self.budget_pence < 0:
            raise ValueError("budget_pence must not be below 0")
        _check_position(self.x_metres, self.y_metres)

    @property
    def last_day(self) -> int:
        """Last day on which a start is still in time."""
        return self.start_day + self.window_days - 1

    def label(self, code: str) -> str:
        """How a code is written for people; a code without a label is shown with its hyphens opened."""
        return self.labels.get(code, code.replace("-", " "))


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A planner, worker or provider who may be able to take a case.

    `free_places_by_week[k]` counts free places in week `places_from_week + k`; weeks outside the list have none.
    `first_free_day` is the first day on which anything new can start (leave, notice, a start date); None: no such day.

    Raises:
        ValueError: A rating outside 0 to 100, a negative count, a diary longer than two years, a position off the map.
    """

    id: str
    organisation_id: str
    x_metres: int
    y_metres: int
    accreditations: tuple[Accreditation, ...] = ()
    radius_metres: int | None = None  # How far the candidate goes, by the same measure as the case. None: any distance.

    gender: str | None = None
    languages: frozenset[str] = frozenset()
    specialisms: frozenset[str] = frozenset()
    skills: frozenset[str] = frozenset()
    interests: frozenset[str] = frozenset()
    conflicts: frozenset[str] = frozenset()  # Ids of people and organisations the candidate must not plan for.

    first_free_day: int | None = None
    places_from_week: int = 0
    free_places_by_week: tuple[int, ...] = ()
    week_capacity: int = 5  # A full-time planner completes five plans a week (Salvere, Lancashire case study).
    open_cases: int = 0

    rating: int | None = None  # 0 to 100. None: not rated, counted as the mean and marked.
    rating_count: int = 0  # Ratings behind it: a few are drawn towards the mean.
    tariff_pence: int | None = None

    def __post_init__(self) -> None:
        if self.rating is not None and not (0 <= self.rating <= 100 and self.rating_count >= 1):
            raise ValueError("a rating is from 0 to 100 and comes from at least one rating")
        counts = (self.week_capacity, self.open_cases, self.rating_count, self.tariff_pence or 0)
        if min(counts) < 0 or (self.radius_metres or 0) < 0 or min(self.free_places_by_week, default=0) < 0:
            raise ValueError("counts, radius and tariff must not be below 0")
        if max(self.free_places_by_week, default=0) > 10_000:
            raise ValueError("more than 10,000 free places in a week is not a count of places")
        if len(self.free_places_by_week) > _LAST_WEEKS:
            raise ValueError(f"free places are known for at most {_LAST_WEEKS} weeks")
        if self.first_free_day is not None and not 0 <= self.first_free_day <= NO_DAY:
            raise ValueError(f"first_free_day is not a day: {self.first_free_day}")
        if not 0 <= self.places_from_week <= week_of(NO_DAY) - _LAST_WEEKS:
            raise ValueError(f"places_from_week is not a week: {self.places_from_week}")
        _check_position(self.x_metres, self.y_metres)

    def free_places(self, week: int) -> int:
        """Free places in a week."""
        index = week - self.places_from_week
        return self.free_places_by_week[index] if 0 <= index < len(self.free_places_by_week) else 0

    def first_day(self, from_day: int) -> int | None:
        """First day from `from_day` on with a free place, as far as the diary reaches; None if there is none."""
        if self.first_free_day is None:
            return None
        earliest = max(from_day, self.first_free_day)
        for index, places in enumerate(self.free_places_by_week):
            week = self.places_from_week + index
            if places and week >= week_of(earliest):
                return max(earliest, monday_of(week))
        return None


class Weights(msgspec.Struct, frozen=True, kw_only=True):
    """How many points each part can bring: policy that the council signs off and publishes under a dated version.

    The defaults add up to 1000. A part with a weight of 0 is still explained, but not counted.
    """

    version: str = "2026-01-01/default"
    distance: int = 250
    specialism: int = 200
    interests: int = 120
    language: int = 60
    continuity: int = 150
    quality: int = 100
    price: int = 60
    waiting: int = 60
    spare_capacity: int = 0
    fair_spread: int = 0

    distance_reach_metres: int = 40_000  # No points for distance from here on.
    interests_counted: int = 3  # More shared interests than this bring no more points.
    waiting_reach_days: int = 28  # No points for waiting from here on.
    mean_rating: int = 70  # Counted for who is not rated. Published, so that nobody's score moves with other people's.
    mean_rating_count: int = 5  # The mean weighs as much as this many ratings.
    fair_spread_cases: int = 20  # No points for fair spread from this many open cases on.

    def __post_init__(self) -> None:
        if not all(0 <= self.most(part) <= 10_000 for part in Part):
            raise ValueError("the points of a part must be from 0 to 10,000")
        reaches = (self.distance_reach_metres, self.interests_counted, self.waiting_reach_days, self.fair_spread_cases)
        if min(reaches) < 1 or self.mean_rating_count < 0 or not 0 <= self.mean_rating <= 100:
            raise ValueError("a reach must be at least 1 and the mean rating from 0 to 100")

    def most(self, part: Part) -> int:
        """Most points the part can bring."""
        points: int = getattr(self, part.name.lower())
        return points


def _check_position(x_metres: int, y_metres: int) -> None:
    if max(abs(x_metres), abs(y_metres)) > _WORKING_RANGE_METRES:
        raise ValueError(f"not a National Grid position in metres: {x_metres}, {y_metres}")
