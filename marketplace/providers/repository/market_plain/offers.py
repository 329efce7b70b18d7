"""Offers of our own listings that have the words and come to the place."""

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Float,
    Select,
    Text,
    and_,
    any_,
    case,
    cast,
    extract,
    func,
    literal,
    or_,
    select,
    true,
    type_coerce,
)
from sqlalchemy.dialects import postgresql

from marketplace.providers.models import (
    Accreditation,
    DayKind,
    Listing,
    ListingCategory,
    ListingHours,
    ListingRate,
    Organisation,
    OrganisationKind,
    PriceUnit,
    RegulatorLocation,
    Worker,
    WorkerHours,
)
from marketplace.providers.models.words import LISTING_WORDS, ORGANISATION_WORDS
from marketplace.providers.repository.accreditations import live_on
from marketplace.providers.repository.market import on_the_market
from marketplace.providers.repository.market_plain.columns import (
    ENGLISH,
    NO_NUMBERS,
    NO_TEXTS,
    distance_from,
    has_words,
    is_near,
    scores,
    with_facets,
)
from marketplace.providers.repository.market_plain.question import PlainQuestion, PlainUnit


def own_offers(question: PlainQuestion, least: int) -> Select[Any]:
    """Ask our own listings."""
    day = question.day
    councils = (
        select(
            Accreditation.organisation_id,
            func.array_agg(func.distinct(cast(Accreditation.council_id, Text))).label("ids"),
        )
        .where(live_on(day))
        .group_by(Accreditation.organisation_id)
        .subquery("councils_of")
    )
    workers = _days_by(WorkerHours.worker_id, WorkerHours.weekday, "worker_days")
    listings = _days_by(ListingHours.listing_id, ListingHours.weekday, "listing_days")
    rates = (
        select(ListingRate.listing_id, ListingRate.price_pence)
        .where(
            ListingRate.day_kind == DayKind.ANY,
            ListingRate.starts_on <= day,
            or_(ListingRate.ends_on.is_(None), ListingRate.ends_on > day),
        )
        .ext(postgresql.distinct_on(ListingRate.listing_id))
        .order_by(ListingRate.listing_id, ListingRate.starts_on.desc())
        .subquery("rates")
    )
    price = case(
        (Listing.price_unit == PriceUnit.FREE, 0),
        else_=func.nullif(func.coalesce(rates.c.price_pence, Listing.price_pence), 0),
    )
    run_by = case(
        (func.coalesce(Organisation.charity_number, "") != "", "community"),
        *((Organisation.kind == OrganisationKind(kind), who) for kind, who in question.run_by.items()),
        else_="",
    )
    has_room = and_(Listing.capacity_free > 0, Listing.capacity_said_at > question.room_since)
    # The home of a single worker is known to a hundredth of a degree only, here as in the index.
    lat, lon = (
        case((Listing.worker_id.is_not(None), cast(func.round(cast(axis, postgresql.NUMERIC), 2), Float)), else_=axis)
        for axis in (Listing.lat, Listing.lon)
    )
    distance = distance_from(question, lat, lon)
    comes = or_(
        Listing.is_nationwide,
        and_(Listing.radius_metres.is_(None), func.cardinality(Listing.district_codes) == 0),
        literal(question.district) == any_(Listing.district_codes)
        if question.district
        else Listing.radius_metres.is_(None),
        distance <= Listing.radius_metres,
    )
    answers = [_own_answers(unit) for unit in question.units]
    asked = (
        select(
            cast(Listing.id, Text).label("id"),
            cast(Listing.category, Text).label("category"),
            price.label("price"),
            func.coalesce(func.nullif(RegulatorLocation.rating_overall, ""), question.not_rated).label("rating"),
            Listing.languages.label("languages"),
            Listing.suits.label("suits"),
            func.coalesce(cast(Worker.gender, Text), "").label("gender"),
            run_by.label("run_by"),
            case((has_room, "true"), else_="false").label("has_free_capacity"),
            func.coalesce(councils.c.ids, NO_TEXTS).label("councils"),
            func.coalesce(workers.c.days, listings.c.days, NO_NUMBERS).label("days"),
            (_fits_a_slot(question) if question.slots else true()).label("fits_a_slot"),
            func.concat_ws(" ", Listing.title, Listing.summary, Listing.town).label("words"),
            *scores(question, answers, Listing.title),
            distance.label("distance"),
        )
        .select_from(Listing)
        .join(Organisation, Organisation.id == Listing.organisation_id)
        .outerjoin(Worker, Worker.id == Listing.worker_id)
        .outerjoin(RegulatorLocation, RegulatorLocation.location_id == Listing.regulator_location_id)
        .outerjoin(councils, councils.c.organisation_id == Listing.organisation_id)
        .outerjoin(workers, workers.c.owner == Listing.worker_id)
        .outerjoin(listings, and_(listings.c.owner == Listing.id, Listing.worker_id.is_(None)))
        .outerjoin(rates, rates.c.listing_id == Listing.id)
        .where(on_the_market(day), is_near(question, distance))
    )
    if question.point is not None or question.district is not None:
        asked = asked.where(comes)
    return with_facets(asked, question, least)


def _days_by(owner: Any, weekday: Any, name: str) -> Any:
    question = select(owner.label("owner"), func.array_agg(func.distinct(weekday)).label("days"))
    return question.group_by(owner).subquery(name)


def _own_answers(unit: PlainUnit) -> ColumnElement[bool]:
    query = func.to_tsquery(ENGLISH, unit.query)
    ways: list[ColumnElement[bool]] = [
        Listing.id.in_(select(Listing.id).where(has_words(LISTING_WORDS, query))),
        Listing.organisation_id.in_(select(Organisation.id).where(has_words(ORGANISATION_WORDS, query))),
    ]
    if unit.categories:
        ways.append(Listing.category.in_([ListingCategory(name) for name in unit.categories]))
    arrays = ((Listing.suits, unit.suits), (Listing.interests, unit.interests), (Listing.languages, unit.languages))
    ways += [type_coerce(column, postgresql.ARRAY(Text)).overlap(list(codes)) for column, codes in arrays if codes]
    if unit.genders:
        ways.append(func.coalesce(cast(Worker.gender, Text), "").in_(unit.genders))
    if unit.weekdays:
        ways.append(_on_hours(WorkerHours.weekday.in_(unit.weekdays), ListingHours.weekday.in_(unit.weekdays)))
    return or_(*ways)


def _on_hours(of_worker: ColumnElement[bool], of_listing: ColumnElement[bool]) -> ColumnElement[bool]:
    return or_(
        Listing.worker_id.in_(select(WorkerHours.worker_id).where(of_worker)),
        and_(Listing.worker_id.is_(None), Listing.id.in_(select(ListingHours.listing_id).where(of_listing))),
    )


def _fits_a_slot(question: PlainQuestion) -> ColumnElement[bool]:
    def fits(hours: Any) -> ColumnElement[bool]:
        return or_(*(_reaches(hours, weekday, part) for weekday, part in question.slots))

    return func.coalesce(_on_hours(fits(WorkerHours), fits(ListingHours)), False)


def _reaches(hours: Any, weekday: int | None, part: tuple[int, int] | None) -> ColumnElement[bool]:
    wanted: ColumnElement[bool] = true() if weekday is None else hours.weekday == weekday
    if part is None:
        return wanted
    since, until = part
    starts, ends = (extract("epoch", moment) / 60 for moment in (hours.starts_local, hours.ends_local))
    # Half an hour inside the part of the day is the least, as for the index.
    return and_(wanted, func.least(ends, until) - func.greatest(starts, since) >= 30)
