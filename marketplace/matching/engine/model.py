"""What the engine is told: a case, the candidates for it, and the weights the council has published.

Nothing here names a person: ids, codes, days and metres only. A *day* is `date.toordinal()`: whole days, so that a
day fits an array and JSON alike and has no time zone. A *week* runs from Monday to Sunday; see `week_of`.
"""

from collections.abc import Iterable
from datetime import date
from enum import StrEnum
from math import isfinite
from typing import ClassVar, Final

import msgspec
from msgspec.structs import force_setattr

ENGINE: Final = "marketplace-rank/1"
"""Version of rules and formulas. It is part of every fingerprint, so a changed formula never passes for the old one."""

NO_DAY: Final = date.max.toordinal()
"""Stands for "no such day" in arrays: later than any day a case can ask for."""

WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
BANDS: Final = ("morning", "midday", "afternoon", "evening", "night")
"""Bands of a day of care. Where one ends and the next begins is the council's to publish."""

WEEK_BANDS: Final = len(WEEKDAYS) * len(BANDS)
"""Bands of a week: 35, Monday morning first, Sunday night last; see `band_of`."""

_LAST_WEEKS: Final = 104  # Two years of diary: more is a mistake in the caller's units, not a plan.
_WORKING_RANGE_METRES: Final = 2_000_000  # The National Grid is 700 km by 1,300 km.


def week_of(day: int) -> int:
    """Number of the week a day is in; weeks begin on Monday, and day 1 (1 January of year 1) was one."""
    return (day - 1) // 7


def monday_of(week: int) -> int:
    """First day of a week."""
    return week * 7 + 1


def band_of(weekday: int, band: int) -> int:
    """Place of a band in a week of care hours; weekday 0 is Monday, band 0 the morning."""
    return weekday * len(BANDS) + band


class ConflictKind(StrEnum):
    """What stands between a candidate and a person. The words for each are in `rules`."""

    SELLS_CARE = "sells-care"
    EVALUATOR = "evaluator"
    FAMILY = "family"
    OTHER = "other"


class Part(StrEnum):
    """Parts of the score, in the order they are added and shown.

    Those from `URGENCY` on came later: they are shown only where the weights count them, so that a ranking stored
    before them is the ranking its inputs give today.
    """

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
    URGENCY = "urgency"
    ORGANISATION_SPREAD = "organisation-spread"


LATER_PARTS: Final = frozenset({Part.URGENCY, Part.ORGANISATION_SPREAD})


class Accreditation(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Leave to deliver one service for one council, on the half-open days `[from_day, until_day)`."""

    service: str
    council: str
    from_day: int
    until_day: int | None = None  # None: until withdrawn.

    def covers(self, day: int) -> bool:
        """Whether the accreditation is live on this day."""
        return self.from_day <= day and (self.until_day is None or day < self.until_day)


class Case(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One referral: what it needs by rule, and what would make a good fit.

    Codes are the council's own; `labels` says how each is written for people. Positions are whole metres on the
    British National Grid (see `grid`). Distances are straight lines times a road factor: 1.3 is a common stand-in for
    roads, and too little across an estuary or a moor. Where the council publishes factors and speeds by type of
    district, the larger factor of the two ends counts, and half of the way is driven at the speed of each end.

    Raises:
        ValueError: A road factor below 1, a window of no days, a budget below zero, a position off the map, a speed
            below 1, hours that are not those of one week.
    """

    LATER: ClassVar[tuple[str, ...]] = (
        *("area_codes", "district_type", "road_factors", "speed_kmh", "speeds_kmh", "most_minutes"),
        *("required_equipment", "care_organisation_ids", "evaluator_ids", "family_ids"),
        *("needed_quarters", "places_needed", "complex_stays", "legal_cost_pence"),
    )
    """Fields that came after the first stored rankings: left out of the stored form while they say nothing."""

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
    urgency_tier: int = 2  # 0 is a crisis, 1 urgent. It orders cases in a batch, and counts in the part for urgency.

    labels: dict[str, str] = {}  # msgspec copies an empty default for each instance.

    area_codes: frozenset[str] = frozenset()  # Districts, postcode areas and the like that the home lies in.
    district_type: str | None = None  # Such as "urban" or "rural": the council's own names.
    road_factors: dict[str, float] = {}  # By type of district; `road_factor` for a type that is not there.
    speed_kmh: int = 40  # For a type of district that is not in `speeds_kmh`. A stand-in, not a measurement.
    speeds_kmh: dict[str, int] = {}
    most_minutes: int | None = None  # Longest way, one way, that the council accepts.

    required_equipment: frozenset[str] = frozenset()
    care_organisation_ids: frozenset[str] = frozenset()  # They sell the person care, so their planners are in conflict.
    evaluator_ids: frozenset[str] = frozenset()  # Workers or organisations that judge this case or its offers.
    family_ids: frozenset[str] = frozenset()  # Workers who are family or close to the person.
    needed_quarters: tuple[int, ...] = ()  # Quarter hours of care in each band of the week, see `band_of`; () for none.
    places_needed: int = 1  # Two for a couple who want to be planned for, or to come, together.
    complex_stays: bool = False  # The council keeps its most complex cases: nobody of the network is eligible.
    legal_cost_pence: int | None = None  # Least a lawful employer can charge, in the unit of the tariffs.

    def __post_init__(self) -> None:
        # 1 and 1.0 are one factor and must give one fingerprint.
        force_setattr(self, "road_factor", float(self.road_factor))
        force_setattr(self, "road_factors", {name: float(factor) for name, factor in self.road_factors.items()})
        for factor in (self.road_factor, *self.road_factors.values()):
            if not (isfinite(factor) and 1 <= factor <= 10):
                raise ValueError(f"road_factor must be from 1 to 10, not {factor}")
        if not all(1 <= speed <= 200 for speed in (self.speed_kmh, *self.speeds_kmh.values())):
            raise ValueError("a speed must be from 1 to 200 km/h")
        if (self.most_minutes or 0) < 0 or (self.legal_cost_pence or 0) < 0:
            raise ValueError("most_minutes and legal_cost_pence must not be below 0")
        if not 1 <= self.places_needed <= 10_000:
            raise ValueError(f"places_needed must be from 1 to 10,000, not {self.places_needed}")
        _check_quarters(self.needed_quarters, "needed_quarters")
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

    def factor_for(self, district_type: str | None) -> float:
        """Road factor of a pair whose other end lies in a district of this type: the larger of the two ends' own."""
        if not self.road_factors:
            return self.road_factor
        return max(
            self.road_factor if end is None else self.road_factors.get(end, self.road_factor)
            for end in (self.district_type, district_type)
        )

    def speed_of(self, district_type: str | None) -> int:
        """Speed in km/h on the half of the way that lies in a district of this type."""
        return self.speed_kmh if district_type is None else self.speeds_kmh.get(district_type, self.speed_kmh)

    def label(self, code: str) -> str:
        """How a code is written for people; a code without a label is shown with its hyphens opened."""
        return self.labels.get(code, code.replace("-", " "))


class Candidate(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A planner, worker or provider who may be able to take a case.

    `free_places_by_week[k]` counts free places in week `places_from_week + k`; weeks outside the list have none.
    `first_free_day` is the first day on which anything new can start (leave, notice, a start date); None: no such day.

    The area covered: the named `areas` and whatever lies within `radius_metres`. Without a radius it is the named areas
    alone, and without either the whole country.

    Raises:
        ValueError: A rating outside 0 to 100, a negative count, a diary longer than two years, a position off the map,
            hours that are not those of one week.
    """

    LATER: ClassVar[tuple[str, ...]] = (
        *("areas", "district_type", "most_minutes", "equipment", "conflict_kinds", "places_left", "free_quarters"),
        "is_council_worker",
    )
    """See `Case.LATER`."""

    id: str
    organisation_id: str
    x_metres: int
    y_metres: int
    accreditations: tuple[Accreditation, ...] = ()
    radius_metres: int | None = None  # How far the candidate goes, by the same measure as the case.

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

    areas: frozenset[str] = frozenset()  # Codes as in `Case.area_codes`.
    district_type: str | None = None  # Of the place the candidate sets out from.
    most_minutes: int | None = None  # Longest way, one way, that the candidate accepts.
    equipment: frozenset[str] = frozenset()
    conflict_kinds: dict[str, str] = {}  # `ConflictKind` of an id in `conflicts`; OTHER for one that is not there.
    places_left: int | None = None  # Places of a group or a house, all weeks together. None: no such limit.
    free_quarters: tuple[int, ...] = ()  # Free quarter hours in each band of the week, see `band_of`; (): not known.
    is_council_worker: bool = False  # Of the council's own team, which keeps the most complex cases.

    def __post_init__(self) -> None:
        if self.rating is not None and not (0 <= self.rating <= 100 and self.rating_count >= 1):
            raise ValueError("a rating is from 0 to 100 and comes from at least one rating")
        counts = (self.week_capacity, self.open_cases, self.rating_count, self.tariff_pence or 0)
        if min(counts) < 0 or (self.radius_metres or 0) < 0 or min(self.free_places_by_week, default=0) < 0:
            raise ValueError("counts, radius and tariff must not be below 0")
        if (self.most_minutes or 0) < 0 or (self.places_left or 0) < 0:
            raise ValueError("most_minutes and places_left must not be below 0")
        _check_quarters(self.free_quarters, "free_quarters")
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

    def first_day(self, from_day: int, places_needed: int = 1) -> int | None:
        """First day from `from_day` on with the places free, as far as the diary reaches; None if there is none."""
        if self.first_free_day is None:
            return None
        earliest = max(from_day, self.first_free_day)
        for index, places in enumerate(self.free_places_by_week):
            week = self.places_from_week + index
            if places >= places_needed and week >= week_of(earliest):
                return max(earliest, monday_of(week))
        return None


class Weights(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How many points each part can bring: policy that the council signs off and publishes under a dated version.

    The defaults add up to 1000. A part with a weight of 0 is not counted; the first ten are explained all the same.
    """

    LATER: ClassVar[tuple[str, ...]] = (
        *("urgency", "organisation_spread", "travel_reach_minutes", "organisation_share_percent"),
    )
    """See `Case.LATER`."""

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

    urgency: int = 0  # For a soon start in a crisis; half of it in an urgent case, nothing in a standard one.
    organisation_spread: int = 0  # For organisations with a small share of the open cases.
    travel_reach_minutes: int = 0  # With a reach here, points for distance fall with minutes and not with metres.
    organisation_share_percent: int = 40  # No points for the spread from this share of the open cases on.

    def __post_init__(self) -> None:
        if not 0 <= self.travel_reach_minutes <= 10_000 or not 1 <= self.organisation_share_percent <= 100:
            raise ValueError("travel_reach_minutes must not be below 0 and a share must be from 1 to 100 per cent")
        if not all(0 <= self.most(part) <= 10_000 for part in Part):
            raise ValueError("the points of a part must be from 0 to 10,000")
        reaches = (self.distance_reach_metres, self.interests_counted, self.waiting_reach_days, self.fair_spread_cases)
        if min(reaches) < 1 or self.mean_rating_count < 0 or not 0 <= self.mean_rating <= 100:
            raise ValueError("a reach must be at least 1 and the mean rating from 0 to 100")

    def most(self, part: Part) -> int:
        """Most points the part can bring."""
        points: int = getattr(self, _FIELD_OF[part])
        return points


_FIELD_OF: Final = {part: part.name.lower() for part in Part}


def _check_quarters(quarters: Iterable[int], name: str) -> None:
    listed = tuple(quarters)
    if listed and (len(listed) != WEEK_BANDS or min(listed) < 0 or max(listed) > 10_000):
        raise ValueError(f"{name} must be {WEEK_BANDS} counts from 0 to 10,000, or none")


def _check_position(x_metres: int, y_metres: int) -> None:
    if max(abs(x_metres), abs(y_metres)) > _WORKING_RANGE_METRES:
        raise ValueError(f"not a National Grid position in metres: {x_metres}, {y_metres}")
