"""One question against one state of the embedded index."""

from math import ceil, isnan, nan
from typing import Final

import msgspec
import numpy as np
import tantivy
from numpy.typing import NDArray
from tantivy import Query

from search.documents import COUNTED, DISTANCE_MILES, FACETS, METRES_PER_MILE, Answer, Hit, ListingQuery
from search.highlights import highlights
from search.tantivy_columns import Marks, Numbers
from search.tantivy_query import TAKEN_AS_SPELT, Matching, TextQueries, enough, narrowed, near_query, rows_query
from search.tantivy_schema import Shown, district_term
from search.tantivy_sets import EVERYWHERE, Around, chord, metres_of
from search.tantivy_store import Reader
from search.units import Explainer, Unit
from search.words import clean

Indices = NDArray[np.intp]

MAX_TIES: Final = 2_000
"""Equally good hits beyond these keep the order of the index, which is the same for each page of one state."""
FEW_ROWS: Final = 200
"""So few listings are named to the engine one by one instead of looked for among all that have the words."""
FARTHEST_COUNTED_METRES: Final = max(DISTANCE_MILES) * METRES_PER_MILE


class Place(msgspec.Struct, frozen=True):
    """Who comes to the place of a question."""

    area: Marks
    """By their own area."""
    near: Marks
    """Those whose base is within the radius of the question, or who have none."""
    around: Around = EVERYWHERE
    """The rows that were measured; all that are near are among them, and all within the distances that are counted."""
    chords: Numbers | None = None
    """Of the measured rows."""

    def chords_of(self, rows: Indices) -> Numbers:
        """Square of the straight line to the base of some measured rows, NaN without a base."""
        if self.chords is None:
            return np.full(len(rows), np.nan)
        return self.chords[rows if isinstance(self.around, slice) else np.searchsorted(self.around, rows)]


class Question:
    """One question against one state of the index."""

    def __init__(self, reader: Reader, query: ListingQuery, units: list[Unit]) -> None:
        """Prepare; nothing is looked up yet."""
        self.schema = reader.schema
        self.searcher = reader.searcher
        self.columns = reader.columns
        self.query = query
        self.units = units
        self.texts = TextQueries(self.schema, self.columns, reader.phrases)
        self.matched: list[Matching] = []
        self.addresses: dict[int, tantivy.DocAddress] = {}

    def answer(self) -> Answer:
        """Ask for all the words; when no listing there has them all, for half of them, then for any."""
        columns, query = self.columns, self.query
        if not self.units and query.text.strip():
            # A text without any word or number ("???") asks for nothing that could be found.
            nothing: dict[str, dict[str, int]] = {name: {} for name in COUNTED}
            return Answer(total=0, hits=[], facets=nothing, suggestion=None, took_ms=0.0)
        place = self.place()
        chosen = {
            name: columns.value_marks(name, [clean(value) for value in values])
            for name, values in query.chosen().items()
        }
        self.matched = [self.texts.matching(unit) for unit in self.units]
        whole = len(self.units)
        for least in dict.fromkeys((whole, ceil(whole / 2), min(whole, 1))):
            anywhere = columns.alive & enough(self.matched, least) if least else columns.alive
            found = anywhere if place is None else anywhere & place.area & place.near
            passed = found.copy()
            for marks in chosen.values():
                passed &= marks
            total = int(np.count_nonzero(passed))
            if total:
                break
        facets = self.facets(found, passed, chosen)
        if place is not None and place.chords is not None:
            reached = (anywhere & place.area)[place.around]
            for marks in chosen.values():
                reached &= marks[place.around]
            facets["distance"] = by_distance(place.chords, reached)
        return Answer(
            total=total,
            hits=self.hits(self.ordered(passed, total, place, least), place),
            facets=facets,
            suggestion=None,
            took_ms=0.0,
            is_relaxed=0 < least < whole,
        )

    # What matches

    def place(self) -> Place | None:
        """Measure listings against both radii, the listing's own and the question's; None without a place."""
        point, district, table = self.query.point, self.query.district, self.columns.table
        if point is None and district is None:
            return None
        area = table.is_anywhere | (
            table.is_bounded if district is None else self.columns.marks(district_term(district))
        )
        if point is None:
            return Place(area, self.columns.alive)
        radius = self.query.radius_metres
        around = EVERYWHERE if radius is None else self.columns.around(point, max(radius, FARTHEST_COUNTED_METRES))
        chords = self.columns.chords(point, around)
        # Comparisons with NaN (no base) are false, which is what is wanted here.
        area[around] |= chords <= table.reach[around]
        if radius is None:
            return Place(area, self.columns.alive, around, chords)
        near = np.zeros(len(area), dtype=np.bool_)
        # Written the other way round, so that NaN stays.
        near[around] = ~(chords > chord(radius))
        return Place(area, near, around, chords)

    def facets(self, found: Marks, passed: Marks, chosen: dict[str, Marks]) -> dict[str, dict[str, int]]:
        """Count the values of each facet, its own filter left out."""
        counts = self.columns.values_counted(passed)
        for name in FACETS:
            if name in chosen:
                others = found
                for key, marks in chosen.items():
                    if key != name:
                        others = others & marks
                counts |= {name: {}} | self.columns.values_counted(others, name)
        return {name: counts.get(name, {}) for name in COUNTED}

    # Order

    @property
    def order(self) -> str:
        """How to order: `score`, `distance`, `price` or `id`."""
        if self.query.sort == "price":
            return "price"
        if self.query.point is not None and (self.query.sort == "distance" or not self.units):
            return "distance"
        return "score" if self.units else "id"

    def ordered(self, passed: Marks, total: int, place: Place | None, least: int) -> list[tuple[int, float]]:
        """Rows of the page, each with its score."""
        start, stop = self.query.offset, min(self.query.offset + self.query.limit, total)
        if start >= stop:
            return []
        if self.order == "score":
            return self.best(passed, total, place, least, stop)[start:stop]
        rows = np.flatnonzero(passed)
        if self.order == "distance" and place is not None and place.chords is not None:
            values = np.nan_to_num(place.chords_of(rows), nan=np.inf)
        elif self.order == "price":
            values = self.columns.table.prices[rows]
        else:
            values = self.columns.ranks[rows]
        if stop < len(rows):
            # What comes later than the page need not be sorted.
            is_early = values <= np.partition(values, stop - 1)[stop - 1]
            rows, values = rows[is_early], values[is_early]
        order = np.lexsort((self.columns.ranks[rows], values))[start:stop]
        return [(row, 0.0) for row in rows[order].tolist()]

    def best(self, passed: Marks, total: int, place: Place | None, least: int, stop: int) -> list[tuple[int, float]]:
        """Find the first hits by score, with all that tie with the last one; equal ones by id."""
        text = (
            self.texts.all_of(self.matched) if least == len(self.matched) else self.texts.some_of(self.matched, least)
        )
        wanted, limit = self.narrow(text, passed, total, place, stop)
        rows: Indices = np.zeros(0, dtype=np.intp)
        scores: Numbers = np.zeros(0)
        while True:
            found = self.searcher.search(wanted, limit)
            hits = found.hits
            addresses = [address for _, address in hits]
            numbers = self.searcher.fast_field_values("row", addresses) if addresses else []
            rows = self.columns.rows_of_engine(np.array(numbers, dtype=np.int64))
            scores = np.array([score for score, _ in hits])
            # A row that is newer than the columns is found by the next question.
            is_kept = np.flatnonzero(passed[np.minimum(rows, len(passed) - 1)] & (rows < len(passed)))
            kept, kept_scores = rows[is_kept], scores[is_kept]
            is_whole = len(hits) == number_of(found)
            is_settled = len(kept) >= stop and (kept_scores[stop - 1] > scores[-1] or limit > stop + MAX_TIES)
            if is_whole or is_settled:
                break
            limit *= 4
        self.addresses = dict(zip(kept.tolist(), (addresses[i] for i in is_kept.tolist()), strict=True))
        if len(kept) < stop:
            # Some are not in the query: too many words begin so. They come behind the others.
            rest = passed.copy()
            rest[kept] = False
            more = np.flatnonzero(rest)
            kept, kept_scores = np.concatenate((kept, more)), np.concatenate((kept_scores, np.zeros(len(more))))
        order = np.lexsort((self.columns.ranks[kept], -kept_scores))
        return list(zip(kept[order].tolist(), kept_scores[order].tolist(), strict=True))

    def narrow(self, text: Query, passed: Marks, total: int, place: Place | None, stop: int) -> tuple[Query, int]:
        """Keep the engine from ordering what does not come to the place; guess how many hits must be looked at."""
        limit = 2 * stop + 20
        if total <= FEW_ROWS:
            return narrowed(text, self.named(np.flatnonzero(passed).tolist())), FEW_ROWS
        point, radius = self.query.point, self.query.radius_metres
        candidates = self.columns.alive
        if place is not None and point is not None and radius is not None:
            candidates = candidates & place.near
            text = narrowed(text, near_query(self.schema, point, float(max(radius, 0))))
        if self.matched[0].is_whole:
            share = np.count_nonzero(candidates & self.matched[0].marks) / total
            limit = min(int(limit * max(share, 1.0)), MAX_TIES)
        return text, limit

    def named(self, rows: list[int]) -> Query:
        """Ask for some rows."""
        return rows_query(self.schema, self.columns.engine_numbers(rows))

    # Hits

    def hits(self, ordered: list[tuple[int, float]], place: Place | None) -> list[Hit]:
        """Describe the listings of a page."""
        shown = self.shown([row for row, _ in ordered]) if self.units else {}
        certain = {
            word for unit in self.units for word in unit.words if shown and self.texts.how_often(word) >= TAKEN_AS_SPELT
        }
        vocabulary = self.columns.vocabulary
        explainer = Explainer(self.units, certain, vocabulary.forms, vocabulary.near)
        metres = self.metres([row for row, _ in ordered], place)
        hits = []
        for (row, score), distance in zip(ordered, metres, strict=True):
            text = shown.get(row)
            matched = [] if text is None else explainer.matched(text.plain.split())
            hits.append(
                Hit(
                    id=self.columns.id_of(row),
                    score=round(score, 6),
                    distance_metres=None if isnan(distance) else round(distance),
                    matched=matched,
                    highlights=[] if text is None else highlights(text.name, text.summary, matched),
                )
            )
        return hits

    def metres(self, rows: list[int], place: Place | None) -> list[float]:
        """Distances from the point of the question, NaN without one or without a base."""
        if place is None or place.chords is None:
            return [nan] * len(rows)
        found: list[float] = metres_of(place.chords_of(np.array(rows, dtype=np.intp))).tolist()
        return found

    def shown(self, rows: list[int]) -> dict[int, Shown]:
        """Stored texts of some rows."""
        missing = [row for row in rows if row not in self.addresses]
        if missing:
            found = self.searcher.search(self.named(missing), len(missing), count=False).hits
            addresses = [address for _, address in found]
            numbers = self.searcher.fast_field_values("row", addresses) if addresses else []
            found_rows = self.columns.rows_of_engine(np.array(numbers, dtype=np.int64)).tolist()
            self.addresses |= dict(zip(found_rows, addresses, strict=True))
        texts: dict[int, Shown] = {}
        for row in rows:
            if row in self.addresses:
                stored = self.searcher.doc(self.addresses[row]).get_first("shown")
                texts[row] = msgspec.json.decode(bytes(stored or b""), type=Shown)
        return texts


def by_distance(chords: Numbers, marks: Marks) -> dict[str, int]:
    """Count the marked listings within each of some distances."""
    limits = {str(miles): chord(miles * METRES_PER_MILE) for miles in DISTANCE_MILES}
    inside = chords[marks & (chords <= max(limits.values()))]
    return {miles: int(np.count_nonzero(inside <= limit)) for miles, limit in limits.items()}


def number_of(found: tantivy.SearchResult) -> int:
    """Number of listings that matched, beyond those fetched; the type stub of the engine leaves it out."""
    return int(found.count)  # type: ignore[attr-defined]
