"""How the number of very small businesses and of personal assistants who work alone grows, by district (R25)."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, Permission, Principal, setting
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.formats import uk_date, uk_month
from marketplace.core.places import DISTRICT_NAMES
from marketplace.core.spreadsheets import csv_text
from marketplace.providers.models import OrganisationKind
from marketplace.providers.repository.workforce_figures import Business, Employed, WorkforceFiguresRepository

LEAST_SHOWN: Final = "reporting.least_shown"
VERY_SMALL: Final = 10
"""Fewer workers than this is a very small business. Source: the usual definition of a micro-business, under ten."""
MONTHS: Final = 12
ROUND_TO: Final = 5
ELSEWHERE: Final = "Outside the area, or not known"

Point = tuple[str, int, str]
"""Label, figure to draw, figure as shown."""


class Held(msgspec.Struct, frozen=True):
    """Holds small numbers back, so that nobody can be found in them."""

    least: int

    def is_small(self, count: int) -> bool:
        """Whether a number is not shown."""
        return 0 < count < self.least

    def words(self, count: int) -> str:
        """Write a number, or that it is small."""
        return f"fewer than {self.least}" if self.is_small(count) else f"{count:,}"

    def total(self, parts: Iterable[int]) -> tuple[int, str]:
        """Return the sum of some numbers to draw and to show; to the nearest five where one of them is held back."""
        known = list(parts)
        whole = sum(known)
        if self.is_small(whole):
            return 0, self.words(whole)
        if any(self.is_small(part) for part in known):
            rounded = max(self.least, round(whole / ROUND_TO) * ROUND_TO)
            return rounded, f"about {rounded:,}"
        return whole, self.words(whole)


class WorkforcePage(msgspec.Struct, frozen=True, kw_only=True):
    """The figures as shown."""

    least: int
    alone: tuple[Point, ...]
    """Personal assistants who work alone, month by month."""
    small: tuple[Point, ...]
    """Very small businesses, month by month."""
    districts: tuple[tuple[str, str, str, str, str], ...]
    """District; assistants now and a year ago; businesses now and a year ago."""
    total: tuple[str, str, str, str, str]
    since: date
    day: date


def month_ends(day: date, months: int) -> list[date]:
    """Return the last days of some months before a day's month, and the day itself."""
    found = [day]
    first = day.replace(day=1)
    for _ in range(months):
        last = first - timedelta(days=1)
        found.append(last)
        first = last.replace(day=1)
    return found[::-1]


def sorts(
    businesses: Sequence[Business], employed: Iterable[Employed], day: date
) -> tuple[list[Business], list[Business]]:
    """Return who worked alone as a personal assistant on a day, and which businesses were very small.

    A business of which no worker is recorded is not counted: its size is not known. Somebody who works alone counts
    until the day they leave.
    """
    here: dict[UUID, int] = {}
    known: set[UUID] = set()
    for row in employed:
        known.add(row.organisation_id)
        if row.starts_on <= day and (row.ends_on is None or row.ends_on > day):
            here[row.organisation_id] = here.get(row.organisation_id, 0) + 1
    present = [row for row in businesses if row.since <= day]
    alone = [
        row
        for row in present
        if row.kind is OrganisationKind.SOLE_PA and (row.id not in known or here.get(row.id, 0) > 0)
    ]
    small = [
        row for row in present if row.kind is not OrganisationKind.SOLE_PA and 0 < here.get(row.id, 0) < VERY_SMALL
    ]
    return alone, small


class WorkforceFigures:
    """Counts for a council."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    async def page(self, principal: Principal) -> WorkforcePage:
        """Return the figures of the last twelve months.

        Raises:
            Forbidden: The role may not see them.
        """
        principal.require(Permission.WORKFORCE_DECIDE)
        day = today(clock_of(self.db))
        held = Held(int(await setting(self.db, principal.council_id, LEAST_SHOWN, day)))
        council = await AccountRepository(self.db).council(principal.council_id)
        codes = sorted(council.district_codes, key=_name) if council else []
        repository = WorkforceFiguresRepository(self.db)
        businesses = await repository.businesses(principal.council_id)
        employed = await repository.employed([row.id for row in businesses])
        days = month_ends(day, MONTHS)
        alone, small = [], []
        counts: dict[date, tuple[dict[str, int], dict[str, int]]] = {}
        for one in days:
            found = sorts(businesses, employed, one)
            by_district = (_by_district(found[0], codes), _by_district(found[1], codes))
            counts[one] = by_district
            label = uk_date(one) if one == day else uk_month(one)
            alone.append((label, *held.total(by_district[0].values())))
            small.append((label, *held.total(by_district[1].values())))
        now, before = counts[day], counts[days[0]]
        areas = [code for code in [*codes, ""] if any(part.get(code) for part in (*now, *before))]
        return WorkforcePage(
            least=held.least,
            alone=tuple(alone),
            small=tuple(small),
            districts=tuple(
                (
                    _name(code),
                    held.words(now[0].get(code, 0)),
                    held.words(before[0].get(code, 0)),
                    held.words(now[1].get(code, 0)),
                    held.words(before[1].get(code, 0)),
                )
                for code in areas
            ),
            total=("All", alone[-1][2], alone[0][2], small[-1][2], small[0][2]),
            since=days[0],
            day=day,
        )

    async def file(self, principal: Principal) -> str:
        """Write the month by month figures as CSV, held back as on the page."""
        page = await self.page(principal)
        lines = [(label, alone, small) for (label, _, alone), (_, _, small) in zip(page.alone, page.small, strict=True)]
        return csv_text([("month", "assistants who work alone", "very small businesses"), *lines])


def _by_district(rows: Iterable[Business], codes: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for row in rows:
        code = row.lad_code if row.lad_code in codes else ""
        found[code] = found.get(code, 0) + 1
    return found


def _name(code: str) -> str:
    return DISTRICT_NAMES.get(code, code) if code else ELSEWHERE
