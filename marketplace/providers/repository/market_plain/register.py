"""Places of the regulator's register that have the words and come to the place."""

from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Integer, Select, Text, cast, func, literal, or_, select, type_coerce
from sqlalchemy.dialects import postgresql

from marketplace.providers.models import ListingCategory, RegulatorLocation
from marketplace.providers.models.words import REGISTER_WORDS
from marketplace.providers.repository.market import (
    REGISTER_HOME_CARE_METRES,
    REGISTER_PREFIX,
    on_the_register,
    register_category,
)
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


def register_places(question: PlainQuestion, least: int) -> Select[Any]:
    """Ask the register."""
    category = register_category()
    distance = distance_from(question, RegulatorLocation.lat, RegulatorLocation.lon)
    answers = [_register_answers(unit, category) for unit in question.units]
    empty = literal("")
    asked = select(
        func.concat(REGISTER_PREFIX, RegulatorLocation.location_id).label("id"),
        category.label("category"),
        cast(literal(None), Integer).label("price"),
        func.coalesce(func.nullif(RegulatorLocation.rating_overall, ""), question.not_rated).label("rating"),
        NO_TEXTS.label("languages"),
        type_coerce(RegulatorLocation.specialisms, ARRAY(Text)).label("suits"),
        empty.label("gender"),
        empty.label("run_by"),
        literal("false").label("has_free_capacity"),
        NO_TEXTS.label("councils"),
        NO_NUMBERS.label("days"),
        literal(not question.slots).label("fits_a_slot"),
        func.concat_ws(" ", RegulatorLocation.name, RegulatorLocation.provider_name, RegulatorLocation.town).label(
            "words"
        ),
        *scores(question, answers, RegulatorLocation.name),
        distance.label("distance"),
    ).where(on_the_register(), is_near(question, distance))
    if question.point is not None:
        asked = asked.where(
            or_(category != ListingCategory.HOME_CARE.value, distance.is_(None), distance <= REGISTER_HOME_CARE_METRES)
        )
    return with_facets(asked, question, least)


def _register_answers(unit: PlainUnit, category: Any) -> ColumnElement[bool]:
    ways: list[ColumnElement[bool]] = [
        RegulatorLocation.location_id.in_(
            select(RegulatorLocation.location_id).where(has_words(REGISTER_WORDS, func.to_tsquery(ENGLISH, unit.query)))
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
