"""Counts and pages: both kinds of offers, with every filter."""

from collections.abc import Sequence
from typing import Any, Final

import asyncpg
from sqlalchemy import (
    CTE,
    ColumnElement,
    Integer,
    Select,
    Text,
    and_,
    cast,
    exists,
    func,
    literal,
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

from marketplace.providers.models import Listing, Organisation, RegulatorLocation
from marketplace.providers.models.words import LISTING_WORDS, ORGANISATION_WORDS, REGISTER_WORDS
from marketplace.providers.repository.market_plain.columns import ENGLISH, has_words
from marketplace.providers.repository.market_plain.offers import own_offers
from marketplace.providers.repository.market_plain.question import MANY_VALUES, ONE_VALUE, PlainQuestion, PlainRow
from marketplace.providers.repository.market_plain.register import register_places

_ROOM: Final = "SET LOCAL work_mem = '64MB'"
"""What has a word is looked up row by row in a table that PostgreSQL keeps in memory only while it thinks that it fits:
with the 4 MB it starts from, 50,000 answers to a common word would be read once for every offer."""
TOTAL: Final = "total"


class PlainRepository:
    """Asks PostgreSQL what the index would be asked."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    async def empty_queries(self, queries: Sequence[str]) -> list[bool]:
        """Say which texts for `to_tsquery` ask for nothing: PostgreSQL leaves out more small words than we do."""
        if not queries:
            return []
        columns = [func.numnode(func.to_tsquery(ENGLISH, query)) == 0 for query in queries]
        return list((await self.db.execute(select(*columns))).one())

    async def known(self, words: Sequence[str]) -> set[str]:
        """Return those of some words (letters and digits) that an offer, an organisation or the register has."""
        if not words:
            return set()
        columns = []
        for word in words:
            query = func.to_tsquery(ENGLISH, f"'{word}'")
            tables = ((Listing, LISTING_WORDS), (Organisation, ORGANISATION_WORDS), (RegulatorLocation, REGISTER_WORDS))
            columns.append(or_(*(exists().select_from(table).where(has_words(kept, query)) for table, kept in tables)))
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
    both = union_all(own_offers(question, least), register_places(question, least))
    return both.cte("found").prefix_with("MATERIALIZED", dialect="postgresql")


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
