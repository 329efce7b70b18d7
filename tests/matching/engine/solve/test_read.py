"""Reading `marketplace-match/1`: both forms, and a line for everything that is wrong."""

import gc
import json
from typing import Any

import pytest

from marketplace.matching.engine.solve import InvalidInstance, read_instance, solve
from marketplace.matching.engine.solve.read import NO_LIMIT
from tests.matching.engine.solve.instances import compact, document, instance

GOOD = document(
    [("b", 1), ("a", 0)],
    [("y", [2, 3], "org"), ("x", [1], None)],
    [("b", "y", -5, [1, 2]), ("a", "y", 830, [0, 3]), ("a", "x", 7, [1])],
)


def test_rows_come_in_the_order_of_their_ids_in_both_forms():
    for read in (instance(GOOD), instance(compact(GOOD))):
        assert read.case_ids == ("a", "b")
        assert read.tiers.tolist() == [0, 1]
        assert read.candidate_ids == ("x", "y")
        assert read.capacity.tolist() == [[1, 0], [2, 3]]
        assert read.groups == (None, "org")
        assert list(zip(read.pair_case, read.pair_candidate, strict=True)) == [(0, 0), (0, 1), (1, 1)]
        assert read.score.tolist() == [7, 830, -5]
        assert read.uses.tolist() == [[1, 0], [0, 3], [1, 2]]


@pytest.mark.parametrize(
    "listed",
    [
        document([], [], []),
        document([], [("x", [1])], []),
        document([("a", 0)], [], []),
        document([("a", 0)], [("x", [1])], []),
        compact(document([("a", 0)], [("x", [1])], [])),
        document([("a", 0)], [("x", [])], []),
    ],
)
def test_empty_parts_have_an_empty_best_answer(listed: dict[str, Any]) -> None:
    found = solve(instance(listed))
    assert (found.status, found.assigned, found.score, found.gap) == ("optimal", 0, 0, 0.0)
    assert len(found.reasons) == len(listed["cases"])


def test_a_candidate_without_capacities_has_no_limit():
    pairs = [("a", "x", 1, []), ("b", "x", 1, [])]
    assert solve(instance(document([("a", 0), ("b", 0)], [("x", [])], pairs))).assigned == 2


def test_unknown_fields_and_a_byte_order_mark_are_passed_over():
    content = json.dumps(GOOD | {"made_by": [{"deep": 1.5}]}).encode()
    assert read_instance(b"\xef\xbb\xbf" + content).case_ids == ("a", "b")


def test_any_text_is_an_id():
    ids = ["", "a\x00b", "\u2028", "😀", "' or 1=1"]
    pairs = [(id_, "x", 1, [1]) for id_ in ids]
    found = instance(document([(id_, 0) for id_ in ids], [("x", [1])], pairs))
    assert found.case_ids == tuple(sorted(ids))


def test_a_capacity_beyond_all_numbers_is_no_limit():
    found = instance(document([("a", 0)], [("x", [10**19])], [("a", "x", 1, [10**12])]))
    assert found.capacity.tolist() == [[NO_LIMIT]]
    assert solve(found).assigned == 1


def changed(path: str, value: Any) -> dict[str, Any]:
    """The good input with one thing changed; `pop` as the value removes it."""
    copy: Any = json.loads(json.dumps(GOOD))
    at, parts = copy, path.split(".")
    for part in parts[:-1]:
        at = at[int(part) if part.isdigit() else part]
    last = int(parts[-1]) if parts[-1].isdigit() else parts[-1]
    if value == "pop":
        del at[last]
    else:
        at[last] = value
    return copy


@pytest.mark.parametrize(
    ("path", "wrong", "line"),
    [
        ("format", "marketplace-match/2", "format is 'marketplace-match/2', expected 'marketplace-match/1'"),
        ("format", "pop", "the input: there is no field `format`"),
        ("format", 1, "format: expected text, got a whole number"),
        ("cases", "pop", "the input: there is no field `cases`"),
        ("cases", {}, "cases: expected a list, got an object"),
        ("cases", [1], "cases[0]: expected an object, got a whole number"),
        ("cases", [{"id": "a", "tier": 0}, {"id": "a", "tier": 1}], "cases[0] and cases[1] have the same id 'a'"),
        ("cases.1.id", 7, "cases[1].id: expected text, got a whole number"),
        ("cases.1.id", "pop", "cases[1]: there is no field `id`"),
        ("cases.0.tier", "pop", "cases[0]: there is no field `tier`"),
        ("cases.0.tier", -1, "cases[0].tier is negative"),
        ("cases.0.tier", 1.0, "cases[0].tier: expected a whole number, got a number with a fraction or exponent"),
        ("cases.0.tier", True, "cases[0].tier: expected a whole number, got true or false"),
        ("cases.0.tier", None, "cases[0].tier: expected a whole number, got null"),
        ("cases.0.tier", 10**13, "cases[0].tier is beyond 1000000000000"),
        ("candidates", None, "candidates: expected a list, got null"),
        ("candidates.0.id", "x", "candidates[0] and candidates[1] have the same id 'x'"),
        ("candidates.0.capacity", 3, "candidates[0].capacity: expected a list, got a whole number"),
        ("candidates.0.capacity.1", -1, "candidates[0].capacity[1] is negative"),
        ("candidates.1.capacity.0", -(10**30), "candidates[1].capacity[0] is negative"),
        (
            "candidates.0.capacity.1",
            2.5,
            "candidates[0].capacity[1]: expected a whole number, got a number with a fraction or exponent",
        ),
        ("candidates.0.group", 4, "candidates[0].group: expected text or null, got a whole number"),
        ("pairs", 5, "pairs: expected a list, got a whole number"),
        ("group_caps", {"org": -1}, "group_caps: the cap of 'org' is negative"),
        ("group_caps", {"other": 1}, "group_caps: no candidate is in the group 'other'"),
    ],
)
def test_a_wrong_part_is_named_in_a_line(path: str, wrong: Any, line: str) -> None:
    refuses(changed(path, wrong), line)


@pytest.mark.parametrize(
    ("field", "wrong", "line"),
    [
        ("case", "z", "pairs[1].case: there is no case 'z'"),
        ("candidate", "z" * 99, f"pairs[1].candidate: there is no candidate '{'z' * 57}...'"),
        ("candidate", "a\nb", "pairs[1].candidate: there is no candidate 'a\\nb'"),
        ("score", "830", "pairs[1].score: expected a whole number, got text"),
        ("score", 0.5, "pairs[1].score: expected a whole number, got a number with a fraction or exponent"),
        ("score", 10**12 + 1, "pairs[1].score is beyond 1000000000000"),
        ("score", -(10**400), "pairs[1].score is beyond -1000000000000"),
        ("uses", [1], "pairs[1].uses has 1 number, but the candidate has 2 capacities"),
        ("uses", [1, 2, 3], "pairs[1].uses has 3 numbers, but the candidate has 2 capacities"),
        ("uses", [1, -2], "pairs[1].uses holds a negative number"),
        ("uses", [1, 10**30], "pairs[1].uses holds a number above 1000000000000"),
        ("uses", [1, False], "pairs[1].uses[1]: expected a whole number, got true or false"),
    ],
)
def test_a_wrong_pair_is_named_in_a_line(field: str, wrong: Any, line: str) -> None:
    copy = json.loads(json.dumps(GOOD))
    copy["pairs"][1][field] = wrong
    refuses(copy, line)


@pytest.mark.parametrize(
    ("field", "wrong", "line"),
    [
        ("case", [0, 1], "pairs.candidate has 3 entries, but pairs.case has 2"),
        ("score", [1], "pairs.score has 1 entries, but pairs.case has 3"),
        ("uses", [[1, 1], [1, 1], [1], [1]], "pairs.uses has 4 entries, but pairs.case has 3"),
        ("uses", [[1, 1], [1], [1]], "pairs.uses[1] has 1 number, but the candidate has 2 capacities"),
        ("case", [0, 1, 2], "pairs.case[2] is 2, but there are 2 cases, counted from 0"),
        ("case", [0, -1, 1], "pairs.case[1] is -1, but there are 2 cases, counted from 0"),
        ("candidate", [9, 0, 1], "pairs.candidate[0] is 9, but there are 2 candidates, counted from 0"),
        ("case", ["b", "a", "a"], "pairs.case[0]: expected a whole number, got text"),
        ("score", 4, "pairs.score: expected a list, got a whole number"),
        ("candidate", [0, 0, 0], None),
    ],
)
def test_a_wrong_column_is_named_in_a_line(field: str, wrong: Any, line: str | None) -> None:
    copy = json.loads(json.dumps(compact(GOOD)))
    copy["pairs"][field] = wrong
    if line is None:
        copy["pairs"]["uses"] = [[1, 1]] * 3
        line = "pairs: the case 'a' and the candidate 'y' are paired more than once"
    refuses(copy, line)


def test_a_pair_given_twice_is_refused():
    copy = json.loads(json.dumps(GOOD))
    copy["pairs"].append(dict(copy["pairs"][1], score=1))
    refuses(copy, "pairs: the case 'a' and the candidate 'y' are paired more than once")


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"", "the input is empty"),
        (b" \n", "the input is empty"),
        (b"{", "the input is not JSON: input data was truncated"),
        (b'{"format": "marketplace-match/1", "cases": [', "the input is not JSON: input data was truncated"),
        (b"[]", "the input: expected an object, got a list"),
        (b"null", "the input: expected an object, got null"),
        (b"\x00", "the input is not JSON: invalid character (byte 0)"),
        (b'{"format": "\x00"}', "the input is not JSON: invalid character (byte 12)"),
        (b'{"format": NaN}', "the input is not JSON: invalid character (byte 11)"),
        (b'{"format": "\xff"}', "the input is not UTF-8"),
        ('{"format": ""}'.encode("utf-16"), "the input is not JSON: invalid character (byte 0)"),
        (b'{"more": ' + b"[" * 200_000, "the input is nested too deeply"),
        (
            b'{"format": "\\ud800", "more": "a lone surrogate"}',
            "the input is not JSON: unexpected end of escaped utf-16 surrogate pair (byte 18)",
        ),
    ],
)
def test_what_is_no_json_is_refused_in_a_line(content: bytes, line: str) -> None:
    with pytest.raises(InvalidInstance) as refused:
        read_instance(content)
    assert str(refused.value) == line


def refuses(listed: dict[str, Any], line: str) -> None:
    with pytest.raises(InvalidInstance) as refused:
        instance(listed)
    assert str(refused.value) == line
    assert gc.isenabled()
