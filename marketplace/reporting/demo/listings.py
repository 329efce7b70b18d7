"""What the demo's listings say beyond the first words: VAT, rates, concessions, room, hours; and drafts that wait."""

from datetime import time, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec

from marketplace.providers.models import (
    CapacityKind,
    DayKind,
    Listing,
    ListingCategory,
    ListingDay,
    ListingDraft,
    ListingHours,
    ListingRate,
    ListingVersion,
    OrganisationKind,
    PriceUnit,
    RegulatedBasis,
    VatCategory,
)
from marketplace.providers.service.listings.answers import answers_of
from marketplace.providers.service.listings.facts import HourFact, ListingFacts
from marketplace.providers.service.regulated import ALWAYS_REGULATED
from marketplace.providers.service.times import WEEKDAYS
from marketplace.providers.states import DraftStatus
from marketplace.reporting.demo.world import Council, World

REGULATED: Final = ALWAYS_REGULATED | {ListingCategory.SUPPORTED_LIVING}
_VAT: Final[dict[OrganisationKind, tuple[VatCategory, str]]] = {
    OrganisationKind.HOME_CARE: (VatCategory.EXEMPT_WELFARE, "Welfare services of a registered provider"),
    OrganisationKind.THIRD_SECTOR: (VatCategory.EXEMPT_WELFARE, "Welfare services of a charity under a care plan"),
    OrganisationKind.COUNCIL: (VatCategory.OUTSIDE_SCOPE, "Supplied by the council under its duties in law"),
    OrganisationKind.EQUIPMENT: (VatCategory.ZERO, "Aids for disabled people for their own use at home"),
    OrganisationKind.PA_SERVICE: (VatCategory.STANDARD, "A service without registration; VAT is in the price"),
}
_PLACES: Final = frozenset({ListingCategory.COMMUNITY, ListingCategory.DAY_OPPORTUNITY})
_USUAL: Final[dict[PriceUnit, tuple[int, ...]]] = {
    PriceUnit.HOUR: (30, 60, 100, 140),
    PriceUnit.VISIT: (10, 20, 70),
    PriceUnit.SESSION: (10, 20),
}
"""Usual amounts a week, in tenths of the unit."""

_DAYS: Final = ((0, 3), (1, 4), (2,), (1, 3, 5), (0, 1, 2, 3, 4))


def enrich_listings(world: World, council: Council) -> None:
    """Give the listings of a council their further facts. Ids decide what varies, so nothing else in the demo moves."""
    kinds = {shop.id: shop.body.kind for shop in council.shops}
    users = {shop.id: shop.user_id for shop in council.shops}
    for number, row in enumerate(row for row in world.book.of(Listing) if row["organisation_id"] in kinds):
        kind = kinds[row["organisation_id"]]
        row.update(_further(world, council, row, kind, number))
        if row["worker_id"] is None and row["category"] in _PLACES:
            _hours(world, row["id"], row["title"], number)
        _rates(world, row, kind)
        _figures(world, row["id"], number)
        _version(world, row, users[row["organisation_id"]])
    _draft(world, council)


def _further(
    world: World, council: Council, row: dict[str, Any], kind: OrganisationKind, number: int
) -> dict[str, Any]:
    category, unit = row["category"], row["price_unit"]
    is_free = unit is PriceUnit.FREE
    is_regulated = category in REGULATED
    vat, reason = _VAT.get(kind, (VatCategory.NOT_REGISTERED, ""))
    if is_free:
        vat, reason = VatCategory.NOT_REGISTERED, ""
    if is_regulated:
        basis = RegulatedBasis.REGISTERED
    elif kind is OrganisationKind.SOLE_PA and number % 2:
        basis = RegulatedBasis.DIRECTLY_ENGAGED
    else:
        basis = RegulatedBasis.NOT_REGULATED
    is_community = category in _PLACES
    counted = CapacityKind.PLACES if is_community else CapacityKind.HOURS if unit is PriceUnit.HOUR else None
    if category is ListingCategory.SUPPORT_PLANNING:
        counted = CapacityKind.PLANS
    said_at = world.at(world.today - timedelta(days=number % 9), 9)
    is_checked = number % 3 != 0
    return {
        "regulator_location_id": row["regulator_location_id"] if is_regulated else None,
        "vat_category": vat,
        "vat_reason": reason,
        "concessions": _concessions(number, is_free=is_free) if is_community else [],
        "concession_note": "Ask when you come for the first time." if is_community and number % 4 == 1 else "",
        "access_note": "Step-free entrance, accessible toilet, parking at the door." if is_community else "",
        "usual_tenths": _USUAL[unit][number % len(_USUAL[unit])] if unit in _USUAL else None,
        "capacity_kind": counted or CapacityKind.NOT_SAID,
        "capacity_free": (number * 7) % 13 if counted else None,
        "capacity_said_at": said_at if counted else None,
        "regulated_basis": basis,
        "is_open_data": kind is not OrganisationKind.SOLE_PA or number % 2 == 0,
        "confirmed_at": row["updated_at"],
        "checked_by_council_id": council.id if is_checked else None,
        "checked_at": row["created_at"] if is_checked else None,
    }


def _concessions(number: int, *, is_free: bool) -> list[str]:
    if is_free:
        return ["carer_free", "travel_help"] if number % 2 else ["carer_free"]
    return (["carer_free", "low_income"], ["first_free"], ["reduced_membership", "carer_free"], ["older"])[number % 4]


def _hours(world: World, listing_id: UUID, title: str, number: int) -> None:
    """Give the times of a group; one whose title names its day meets on that day."""
    starts = time(10 + number % 5)
    named = tuple(weekday for weekday, day in enumerate(WEEKDAYS) if day in title)
    for weekday in named or _DAYS[number % len(_DAYS)]:
        world.book.add(
            ListingHours,
            world.now,
            listing_id=listing_id,
            weekday=weekday,
            starts_local=starts,
            ends_local=time(starts.hour + 2),
        )


def _rates(world: World, row: dict[str, Any], kind: OrganisationKind) -> None:
    """Weekends and bank holidays cost more from today on: visits of the past and those agreed keep their price."""
    is_work = kind in (OrganisationKind.HOME_CARE, OrganisationKind.SOLE_PA, OrganisationKind.PA_SERVICE)
    if not is_work or row["price_unit"] is not PriceUnit.HOUR:
        return
    tenths = {DayKind.SATURDAY: 11, DayKind.SUNDAY: 12, DayKind.BANK_HOLIDAY: 15}
    for day_kind, factor in tenths.items():
        if kind is OrganisationKind.SOLE_PA and day_kind is not DayKind.BANK_HOLIDAY:
            continue
        world.book.add(
            ListingRate,
            world.now,
            listing_id=row["id"],
            day_kind=day_kind,
            price_pence=row["price_pence"] * factor // 10,
            starts_on=world.today,
            ends_on=None,
        )


def _figures(world: World, listing_id: UUID, number: int) -> None:
    for days in range(0, 84, 2 + number % 5):
        world.book.put(
            ListingDay,
            listing_id=listing_id,
            day=world.today - timedelta(days=days),
            views=(number * 5 + days * 3) % 17 + 1,
            questions=(number + days) % 11 // 10,
            bookings=(number + days) % 7 // 6,
            saves=(number * 3 + days) % 9 // 7,
        )


def _facts(row: dict[str, Any], **given: Any) -> ListingFacts:
    names = [name for name in ListingFacts.__struct_fields__ if name in row]
    return ListingFacts(**{**{name: row[name] for name in names}, **given})


def _version(world: World, row: dict[str, Any], user_id: UUID) -> None:
    point = {} if row["worker_id"] is None else {"lat": round(row["lat"], 2), "lon": round(row["lon"], 2)}
    world.book.add(
        ListingVersion,
        row["updated_at"],
        listing_id=row["id"],
        number=1,
        content=_facts(row, **point).content(),
        changed=[],
        changed_by_user_id=user_id,
        changed_at=row["updated_at"],
    )


def _draft(world: World, council: Council) -> None:
    """A new listing of the provider behind `provider@` that waits for the council, written the day before yesterday."""
    shop = council.shop(council.text.provider)
    begun, sent = world.at(world.today - timedelta(days=3), 10), world.at(world.today - timedelta(days=2), 16)
    facts = ListingFacts(
        category=ListingCategory.COMMUNITY,
        title=f"Coffee and company in {shop.spot.town}",
        summary="An hour with coffee, cake and somebody to talk to, every Wednesday.",
        body="You come when you like. We pick you up if the way is too far. Bring a friend or come alone.",
        price_pence=300,
        price_unit=PriceUnit.SESSION,
        usual_tenths=10,
        takes_bookings=False,
        suits=["older", "carer"],
        languages=["English"],
        interests=["baking"],
        access_note="Step-free, with an accessible toilet.",
        concessions=["first_free", "carer_free"],
        radius_metres=8_047,
        hours=[HourFact(2, time(14), time(15))],
    )
    content = answers_of(facts, None)
    content["area"]["postcode"] = shop.spot.postcode
    content["room"] = {"capacity_kind": "places", "capacity_free": "8"}
    draft_id = world.book.add(
        ListingDraft,
        begun,
        council_id=council.id,
        organisation_id=shop.id,
        listing_id=None,
        status=DraftStatus.SUBMITTED,
        content=msgspec.to_builtins(content),
        reason="",
        created_by_user_id=shop.user_id,
        created_at=begun,
        updated_at=sent,
        submitted_at=sent,
        decided_by_user_id=None,
        decided_at=None,
        version=9,
    )
    world.book.steps(
        "listing_draft",
        council.id,
        draft_id,
        [(DraftStatus.OPEN, begun, shop.user_id, ""), (DraftStatus.SUBMITTED, sent, shop.user_id, "")],
    )
