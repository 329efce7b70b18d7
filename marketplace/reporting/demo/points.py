"""Derby's points and budgets: a published version on a made-up sample of 200 cases, and a draft of the next (R1-R6).

The figures are those of the worked example: a mean of 42.5, 2,000 people, £10,000,000 and 15 per cent (domain.md 4.7).
No case is anybody's: answers are drawn at random and put right until the mean comes out.
"""

import random
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from marketplace.accounts.words import ETHNIC_GROUPS
from marketplace.people.models import RasCase, RasVersion, SliceOrder, WeeksOfYear
from marketplace.people.ras.fingerprint import fingerprint
from marketplace.people.ras.starting import STARTING_DOMAINS
from marketplace.people.states import RasStatus
from marketplace.reporting.demo.book import Move
from marketplace.reporting.demo.world import Council, World

CASES: Final = 200
TOTAL_POINTS: Final = 8_500
_AGES: Final = (("18-64", 35), ("65-74", 25), ("75-84", 25), ("85 and over", 15))
_GROUPS: Final = (
    ("Older people", 50, 1.02),
    ("Physical disability", 25, 0.97),
    ("Learning disability", 15, 1.12),
    ("Mental health", 10, 0.9),
)
"""Group, share, and what its support cost before, as a share of what the points give."""
_POINT_PENCE: Final = 10_000


def make_points(world: World, council: Council) -> None:
    """Keep the versions of a council that works with points; others have none."""
    if council.text.slug != "derby":
        return
    cases = _cases(random.Random("derby points"))  # noqa: S311 - repeatable on purpose
    _published(world, council, cases)
    _draft(world, council, cases)


def _published(world: World, council: Council, cases: list[dict[str, Any]]) -> None:
    manager, finance = council.staff["manager"], council.staff["finance"]
    starts_on = world.starts_on.replace(day=1)
    made_at = world.founded_at
    proposed_at, published_at = made_at.replace(hour=11), made_at.replace(hour=15)
    values = _values(council, 1, "One set of points for everybody", made_at, manager) | {
        "budget_pence": 1_000_000_000,
        "mean_points": Decimal("42.5"),
        "total_points": Decimal(85_000),
        "allocatable_pence": 850_000_000,
        "protection_pence": 150_000_000,
        "point_value_pence": Decimal(_POINT_PENCE),
        "note": "The same points for every group of people, tried out on paper with 200 cases.",
        "status": RasStatus.PROPOSED,
        "proposed_by_user_id": manager,
        "proposed_at": proposed_at,
    }
    version_id = world.book.add(RasVersion, made_at, **values)
    rows = _keep(world, council, version_id, cases)
    # The database keeps a published version and its sample as they are, so publishing comes last.
    world.book.afterwards(
        RasVersion,
        version_id,
        status=RasStatus.PUBLISHED,
        starts_on=starts_on,
        published_by_user_id=finance,
        published_at=published_at,
        fingerprint=fingerprint(RasVersion(**values), rows),
    )
    moves: list[Move] = [
        (RasStatus.DRAFT.value, made_at, manager, ""),
        (RasStatus.PROPOSED.value, proposed_at, manager, ""),
        (RasStatus.PUBLISHED.value, published_at, finance, ""),
    ]
    world.book.steps("ras_version", council.id, version_id, moves)
    for action, at, by in (
        ("people.draft_ras", made_at, (manager, "manager")),
        ("people.propose_ras", proposed_at, (manager, "manager")),
        ("people.publish_ras", published_at, (finance, "finance")),
    ):
        world.book.audit(council.id, at, action, "ras_version", version_id, by, after={"number": 1})


def _draft(world: World, council: Council, cases: list[dict[str, Any]]) -> None:
    """Next year's, with a little more money, still being worked on."""
    manager, made_at = council.staff["manager"], world.at(world.today, 8)
    values = _values(council, 2, "Points for next year", made_at, manager) | {
        "budget_pence": 1_030_000_000,
        "mean_points": Decimal("42.5"),
        "total_points": Decimal(85_000),
        "allocatable_pence": 875_500_000,
        "protection_pence": 154_500_000,
        "point_value_pence": Decimal(_POINT_PENCE) * Decimal("1.03"),
        "note": "Three per cent more, for higher wages.",
    }
    version_id = world.book.add(RasVersion, made_at, **values)
    _keep(world, council, version_id, cases)
    world.book.steps("ras_version", council.id, version_id, [(RasStatus.DRAFT.value, made_at, manager, "")])
    by = (manager, "manager")
    world.book.audit(council.id, made_at, "people.draft_ras", "ras_version", version_id, by, after={"number": 2})


def _values(council: Council, number: int, title: str, made_at: Any, by: UUID) -> dict[str, Any]:
    return {
        "council_id": council.id,
        "number": number,
        "title": title,
        "status": RasStatus.DRAFT,
        "domains": STARTING_DOMAINS,
        "people_count": 2_000,
        "slice_basis_points": 1_500,
        "slice_order": SliceOrder.FIRST,
        "weeks": WeeksOfYear.WEEKS_52,
        "sample_count": CASES,
        "fingerprint": "",
        "starts_on": None,
        "ends_on": None,
        "made_by_user_id": by,
        "made_at": made_at,
        "proposed_by_user_id": None,
        "proposed_at": None,
        "published_by_user_id": None,
        "published_at": None,
        "version": 1,
    }


def _keep(world: World, council: Council, version_id: UUID, cases: list[dict[str, Any]]) -> list[RasCase]:
    """Keep a version's sample; returns its cases as rows that no session knows, for the fingerprint."""
    rows = []
    for place, case in enumerate(cases, start=1):
        values = {"council_id": council.id, "ras_version_id": version_id, "position": place, **case}
        world.book.add(RasCase, world.founded_at, **values)
        rows.append(RasCase(**values))
    return rows


def _cases(rng: random.Random) -> list[dict[str, Any]]:
    """Draw the cases of the worked example."""
    points = _points()
    levels = draw_levels(rng, CASES, TOTAL_POINTS)
    return [_case(rng, number, case, points) for number, case in enumerate(levels, start=1)]


def draw_levels(rng: random.Random, count: int, total_points: int) -> list[list[int]]:
    """Draw answers, one of four for each starting domain, until the points of all add up to a total."""
    levels = [[rng.choices(range(4), (4, 5, 5, 4))[0] for _ in STARTING_DOMAINS] for _ in range(count)]
    points = _points()
    missing = total_points - sum(points[at][level] for case in levels for at, level in enumerate(case))
    while missing:
        case, at = rng.randrange(count), rng.randrange(len(points))
        level = rng.randrange(4)
        change = points[at][level] - points[at][levels[case][at]]
        # Small steps in either direction near the end, or one point would never be found.
        if abs(missing - change) <= max(abs(missing), 6):
            levels[case][at] = level
            missing -= change
    return levels


def _points() -> list[list[int]]:
    return [[int(answer["points"]) for answer in domain["answers"]] for domain in STARTING_DOMAINS]


def _case(rng: random.Random, number: int, levels: list[int], points: list[list[int]]) -> dict[str, Any]:
    found = {domain["key"]: points[at][levels[at]] for at, domain in enumerate(STARTING_DOMAINS)}
    group, _, factor = rng.choices(_GROUPS, [share for _, share, _ in _GROUPS])[0]
    before = sum(found.values()) * _POINT_PENCE * factor * rng.uniform(0.8, 1.2) + rng.randrange(60_000)
    return {
        "reference": f"Case {number:03}",
        "answers": {domain["key"]: domain["answers"][levels[at]]["key"] for at, domain in enumerate(STARTING_DOMAINS)},
        "domain_points": found,
        "points": sum(found.values()),
        "previous_annual_pence": round(before / 5_200) * 5_200,
        "age_band": rng.choices([age for age, _ in _AGES], [share for _, share in _AGES])[0],
        "care_group": group,
        "ethnicity": rng.choices(list(ETHNIC_GROUPS.values()), [12, 6, 3, 74, *[5] * (len(ETHNIC_GROUPS) - 4)])[0],
        "gender": rng.choices(("Female", "Male"), (58, 42))[0],
    }
