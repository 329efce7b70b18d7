"""Many cases as arrays, one column per fact, written in the codes of a candidate table.

Cases are put in the order of their ids, and so are candidates: the order in which rows were read never shows in a
result.
"""

from collections.abc import Collection, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from marketplace.matching.engine.bitsets import BitSets
from marketplace.matching.engine.candidates import CandidateTable
from marketplace.matching.engine.model import Case
from marketplace.matching.engine.rules import later_rules
from marketplace.matching.engine.ties import splitmix64, stable_hash

NOBODY: Final = -2
"""Stands for a code or a worker that a case names and the table does not know: nobody can meet it."""

ANYBODY: Final = -1
"""Stands for "the case does not ask"."""

_WORD_BITS = 64
_WORD_MASK = (1 << _WORD_BITS) - 1


class CaseColumns:
    """Struct-of-arrays over cases, in the order of their ids.

    Attributes:
        cases: The structs, in that order; `index_of[id]` finds one.
        start_day, last_day, x_metres, y_metres, road_factor, tier: As in `Case`.
        gender, chosen_row, chosen_organisation: Codes or rows of the table, `ANYBODY` or `NOBODY`.
        previous_row: Row of the previous worker, -1 for none.
        budget_pence: 0 where none is named, which brings no points either.
        languages, skills, wished, needs, interests: `words[word, case]` as in `BitSets`.
        legal_cost_pence: 0 where none is known.
        needs_count: Needs named, known to the table or not.
        by_check: Cases that bring up a rule with no quick way of its own; these go through `check` one by one.
        one_by_one: Cases that take more than one place, or hours: they are no part of a list of single places.
        impossible: The case asks for a language or skill that nobody in the table has.
    """

    def __init__(self, cases: Sequence[Case], table: CandidateTable) -> None:
        self.cases: list[Case] = sorted(cases, key=lambda case: case.id)
        self.index_of: dict[str, int] = {case.id: index for index, case in enumerate(self.cases)}
        if len(self.index_of) != len(self.cases):
            raise ValueError("two cases have the same id")
        ordered = self.cases
        self.start_day = _whole([case.start_day for case in ordered])
        self.last_day = _whole([case.last_day for case in ordered])
        self.x_metres = _whole([case.x_metres for case in ordered])
        self.y_metres = _whole([case.y_metres for case in ordered])
        self.road_factor: NDArray[np.float64] = np.array([case.road_factor for case in ordered], dtype=np.float64)
        self.tier = _whole([case.urgency_tier for case in ordered])
        self.budget_pence = _whole([case.budget_pence or 0 for case in ordered])
        self.legal_cost_pence = _whole([case.legal_cost_pence or 0 for case in ordered])
        self.gender = _whole([_code(table, case.required_gender) for case in ordered])
        self.chosen_organisation = _whole([_code(table, case.chosen_organisation_id) for case in ordered])
        self.chosen_row = _whole([_row(table, case.chosen_worker_id) for case in ordered])
        self.previous_row = np.maximum(ANYBODY, _whole([_row(table, case.previous_worker_id) for case in ordered]))
        self.needs_count = _whole([len(case.needs) for case in ordered])
        self.languages = _words(table.languages, [case.essential_languages for case in ordered])
        self.skills = _words(table.skills, [case.required_skills for case in ordered])
        self.wished = _words(table.languages, [case.wished_languages for case in ordered])
        self.needs = _words(table.specialisms, [case.needs for case in ordered])
        self.interests = _words(table.interests, [case.interests for case in ordered])
        self.by_check: NDArray[np.bool_] = np.array([later_rules(case, table) for case in ordered], dtype=np.bool_)
        self.one_by_one: NDArray[np.bool_] = np.array([takes_more(case) for case in ordered], dtype=np.bool_)
        self.impossible: NDArray[np.bool_] = np.array(
            [
                not (
                    case.essential_languages <= table.languages.bit_of.keys()
                    and case.required_skills <= table.skills.bit_of.keys()
                )
                for case in ordered
            ],
            dtype=np.bool_,
        )

    def __len__(self) -> int:
        return len(self.cases)

    def groups(self) -> list[tuple[str, str, NDArray[np.intp]]]:
        """Indexes of the cases of each service and council, in the order of these names."""
        members: dict[tuple[str, str], list[int]] = {}
        for index, case in enumerate(self.cases):
            members.setdefault((case.service, case.council), []).append(index)
        return [(*names, np.array(members[names], dtype=np.intp)) for names in sorted(members)]

    def tie_seeds(self, salt: str) -> NDArray[np.uint64]:
        """The part of `ties.tie_key` that a case brings, for each case."""
        salted = stable_hash(salt)
        return np.array([splitmix64(splitmix64(salted) ^ stable_hash(case.id)) for case in self.cases], dtype=np.uint64)


def takes_more(case: Case) -> bool:
    """Whether a case needs more than one place, or hours of the week, and so is placed from its own shortlist."""
    return case.places_needed != 1 or any(case.needed_quarters)


def rows_by_id(table: CandidateTable) -> NDArray[np.intp]:
    """Rows of the table in the order of the candidates' ids."""
    return np.array([table.row_of[id] for id in sorted(table.row_of)], dtype=np.intp)


def _whole(values: list[int]) -> NDArray[np.int64]:
    return np.array(values, dtype=np.int64)


def _code(table: CandidateTable, text: str | None) -> int:
    if text is None:
        return ANYBODY
    code = table.code(text)
    return NOBODY if code < 0 else code


def _row(table: CandidateTable, candidate_id: str | None) -> int:
    return ANYBODY if candidate_id is None else table.row_of.get(candidate_id, NOBODY)


def _words(sets: BitSets, wanted: list[frozenset[str]]) -> NDArray[np.uint64]:
    words = np.zeros((sets.words.shape[0], len(wanted)), dtype=np.uint64)
    known: dict[Collection[str], int] = {}  # The same few combinations come again and again.
    for index, codes in enumerate(wanted):
        if not codes:
            continue
        bits = known.get(codes)
        if bits is None:
            bits = sum(1 << sets.bit_of[code] for code in codes if code in sets.bit_of)
            known[codes] = bits
        for word in range(len(words)):
            words[word, index] = (bits >> word * _WORD_BITS) & _WORD_MASK
    return words
