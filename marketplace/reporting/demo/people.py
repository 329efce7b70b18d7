"""Makes the people of a council: who they are, what matters to them, and their budgets."""

import random
from datetime import date, timedelta

from marketplace.accounts.models import Representation
from marketplace.accounts.permissions import RepresentativeKind, Role, Scope
from marketplace.accounts.states import RepresentationStatus
from marketplace.accounts.words import COMMUNICATION_NEEDS, ETHNIC_GROUPS, INTERESTS, Gender
from marketplace.people.models import Budget, BudgetStatus, FundingRoute, Person
from marketplace.reporting.demo.book import Move
from marketplace.reporting.demo.content.people import APPRECIATED, FAMILY, GIVEN, IMPORTANT, STREETS, SUPPORT
from marketplace.reporting.demo.spots import Spot
from marketplace.reporting.demo.world import Client, Council, World

_NEEDS = (
    (("older", "physical"), 26),
    (("older", "dementia"), 14),
    (("physical",), 13),
    (("learning",), 11),
    (("learning", "autism"), 6),
    (("mental_health",), 11),
    (("long_term", "physical"), 8),
    (("brain_injury",), 4),
    (("older", "sight"), 3),
    (("hearing",), 2),
    (("mental_health", "substance"), 2),
)
_OTHER_LANGUAGES = ("Urdu", "Polish", "Punjabi", "Gujarati", "British Sign Language", "Romanian", "Makaton", "Arabic")
NEIGHBOURS = 12
_TOLD_BY = tuple(COMMUNICATION_NEEDS)


def make_people(world: World, council: Council) -> None:
    """Keep the people of a council, those behind the sign-ins first."""
    for number in range(1, council.text.volume.people + 1):
        star = {1: "person", 2: "represented", 3: "selffunder"}.get(number)
        client = make_person(world, council, number, star)
        council.clients.append(client)
        if star:
            council.stars[star] = client
    represented = council.stars["represented"]
    user_id = world.user(
        f"representative@{council.text.slug}.example", "Hester Lockwood", world.founded_at, is_demo=True
    )
    membership_id = world.member(
        user_id,
        council.id,
        Role.REPRESENTATIVE,
        world.founded_at,
        person_id=represented.id,
        acting_for_name=represented.name,
    )
    asked_at = world.founded_at
    row_id = world.book.add(
        Representation,
        asked_at,
        council_id=council.id,
        person_id=represented.id,
        user_id=user_id,
        membership_id=membership_id,
        name="Hester Lockwood",
        email=f"representative@{council.text.slug}.example",
        relationship="my sister",
        kind=RepresentativeKind.NOMINATED,
        scopes=[scope.value for scope in Scope],
        status=RepresentationStatus.LIVE,
        starts_on=asked_at.date(),
        ends_on=None,
        evidence_note="",
        file_id=None,
        invitation_hash=None,
        invitation_ends_at=None,
        asked_by_user_id=represented.user_id,
        asked_at=asked_at,
        answered_at=asked_at,
        checked_by_user_id=None,
        checked_at=None,
        ended_by_user_id=None,
        ended_at=None,
        reason="",
        told_on=asked_at.date(),
        version=2,
    )
    moves: list[Move] = [
        (RepresentationStatus.INVITED, asked_at, represented.user_id, ""),
        (RepresentationStatus.LIVE, asked_at, user_id, ""),
    ]
    world.book.steps("representation", council.id, row_id, moves)


def _ethnicity(council: Council, number: int) -> str:
    """Ethnic group of a made-up person; one in eight has not said. Drawn apart, so that nothing else moves."""
    rng = random.Random(f"ethnicity {council.text.slug} {number}")  # noqa: S311
    return rng.choices(("", *ETHNIC_GROUPS), (12, 8, 3, 2, 74, 1))[0]


def make_person(world: World, council: Council, number: int, star: str | None) -> Client:
    """Keep one person with a budget. `number` is theirs alone in the council; `star` names one behind a sign-in."""
    rng, book, text = world.rng, world.book, council.text
    gender = rng.choices((Gender.FEMALE, Gender.MALE, Gender.NOT_SAID), (55, 43, 2))[0]
    given = rng.choice(GIVEN["male" if gender is Gender.MALE else "female"])
    family = rng.choice(FAMILY)
    needs = rng.choices([kinds for kinds, _ in _NEEDS], [share for _, share in _NEEDS])[0]
    if star in ("person", "selffunder"):
        needs = ("older", "physical")
    spot = _home(world, council, number)
    age = rng.randint(66, 94) if "older" in needs else rng.randint(19, 64)
    created_at = world.at(world.starts_on - timedelta(days=rng.randint(3, 120)), rng.randint(9, 16), rng.randint(0, 59))
    interests = tuple(rng.sample(tuple(INTERESTS), rng.randint(1, 4)))
    if star == "person":
        interests = ("baking", "walking", "singing")
    languages = ("English",) if rng.random() < 0.84 or star else ("English", rng.choice(_OTHER_LANGUAGES))
    told_by = tuple(rng.sample(_TOLD_BY, 1)) if rng.random() < 0.3 else ()
    name = f"{given} {family}"
    email = f"{given}.{family}.{number}@people.{text.slug}.example".lower()
    sign_in = {"person": "person", "selffunder": "selffunder"}.get(star or "")
    if sign_in:
        email = f"{sign_in}@{text.slug}.example"
    person_id = book.add(
        Person,
        created_at,
        council_id=council.id,
        reference=f"P-{number:06}",
        given_name=given,
        family_name=family,
        born_on=_birthday(world, age),
        gender=gender,
        ethnicity=_ethnicity(council, number),
        address_line=f"{rng.randint(1, 140)} {rng.choice(STREETS)}",
        town=spot.town,
        postcode=spot.postcode,
        lat=spot.lat,
        lon=spot.lon,
        lad_code=spot.lad_code,
        phone=f"07700 900{rng.randint(0, 999):03}" if rng.random() < 0.6 else f"{text.dialling}{rng.randint(500, 999)}",
        email=email,
        languages=list(languages),
        interests=list(interests),
        needs=list(needs),
        communication_needs=list(told_by),
        appreciated=" ".join(rng.sample(APPRECIATED, 2)),
        important_to_me=" ".join(rng.sample(IMPORTANT, 3)),
        how_to_support_me=" ".join(rng.sample(SUPPORT, 2)),
        is_example=True,
        created_at=created_at,
        version=1,
    )
    user_id = world.user(email, name, created_at, is_demo=bool(sign_in))
    world.member(user_id, council.id, Role.PERSON, created_at, person_id=person_id)
    client = Client(
        id=person_id,
        user_id=user_id,
        name=name,
        spot=spot,
        needs=needs,
        interests=interests,
        languages=languages,
        communication_needs=told_by,
        route=None,
        weekly_pence=0,
        own_weekly_pence=0,
        budget_from=None,
        is_final=False,
        is_star=star == "person",
    )
    book.audit(
        council.id,
        created_at,
        "people.record_person",
        "person",
        person_id,
        (rng.choice(council.recorders), Role.SOCIAL_WORKER.value),
        after={"reference": f"P-{number:06}"},
    )
    if star != "selffunder":
        _budget(world, council, client, number)
    return client


def _home(world: World, council: Council, number: int) -> Spot:
    """Take an address. The first people live near the planner, the assistant and the provider of the sign-ins."""
    if number <= NEIGHBOURS:
        return world.spots.take_near_centre(council.home_district)
    codes = [district.code for district in council.text.districts]
    return world.spots.take(world.rng.choices(codes, council.text.weights)[0])


def _budget(world: World, council: Council, client: Client, number: int) -> None:
    """Give a person a budget: the first ones have a direct payment that buys visits, others are mixed."""
    rng = world.rng
    visits = number <= council.text.volume.visitors + 3 and number != 3
    route = (
        FundingRoute.DIRECT_PAYMENT
        if visits
        else rng.choices(
            (FundingRoute.DIRECT_PAYMENT, FundingRoute.COUNCIL_MANAGED, FundingRoute.SELF_FUNDED), (25, 60, 15)
        )[0]
    )
    is_final = visits or rng.random() < 0.55
    client.route, client.is_final = route, is_final
    client.weekly_pence = rng.randrange(7_000, 17_000, 500) if visits else rng.randrange(8_000, 32_000, 500)
    if client.is_star:
        client.weekly_pence = 18_500
    client.own_weekly_pence = rng.choice((0, 0, 0, 1_250, 2_400, 3_675)) if not client.is_star else 1_250
    client.budget_from = world.today - timedelta(days=101 if visits else rng.randint(20, 170))
    if visits and not client.is_star:
        client.budget_from += timedelta(days=rng.randint(0, 70))
    world.book.add(
        Budget,
        world.at(client.budget_from, 9),
        council_id=council.id,
        person_id=client.id,
        status=BudgetStatus.FINAL if is_final else BudgetStatus.INDICATIVE,
        route=route,
        weekly_pence=client.weekly_pence,
        own_weekly_pence=client.own_weekly_pence,
        starts_on=client.budget_from,
        ends_on=None,
        created_at=world.at(client.budget_from, 9),
    )


def _birthday(world: World, age: int) -> date:
    return world.today - timedelta(days=age * 365 + world.rng.randint(20, 340))
