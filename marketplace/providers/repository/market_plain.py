"""The market without an index: words, places, filters, counts and pages by PostgreSQL alone.

Each question is two statements, or a few more where no offer has all the words: one counts everything, one gives the
page. Stems and phrases are PostgreSQL's own (`english`), over the expression indexes that the models declare.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final, NamedTuple

import asyncpg
import msgspec
from sqlalchemy import (
    ARRAY,
    CTE,
    ColumnElement,
    Float,
    Integer,
    Select,
    Text,
    and_,
    any_,
    case,
    cast,
    exists,
    extract,
    func,
    literal,
    literal_column,
    or_,
    select,
    text,
    true,
    type_coerce,
    union_all,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

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
from marketplace.providers.models.words import LISTING_WORDS, ORGANISATION_WORDS, REGISTER_WORDS
from marketplace.providers.repository.accreditations import live_on
from marketplace.providers.repository.market import (
    REGISTER_HOME_CARE_METRES,
    REGISTER_PREFIX,
    on_the_market,
    on_the_register,
    register_category,
)

_METRES_PER_DEGREE: Final = 111_195.0
"""Of latitude, on a sphere of the earth's mean radius."""
_NO_TEXTS: Final = literal_column("'{}'::text[]", ARRAY(Text))
_NO_NUMBERS: Final = literal_column("'{}'::int[]", ARRAY(Integer))
_ROOM: Final = "SET LOCAL work_mem = '64MB'"
"""What has a word is looked up row by row in a table that PostgreSQL keeps in memory only while it thinks that it fits:
with the 4 MB it starts from, 50,000 answers to a common word would be read once for every offer."""
_ENGLISH: Final[ColumnElement[Any]] = literal_column("'english'::regconfig")

ONE_VALUE: Final = ("category", "kind", "price_band", "rating", "gender", "run_by", "has_free_capacity")
MANY_VALUES: Final = ("languages", "suits", "councils", "days")
TOTAL: Final = "total"


class PlainUnit(msgspec.Struct, frozen=True, kw_only=True):
    """One thing asked for, with what stands for it outside the texts."""

    query: str
    """For `to_tsquery`, made of letters and digits only."""
    stem: str
    """Beginning of the word that a title may have."""
    categories: tuple[str, ...] = ()
    suits: tuple[str, ...] = ()
    interests: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    genders: tuple[str, ...] = ()
    weekdays: tuple[int, ...] = ()
    specialisms: tuple[str, ...] = ()
    service_types: tuple[str, ...] = ()
    """The register's words."""


class PlainQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """A question in the database's own values."""

    day: date
    units: Sequence[PlainUnit]
    point: tuple[float, float] | None
    radius_metres: int | None
    district: str | None
    chosen: Mapping[str, Sequence[str]]
    """By facet, as the columns have them: codes of needs, numbers of weekdays as texts."""
    slots: Sequence[tuple[int | None, tuple[int, int] | None]]
    """Weekday and stretch of the day (minutes after midnight), either None; one of them must fit."""
    sort: str
    offset: int
    limit: int
    price_bands: Sequence[tuple[int, str]]
    top_band: str
    no_price_band: str
    not_rated: str
    kinds: Mapping[str, str]
    run_by: Mapping[str, str]
    """By kind of organisation."""
    room_since: Any
    """Room said before this moment counts as not said."""


class PlainRow(NamedTuple):
    """A row of the page."""

    id: str
    distance_metres: float | None
    words: str


class PlainRepository:
    """Asks PostgreSQL what the index would be asked."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    async def empty_queries(self, queries: Sequence[str]) -> list[bool]:
        """Say which texts for `to_tsquery` ask for nothing: PostgreSQL leaves out more small words than we do."""
        if not queries:
            return []
        columns = [func.numnode(func.to_tsquery(_ENGLISH, query)) == 0 for query in queries]
        return list((await self.db.execute(select(*columns))).one())

    async def known(self, words: Sequence[str]) -> set[str]:
        """Return those of some words (letters and digits) that an offer, an organisation or the register has."""
        if not words:
            return set()
        columns = []
        for word in words:
            query = func.to_tsquery(_ENGLISH, f"'{word}'")
            tables = ((Listing, LISTING_WORDS), (Organisation, ORGANISATION_WORDS), (RegulatorLocation, REGISTER_WORDS))
            columns.append(or_(*(exists().select_from(table).where(_has(kept, query)) for table, kept in tables)))
        row = (await self.db.execute(select(*columns))).one()
        return {word for word, is_known in zip(words, row, strict=True) if is_known}

    async def counts_within(
        self, question: PlainQuestion, least: int, milliseconds: int
    ) -> tuple[int, dict[str, dict[str, int]]] | None:
        """Count as `counts`, but give up after a time: None. The transaction goes on."""
        try:
            async with self.db.begin_nested():
                await self.db.execute(text(f"SET LOCAL statement_timeout = {milliseconds:d}"))
                found = await self.counts(question, least)
                await self.db.execute(text("SET LOCAL statement_timeout TO DEFAULT"))
                return found
        except DBAPIError as error:
            if isinstance(getattr(error.orig, "__cause__", None), asyncpg.QueryCanceledError):
                return None
            raise

    async def counts(self, question: PlainQuestion, least: int) -> tuple[int, dict[str, dict[str, int]]]:
        """Count what answers at least so many units.

        Returns:
            The total, and the number by facet and value, for each facet without its own filter.
        """
        await self.db.execute(text(_ROOM))
        found = _found(question, least)
        parts: list[Select[*tuple[Any, ...]]] = [
            select(literal(TOTAL).label("facet"), literal("").label("value"), func.count().label("number"))
            .select_from(found)
            .where(_passes(found, question, ""))
        ]
        for name in ONE_VALUE:
            value = found.c[name]
            parts.append(
                select(literal(name), value, func.count())
                .select_from(found)
                .where(_passes(found, question, name), value != "")
                .group_by(value)
            )
        for name in MANY_VALUES:
            values = (
                select(cast(func.unnest(found.c[name]), Text).label("value"))
                .where(_passes(found, question, name))
                .subquery()
            )
            parts.append(select(literal(name), values.c.value, func.count()).group_by(values.c.value))
        total = 0
        facets: dict[str, dict[str, int]] = {name: {} for name in (*ONE_VALUE, *MANY_VALUES)}
        for facet, value, number in await self.db.execute(union_all(*parts)):
            if facet == TOTAL:
                total = number
            else:
                facets[facet][value] = number
        return total, facets

    async def page(self, question: PlainQuestion, least: int) -> list[PlainRow]:
        """Return a page of what answers at least so many units."""
        await self.db.execute(text(_ROOM))
        found = _found(question, least)
        orders: list[ColumnElement[Any]] = [found.c.distance.asc().nulls_last(), found.c.id]
        if question.sort == "price":
            orders.insert(0, found.c.price.asc().nulls_last())
        elif question.units and question.sort == "relevance":
            orders[:0] = [found.c.hits.desc(), found.c.named.desc()]
        rows = await self.db.execute(
            select(found.c.id, found.c.distance, found.c.words)
            .where(_passes(found, question, ""))
            .order_by(*orders)
            .offset(question.offset)
            .limit(question.limit)
        )
        return [PlainRow(*row) for row in rows]


def _found(question: PlainQuestion, least: int) -> CTE:
    """Everything with the words that comes to the place, with its facets; filters are not applied yet."""
    both = union_all(_own(question, least), _register(question, least))
    return both.cte("found").prefix_with("MATERIALIZED", dialect="postgresql")


def _own(question: PlainQuestion, least: int) -> Select[Any]:
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
    distance = _distance(question, lat, lon)
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
            func.coalesce(councils.c.ids, _NO_TEXTS).label("councils"),
            func.coalesce(workers.c.days, listings.c.days, _NO_NUMBERS).label("days"),
            (_fits_a_slot(question) if question.slots else true()).label("fits_a_slot"),
            func.concat_ws(" ", Listing.title, Listing.summary, Listing.town).label("words"),
            *_scores(question, answers, Listing.title),
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
        .where(on_the_market(day), _near(question, distance))
    )
    if question.point is not None or question.district is not None:
        asked = asked.where(comes)
    return _with_facets(asked, question, least)


def _register(question: PlainQuestion, least: int) -> Select[Any]:
    category = register_category()
    distance = _distance(question, RegulatorLocation.lat, RegulatorLocation.lon)
    answers = [_register_answers(unit, category) for unit in question.units]
    empty = literal("")
    asked = select(
        func.concat(REGISTER_PREFIX, RegulatorLocation.location_id).label("id"),
        category.label("category"),
        cast(literal(None), Integer).label("price"),
        func.coalesce(func.nullif(RegulatorLocation.rating_overall, ""), question.not_rated).label("rating"),
        _NO_TEXTS.label("languages"),
        type_coerce(RegulatorLocation.specialisms, ARRAY(Text)).label("suits"),
        empty.label("gender"),
        empty.label("run_by"),
        literal("false").label("has_free_capacity"),
        _NO_TEXTS.label("councils"),
        _NO_NUMBERS.label("days"),
        literal(not question.slots).label("fits_a_slot"),
        func.concat_ws(" ", RegulatorLocation.name, RegulatorLocation.provider_name, RegulatorLocation.town).label(
            "words"
        ),
        *_scores(question, answers, RegulatorLocation.name),
        distance.label("distance"),
    ).where(on_the_register(), _near(question, distance))
    if question.point is not None:
        asked = asked.where(
            or_(category != ListingCategory.HOME_CARE.value, distance.is_(None), distance <= REGISTER_HOME_CARE_METRES)
        )
    return _with_facets(asked, question, least)


def _with_facets(asked: Select[Any], question: PlainQuestion, least: int) -> Select[Any]:
    """Add what is worked out from the columns, and keep what has enough of the words."""
    rows = asked.subquery()
    kind = case(*((rows.c.category == category, name) for category, name in question.kinds.items()), else_="")
    band = case(
        (rows.c.price.is_(None), question.no_price_band),
        *((rows.c.price < limit, name) for limit, name in question.price_bands),
        else_=question.top_band,
    )
    found: Select[Any] = select(*rows.c, kind.label("kind"), band.label("price_band"))
    return found.where(rows.c.hits >= least) if least else found


def _days_by(owner: Any, weekday: Any, name: str) -> Any:
    question = select(owner.label("owner"), func.array_agg(func.distinct(weekday)).label("days"))
    return question.group_by(owner).subquery(name)


def _scores(
    question: PlainQuestion, answers: Sequence[ColumnElement[bool]], title: Any
) -> tuple[ColumnElement[int], ColumnElement[int]]:
    hits: ColumnElement[int] = literal(0)
    named: ColumnElement[int] = literal(0)
    for unit, answer in zip(question.units, answers, strict=True):
        hits = hits + cast(func.coalesce(answer, False), Integer)
        named = named + cast(title.icontains(unit.stem, autoescape=True), Integer)
    return hits.label("hits"), named.label("named")


def _own_answers(unit: PlainUnit) -> ColumnElement[bool]:
    query = func.to_tsquery(_ENGLISH, unit.query)
    ways: list[ColumnElement[bool]] = [
        Listing.id.in_(select(Listing.id).where(_has(LISTING_WORDS, query))),
        Listing.organisation_id.in_(select(Organisation.id).where(_has(ORGANISATION_WORDS, query))),
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


def _register_answers(unit: PlainUnit, category: Any) -> ColumnElement[bool]:
    ways: list[ColumnElement[bool]] = [
        RegulatorLocation.location_id.in_(
            select(RegulatorLocation.location_id).where(_has(REGISTER_WORDS, func.to_tsquery(_ENGLISH, unit.query)))
        )
    ]
    if unit.categories:
        ways.append(category.in_(unit.categories))
    if unit.specialisms:
        specialisms = type_coerce(RegulatorLocation.specialisms, postgresql.ARRAY(Text))
        ways.append(specialisms.overlap(list(unit.specialisms)))
    if unit.service_types:
        types = type_coerce(RegulatorLocation.service_types, postgresql.ARRAY(Text))
        ways.append(types.overlap(list(unit.service_types)))
    return or_(*ways)


def _has(expression: str, query: Any) -> ColumnElement[bool]:
    """Condition on the table of the statement: its words answer. Written as the index has it, so that it is used."""
    return literal_column(expression, postgresql.TSVECTOR).op("@@")(query)


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


def _distance(question: PlainQuestion, lat: Any, lon: Any) -> ColumnElement[Any]:
    if question.point is None:
        return cast(literal(None), Float)
    here_lat, here_lon = question.point
    north = lat - here_lat
    east = (lon - here_lon) * func.cos(func.radians(here_lat))
    distance: ColumnElement[Any] = _METRES_PER_DEGREE * func.sqrt(north * north + east * east)
    return distance


def _near(question: PlainQuestion, distance: ColumnElement[Any]) -> ColumnElement[bool]:
    if question.point is None or question.radius_metres is None:
        return true()
    # A row without a place has a distance of NULL: a telephone service stays in every answer.
    return or_(distance.is_(None), distance <= question.radius_metres)


def _passes(found: CTE, question: PlainQuestion, without: str) -> ColumnElement[bool]:
    """Condition: every filter holds but one."""
    conditions: list[ColumnElement[bool]] = [found.c.fits_a_slot] if question.slots and without != "days" else []
    for name, values in question.chosen.items():
        if name == without:
            continue
        if name in MANY_VALUES:
            kind = postgresql.ARRAY(Integer if name == "days" else Text)
            wanted = [int(value) for value in values] if name == "days" else list(values)
            conditions.append(type_coerce(found.c[name], kind).overlap(cast(wanted, kind)))
        else:
            conditions.append(found.c[name].in_(list(values)))
    return and_(true(), *conditions)
