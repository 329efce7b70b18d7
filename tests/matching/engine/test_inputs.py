"""Stored inputs give the stored ranking again: after JSON, in another process, under another hash seed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from marketplace.matching.engine import CandidateTable, Weights, dump_inputs, fingerprint, load_inputs, rank
from tests.matching.engine import makers
from tests.matching.engine.makers import accreditation, for_all, make_candidate, make_case

STORED = Path(__file__).parent / "stored_rankings.json"
"""Inputs and results as the engine stored them before it knew travel times, equipment, hours and the later parts."""

ROOT = Path(__file__).resolve().parents[3]
RANK_AGAIN = """
import json, sys, msgspec
from marketplace.matching.engine import CandidateTable, load_inputs, rank
inputs = load_inputs(json.load(sys.stdin))
table = CandidateTable.from_candidates(inputs.candidates)
sys.stdout.buffer.write(msgspec.json.encode(rank(inputs.case, table, inputs.weights, salt=inputs.salt)))
"""


@for_all(makers.cases, makers.candidate_lists, makers.weights, makers.salts)
def test_loaded_inputs_give_the_identical_ranking(case, candidates, weights, salt):
    stored = json.dumps(dump_inputs(case, candidates, weights, salt))

    inputs = load_inputs(json.loads(stored))
    again = rank(inputs.case, CandidateTable.from_candidates(inputs.candidates), inputs.weights, salt=inputs.salt)

    assert again == rank(case, CandidateTable.from_candidates(candidates), weights, salt=salt)
    assert dump_inputs(inputs.case, inputs.candidates, inputs.weights, inputs.salt) == json.loads(stored)


@pytest.mark.parametrize("hash_seed", ["0", "1", "4242"])
def test_another_process_gives_the_same_bytes_whatever_its_hash_seed(hash_seed):
    case = make_case(
        needs=frozenset(makers.NEEDS), interests=frozenset(makers.INTERESTS), wished_languages=frozenset({"pl", "ur"})
    )
    candidates = [
        make_candidate(
            f"worker-{number}",
            x_metres=makers.EAST + number % 4 * 9_000,
            specialisms=frozenset(makers.NEEDS[: number % 4]),
            interests=frozenset(makers.INTERESTS[number % 5 :]),
            languages=frozenset(makers.LANGUAGES[: number % 3]),
            conflicts=frozenset({"person-8", "person-9"}),
        )
        for number in range(24)
    ]
    here = msgspec.json.encode(rank(case, CandidateTable.from_candidates(candidates), salt="run-7"))

    answer = subprocess.run(
        [sys.executable, "-c", RANK_AGAIN],
        input=json.dumps(dump_inputs(case, candidates, Weights(), "run-7")).encode(),
        capture_output=True,
        check=True,
        cwd=ROOT,
        env=os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)},
    )

    assert answer.stdout == here


def test_any_change_of_an_input_changes_the_fingerprint():
    case, candidates, weights = make_case(), [make_candidate("ana"), make_candidate("ben")], Weights()
    replace = msgspec.structs.replace
    prints = {
        fingerprint(a_case, CandidateTable.from_candidates(some), a_weights, salt)
        for a_case, some, a_weights, salt in [
            (case, candidates, weights, ""),
            (case, candidates, weights, "salt"),
            (replace(case, start_day=case.start_day + 1), candidates, weights, ""),
            (case, candidates[:1], weights, ""),
            (case, [*candidates[:1], make_candidate("ben", open_cases=1)], weights, ""),
            (case, [*candidates[:1], make_candidate("ben", accreditations=(accreditation(until_day=1),))], weights, ""),
            (case, candidates, replace(weights, version="2027-02-01/other"), ""),
        ]
    }

    assert len(prints) == 7
    assert fingerprint(case, CandidateTable.from_candidates(candidates[::-1]), weights, "") in prints


def test_the_fingerprint_of_known_inputs_is_the_one_already_stored():
    table = CandidateTable.from_candidates([make_candidate("ana"), make_candidate("ben")])

    # It may change only together with the engine's version: stored rankings could not be proven any more.
    assert fingerprint(make_case(), table, Weights(), "run-1") == (
        "b4c1178152ebb00f1f9b5eb65401385e03bd83212f7ea3ecc1337d4473980ae8"
    )


@pytest.mark.parametrize("number", range(8))
def test_a_ranking_stored_by_the_first_engine_is_repeated_to_the_letter(number):
    stored = json.loads(STORED.read_text())[number]

    inputs = load_inputs(stored["inputs"])
    table = CandidateTable.from_candidates(inputs.candidates)
    again = rank(inputs.case, table, inputs.weights, limit=5, left_out_limit=6, salt=inputs.salt)

    assert msgspec.json.decode(msgspec.json.encode(again)) == stored["result"]
    assert again.fingerprint == stored["fingerprint"]
    assert dump_inputs(inputs.case, inputs.candidates, inputs.weights, inputs.salt) == stored["inputs"]


def test_a_whole_road_factor_has_one_fingerprint_however_it_was_written():
    table = CandidateTable.from_candidates([])

    assert fingerprint(make_case(road_factor=2), table, Weights(), "") == fingerprint(
        make_case(road_factor=2.0), table, Weights(), ""
    )


def test_inputs_of_another_engine_or_with_unknown_fields_are_refused():
    stored = dump_inputs(make_case(), [make_candidate()], Weights(), "")

    with pytest.raises(ValueError, match="marketplace-rank/0"):
        load_inputs(stored | {"format": "marketplace-rank/0"})
    with pytest.raises(ValueError, match="unknown field"):
        load_inputs(stored | {"extra": 1})
    with pytest.raises(ValueError, match="window_days"):
        load_inputs(stored | {"case": stored["case"] | {"window_days": 0}})
