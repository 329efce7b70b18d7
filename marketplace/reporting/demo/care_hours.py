"""Makes free hours of care: weeks that one provider can take, weeks that only two can share, nights that nobody can."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from marketplace.matching.bands import BANDS, SLOTS
from marketplace.matching.models import CareHours
from marketplace.providers.models import ServiceLine
from marketplace.reporting.demo.world import Council, Shop, World

_MORNING, _MIDDAY, _AFTERNOON, _EVENING = range(len(BANDS) - 1)
_WEEKEND = 5
_Free = Mapping[tuple[int, bool], int]
"""Free quarter hours by part of the day and whether it is the weekend."""
_FEW: tuple[tuple[int, _Free], ...] = (
    (2, {(_MORNING, False): 10, (_MORNING, True): 4, (_MIDDAY, False): 6, (_AFTERNOON, False): 6}),
    (16, {(_MORNING, True): 10, (_MIDDAY, True): 4, (_EVENING, False): 8, (_EVENING, True): 8}),
)
"""How many days ago it was said, and what is free; the second is old.

Mornings of the working week are free at the one, evenings at the other: mornings and bedtimes can only be shared.
"""
_MANY: tuple[tuple[int, _Free], ...] = (
    _FEW[0],
    (5, {(_MORNING, True): 10, (_MIDDAY, True): 4, (_EVENING, False): 8}),
    (20, {(_MORNING, False): 5, (_AFTERNOON, True): 8, (_EVENING, True): 6}),
    (-1, {}),
)
"""The same where there are four companies or more; the fourth has not said."""
_ASSISTANTS: tuple[tuple[int, _Free], ...] = (
    (1, {(_MORNING, False): 8, (_MIDDAY, False): 4, (_AFTERNOON, False): 12}),
    (16, {(_EVENING, False): 6, (_EVENING, True): 10, (_MIDDAY, True): 8}),
)
"""The same of personal assistants, who work alone."""


def make_care_hours(world: World, council: Council) -> None:
    """Keep what providers of a council said about their free hours."""
    companies = [shop for shop in council.shops if ServiceLine.HOME_CARE in shop.body.services]
    # The first two weeks belong to two who work where the people of the first requirements live, whoever they are.
    companies.sort(key=lambda shop: council.home_district not in shop.body.districts)
    _say(world, ServiceLine.HOME_CARE, companies, _MANY if len(companies) >= len(_MANY) else _FEW)
    assistants = [shop for shop in council.shops if ServiceLine.PERSONAL_ASSISTANCE in shop.body.services]
    _say(world, ServiceLine.PERSONAL_ASSISTANCE, assistants, _ASSISTANTS)


def _say(world: World, service: ServiceLine, shops: Sequence[Shop], weeks: Sequence[tuple[int, _Free]]) -> None:
    for shop, (days_ago, free) in zip(shops, weeks, strict=False):
        if days_ago < 0:
            continue
        at = world.at(world.today - timedelta(days=days_ago), 10)
        for number in range(SLOTS):
            weekday, band = divmod(number, len(BANDS))
            world.book.add(
                CareHours,
                at,
                organisation_id=shop.id,
                service_line=service,
                weekday=weekday,
                band=band,
                free_quarters=free.get((band, weekday >= _WEEKEND), 0),
                awarded_quarters=0,
                said_at=at,
                said_by_user_id=shop.user_id,
            )
