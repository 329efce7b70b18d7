"""Makes the market: organisations, the fictional register, accreditations, workers, listings, payees, bank details."""

import hashlib
from datetime import date, time, timedelta
from uuid import UUID

from marketplace.accounts.permissions import Role
from marketplace.core.places import METRES_PER_MILE, name_key
from marketplace.payments.models import BankAccount, CardPayee
from marketplace.providers.models import (
    Accreditation,
    AccreditationStatus,
    Listing,
    Organisation,
    OrganisationKind,
    RegulatorLocation,
    RegulatorProvider,
    Worker,
    WorkerAbsence,
    WorkerHours,
    WorkerKind,
)
from marketplace.reporting.demo.content.council_services import council_services
from marketplace.reporting.demo.content.shapes import (
    EARLY_AND_LATE,
    EVENINGS,
    EVERY_DAY,
    WEEKDAYS,
    WEEKENDS,
    Body,
    Hand,
    Offered,
)
from marketplace.reporting.demo.spots import Spot
from marketplace.reporting.demo.world import Council, Helper, Shop, World

SHIFTS: dict[str, list[tuple[range, time, time]]] = {
    WEEKDAYS: [(range(5), time(9), time(17))],
    EARLY_AND_LATE: [(range(7), time(6, 30), time(13)), (range(7), time(16), time(22))],
    EVENINGS: [(range(5), time(15), time(22)), (range(5, 7), time(11), time(22))],
    WEEKENDS: [(range(4, 7), time(8), time(20))],
    EVERY_DAY: [(range(7), time(8), time(19))],
}
"""When somebody works: weekdays, from, until."""

_STREETS = ("Example Street", "Example Lane", "Example Road", "Example Mill", "Example Yard")
_KEY_QUESTIONS = ("Safe", "Effective", "Caring", "Responsive", "Well-led")


class Numbers:
    """Counters that run through all councils."""

    def __init__(self) -> None:
        self.register = 0
        self.payee = 0
        self.phone = 400


def make_market(world: World, council: Council, numbers: Numbers) -> None:
    """Keep all organisations of a council."""
    for body in (*council.text.bodies, council_services(council.text)):
        council.shops.append(_organisation(world, council, body, numbers))


def _organisation(world: World, council: Council, body: Body, numbers: Numbers) -> Shop:
    book, at = world.book, world.founded_at + timedelta(days=20)
    spot = world.spots.take_near_centre(body.district)
    numbers.phone += 1
    domain = f"{body.key}.example"
    location_id, provider_id = (
        _register(world, council, body, spot, numbers) if body.rating is not None else (None, None)
    )
    organisation_id = book.add(
        Organisation,
        at,
        name=body.name,
        kind=body.kind,
        summary=body.summary,
        charity_number=None,
        company_number=None,
        cqc_provider_id=provider_id,
        vat_number=None,
        address_line=f"{world.rng.randint(2, 90)} {world.rng.choice(_STREETS)}",
        town=spot.town,
        postcode=spot.postcode,
        phone=f"{council.text.dialling}{numbers.phone:03}",
        email=f"hello@{domain}",
        website=f"https://{domain}",
        home_council_id=council.id,
        safeguarding_name=body.hands[0].name if body.hands else "The manager",
        safeguarding_contact=f"safe@{domain}",
        is_example=True,
        created_at=at,
    )
    live_until = _accredit(world, council, organisation_id, body)
    user_id = _sign_in(world, council, body, organisation_id, domain)
    helpers = tuple(
        _worker(world, council, organisation_id, body, hand, spot, number, user_id)
        for number, hand in enumerate(body.hands)
    )
    if body.kind is OrganisationKind.SOLE_PA:
        _give_role(world, council, body, user_id, organisation_id, helpers[0].id)
    else:
        _give_role(world, council, body, user_id, organisation_id, None)
    listings = tuple(
        (_listing(world, council, organisation_id, body, offer, spot, helpers, location_id), offer)
        for offer in body.offers
    )
    _money(world, council, organisation_id, body, user_id, numbers)
    return Shop(
        id=organisation_id,
        body=body,
        spot=spot,
        user_id=user_id,
        live_until=live_until,
        helpers=helpers,
        listings=listings,
    )


def _accredit(world: World, council: Council, organisation_id: UUID, body: Body) -> date:
    live_from = world.starts_on - timedelta(days=world.rng.randint(60, 180))
    days_left = world.rng.randint(120, 400) if body.accredited_days_left is None else body.accredited_days_left
    live_until = world.today + timedelta(days=days_left)
    for service in body.services:
        at = world.at(live_from, 11)
        row_id = world.book.add(
            Accreditation,
            at,
            council_id=council.id,
            organisation_id=organisation_id,
            service_line=service,
            status=AccreditationStatus.LIVE,
            live_from=live_from,
            live_until=live_until,
            reason="Evidence seen: insurance, training, references.",
            decided_by_user_id=council.staff["accreditor"],
            decided_at=at,
        )
        world.book.audit(
            council.id,
            at,
            "providers.accredit",
            "accreditation",
            row_id,
            (council.staff["accreditor"], Role.ACCREDITOR.value),
            after={"service_line": service.value, "live_until": live_until.isoformat()},
            why="Evidence seen",
        )
    return live_until


def _sign_in(world: World, council: Council, body: Body, organisation_id: UUID, domain: str) -> UUID:
    slug = council.text.slug
    if body.key == council.text.provider:
        return world.user(f"provider@{slug}.example", "Sandra Whitlow", world.founded_at, is_demo=True)
    if body.key == council.text.assistant:
        return world.user(f"pa@{slug}.example", body.hands[0].name, world.founded_at, is_demo=True)
    name = body.hands[0].name if body.kind is OrganisationKind.SOLE_PA else f"Office of {body.name}"
    return world.user(f"office@{domain}", name, world.founded_at)


def _give_role(
    world: World, council: Council, body: Body, user_id: UUID, organisation_id: UUID, worker_id: UUID | None
) -> None:
    role = Role.PA if body.kind is OrganisationKind.SOLE_PA else Role.PROVIDER
    world.member(user_id, council.id, role, world.founded_at, organisation_id=organisation_id, worker_id=worker_id)


def _worker(
    world: World,
    council: Council,
    organisation_id: UUID,
    body: Body,
    hand: Hand,
    home: Spot,
    number: int,
    office: UUID,
) -> Helper:
    book, at = world.book, world.founded_at + timedelta(days=30)
    kind = body.worker_kind
    is_elsewhere = kind is WorkerKind.PLANNER and number > 0
    spot = world.spots.take_near_centre(hand.district) if is_elsewhere else home
    worker_id = book.add(
        Worker,
        at,
        organisation_id=organisation_id,
        kind=kind,
        name=hand.name,
        gender=hand.gender,
        languages=["English", *hand.languages],
        specialisms=list(hand.specialisms),
        interests=list(hand.interests),
        postcode=spot.postcode,
        town=spot.town,
        lat=spot.lat,
        lon=spot.lon,
        radius_metres=round(hand.miles * METRES_PER_MILE),
        fte_percent=hand.fte,
        bio=hand.bio or _bio(hand, spot),
        starts_on=at.date(),
        ends_on=None,
        created_at=at,
    )
    for weekdays, starts, ends in SHIFTS[hand.hours]:
        for weekday in weekdays:
            book.add(WorkerHours, at, worker_id=worker_id, weekday=weekday, starts_local=starts, ends_local=ends)
    user_id = (
        _planner_sign_in(world, council, organisation_id, worker_id, hand, body) if kind is WorkerKind.PLANNER else None
    )
    away: tuple[tuple[date, date], ...] = ()
    is_lead = hand.name == council.text.lead_planner[1]
    if not is_lead and world.rng.random() < 0.15:
        first = world.today + timedelta(days=world.rng.randint(8, 30))
        away = ((first, first + timedelta(days=world.rng.choice((3, 5, 8)))),)
        book.add(
            WorkerAbsence, at, worker_id=worker_id, starts_on=away[0][0], ends_on=away[0][1], reason="Annual leave"
        )
    return Helper(
        id=worker_id, user_id=user_id or office, organisation_id=organisation_id, hand=hand, spot=spot, away=away
    )


def _planner_sign_in(
    world: World, council: Council, organisation_id: UUID, worker_id: UUID, hand: Hand, body: Body
) -> UUID:
    is_lead = (body.key, hand.name) == council.text.lead_planner
    mailbox = hand.name.lower().replace(" ", ".")
    email = f"planner@{council.text.slug}.example" if is_lead else f"{mailbox}@{body.key}.example"
    user_id = world.user(email, hand.name, world.founded_at, is_demo=is_lead)
    world.member(
        user_id, council.id, Role.PLANNER, world.founded_at, organisation_id=organisation_id, worker_id=worker_id
    )
    return user_id


def _listing(
    world: World,
    council: Council,
    organisation_id: UUID,
    body: Body,
    offer: Offered,
    spot: Spot,
    helpers: tuple[Helper, ...],
    location_id: str | None,
) -> UUID:
    created_at = world.at(world.starts_on - timedelta(days=world.rng.randint(5, 50)), 10)
    updated_at = world.at(world.today - timedelta(days=world.rng.randint(1, 80)), 15)
    can_visit = bool(helpers) and helpers[0].hand is not None and body.worker_kind is not WorkerKind.PLANNER
    return world.book.add(
        Listing,
        created_at,
        organisation_id=organisation_id,
        worker_id=helpers[0].id if body.kind is OrganisationKind.SOLE_PA else None,
        regulator_location_id=location_id,
        category=offer.kind,
        title=offer.title,
        summary=offer.summary,
        body=offer.body,
        price_pence=offer.pence,
        price_unit=offer.unit,
        suits=list(offer.suits),
        languages=["English", *offer.languages],
        interests=list(offer.interests),
        town=spot.town,
        postcode_area=spot.outward,
        lat=spot.lat,
        lon=spot.lon,
        radius_metres=round(offer.miles * METRES_PER_MILE),
        is_nationwide=False,
        district_codes=list(body.districts),
        takes_bookings=can_visit and offer.pence > 0 and offer.unit.value in ("hour", "visit", "session", "once"),
        least_minutes=offer.least,
        is_published=True,
        # Every second assistant who works alone has agreed to stand in the open data.
        is_open_data=body.kind is not OrganisationKind.SOLE_PA or len(body.key) % 2 == 0,
        created_at=created_at,
        updated_at=updated_at,
        version=1,
    )


def _register(world: World, council: Council, body: Body, spot: Spot, numbers: Numbers) -> tuple[str, str]:
    """Keep a made-up entry of the regulator's register. Returns the ids of place and provider."""
    numbers.register += 1
    location_id, provider_id = f"DEMO-{numbers.register:04}", f"DEMO-P{numbers.register:03}"
    rated_on = world.today - timedelta(days=world.rng.randint(200, 1500)) if body.rating else None
    world.book.put(
        RegulatorProvider,
        provider_id=provider_id,
        name=f"{body.name} (example)",
        brand_name="",
        company_number="",
        is_example=True,
        updated_at=world.now,
    )
    world.book.put(
        RegulatorLocation,
        location_id=location_id,
        provider_id=provider_id,
        provider_name=f"{body.name} (example)",
        name=f"{body.name} (example)",
        name_key=name_key(body.name),
        also_known_as="",
        is_care_home=False,
        service_types=["Domiciliary care service"],
        specialisms=["Caring for adults over 65 yrs", "Physical disabilities"],
        beds=None,
        address_line="1 Example Street",
        town=spot.town,
        county="",
        postcode=spot.postcode,
        local_authority=council.text.short_name,
        region="",
        lad_code=body.district,
        lat=spot.lat,
        lon=spot.lon,
        phone="",
        website="",
        rating_overall=body.rating or "",
        ratings=dict.fromkeys(_KEY_QUESTIONS, body.rating) if body.rating else {},
        rated_on=rated_on,
        inspected_on=rated_on - timedelta(days=40) if rated_on else None,
        is_registered=True,
        is_dormant=False,
        registered_on=world.today - timedelta(days=world.rng.randint(1600, 3000) if body.rating else 150),
        closed_on=None,
        successor_id=None,
        superseded_by=None,
        url="",
        as_of="Made up for the example",
        is_example=True,
        content_hash=hashlib.sha256(location_id.encode()).digest(),
        first_import_id=None,
        last_import_id=None,
        updated_at=world.now,
    )
    return location_id, provider_id


def _money(world: World, council: Council, organisation_id: UUID, body: Body, user_id: UUID, numbers: Numbers) -> None:
    numbers.payee += 1
    takes_cards = body.kind in (OrganisationKind.SOLE_PA, OrganisationKind.PA_SERVICE, OrganisationKind.HOME_CARE) or (
        body.kind is OrganisationKind.COMMUNITY and bool(body.hands)
    )
    if takes_cards:
        world.book.put(
            CardPayee,
            organisation_id=organisation_id,
            stripe_account_id=f"acct_demo_{numbers.payee}",
            can_take_payments=True,
            updated_at=world.founded_at,
        )
    at = world.founded_at + timedelta(days=40)
    world.book.add(
        BankAccount,
        at,
        organisation_id=organisation_id,
        council_id=None,
        account_name=body.name[:18].strip().upper(),
        sort_code="000099",
        account_number=f"1000{numbers.payee:04}",
        service_user_number="",
        entered_by_user_id=user_id,
        checked_by_user_id=council.staff["finance-checker"],
        live_from=at.date(),
        called_at=at,
        called_by_user_id=council.staff["finance"],
        call_number_from="agreement",
        call_spoke_to="The treasurer",
        check_note="The account number could not be checked against the sort code",
        created_at=at,
    )


def _bio(hand: Hand, spot: Spot) -> str:
    likes = " and ".join(hand.interests[:2])
    return f"Based near {spot.town}. Outside work: {likes}." if likes else f"Based near {spot.town}."
