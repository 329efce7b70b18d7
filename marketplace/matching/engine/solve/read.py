"""Reads `marketplace-match/1` (design.md section 5) and refuses what is wrong in a line that says what and where.

Both forms of pairs: a list of objects that name ids, and parallel arrays of indexes for large instances. Fields that
the format does not know are ignored. Numbers are whole, written without point or exponent; nothing is rounded.
"""

import gc
import re
from collections.abc import Sequence
from itertools import chain
from typing import TypeVar

import msgspec
import numpy as np

from marketplace.matching.engine.solve.instance import Instance, Int64s, InvalidInstance, build

FORMAT = "marketplace-match/1"
LARGEST = 10**12
"""Of scores (either sign), uses and tiers. Sums over millions of pairs then fit 64 bits."""
NO_LIMIT = 10**18
"""Capacities above count as this: no instance comes near."""

_KINDS = {
    "int": "a whole number", "float": "a number with a fraction or exponent", "bool": "true or false", "str": "text",
    "null": "null", "array": "a list", "object": "an object",
}  # fmt: skip
T = TypeVar("T")
_NAMES = re.compile(r"`([a-z |]+)`")


class _Document(msgspec.Struct):
    format: str
    cases: msgspec.Raw
    candidates: msgspec.Raw
    pairs: msgspec.Raw
    group_caps: dict[str, int] = {}


class _Case(msgspec.Struct, gc=False):
    id: str
    tier: int


class _Candidate(msgspec.Struct, gc=False):
    id: str
    capacity: list[int]
    group: str | None = None


class _Pair(msgspec.Struct, gc=False):
    case: str
    candidate: str
    score: int
    uses: list[int]


class _Columns(msgspec.Struct):
    case: msgspec.Raw
    candidate: msgspec.Raw
    score: msgspec.Raw
    uses: msgspec.Raw


def read_instance(content: bytes) -> Instance:
    """Read an instance.

    Raises:
        InvalidInstance: In one line, the first thing that is wrong.
    """
    # Millions of small lists come and go and none is part of a cycle: looking for cycles would double the time.
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        return _read(content)
    finally:
        if was_enabled:
            gc.enable()


def _read(content: bytes) -> Instance:
    content = content.removeprefix(b"\xef\xbb\xbf")
    if not content.strip():
        raise InvalidInstance("the input is empty")
    document = _decode(content, _Document, "")
    if document.format != FORMAT:
        raise InvalidInstance(f"format is {_shown(document.format)}, expected {_shown(FORMAT)}")
    cases = _decode(document.cases, list[_Case], "cases")
    candidates = _decode(document.candidates, list[_Candidate], "candidates")
    case_ids, candidate_ids = [case.id for case in cases], [candidate.id for candidate in candidates]
    case_places, candidate_places = _places(case_ids, "cases"), _places(candidate_ids, "candidates")
    tiers = _numbers([case.tier for case in cases], "cases[{}].tier", least=0)
    capacity, dimensions = _capacities(candidates)
    if bytes(memoryview(document.pairs)[:1]) == b"{":
        columns = _columns(document.pairs, len(case_ids), len(candidate_ids))
    else:
        columns = _rows(document.pairs, case_places, candidate_places)
    pair_case, pair_candidate, score, uses_lists, where = columns
    uses = _uses(uses_lists, dimensions[pair_candidate], capacity.shape[1], where)
    groups = [candidate.group for candidate in candidates]
    caps = _group_caps(document.group_caps, set(groups))
    instance = build(case_ids, tiers, candidate_ids, capacity, groups, pair_case, pair_candidate, score, uses, caps)
    same = (np.diff(instance.pair_case) == 0) & (np.diff(instance.pair_candidate) == 0)
    if same.any():
        first = int(np.argmax(same))
        case, candidate = instance.pair_case[first], instance.pair_candidate[first]
        raise InvalidInstance(
            f"pairs: the case {_shown(instance.case_ids[case])} and the candidate "
            f"{_shown(instance.candidate_ids[candidate])} are paired more than once"
        )
    return instance


_Columned = tuple[Int64s, Int64s, Int64s, list[list[int]], str]
"""Case and candidate of each pair as places in the file, score, uses, and how an error names the uses of pair {}."""


def _rows(raw: msgspec.Raw, cases: dict[str, int], candidates: dict[str, int]) -> _Columned:
    """Read pairs given as a list of objects."""
    pairs = _decode(raw, list[_Pair], "pairs")
    for at, pair in enumerate(pairs):
        if pair.case not in cases:
            raise InvalidInstance(f"pairs[{at}].case: there is no case {_shown(pair.case)}")
        if pair.candidate not in candidates:
            raise InvalidInstance(f"pairs[{at}].candidate: there is no candidate {_shown(pair.candidate)}")
    return (
        np.array([cases[pair.case] for pair in pairs], np.int64),
        np.array([candidates[pair.candidate] for pair in pairs], np.int64),
        _numbers([pair.score for pair in pairs], "pairs[{}].score", least=-LARGEST),
        [pair.uses for pair in pairs],
        "pairs[{}].uses",
    )


def _columns(raw: msgspec.Raw, cases: int, candidates: int) -> _Columned:
    """Read pairs given as parallel arrays, one after another, so that millions fit into memory."""
    columns = _decode(raw, _Columns, "pairs")
    pair_case = _indexes(columns.case, "pairs.case", cases, "cases")
    pair_candidate = _indexes(columns.candidate, "pairs.candidate", candidates, "candidates")
    score = _numbers(_decode(columns.score, list[int], "pairs.score"), "pairs.score[{}]", least=-LARGEST)
    uses = _decode(columns.uses, list[list[int]], "pairs.uses")
    for name, column in (("candidate", pair_candidate), ("score", score), ("uses", uses)):
        if len(column) != len(pair_case):
            raise InvalidInstance(f"pairs.{name} has {len(column)} entries, but pairs.case has {len(pair_case)}")
    return pair_case, pair_candidate, score, uses, "pairs.uses[{}]"


def _indexes(raw: msgspec.Raw, name: str, count: int, of: str) -> Int64s:
    indexes = _numbers(_decode(raw, list[int], name), name + "[{}]", least=-LARGEST)
    wrong = (indexes < 0) | (indexes >= count)
    if wrong.any():
        at = int(np.argmax(wrong))
        raise InvalidInstance(f"{name}[{at}] is {indexes[at]}, but there are {count} {of}, counted from 0")
    return indexes


def _capacities(candidates: Sequence[_Candidate]) -> tuple[Int64s, Int64s]:
    """Capacities as a table, zeros after a candidate's last dimension, and how many each has."""
    dimensions = np.array([len(candidate.capacity) for candidate in candidates], np.int64)
    table = np.zeros((len(candidates), int(dimensions.max(initial=0))), np.int64)
    flat = [min(number, NO_LIMIT) for candidate in candidates for number in candidate.capacity]
    ends = np.cumsum(dimensions)
    for at, number in enumerate(flat):
        if number < 0:
            row = int(np.searchsorted(ends, at, side="right"))
            column = at - int(ends[row] - dimensions[row])
            raise InvalidInstance(f"candidates[{row}].capacity[{column}] is negative")
    table[np.arange(table.shape[1]) < dimensions[:, None]] = flat
    return table, dimensions


def _uses(uses: list[list[int]], expected: Int64s, dimensions: int, where: str) -> Int64s:
    """Uses as a table of as many columns as the longest capacity."""
    lengths = np.fromiter(map(len, uses), np.int64, len(uses))
    wrong = lengths != expected
    if wrong.any():
        at = int(np.argmax(wrong))
        numbers = "1 number" if lengths[at] == 1 else f"{lengths[at]} numbers"
        raise InvalidInstance(f"{where.format(at)} has {numbers}, but the candidate has {expected[at]} capacities")
    table = np.zeros((len(uses), dimensions), np.int64)
    try:
        flat = np.fromiter(chain.from_iterable(uses), np.int64, int(lengths.sum()))
    except OverflowError:
        flat = np.fromiter((max(-1, min(n, LARGEST + 1)) for row in uses for n in row), np.int64, int(lengths.sum()))
    table[np.arange(dimensions) < lengths[:, None]] = flat
    wrong = ((table < 0) | (table > LARGEST)).any(axis=1)
    if wrong.any():
        at = int(np.argmax(wrong))
        what = "holds a negative number" if (table[at] < 0).any() else f"holds a number above {LARGEST}"
        raise InvalidInstance(f"{where.format(at)} {what}")
    return table


def _group_caps(caps: dict[str, int], groups: set[str | None]) -> dict[str, int]:
    for group, cap in caps.items():
        if group not in groups:
            raise InvalidInstance(f"group_caps: no candidate is in the group {_shown(group)}")
        if cap < 0:
            raise InvalidInstance(f"group_caps: the cap of {_shown(group)} is negative")
    return {group: min(cap, NO_LIMIT) for group, cap in caps.items()}


def _places(ids: list[str], name: str) -> dict[str, int]:
    places = {id_: at for at, id_ in enumerate(ids)}
    if len(places) < len(ids):
        at = next(at for at, id_ in enumerate(ids) if places[id_] != at)
        raise InvalidInstance(f"{name}[{at}] and {name}[{places[ids[at]]}] have the same id {_shown(ids[at])}")
    return places


def _numbers(numbers: list[int], where: str, *, least: int) -> Int64s:
    """Whole numbers from `least` to `LARGEST` as an array."""
    try:
        array = np.array(numbers, np.int64)
    except OverflowError:
        array = np.array([max(-LARGEST - 1, min(number, LARGEST + 1)) for number in numbers], np.int64)
    wrong = (array < least) | (array > LARGEST)
    if wrong.any():
        at = int(np.argmax(wrong))
        what = "is negative" if least == 0 and array[at] < 0 else f"is beyond {'-' if array[at] < 0 else ''}{LARGEST}"
        raise InvalidInstance(f"{where.format(at)} {what}")
    return array


def _decode(content: bytes | msgspec.Raw, kind: type[T], name: str) -> T:
    """Decode JSON, in words of ours where it is wrong; `name` is where the part stands in the document."""
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.ValidationError as error:
        text, _, path = str(error).partition(" - at ")
        path = (name + path.strip("`").removeprefix("$")).removeprefix(".")
        text = _NAMES.sub(_kinds, text)
        text = text.replace("Object missing required field", "there is no field")
        raise InvalidInstance(f"{path or 'the input'}: {text[0].lower()}{text[1:]}") from error
    except msgspec.DecodeError as error:
        reason = str(error).removeprefix("JSON is malformed: ")
        raise InvalidInstance(f"the input is not JSON: {reason[0].lower()}{reason[1:]}") from error
    except UnicodeDecodeError as error:
        raise InvalidInstance("the input is not UTF-8") from error
    except RecursionError as error:
        raise InvalidInstance("the input is nested too deeply") from error


def _kinds(found: "re.Match[str]") -> str:
    """Say what `int` or `str | null` is; a name of a field stays as it is."""
    names = found[1].split(" | ")
    return " or ".join(_KINDS[name] for name in names) if set(names) <= _KINDS.keys() else found[0]


def _shown(text: str) -> str:
    """An id in quotes, on one line, not too long."""
    return repr(text if len(text) <= 60 else f"{text[:57]}...")
