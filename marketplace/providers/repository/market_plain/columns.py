"""What own offers and the register are asked alike: distance, words, columns worked out."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Float,
    Integer,
    Select,
    Text,
    case,
    cast,
    func,
    literal,
    literal_column,
    or_,
    select,
    true,
)
from sqlalchemy.dialects import postgresql

from marketplace.providers.repository.market_plain.question import PlainQuestion

METRES_PER_DEGREE: Final = 111_195.0
"""Of latitude, on a sphere of the earth's mean radius."""
NO_TEXTS: Final = literal_column("'{}'::text[]", ARRAY(Text))
NO_NUMBERS: Final = literal_column("'{}'::int[]", ARRAY(Integer))
ENGLISH: Final[ColumnElement[Any]] = literal_column("'english'::regconfig")


def has_words(expression: str, query: Any) -> ColumnElement[bool]:
    """Condition on the table of the statement: its words answer. Written as the index has it, so that it is used."""
    return literal_column(expression, postgresql.TSVECTOR).op("@@")(query)


def scores(
    question: PlainQuestion, answers: Sequence[ColumnElement[bool]], title: Any
) -> tuple[ColumnElement[int], ColumnElement[int]]:
    """Return how many of the words answer, and how many stand in the title."""
    hits: ColumnElement[int] = literal(0)
    named: ColumnElement[int] = literal(0)
    for unit, answer in zip(question.units, answers, strict=True):
        hits = hits + cast(func.coalesce(answer, False), Integer)
        named = named + cast(title.icontains(unit.stem, autoescape=True), Integer)
    return hits.label("hits"), named.label("named")


def distance_from(question: PlainQuestion, lat: Any, lon: Any) -> ColumnElement[Any]:
    """Return the distance from the place of the question, metres; NULL without a place."""
    if question.point is None:
        return cast(literal(None), Float)
    here_lat, here_lon = question.point
    north = lat - here_lat
    east = (lon - here_lon) * func.cos(func.radians(here_lat))
    distance: ColumnElement[Any] = METRES_PER_DEGREE * func.sqrt(north * north + east * east)
    return distance


def is_near(question: PlainQuestion, distance: ColumnElement[Any]) -> ColumnElement[bool]:
    """Condition: within the distance that was chosen."""
    if question.point is None or question.radius_metres is None:
        return true()
    # A row without a place has a distance of NULL: a telephone service stays in every answer.
    return or_(distance.is_(None), distance <= question.radius_metres)


def with_facets(asked: Select[Any], question: PlainQuestion, least: int) -> Select[Any]:
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
