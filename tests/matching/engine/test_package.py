"""A week over at most k providers: equal to brute force, within the hours, the same whatever the order of rows."""

import random
from itertools import combinations_with_replacement, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.matching.engine.package import (
    EXTRA_PROVIDER_POINTS,
    PackageProvider,
    PackageVisit,
    Plan,
    nobody_for,
    plan_packages,
    spare_after,
)
from marketplace.matching.engine.ties import tie_key

SLOTS = 35
FREE = (40,) * SLOTS


def visit(name: str, slot: int = 0, quarters: int = 2, **given_: object) -> PackageVisit:
    """A visit in one slot."""
    return PackageVisit(id=name, uses=((slot, quarters),), **given_)  # type: ignore[arg-type]


def provider(name: str, points: int = 500, **given_: object) -> PackageProvider:
    """A provider with room for everything, unless told otherwise."""
    values: dict[str, object] = {"free": FREE, **given_}
    return PackageProvider(id=name, points=points, **values)  # type: ignore[arg-type]


def only(**slots: int) -> tuple[int, ...]:
    """Free quarters in some slots alone, such as `s0=4`."""
    return tuple(slots.get(f"s{number}", 0) for number in range(SLOTS))


def brute_force(visits: list[PackageVisit], providers: list[PackageProvider], most: int, salt: str) -> tuple[int, ...]:
    """The goal of the best answer among all there are."""
    best: tuple[int, ...] | None = None
    total = sum(item.quarters for item in visits)
    choices = []
    for item in visits:
        options: list[tuple[int, ...]] = [(), *((index,) * item.workers for index in range(len(providers)))]
        if item.may_share:
            options = [(), *combinations_with_replacement(range(len(providers)), item.workers)]
        choices.append(options)
    for answer in product(*choices):
        taking = {index for option in answer for index in option}
        if len(taking) > most:
            continue
        used: dict[tuple[int, int], int] = {}
        points = ties = 0
        for item, option in zip(visits, answer, strict=True):
            for index in option:
                for number, (slot, quarters) in enumerate(item.uses):
                    extra = providers[index].travel_quarters if number == 0 else 0
                    used[index, slot] = used.get((index, slot), 0) + quarters + extra
                points += providers[index].points * (item.quarters // item.workers)
                ties += tie_key(salt, item.id, providers[index].id) >> 24
        if any((free := providers[index].free) is not None and q > free[slot] for (index, slot), q in used.items()):
            continue
        covered = sum(1 for option in answer if option)
        goal = (covered, -len(taking), points - EXTRA_PROVIDER_POINTS * total * max(0, len(taking) - 1), -ties)
        best = goal if best is None or goal > best else best
    assert best is not None
    return best


def goal_of(plan: Plan, visits: list[PackageVisit], providers: list[PackageProvider], salt: str) -> tuple[int, ...]:
    """The goal of a plan, worked out anew from who does what."""
    by_id = {item.id: item for item in providers}
    total = sum(item.quarters for item in visits)
    points = sum(
        by_id[name].points * (item.quarters // item.workers) for item in visits for name in plan.who.get(item.id, ())
    )
    ties = sum(tie_key(salt, item.id, name) >> 24 for item in visits for name in plan.who.get(item.id, ()))
    taking = {name for names in plan.who.values() for name in names}
    return len(plan.who), -len(taking), points - EXTRA_PROVIDER_POINTS * total * max(0, len(taking) - 1), -ties


def assert_possible(plan: Plan, visits: list[PackageVisit], providers: list[PackageProvider]) -> None:
    """Nobody works more than its hours, and the plan says what it does."""
    for item in providers:
        left = spare_after(plan, visits, item).free
        assert left is None or min(left) >= 0
    for item in visits:
        names = plan.who.get(item.id)
        assert names is None or len(names) == item.workers
        assert names is None or item.may_share or len(set(names)) == 1
    assert set(plan.provider_ids) == {name for names in plan.who.values() for name in names}
    assert set(plan.missing) == {item.id for item in visits} - set(plan.who)
    assert plan.covered <= plan.bound <= len(visits)


def weeks() -> st.SearchStrategy[list[PackageVisit]]:
    """Up to four visits over three slots, some over two slots, some of two workers."""
    uses = st.lists(
        st.tuples(st.integers(0, 2), st.integers(1, 3)), min_size=1, max_size=2, unique_by=lambda use: use[0]
    )
    one = st.tuples(uses, st.integers(1, 2), st.booleans())
    return st.lists(one, min_size=1, max_size=4).map(
        lambda rows: [
            PackageVisit(id=f"v{index}", uses=tuple(row[0]), workers=row[1], may_share=row[2])
            for index, row in enumerate(rows)
        ]
    )


def markets() -> st.SearchStrategy[list[PackageProvider]]:
    """Up to four providers with few hours, some of whom have not said."""
    free = st.one_of(st.none(), st.tuples(*(st.integers(0, 6) for _ in range(3))))
    one = st.tuples(free, st.integers(0, 4).map(lambda points: points * 100), st.integers(0, 1))
    return st.lists(one, max_size=4).map(
        lambda rows: [
            PackageProvider(
                id=f"p{index}",
                free=None if row[0] is None else row[0] + (0,) * (SLOTS - 3),
                points=row[1],
                travel_quarters=row[2],
            )
            for index, row in enumerate(rows)
        ]
    )


@settings(max_examples=150, deadline=None)
@given(weeks(), markets(), st.sampled_from(["", "salt"]))
def test_the_plans_equal_brute_force_in_every_part_of_the_goal(
    visits: list[PackageVisit], providers: list[PackageProvider], salt: str
) -> None:
    for plan in plan_packages(visits, providers, most_providers=3, salt=salt):
        assert_possible(plan, visits, providers)
        assert plan.is_proven
        assert plan.bound == plan.covered
        assert goal_of(plan, visits, providers, salt) == brute_force(visits, providers, plan.most_providers, salt)


@settings(max_examples=60, deadline=None)
@given(weeks(), markets(), st.randoms(use_true_random=False))
def test_the_order_of_rows_is_irrelevant(
    visits: list[PackageVisit], providers: list[PackageProvider], shuffler: random.Random
) -> None:
    mixed, others = list(visits), list(providers)
    shuffler.shuffle(mixed)
    shuffler.shuffle(others)
    assert plan_packages(visits, providers) == plan_packages(mixed, others)


@settings(max_examples=60, deadline=None)
@given(weeks(), markets(), st.integers(0, 2))
def test_more_hours_or_more_providers_never_cover_fewer_visits(
    visits: list[PackageVisit], providers: list[PackageProvider], slot: int
) -> None:
    before = [plan.covered for plan in plan_packages(visits, providers)]
    more = [
        PackageProvider(
            id=item.id,
            free=None if item.free is None else tuple(q + (n == slot) for n, q in enumerate(item.free)),
            points=item.points,
            travel_quarters=item.travel_quarters,
        )
        for item in providers
    ]
    after = [plan.covered for plan in plan_packages(visits, more)]
    assert before == sorted(before)
    assert all(old <= new for old, new in zip(before, after, strict=True))


def test_one_provider_for_the_whole_week_comes_before_more_points() -> None:
    visits = [visit("a"), visit("b", slot=5)]
    one, two, three = plan_packages(
        visits,
        [provider("whole", 100), provider("mon", 900, free=only(s0=8)), provider("tue", 900, free=only(s5=8))],
    )
    assert one.provider_ids == two.provider_ids == three.provider_ids == ("whole",)
    assert (one.points, one.is_whole, one.is_proven) == (100, True, True)


def test_a_split_costs_sixty_points_and_says_who_does_what() -> None:
    visits = [visit("a", quarters=6), visit("b", slot=5)]
    one, two = plan_packages(
        visits, [provider("mon", 900, free=only(s0=8)), provider("tue", 100, free=only(s5=8))], most_providers=2
    )
    assert (one.who, one.missing, one.points) == ({"a": ("mon",)}, ("b",), 900)
    assert two.who == {"a": ("mon",), "b": ("tue",)}
    assert two.points == 700 - 60
    assert two.quarters == 8


def test_workers_of_a_double_up_come_from_two_providers_only_where_that_is_allowed() -> None:
    providers = [provider("a", free=only(s0=2)), provider("b", free=only(s0=2))]
    apart = plan_packages([visit("v", workers=2)], providers)
    assert [plan.covered for plan in apart] == [0, 0, 0]
    assert nobody_for([visit("v", workers=2)], providers) == ("v",)
    shared = plan_packages([visit("v", workers=2, may_share=True)], providers)
    assert [plan.covered for plan in shared] == [0, 1, 1]
    assert shared[1].who == {"v": ("a", "b")}
    assert nobody_for([visit("v", workers=2, may_share=True)], providers) == ()


def test_travel_takes_hours_of_every_visit_and_worker() -> None:
    visits = [visit("a"), visit("b")]
    near, far = provider("near", free=only(s0=4)), provider("far", free=only(s0=5), travel_quarters=1)
    assert plan_packages(visits, [near])[0].is_whole
    assert plan_packages(visits, [far])[0].covered == 1


def test_who_has_not_said_its_hours_may_take_part_and_is_marked() -> None:
    (plan,) = plan_packages([visit("a")], [provider("unknown", free=None)], most_providers=1)
    assert (plan.is_whole, plan.not_said) == (True, ("unknown",))


def test_what_is_no_week_is_refused() -> None:
    for visits, providers, most in (
        ([], [], 1),
        ([visit("a"), visit("a")], [], 1),
        ([visit("a")], [provider("p"), provider("p")], 1),
        ([visit("a")], [], 0),
    ):
        with pytest.raises(ValueError, match=r"There must be|Ids must"):
            plan_packages(visits, providers, most_providers=most)


def test_more_providers_than_can_be_enumerated_give_a_bound_that_holds_and_no_claim() -> None:
    visits = [visit(f"v{slot:02}", slot=slot) for slot in range(SLOTS)]
    providers = [
        provider(f"p{index:02}", free=tuple(2 if slot % 60 == index % 35 else 0 for slot in range(SLOTS)))
        for index in range(60)
    ]
    plans = plan_packages(visits, providers, most_providers=5)
    assert [plan.covered for plan in plans] == [1, 2, 3, 4, 5]
    # Of 34,220 equal choices of three not all are looked at: that none covers more is known, which is best is not.
    assert [plan.is_proven for plan in plans] == [True, True, False, False, False]
    assert plans[2].bound == plans[2].covered
    assert all(plan.bound >= plan.covered for plan in plans)


@pytest.mark.parametrize("fullness", [3, 6, 12])
def test_forty_providers_and_forty_two_visits_over_three_are_answered(fullness: int) -> None:
    source = random.Random(fullness)
    visits = [
        visit(f"v{day}-{number}", slot=day * 5 + band, quarters=source.randint(2, 4), workers=1 + (number == 5))
        for day in range(7)
        for number, band in enumerate((0, 0, 1, 2, 3, 3))
    ]
    providers = [
        provider(
            f"p{index:02}",
            source.randint(200, 900),
            free=tuple(source.randint(0, fullness) for _ in range(SLOTS)),
            travel_quarters=source.randint(0, 1),
        )
        for index in range(40)
    ]
    plans = plan_packages(visits, providers)
    for plan in plans:
        assert_possible(plan, visits, providers)
    assert plans[1].is_proven
