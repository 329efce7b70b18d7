"""Answers without an index: words, synonyms, stems, half-typed and misspelt words, filters and counts by PostgreSQL."""

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, timedelta
from functools import lru_cache
from math import ceil
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.words import GENDER_LABELS, INTERESTS, LANGUAGES, NEEDS, Gender
from marketplace.core.database import clock_of
from marketplace.core.places import TOWNS
from marketplace.providers.models import CATEGORY_LABELS, OrganisationKind
from marketplace.providers.repository.market_plain import (
    MANY_VALUES,
    ONE_VALUE,
    PlainQuestion,
    PlainRepository,
    PlainRow,
    PlainUnit,
)
from marketplace.providers.repository.synonyms import SynonymRepository
from marketplace.providers.service.register import NEEDS_OF_SPECIALISM
from marketplace.providers.service.times import WEEKDAYS, part_bounds
from marketplace.providers.service.words import KIND_OF, ROOM_DAYS, RUN_BY
from search import Answer, Hit, ListingQuery, Synonyms
from search.documents import NO_PRICE_BAND, NOT_RATED, PRICE_BANDS, TOP_PRICE_BAND
from search.spelling import meant_words, respelt
from search.synonyms import Phrase
from search.units import Explainer, Unit, units_of
from search.words import STOP_WORDS, stem, stems_of, words_of

MOST_UNITS: Final = 6
"""Things of one question that PostgreSQL is asked for; more would cost more than they narrow."""
MOST_PHRASES: Final = 12
"""Synonyms of one thing that are asked for."""
MOST_LOOKED_UP: Final = 6
"""Unknown words of one question that are looked for in the texts."""
COUNT_MILLISECONDS: Final = 1_200
"""Longest time that counting may take: on a large market the page itself matters more, and has a limit of its own."""
NO_WEEKDAY: Final = -1


class _Known:
    """`WordCounts` of a few words: which of those typed stand in the texts, and what our own vocabulary holds."""

    def __init__(self, found: Collection[str], vocabulary: Synonyms) -> None:
        self._found = found
        self._vocabulary = vocabulary

    def is_known(self, word: str, *, is_open: bool) -> bool:
        return word in self._found or (is_open and any(one.startswith(word) for one in _vocabulary_words()))

    def near(self, word: str, typos: int) -> list[str]:
        return self._vocabulary.near(word, typos)

    def how_common(self, word: str) -> int:
        return 1


class PlainSearch:
    """Answers a question of the index with PostgreSQL."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.rows = PlainRepository(db)

    async def answer(self, asked: ListingQuery, day: date, *, is_counted: bool = True) -> Answer:
        """Answer a question; `is_counted` false leaves the total and the facets out, which is much quicker."""
        began = time.perf_counter()
        synonyms = Synonyms.default(await SynonymRepository(self.db).phrases_in_use())
        meant = await self._meant(asked.text, synonyms)
        units = units_of(asked.text, synonyms, meant)[:MOST_UNITS]
        asked_units = await self._asked(units)
        question = self._question(asked, day, asked_units)
        facets: dict[str, dict[str, int]] = {}
        total, rows, least = 0, list[PlainRow](), 0
        if asked_units or not asked.text.strip():
            whole = len(asked_units)
            for least in dict.fromkeys((whole, ceil(whole / 2), min(whole, 1))):
                counted = await self.rows.counts_within(question, least, COUNT_MILLISECONDS) if is_counted else None
                # What was too slow once is not tried again with fewer words, which would find more.
                is_counted = counted is not None
                if counted is not None:
                    total, facets = counted
                    if total:
                        rows = await self.rows.page(question, least) if question.offset < total else []
                        break
                else:
                    rows = await self.rows.page(question, least)
                    if rows:
                        break
        explainer = Explainer(units)
        hits = [
            Hit(
                id=row.id,
                score=0.0,
                distance_metres=round(row.distance_metres) if row.distance_metres is not None else None,
                matched=explainer.matched(list(dict.fromkeys(words_of(row.words)))) if units else [],
            )
            for row in rows
        ]
        return Answer(
            # Without a count there is one more than shown when the page is full, so that a next page is offered.
            total=total if is_counted else question.offset + len(rows) + (len(rows) == question.limit),
            is_counted=is_counted,
            hits=hits,
            facets=_labelled(facets),
            suggestion=respelt(asked.text, meant),
            took_ms=(time.perf_counter() - began) * 1000,
            is_relaxed=bool(rows) and 0 < least < len(asked_units),
        )

    async def _meant(self, text: str, synonyms: Synonyms) -> dict[str, str]:
        """Find what misspelt words were meant to be, from the words of our own vocabulary and of synonyms."""
        vocabulary = Synonyms([*synonyms_groups(synonyms), *_VOCABULARY])
        unknown = [word for word in dict.fromkeys(words_of(text)) if word not in STOP_WORDS and word.isalpha()]
        unknown = [word for word in unknown if not vocabulary.knows(word)][:MOST_LOOKED_UP]
        if not unknown:
            return {}
        known = await self.rows.known(unknown)
        return meant_words(text, vocabulary, _Known(known | (set(words_of(text)) - set(unknown)), vocabulary))

    async def _asked(self, units: Sequence[Unit]) -> list[PlainUnit]:
        """Put units into the database's terms; those that PostgreSQL leaves out as small words go."""
        queries = [_query(unit) for unit in units]
        is_empty = await self.rows.empty_queries(queries)
        found = [_plain_unit(unit, query) for unit, query in zip(units, queries, strict=True)]
        return [unit for unit, empty in zip(found, is_empty, strict=True) if not empty or unit.categories or unit.suits]

    def _question(self, asked: ListingQuery, day: date, units: Sequence[PlainUnit]) -> PlainQuestion:
        chosen = {name: list(values) for name, values in asked.chosen().items()}
        slots: list[tuple[int | None, tuple[int, int] | None]] = []
        for slot in chosen.pop("slots", []):
            name, _, part = slot.partition("-")
            slots += [(_weekday(name), bounds) for bounds in part_bounds(part)]
        for part in chosen.pop("times", []):
            slots += [(None, bounds) for bounds in part_bounds(part)]
        if not slots and {"slots", "times"} & asked.chosen().keys():
            # A day or a time that does not exist finds nothing.
            slots.append((NO_WEEKDAY, None))
        if "suits" in chosen:
            codes = _codes(NEEDS, chosen["suits"])
            specialisms = [name for name, needs in NEEDS_OF_SPECIALISM.items() if set(needs) & set(codes)]
            chosen["suits"] = [*codes, *specialisms]
        if "gender" in chosen:
            chosen["gender"] = _codes(_GENDERS, chosen["gender"])
        if "days" in chosen:
            chosen["days"] = [str(_weekday(name)) for name in chosen["days"]]
        return PlainQuestion(
            day=day,
            units=units,
            point=asked.point,
            radius_metres=asked.radius_metres,
            district=asked.district,
            chosen={name: values for name, values in chosen.items() if name in (*ONE_VALUE, *MANY_VALUES)},
            slots=slots,
            sort=asked.sort,
            offset=asked.offset,
            limit=asked.limit,
            price_bands=PRICE_BANDS,
            top_band=TOP_PRICE_BAND,
            no_price_band=NO_PRICE_BAND,
            not_rated=NOT_RATED,
            kinds={category.value: kind for category, kind in KIND_OF.items()},
            run_by={OrganisationKind(kind).value: who for kind, who in RUN_BY.items()},
            room_since=clock_of(self.db).now() - timedelta(days=ROOM_DAYS),
        )


def _query(unit: Unit) -> str:
    """Write a unit for `to_tsquery`: letters and digits in quotes, and our own operators."""
    typed = " & ".join(f"'{word}'" for word in unit.words)
    if unit.is_prefix and len(unit.words[-1]) > 1:
        typed += ":*"
    phrases = [*([unit.meant] if unit.meant else []), *unit.synonyms][:MOST_PHRASES]
    others = [" <-> ".join(f"'{word}'" for word in phrase) for phrase in phrases]
    return " | ".join(f"({one})" for one in (typed, *others))


def _plain_unit(unit: Unit, query: str) -> PlainUnit:
    phrases = [unit.words, *([unit.meant] if unit.meant else []), *unit.synonyms]
    needs = _named(NEEDS, phrases, unit)
    last = unit.meant[-1] if unit.meant else unit.words[-1]
    return PlainUnit(
        query=query,
        stem=stem(unit.words[0] if len(unit.words) > 1 else last),
        categories=_named(_CATEGORIES, phrases, unit),
        suits=needs,
        interests=_named(INTERESTS, phrases, unit),
        languages=_named(_LANGUAGES, phrases, unit),
        genders=_named(_GENDERS, phrases, unit),
        weekdays=tuple(int(number) for number in _named(_WEEKDAYS, phrases, unit)),
        service_types=_named(_SERVICE_TYPES, phrases, unit),
        specialisms=tuple(name for name, codes in NEEDS_OF_SPECIALISM.items() if set(codes) & set(needs)),
    )


def _named(labels: Mapping[str, str], phrases: Iterable[Phrase], unit: Unit) -> tuple[str, ...]:
    """Codes whose label holds one of some phrases, or begins with a half-typed word."""
    wanted = [tuple(stems_of(phrase)) for phrase in phrases]
    start = unit.words[-1] if unit.is_prefix and len(unit.words) == 1 and len(unit.words[0]) > 2 else ""
    return tuple(
        code
        for code, label in labels.items()
        if any(_holds(_label_stems(label), phrase) for phrase in wanted)
        or (start and any(word.startswith(start) for word in words_of(label)))
    )


def _holds(stems: Sequence[str], phrase: Sequence[str]) -> bool:
    size = len(phrase)
    return any(tuple(stems[at : at + size]) == tuple(phrase) for at in range(len(stems) - size + 1))


@lru_cache(maxsize=1_000)
def _label_stems(label: str) -> tuple[str, ...]:
    return tuple(stems_of(words_of(label)))


def _codes(labels: Mapping[str, str], values: Iterable[str]) -> list[str]:
    by_label = {label: code for code, label in labels.items()}
    # A value that is nobody's stays, and finds nothing.
    return [by_label.get(value, value) for value in values]


def _weekday(name: str) -> int:
    return WEEKDAYS.index(name) if name in WEEKDAYS else NO_WEEKDAY


def _labelled(facets: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, int]]:
    """Write the values of facets as the index has them, the commonest first."""
    written: dict[str, dict[str, int]] = {}
    for name, counts in facets.items():
        found: dict[str, int] = {}
        for value, number in counts.items():
            for label in _labels_of(name, value):
                found[label] = found.get(label, 0) + number
        written[name] = dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))
    return written


def _labels_of(name: str, value: str) -> list[str]:
    if name == "suits":
        codes = NEEDS_OF_SPECIALISM.get(value, (value,))
        return [NEEDS[code] for code in codes if code in NEEDS]
    if name == "gender":
        return [GENDER_LABELS[Gender(value)]] if value != Gender.NOT_SAID else []
    if name == "days":
        return [WEEKDAYS[int(value)]]
    return [value]


def synonyms_groups(synonyms: Synonyms) -> list[tuple[str, ...]]:
    """Each phrase as a group of its own: the words alone, to be spelt right."""
    return [(" ".join(phrase),) for phrase in synonyms.phrases()]


_CATEGORIES: Final = {category.value: label for category, label in CATEGORY_LABELS.items()}
_SERVICE_TYPES: Final = {
    "Care home service with nursing": "nursing home, care home with nursing, nursing care",
    "Care home service without nursing": "residential care home, residential home",
    "Domiciliary care service": "home care, domiciliary care",
    "Supported living service": "supported living",
    "Extra Care housing services": "extra care housing",
    "Shared Lives": "shared lives",
    "Rehabilitation services": "rehabilitation",
    "Hospice services": "hospice",
    "Hospice services at home": "hospice",
    "Community health care services - Nurses Agency only": "nurse",
}
"""Words for the register's service types."""
_LANGUAGES: Final = {language: language for language in LANGUAGES}
_GENDERS: Final = {gender.value: label for gender, label in GENDER_LABELS.items() if gender is not Gender.NOT_SAID}
_WEEKDAYS: Final = {str(number): f"{name} weekend" if number > 4 else name for number, name in enumerate(WEEKDAYS)}
_VOCABULARY: Final = [
    (text,)
    for text in (*CATEGORY_LABELS.values(), *NEEDS.values(), *INTERESTS.values(), *LANGUAGES, *WEEKDAYS,
                 *(town.name for town in TOWNS))
]  # fmt: skip


@lru_cache(maxsize=1)
def _vocabulary_words() -> tuple[str, ...]:
    texts = [*(group[0] for group in _VOCABULARY), *(" ".join(phrase) for phrase in Synonyms.default().phrases())]
    return tuple(sorted({word for text in texts for word in words_of(text)}))
