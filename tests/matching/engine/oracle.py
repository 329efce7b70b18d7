"""The engine once more, in plain Python over one pair at a time: slow, without arrays, from the definitions.

Shares no code with the engine but its structs and the codes of rules and parts.
"""

import hashlib
import math

from marketplace.matching.engine import Candidate, Case, Part, Rule, Weights


def road_metres(case: Case, candidate: Candidate) -> int:
    straight = math.sqrt((candidate.x_metres - case.x_metres) ** 2 + (candidate.y_metres - case.y_metres) ** 2)
    return math.floor(straight * factor(case, candidate) + 0.5)


def factor(case: Case, candidate: Candidate) -> float:
    """The larger of the factors of the two ends; the case's own where the table does not name one."""
    of_ends = [
        case.road_factors.get(end, case.road_factor) if end else case.road_factor
        for end in (case.district_type, candidate.district_type)
    ]
    return max(of_ends) if case.road_factors else case.road_factor


def minutes(case: Case, candidate: Candidate) -> int:
    """Half of the way at the speed of each end."""
    speeds = [case.speeds_kmh.get(end or "", case.speed_kmh) for end in (case.district_type, candidate.district_type)]
    return math.floor(road_metres(case, candidate) * sum(0.03 / speed for speed in speeds) + 0.5)


def start_day(case: Case, candidate: Candidate) -> int | None:
    """Try every day of the window."""
    for day in range(case.start_day, case.start_day + case.window_days):
        index = (day - 1) // 7 - candidate.places_from_week
        if candidate.first_free_day is None or day < candidate.first_free_day:
            continue
        if (
            0 <= index < len(candidate.free_places_by_week)
            and candidate.free_places_by_week[index] >= case.places_needed
        ):
            return day
    return None


def broken_rules(case: Case, candidate: Candidate) -> set[Rule]:
    broken = set()
    day = start_day(case, candidate)

    def live(on: int, council: str | None) -> bool:
        return any(
            item.service == case.service
            and (council is None or item.council == council)
            and item.from_day <= on
            and (item.until_day is None or on < item.until_day)
            for item in candidate.accreditations
        )

    if not live(case.start_day, None):
        broken.add(Rule.ACCREDITED_SERVICE)
    elif not live(case.start_day, case.council) or (day is not None and not live(day, case.council)):
        broken.add(Rule.ACCREDITED_COUNCIL)
    goes_anywhere = candidate.radius_metres is None and not candidate.areas
    in_radius = candidate.radius_metres is not None and road_metres(case, candidate) <= candidate.radius_metres
    if not (goes_anywhere or in_radius or case.area_codes & candidate.areas):
        broken.add(Rule.WITHIN_AREA)
    for most in (case.most_minutes, candidate.most_minutes):
        if most is not None and minutes(case, candidate) > most:
            broken.add(Rule.WITHIN_TRAVEL_TIME)
    if not case.required_equipment <= candidate.equipment:
        broken.add(Rule.REQUIRED_EQUIPMENT)
    if candidate.places_left is not None and candidate.places_left < case.places_needed:
        broken.add(Rule.HAS_PLACE)
    free = candidate.free_quarters or [-1] * 35
    if any(needed and free[band] < needed for band, needed in enumerate(case.needed_quarters)):
        broken.add(Rule.HAS_HOURS)
    if case.complex_stays and not candidate.is_council_worker:
        broken.add(Rule.COMPLEX_STAYS)
    if case.required_gender is not None and candidate.gender != case.required_gender:
        broken.add(Rule.WORKER_GENDER)
    if not case.essential_languages <= candidate.languages:
        broken.add(Rule.ESSENTIAL_LANGUAGE)
    if not case.required_skills <= candidate.skills:
        broken.add(Rule.REQUIRED_SKILL)
    if (case.party_ids | case.care_organisation_ids) & candidate.conflicts:
        broken.add(Rule.NO_CONFLICT)
    if candidate.organisation_id in case.care_organisation_ids | case.evaluator_ids:
        broken.add(Rule.NO_CONFLICT)
    if candidate.id in case.evaluator_ids | case.family_ids:
        broken.add(Rule.NO_CONFLICT)
    if candidate.id in case.excluded_worker_ids or candidate.organisation_id in case.excluded_organisation_ids:
        broken.add(Rule.NOT_EXCLUDED)
    if case.chosen_worker_id not in (None, candidate.id):
        broken.add(Rule.PERSONS_CHOICE)
    if case.chosen_organisation_id not in (None, candidate.organisation_id):
        broken.add(Rule.PERSONS_CHOICE)
    if day is None:
        broken.add(Rule.HAS_CAPACITY)
    return broken


def points(case: Case, candidate: Candidate, weights: Weights, everybody: list[Candidate]) -> dict[Part, int]:
    day = start_day(case, candidate)
    assert day is not None
    met = len(case.needs & candidate.specialisms)
    shared = min(weights.interests_counted, len(case.interests & candidate.interests))
    if candidate.rating is None:
        rating = float(weights.mean_rating)
    else:
        told, assumed = candidate.rating_count, weights.mean_rating_count
        rating = (candidate.rating * told + weights.mean_rating * assumed) / (told + assumed)
    price = 0.0
    is_lawful = case.legal_cost_pence is None or (candidate.tariff_pence or 0) >= case.legal_cost_pence
    if case.budget_pence and candidate.tariff_pence is not None and is_lawful:
        price = max(0.0, (case.budget_pence - candidate.tariff_pence) / case.budget_pence)
    places = candidate.free_places_by_week[(day - 1) // 7 - candidate.places_from_week]
    soon = max(0.0, 1.0 - (day - case.start_day) / weights.waiting_reach_days)
    distance = 1.0 - road_metres(case, candidate) / weights.distance_reach_metres
    if weights.travel_reach_minutes:
        distance = 1.0 - minutes(case, candidate) / weights.travel_reach_minutes
    open_cases = sum(other.open_cases for other in everybody)
    own = sum(other.open_cases for other in everybody if other.organisation_id == candidate.organisation_id)
    percent = own * 100 // max(1, open_cases)
    urgent = math.floor(weights.urgency * {0: 1.0, 1: 0.5}.get(case.urgency_tier, 0.0) + 0.5)
    shares = {
        Part.DISTANCE: max(0.0, distance),
        Part.SPECIALISM: met / len(case.needs) if case.needs else 0.0,
        Part.INTERESTS: shared / weights.interests_counted,
        Part.LANGUAGE: 1.0 if case.wished_languages & candidate.languages else 0.0,
        Part.CONTINUITY: 1.0 if case.previous_worker_id == candidate.id else 0.0,
        Part.QUALITY: rating / 100.0,
        Part.PRICE: price,
        Part.WAITING: soon,
        Part.SPARE_CAPACITY: min(1.0, places / max(1, candidate.week_capacity)),
        Part.FAIR_SPREAD: max(0.0, 1.0 - candidate.open_cases / weights.fair_spread_cases),
        Part.ORGANISATION_SPREAD: max(0.0, 1.0 - percent / weights.organisation_share_percent),
    }
    told = {part: math.floor(getattr(weights, part.name.lower()) * share + 0.5) for part, share in shares.items()}
    told[Part.URGENCY] = math.floor(urgent * soon + 0.5)
    for part, weight in ((Part.URGENCY, weights.urgency), (Part.ORGANISATION_SPREAD, weights.organisation_spread)):
        if not weight:
            del told[part]
    return told


def tie_key(salt: str, case_id: str, candidate_id: str) -> int:
    def hashed(text: str) -> int:
        return int(hashlib.blake2b(text.encode("utf-8"), digest_size=8).hexdigest(), 16)

    def mixed(z: int) -> int:
        z = (z + 0x9E3779B97F4A7C15) % 2**64
        z = (z ^ z // 2**30) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ z // 2**27) * 0x94D049BB133111EB % 2**64
        return z ^ z // 2**31

    return mixed(mixed(mixed(hashed(salt)) ^ hashed(case_id)) ^ hashed(candidate_id))


def shortlist(
    case: Case, candidates: list[Candidate], weights: Weights, salt: str
) -> list[tuple[str, dict[Part, int]]]:
    """Ids and points of everybody eligible, best first."""
    scored = [(c.id, points(case, c, weights, candidates)) for c in candidates if not broken_rules(case, c)]
    return sorted(scored, key=lambda item: (-sum(item[1].values()), tie_key(salt, case.id, item[0])))
