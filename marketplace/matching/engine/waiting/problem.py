"""One list as a problem to solve: its pairs, its places, and what named people have settled beforehand."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from marketplace.matching.engine.candidates import CandidateTable, Column
from marketplace.matching.engine.model import Case, Weights, monday_of, week_of
from marketplace.matching.engine.rank import why_left_out
from marketplace.matching.engine.rules import Facts
from marketplace.matching.engine.waiting.columns import CaseColumns
from marketplace.matching.engine.waiting.outcome import Options, Pin, Veto, WaitingError
from marketplace.matching.engine.waiting.pairs import eligible_pairs
from marketplace.matching.engine.waiting.points import MOST_DAYS, Statics, Whole, base_points
from marketplace.matching.engine.waiting.weeks import Calendar, Nodes
from marketplace.matching.engine.waiting.words import list_of_ids

ANY_WEEK: Final = -1


class Problem:
    """What a run solves.

    Attributes:
        columns, table, weights, options: The inputs.
        pairs, nodes, calendar: Every pair that may be proposed, every place, and how the two meet.
        pinned: Pin of a case by its index.
    """

    def __init__(
        self,
        cases: Sequence[Case],
        table: CandidateTable,
        weights: Weights,
        options: Options,
        *,
        pins: Iterable[Pin] = (),
        vetoes: Iterable[Veto] = (),
        places: NDArray[np.int16] | None = None,
        progress: Callable[[float], None] | None = None,
    ) -> None:
        self.columns, self.table = CaseColumns(cases, table), table
        self.weights, self.options = weights, options
        self.pinned = self._read_pins(pins)
        for index in self.pinned:
            if self.columns.one_by_one[index]:
                raise WaitingError(f"Case {self.columns.cases[index].id} takes more than one place: place it by itself")
        overriding = any(pin.override for pin in self.pinned.values())
        free = table.free_places if places is None else places
        free = _limited(free, table)
        free = _within(free, table.first_week, self.columns, options, overriding)
        self.pairs = eligible_pairs(
            self.columns,
            table,
            weights,
            k=options.k,
            places=free,
            refused=self._read_vetoes(vetoes),
            progress=progress,
        )
        self.eligible_pairs = len(self.pairs)
        only_week = np.full(len(self.columns), ANY_WEEK, dtype=np.int64)
        overridden = np.zeros(len(self.columns), dtype=np.bool_)
        if self.pinned:
            self._keep_pins(only_week, overridden)
        self.nodes = Nodes(self.pairs)
        self.calendar = Calendar(self.pairs, self.nodes, only_week, overridden)
        self._check_room_for_pins()

    def _read_pins(self, pins: Iterable[Pin]) -> dict[int, Pin]:
        read: dict[int, Pin] = {}
        for pin in pins:
            index = self._index(pin.case_id)
            if index in read:
                raise WaitingError(f"Case {pin.case_id} is pinned twice")
            if pin.candidate_id not in self.table.row_of:
                raise WaitingError(f"Nobody has the id {pin.candidate_id}, to whom case {pin.case_id} is pinned")
            read[index] = pin
        return read

    def _read_vetoes(self, vetoes: Iterable[Veto]) -> dict[int, NDArray[np.intp]]:
        rows: dict[int, list[int]] = {}
        for veto in vetoes:
            index, row = self._index(veto.case_id), self.table.row_of.get(veto.candidate_id)
            pin = self.pinned.get(index)
            if pin is not None and pin.candidate_id == veto.candidate_id:
                raise WaitingError(f"Case {veto.case_id} is pinned to {veto.candidate_id} and ruled out for the same")
            if row is not None:  # Who has left the table cannot be proposed anyway.
                rows.setdefault(index, []).append(row)
        return {index: np.array(out, dtype=np.intp) for index, out in rows.items()}

    def _index(self, case_id: str) -> int:
        try:
            return self.columns.index_of[case_id]
        except KeyError:
            raise WaitingError(f"Case {case_id} is not on this list") from None

    def _keep_pins(self, only_week: Whole, overridden: NDArray[np.bool_]) -> None:
        """Leave pinned cases the pair they are pinned to, and no other."""
        pairs, table = self.pairs, self.table
        kept = np.ones(len(pairs), dtype=np.bool_)
        top = np.zeros(len(pairs), dtype=np.bool_)
        top[pairs.top] = True
        forced: list[tuple[int, int]] = []
        for index, pin in sorted(self.pinned.items()):
            row, lies = table.row_of[pin.candidate_id], pairs.of_case(index)
            kept[lies] = top[lies] = pairs.row[lies] == row
            if pin.week is not None:
                only_week[index] = pin.week
            if not kept[lies].any():
                if not pin.override:
                    raise WaitingError(self._why_not(index, pin))
                forced.append((index, row))
                overridden[index] = True
        pairs.top = np.flatnonzero(top)
        pairs.keep(kept)
        if forced:
            self._add_forced(forced)

    def _why_not(self, index: int, pin: Pin) -> str:
        said = f"Case {pin.case_id} cannot be pinned to {pin.candidate_id}"
        left_out = why_left_out(self.columns.cases[index], self.table, pin.candidate_id)
        return f"{said}: {'; '.join(left_out.reasons)}" if left_out else f"{said}: no free place is left in the window"

    def _add_forced(self, forced: list[tuple[int, int]]) -> None:
        """Add pairs that break a rule because a named person said so. They still need a place."""
        pairs, columns, table = self.pairs, self.columns, self.table
        statics = Statics(table, self.weights)
        for index, row in forced:
            case, candidate = columns.cases[index], table.candidates[row]
            day = _first_place(
                pairs.places[:, row], table.first_week, max(case.start_day, candidate.first_free_day or 0)
            )
            if day is None or candidate.first_free_day is None or day - case.start_day > MOST_DAYS:
                raise WaitingError(f"Case {case.id} is pinned to {candidate.id}, who has no free place in the diary")
            if day > case.last_day:
                columns.last_day[index] = monday_of(table.first_week + len(pairs.places)) - 1
            at, in_row = np.array([index], dtype=np.intp), np.array([row], dtype=np.intp)
            metres = np.array([Facts.of(case, candidate).metres], dtype=np.int64)
            pairs.insert(
                index, row, int(base_points(columns, table, self.weights, statics, at, in_row, metres)[0]), day
            )

    def _check_room_for_pins(self) -> None:
        """Refuse at once when more cases are pinned to somebody than there are places in all."""
        asked: dict[str, int] = {}
        for pin in self.pinned.values():
            asked[pin.candidate_id] = asked.get(pin.candidate_id, 0) + 1
        for candidate_id, count in sorted(asked.items()):
            free = int(self.pairs.places[:, self.table.row_of[candidate_id]].sum())
            if count > free:
                raise WaitingError(f"{count} cases are pinned to {candidate_id}, who has {free} free places")

    def refuse_unplaced_pins(self, unplaced: Sequence[int]) -> None:
        """Say which pins cannot all be kept.

        Raises:
            WaitingError: A pinned case is among the unplaced.
        """
        left = [self.pinned[index] for index in unplaced if index in self.pinned]
        if left:
            names = list_of_ids(pin.candidate_id for pin in left)
            cases = list_of_ids(pin.case_id for pin in left)
            raise WaitingError(f"Not enough free places in the weeks of the pinned cases: {cases}, pinned to {names}")


def _limited(places: NDArray[np.int16], table: CandidateTable) -> NDArray[np.int16]:
    """The places of the diary, as far as `places_left` allows over all weeks: those of the earliest weeks."""
    left = table.numbers[Column.PLACES_LEFT]
    if not (left < places.sum(axis=0, dtype=np.int64)).any():
        return places
    before = np.cumsum(places, axis=0, dtype=np.int64) - places
    limited: NDArray[np.int16] = np.clip(left - before, 0, places).astype(np.int16)
    return limited


def _within(
    places: NDArray[np.int16], first_week: int, columns: CaseColumns, options: Options, overriding: bool
) -> NDArray[np.int16]:
    """The places that the run may use: none outside the windows of its cases, unless somebody overrides them."""
    if not len(columns):
        return places
    first = week_of(int(columns.start_day.min()))
    end = week_of(int(columns.last_day.max())) + 1
    if overriding:
        end = first_week + len(places)
    if options.weeks is not None:
        end = min(end, first + options.weeks)
    within = places.copy()
    within[: max(0, first - first_week)] = 0
    within[max(0, end - first_week) :] = 0
    return within


def _first_place(places: NDArray[np.int16], first_week: int, earliest: int) -> int | None:
    """First day from `earliest` on in a week with a place."""
    for week in range(max(0, week_of(earliest) - first_week), len(places)):
        if places[week] > 0:
            return max(earliest, monday_of(first_week + week))
    return None
