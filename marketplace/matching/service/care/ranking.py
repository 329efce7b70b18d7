"""Ranks organisations for a week of care as the engine ranks planners, with the weights for care. Asks no database."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec

from marketplace.accounts.words import NEEDS, SKILLS
from marketplace.core.places import distance_metres
from marketplace.matching import engine
from marketplace.matching.bands import QUARTER_MINUTES, slot_label
from marketplace.matching.care.scoring import REGULATOR_POINTS, Quality
from marketplace.matching.care.week import HOUR_MINUTES, half_up, quarters, worker_minutes
from marketplace.matching.engine import (
    Accreditation,
    Candidate,
    CandidateTable,
    Case,
    Ranking,
    Rule,
    Weights,
    grid_metres,
)
from marketplace.matching.engine.inputs import Inputs
from marketplace.matching.engine.model import ENGINE
from marketplace.matching.errors import CannotRank
from marketplace.matching.models import Requirement, RequirementVisit, Urgency
from marketplace.matching.words import PART_LABELS, RULE_LABELS, engine_labels
from marketplace.matching.words_care import CARE_SERVICES
from marketplace.people.models import Person
from marketplace.providers.models import Listing, Organisation, PriceUnit
from marketplace.providers.repository.care import Team

LONGEST = 50
LONGEST_LEFT_OUT = 200
_TIER = {Urgency.CRISIS: 0, Urgency.URGENT: 1, Urgency.STANDARD: 2}
_LAST_DAYS = 366
CARE_RULE_LABELS = {
    **RULE_LABELS,
    Rule.ACCREDITED_SERVICE: "Not accredited for this service on the first day",
    Rule.WITHIN_AREA: "Does not cover the place",
    Rule.ESSENTIAL_LANGUAGE: "Nobody known who speaks the essential language",
    Rule.REQUIRED_SKILL: "Nobody known with a required skill",
    Rule.NOT_EXCLUDED: "Not wanted by the person",
    Rule.HAS_CAPACITY: "Not enough free hours",
}


class Provider(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the ranking."""

    id: UUID
    name: str
    rank: int
    total: int
    maximum: int
    parts: list[dict[str, object]]
    notes: list[str]
    """What is not known of it, in words."""


class LeftOutProvider(msgspec.Struct, frozen=True):
    """Who cannot be asked, by the first rule that says so."""

    id: UUID
    name: str
    rule: str
    why: str
    code: str


class RankedProviders(msgspec.Struct, frozen=True, kw_only=True):
    """Everybody who could be asked, best placed first, and who could not and why."""

    lines: tuple[Provider, ...]
    left_out: tuple[LeftOutProvider, ...]
    fingerprint: str
    weights_version: str
    answer_hours: int
    """Working hours that providers get for an answer."""
    ranking: Ranking
    inputs: Inputs

    def stored(self) -> dict[str, Any]:
        """Return the ranking with all that is needed to repeat it, as it is kept with a requirement."""
        inputs = self.inputs
        return {
            "inputs": engine.dump_inputs(inputs.case, inputs.candidates, inputs.weights, inputs.salt),
            "result": _plain(self.ranking),
            "fingerprint": self.fingerprint,
            "weights_version": self.weights_version,
        }

    def line(self, organisation_id: UUID) -> Provider | None:
        """Return an organisation's line, or None."""
        return next((line for line in self.lines if line.id == organisation_id), None)


class _Base(msgspec.Struct, frozen=True):
    """Where an organisation works from, and how far; None: any distance."""

    lat: float
    lon: float
    radius_metres: int | None


class Market(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of organisations for one service, read once for any number of rankings."""

    council_name: str
    settings: Mapping[str, Any]
    weights: engine.Weights
    listings: dict[UUID, list[Listing]]
    teams: dict[UUID, Team]
    hours: dict[UUID, dict[int, int]]
    quality: dict[UUID, Quality]


def need_place_and_week(visits: Sequence[RequirementVisit], person: Person) -> None:
    """Refuse what cannot be ranked.

    Raises:
        CannotRank: Nobody knows where the person lives, or the week has no visit.
    """
    if person.lat is None or person.lon is None:
        raise CannotRank("The person’s postcode is not in the directory, so distances cannot be measured.")
    if not visits:
        raise CannotRank("There is no visit in the week yet.")


def travel_quarters(settings: Mapping[str, Any]) -> int:
    """Quarter hours of travel that each visit adds for each worker, as the council counts it; half rounded up."""
    return half_up(int(settings["matching.travel_minutes_per_visit"]), QUARTER_MINUTES)


def rank_in(
    market: Market,
    requirement: Requirement,
    visits: Sequence[RequirementVisit],
    person: Person,
    organisations: Sequence[tuple[Organisation, bool]],
    *,
    conflicts: Collection[UUID],
    known: set[UUID],
    with_hours: bool = True,
) -> RankedProviders:
    """Rank organisations for a requirement by what is known of them; whether each is accredited stands beside it."""
    need_place_and_week(visits, person)
    settings = market.settings
    factors: Mapping[str, float] = settings["matching.road_factor"]
    factor = float(factors.get(person.lad_code, factors.get("default", 1.3)))
    ids = {organisation.id for organisation, _ in organisations}
    case = _case(requirement, visits, person, factor, market.council_name, known & ids)
    needed = quarters(visits, travel_quarters(settings))
    candidates: list[Candidate] = []
    notes: dict[str, list[str]] = {}
    short: dict[str, str] = {}
    names = {str(organisation.id): organisation.name for organisation, _ in organisations}
    nowhere: list[LeftOutProvider] = []
    for organisation, is_live in organisations:
        offers = market.listings.get(organisation.id, [])
        base = _base(offers, person, requirement.radius_metres)
        if base is None:
            nowhere.append(
                LeftOutProvider(
                    organisation.id,
                    organisation.name,
                    "Where it works is not recorded",
                    "It has no published listing of this service that says where it works",
                    "no-base",
                )
            )
            continue
        team = market.teams.get(organisation.id, Team())
        key = str(organisation.id)
        notes[key] = _unknowns(requirement, team, offers, organisation.id in market.hours)
        lacking = _lacking(requirement, needed, market.hours.get(organisation.id)) if with_hours else ""
        if lacking:
            short[key] = lacking
        candidates.append(
            _candidate(
                organisation,
                case,
                base,
                offers,
                team,
                market.quality.get(organisation.id, Quality()),
                is_live=bool(is_live),
                has_hours=not lacking,
                in_conflict=organisation.id in conflicts,
                requirement=requirement,
            )
        )
    table = CandidateTable.from_candidates(candidates)
    ranking = _rank(case, table, market.weights, requirement.reference)
    return RankedProviders(
        lines=_lines(ranking, names, notes),
        left_out=(*_left_out(ranking, names, short), *nowhere),
        fingerprint=ranking.fingerprint,
        weights_version=market.weights.version,
        ranking=ranking,
        inputs=Inputs(
            format=ENGINE,
            case=case,
            weights=market.weights,
            salt=requirement.reference,
            candidates=tuple(candidates),
        ),
        answer_hours=int(settings["matching.requirement_hours"][requirement.urgency.value]),
    )


class RepeatedRanking(msgspec.Struct, frozen=True, kw_only=True):
    """A stored ranking, ranked once more."""

    is_same: bool
    fingerprint: str
    lines: tuple[Provider, ...]
    """As it was."""
    left_out: tuple[LeftOutProvider, ...]


def organisations_in(stored: Mapping[str, Any]) -> list[UUID]:
    """Return the organisations of a stored ranking."""
    result = msgspec.convert(stored["result"], Ranking)
    return [UUID(item) for item in [*(line.id for line in result.entries), *(gone.id for gone in result.left_out)]]


def repeat_ranking(stored: Mapping[str, Any], names: Mapping[UUID, str]) -> RepeatedRanking:
    """Rank stored inputs once more: the same inputs give the same ranking, or something was changed.

    Raises:
        CannotRank: The inputs were written by another version of the engine.
    """
    try:
        inputs = engine.load_inputs(stored["inputs"])
    except ValueError as error:
        raise CannotRank("This ranking was made by an earlier version of the engine.") from error
    table = CandidateTable.from_candidates(inputs.candidates)
    ranking = _rank(inputs.case, table, inputs.weights, inputs.salt)
    was = msgspec.convert(stored["result"], Ranking)
    called = {str(item): names.get(item, "Somebody who has left") for item in organisations_in(stored)}
    return RepeatedRanking(
        is_same=ranking.fingerprint == stored["fingerprint"] and _plain(ranking) == stored["result"],
        fingerprint=ranking.fingerprint,
        lines=_lines(was, called, {}),
        left_out=_left_out(was, called, {}),
    )


def _rank(case: Case, table: CandidateTable, weights: Weights, salt: str) -> Ranking:
    return engine.rank(case, table, weights, limit=LONGEST, left_out_limit=LONGEST_LEFT_OUT, salt=salt)


def _plain(ranking: Ranking) -> Any:
    """Return a ranking as it comes back from JSON."""
    return msgspec.json.decode(msgspec.json.encode(ranking))


def _case(
    requirement: Requirement,
    visits: Sequence[RequirementVisit],
    person: Person,
    road_factor: float,
    council_name: str,
    known: set[UUID],
) -> Case:
    x_metres, y_metres = grid_metres(person.lat or 0.0, person.lon or 0.0)
    council = str(requirement.council_id)
    essential = frozenset({requirement.essential_language} if requirement.essential_language else ())
    days = (requirement.latest_start_on - requirement.starts_on).days + 1
    minutes = max(1, worker_minutes(visits))
    labels = engine_labels(council, council_name)
    return Case(
        id=str(requirement.id),
        service=requirement.service_line.value,
        council=council,
        start_day=requirement.starts_on.toordinal(),
        x_metres=x_metres,
        y_metres=y_metres,
        window_days=min(_LAST_DAYS, max(1, days)),
        road_factor=max(1.0, road_factor),
        # A provider has workers of every gender: that one comes who is asked for is part of its offer.
        essential_languages=essential,
        required_skills=frozenset(requirement.required_skills),
        party_ids=frozenset({str(person.id)}),
        excluded_organisation_ids=frozenset(requirement.excluded_organisation_ids),
        chosen_organisation_id=str(requirement.chosen_organisation_id) if requirement.chosen_organisation_id else None,
        wished_languages=frozenset(person.languages) - {"English"} - essential,
        needs=frozenset(requirement.needs),
        interests=frozenset(requirement.interests),
        previous_worker_id=str(min(known)) if known else None,
        budget_pence=requirement.ceiling_weekly_pence * HOUR_MINUTES // minutes,
        urgency_tier=_TIER[requirement.urgency],
        labels={**labels, **CARE_SERVICE_WORDS, **{code: words.lower() for code, words in SKILLS.items()}},
    )


CARE_SERVICE_WORDS = {line.value: words.lower() for line, words in CARE_SERVICES.items()}


def _base(listings: Sequence[Listing], person: Person, radius_metres: int | None) -> _Base | None:
    """Return where the organisation works from: the listing that covers the place, else the nearest one."""
    best: tuple[tuple[bool, float], _Base] | None = None
    for listing in listings:
        if person.lat is None or person.lon is None:
            continue
        everywhere = listing.is_nationwide or person.lad_code in listing.district_codes
        if listing.lat is None or listing.lon is None:
            if not everywhere:
                continue
            lat, lon = person.lat, person.lon  # It covers the district; from where is not said, so no distance counts.
        else:
            lat, lon = listing.lat, listing.lon
        reach = None if everywhere else listing.radius_metres
        if radius_metres is not None:
            reach = radius_metres if reach is None else min(reach, radius_metres)
        away = distance_metres(person.lat, person.lon, lat, lon)
        key = (reach is not None and away > reach, away)
        if best is None or key < best[0]:
            best = (key, _Base(lat, lon, reach))
    return best[1] if best else None


def _unknowns(requirement: Requirement, team: Team, listings: Sequence[Listing], has_hours: bool) -> list[str]:
    notes = [] if has_hours else ["Free hours not said"]
    if requirement.required_skills and not team.skills:
        notes.append("Skills of its workers not recorded")
    if requirement.essential_language and not _languages(team, listings):
        notes.append("Languages of its workers not recorded")
    return notes


def _languages(team: Team, listings: Sequence[Listing]) -> frozenset[str]:
    return team.languages.union(*(listing.languages for listing in listings))


def _lacking(requirement: Requirement, needed: Mapping[int, int], free: Mapping[int, int] | None) -> str:
    """Say for which parts of the week there are not enough free hours; empty: enough, or not known.

    A week that may be shared asks only that some of it fits.
    """
    if free is None:
        return ""
    missing = [number for number, quarter_hours in sorted(needed.items()) if free.get(number, 0) < quarter_hours]
    may_share = requirement.split_agreed and requirement.most_providers > 1
    if not missing or (may_share and any(free.get(number, 0) for number in needed)):
        return ""
    shown = ", ".join(slot_label(number) for number in missing[:3])
    return f"Not enough free hours: {shown}{' and more' if len(missing) > 3 else ''}"


def _candidate(
    organisation: Organisation,
    case: Case,
    base: _Base,
    listings: Sequence[Listing],
    team: Team,
    quality: Quality,
    *,
    is_live: bool,
    has_hours: bool,
    in_conflict: bool,
    requirement: Requirement,
) -> Candidate:
    x_metres, y_metres = grid_metres(base.lat, base.lon)
    prices = [listing.price_pence for listing in listings if listing.price_unit is PriceUnit.HOUR]
    languages = _languages(team, listings)
    live = Accreditation(service=case.service, council=case.council, from_day=case.start_day)
    return Candidate(
        id=str(organisation.id),
        organisation_id=str(organisation.id),
        x_metres=x_metres,
        y_metres=y_metres,
        accreditations=(live,) if is_live else (),
        radius_metres=base.radius_metres,
        # What nobody recorded is not known, and leaves nobody out: the line says so.
        languages=languages or case.essential_languages,
        skills=team.skills or frozenset(requirement.required_skills),
        specialisms=team.specialisms.union(*(set(listing.suits) & set(NEEDS) for listing in listings)),
        interests=team.interests.union(*(listing.interests for listing in listings)),
        conflicts=case.party_ids if in_conflict else frozenset(),
        first_free_day=case.start_day,
        places_from_week=engine.week_of(case.start_day),
        free_places_by_week=(1,) if has_hours else (),
        week_capacity=1,
        rating=_rating(quality)[0],
        rating_count=_rating(quality)[1],
        tariff_pence=min(prices) if prices else None,
    )


def _rating(quality: Quality) -> tuple[int | None, int]:
    """Return a rating from 0 to 100 and how many stand behind it; the regulator's counts as ten pieces of feedback."""
    regulator = REGULATOR_POINTS.get(quality.regulator.strip().lower())
    count = quality.feedback + (10 if regulator is not None else 0)
    if not count:
        return None, 0
    whole = quality.stars * 20 + (regulator or 0) * (10 if regulator is not None else 0)
    return (2 * whole + count) // (2 * count), count


def _lines(ranking: Ranking, names: Mapping[str, str], notes: Mapping[str, list[str]]) -> tuple[Provider, ...]:
    return tuple(
        Provider(
            id=UUID(entry.id),
            name=names[entry.id],
            rank=entry.rank,
            total=entry.total,
            maximum=entry.maximum,
            parts=[
                {
                    "label": PART_LABELS[part],
                    "points": points.points,
                    "maximum": points.maximum,
                    "reason": f"{points.reason}.",
                }
                for part, points in entry.parts.items()
                if points.maximum
            ],
            notes=notes.get(entry.id, []),
        )
        for entry in ranking.entries
    )


def _left_out(ranking: Ranking, names: Mapping[str, str], short: Mapping[str, str]) -> tuple[LeftOutProvider, ...]:
    found = []
    for item in ranking.left_out:
        reasons = [
            short.get(item.id, reason) if rule is Rule.HAS_CAPACITY else reason
            for rule, reason in zip(item.rules, item.reasons, strict=True)
            # Accreditation for the council follows from that for the service here, which says it better.
            if not (rule is Rule.ACCREDITED_COUNCIL and Rule.ACCREDITED_SERVICE in item.rules)
        ]
        found.append(
            LeftOutProvider(
                UUID(item.id), names[item.id], CARE_RULE_LABELS[item.rules[0]], "; ".join(reasons), item.rules[0].value
            )
        )
    return tuple(found)
