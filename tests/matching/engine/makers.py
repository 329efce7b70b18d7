"""Cases and candidates for the tests of the engine: by hand, and drawn from a crowded little county."""

from collections.abc import Callable
from datetime import date
from random import Random
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marketplace.matching.engine import Accreditation, Candidate, Case, Weights, week_of

START = date(2027, 3, 3).toordinal()  # A Wednesday.
EAST, NORTH = 353_000, 429_000  # Preston, roughly.
LANGUAGES = ("pl", "ur", "bsl")
NEEDS = ("dementia", "sight-loss", "autism")
SKILLS = ("driving", "makaton")
INTERESTS = ("football", "gardening", "choir", "chess", "walking")
COUNCILS = ("lancashire", "derby")
SERVICES = ("support-planning", "advocacy")
LABELS = {"pl": "Polish", "ur": "Urdu", "bsl": "British Sign Language", "lancashire": "Lancashire", "derby": "Derby"}
EVERY_PART = Weights(version="2027-01-01/test", spare_capacity=80, fair_spread=40)
LATER_PARTS_TOO = Weights(
    version="2027-01-02/test",
    spare_capacity=30,
    fair_spread=20,
    urgency=90,
    organisation_spread=70,
    travel_reach_minutes=45,
    organisation_share_percent=60,
)
EQUIPMENT = ("hoist", "van")
AREAS = ("E07000123", "E07000124", "PR", "PR1")
DISTRICT_TYPES = ("urban", "rural", "island")


def for_all(
    *strategies: st.SearchStrategy[Any], runs: int = 100
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """`given` with the same examples in every run, and without a clock: a busy machine must not fail a test."""
    unhurried = settings(
        max_examples=runs, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
    )
    return lambda test: unhurried(given(*strategies)(test))


def make_case(**changes: Any) -> Case:
    """A case in Preston for support planning from 3 March 2027, without any wish."""
    facts: dict[str, Any] = {
        "id": "case-1",
        "service": "support-planning",
        "council": "lancashire",
        "start_day": START,
        "x_metres": EAST,
        "y_metres": NORTH,
        "road_factor": 1.0,
        "labels": LABELS,
    }
    return Case(**(facts | changes))


def make_candidate(id: str = "ana", **changes: Any) -> Candidate:
    """A candidate who breaks no rule of `make_case`: next door, accredited, with places each week."""
    facts: dict[str, Any] = {
        "id": id,
        "organisation_id": "salt-marsh",
        "x_metres": EAST,
        "y_metres": NORTH,
        "radius_metres": 25_000,
        "accreditations": (accreditation(),),
        "first_free_day": START,
        "places_from_week": week_of(START),
        "free_places_by_week": (4, 5, 5, 5, 5, 5),
    }
    return Candidate(**(facts | changes))


def accreditation(**changes: Any) -> Accreditation:
    """Leave for support planning in Lancashire, from a year before the case, without an end."""
    facts: dict[str, Any] = {"service": "support-planning", "council": "lancashire", "from_day": START - 365}
    return Accreditation(**(facts | changes))


def some_of(rng: Random, values: tuple[str, ...]) -> frozenset[str]:
    return frozenset(rng.sample(values, rng.randrange(len(values) + 1)))


def random_accreditation(rng: Random) -> Accreditation:
    return Accreditation(
        service=rng.choice(SERVICES),
        council=rng.choice(COUNCILS),
        from_day=START + rng.randrange(-40, 20),
        until_day=rng.choice((None, START + rng.randrange(-10, 40))),
    )


def later_facts(rng: Random) -> dict[str, Any]:
    """Facts of a candidate that the first engine did not know."""
    ids = rng.sample(("person-1", "org-x", "person-2"), rng.randrange(3))
    return {
        "radius_metres": rng.choice((None, 40_000, rng.randrange(2_000, 30_000))),
        "areas": some_of(rng, AREAS) if rng.random() < 0.5 else frozenset(),
        "district_type": rng.choice((None, *DISTRICT_TYPES)),
        "most_minutes": rng.choice((None, None, rng.randrange(5, 60))),
        "equipment": some_of(rng, EQUIPMENT),
        "conflict_kinds": {id: rng.choice(("family", "sells-care", "evaluator", "other", "odd")) for id in ids},
        "places_left": rng.choice((None, None, rng.randrange(4))),
        "free_quarters": tuple(rng.randrange(9) for _ in range(35)) if rng.random() < 0.8 else (),
        "is_council_worker": rng.random() < 0.3,
    }


def random_candidate(rng: Random, id: str, later: bool = False) -> Candidate:
    """A candidate who breaks any one rule now and then, and about half the time none."""
    odd = [rng.random() < 0.12 for _ in range(4)]
    rated = rng.random() < 0.7
    candidate = _former_candidate(rng, id, odd, rated)
    return msgspec.structs.replace(candidate, **later_facts(rng)) if later else candidate


def _former_candidate(rng: Random, id: str, odd: list[bool], rated: bool) -> Candidate:
    return Candidate(
        id=id,
        organisation_id=rng.choice(("org-a", "org-b", "org-c", "org-d")),
        x_metres=EAST + rng.randrange(-12_000, 12_000),
        y_metres=NORTH + rng.randrange(-12_000, 12_000),
        radius_metres=rng.choice((None, 40_000, 25_000, rng.randrange(2_000, 30_000))),
        accreditations=tuple(random_accreditation(rng) for _ in range(rng.randrange(4)))
        if odd[0]
        else (accreditation(), accreditation(until_day=START - 9), accreditation(council="derby", service="advocacy")),
        gender=rng.choice((None, "female", "male", "female")),
        languages=some_of(rng, LANGUAGES),
        specialisms=some_of(rng, NEEDS),
        skills=some_of(rng, SKILLS),
        interests=some_of(rng, INTERESTS),
        conflicts=frozenset({rng.choice(("person-1", "org-x", "person-2"))}) if odd[1] else frozenset(),
        first_free_day=rng.choice((None, START + 45)) if odd[2] else START + rng.randrange(-9, 21),
        places_from_week=week_of(START) + rng.randrange(-2, 2),
        free_places_by_week=tuple(rng.randrange(6) if rng.random() < 0.7 else 0 for _ in range(rng.randrange(9)))
        if odd[3]
        else tuple(rng.randrange(6) for _ in range(8)),
        week_capacity=rng.randrange(6),
        open_cases=rng.randrange(30),
        rating=rng.randrange(101) if rated else None,
        rating_count=rng.randrange(1, 40) if rated else 0,
        tariff_pence=rng.choice((None, 9_000, rng.randrange(60_000))),
    )


def random_candidates(seed: int, size: int, later: bool = False) -> list[Candidate]:
    """Candidates with ids out of a few more than there are, so that two lists overlap; some of them are twins."""
    rng = Random(seed)
    ids = rng.sample([f"worker-{number}" for number in range(size + 4)], size)
    listed = [random_candidate(rng, id, later) for id in ids]
    for index in range(1, size):
        if rng.random() < 0.2:  # A tie to settle.
            listed[index] = msgspec.structs.replace(listed[index - 1], id=ids[index])
    return listed


def random_case(seed: int, later: bool = False) -> Case:
    """A case that calls for any one rule now and then."""
    rng = Random(seed)
    case = _former_case(rng)
    return msgspec.structs.replace(case, **later_wants(rng)) if later else case


def later_wants(rng: Random) -> dict[str, Any]:
    """What a case can tell that the first engine did not know."""

    def sometimes(value: Any, otherwise: Any) -> Any:
        return value if rng.random() < 0.4 else otherwise

    needed = [0] * 35
    for band in rng.sample(range(35), rng.randrange(4)):
        needed[band] = rng.randrange(7)
    return {
        "area_codes": sometimes(frozenset({"E07000123", "PR", "PR1"}), frozenset()),
        "district_type": rng.choice((None, *DISTRICT_TYPES)),
        "road_factors": sometimes({"urban": 1.2, "rural": 1.75}, {}),
        "speeds_kmh": sometimes({"urban": 22, "rural": 55}, {}),
        "most_minutes": sometimes(rng.randrange(5, 60), None),
        "required_equipment": rng.choice((frozenset(), frozenset(), frozenset({"hoist"}))),
        "care_organisation_ids": rng.choice((frozenset(), frozenset(), frozenset({"org-a", "org-x"}))),
        "evaluator_ids": rng.choice((frozenset(), frozenset({"worker-3", "org-d"}))),
        "family_ids": rng.choice((frozenset(), frozenset({"worker-1"}))),
        "needed_quarters": sometimes(tuple(needed), ()),
        "places_needed": rng.choice((1, 1, 2)),
        "complex_stays": rng.random() < 0.1,
        "legal_cost_pence": sometimes(9_500, None),
        "urgency_tier": rng.randrange(4),
    }


def _former_case(rng: Random) -> Case:

    def rarely(value: Any, otherwise: Any) -> Any:
        return value if rng.random() < 0.15 else otherwise

    worker = f"worker-{rng.randrange(8)}"
    return Case(
        id=rng.choice(("case-1", "case-2")),
        service=rarely("advocacy", "support-planning"),
        council=rarely("derby", "lancashire"),
        start_day=START + rng.randrange(-3, 9),
        x_metres=EAST + rng.randrange(-5_000, 5_000),
        y_metres=NORTH + rng.randrange(-5_000, 5_000),
        window_days=rng.choice((1, 7, 28, 28, 28)),
        road_factor=rng.choice((1.0, 1.3)),
        required_gender=rarely(rng.choice(("female", "other")), None),
        essential_languages=rarely(frozenset(rng.sample((*LANGUAGES, "welsh"), 1)), frozenset()),
        required_skills=rarely(some_of(rng, SKILLS), frozenset()),
        party_ids=rarely(frozenset({"person-1", "org-x", "nobody"}), frozenset({"person-2"})),
        excluded_worker_ids=rarely(frozenset({worker, "worker-2", "stranger"}), frozenset()),
        excluded_organisation_ids=rarely(frozenset({"org-a", "org-z"}), frozenset()),
        chosen_worker_id=rarely(rng.choice(("worker-1", "stranger")), None) if rng.random() < 0.5 else None,
        chosen_organisation_id=rarely(rng.choice(("org-b", "org-z")), None) if rng.random() < 0.5 else None,
        wished_languages=some_of(rng, (*LANGUAGES, "welsh")),
        needs=some_of(rng, NEEDS),
        interests=some_of(rng, (*INTERESTS, "opera")),
        previous_worker_id=rng.choice((None, worker, "stranger")),
        budget_pence=rng.choice((None, 0, 9_000, 45_000, rng.randrange(60_000))),
        labels=LABELS,
    )


# Drawn by seed: a field at a time, hypothesis keeps to small values, and hardly anybody would be eligible.
seeds = st.integers(0, 2**32 - 1)
candidate_lists = st.builds(random_candidates, seeds, st.integers(0, 16), st.booleans())
cases = st.builds(random_case, seeds, st.booleans())
NO_SHRINKING = Weights(version="2027-02-01/odd", distance=7, specialism=13, waiting=3, mean_rating_count=0)
weights = st.sampled_from((Weights(), EVERY_PART, NO_SHRINKING, LATER_PARTS_TOO))
salts = st.sampled_from(("", "run-2027-03-01", "run-2027-03-02"))
