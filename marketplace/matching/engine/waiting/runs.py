"""Everything a run depends on, in one canonical form: to store, to hand to a job, to repeat for ever.

The form is JSON with sorted keys and rows in the order of their ids, compressed. Two lists that differ only in the
order of rows give the same bytes and the same fingerprint.
"""

import zlib
from collections.abc import Iterable
from hashlib import sha256

import msgspec

from marketplace.matching.engine.candidates import CandidateTable
from marketplace.matching.engine.canonical import encoded, written
from marketplace.matching.engine.model import ENGINE, Candidate, Case, Weights
from marketplace.matching.engine.waiting.outcome import FORMAT, PLAIN, Options, Pin, Veto

_LEVEL = 6
_LARGEST = 1 << 31  # Bytes after unpacking: a stored blob cannot fill the memory.


class RunInputs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Inputs of one run or of one shard of it."""

    format: str
    engine: str
    cases: tuple[Case, ...]
    candidates: tuple[Candidate, ...]
    weights: Weights
    salt: str
    options: Options
    pins: tuple[Pin, ...] = ()
    vetoes: tuple[Veto, ...] = ()

    def table(self) -> CandidateTable:
        """The candidates as columns."""
        return CandidateTable.from_candidates(self.candidates)

    def fingerprint(self) -> str:
        """Fingerprint of these inputs, as the proposal made from them has it."""
        return fingerprint(self.cases, self.table(), self.weights, self.salt, self.options, self.pins, self.vetoes)


def run_inputs(
    cases: Iterable[Case],
    candidates: Iterable[Candidate],
    weights: Weights,
    *,
    salt: str,
    options: Options = PLAIN,
    pins: Iterable[Pin] = (),
    vetoes: Iterable[Veto] = (),
) -> RunInputs:
    """Put inputs into their order."""
    return RunInputs(
        format=FORMAT,
        engine=ENGINE,
        cases=tuple(sorted(cases, key=lambda case: case.id)),
        candidates=tuple(sorted(candidates, key=lambda candidate: candidate.id)),
        weights=weights,
        salt=salt,
        options=options,
        pins=_pins(pins),
        vetoes=_vetoes(vetoes),
    )


def dump_run_inputs(inputs: RunInputs) -> bytes:
    """Give inputs as compressed bytes: the same for the same inputs."""
    return zlib.compress(encoded(inputs), _LEVEL)


def load_run_inputs(stored: bytes) -> RunInputs:
    """Read what `dump_run_inputs` gave.

    Raises:
        ValueError: The bytes are damaged, or another version of the engine wrote them.
    """
    try:
        unpacking = zlib.decompressobj()
        plain = unpacking.decompress(stored, _LARGEST)
    except zlib.error as error:
        raise ValueError("the stored inputs are damaged") from error
    if not unpacking.eof:
        raise ValueError("the stored inputs are damaged or too large")
    inputs = msgspec.json.decode(plain, type=RunInputs)
    if (inputs.format, inputs.engine) != (FORMAT, ENGINE):
        raise ValueError(f"inputs of {inputs.format} with {inputs.engine} cannot be run by {FORMAT} with {ENGINE}")
    return inputs


def fingerprint(
    cases: Iterable[Case],
    table: CandidateTable,
    weights: Weights,
    salt: str,
    options: Options,
    pins: Iterable[Pin],
    vetoes: Iterable[Veto],
) -> str:
    """SHA-256, in hex, of all inputs, whatever the order of rows.

    `options.k` is left out: it changes the seconds, not the answer.
    """
    form = {
        "format": FORMAT,
        "engine": ENGINE,
        "cases": sha256(b"".join(sorted(sha256(encoded(written(case))).digest() for case in cases))).hexdigest(),
        "candidates": table.fingerprint(),
        "weights": written(weights),
        "salt": salt,
        "options": msgspec.structs.replace(options, k=1),
        "pins": _pins(pins),
        "vetoes": _vetoes(vetoes),
    }
    return sha256(encoded(form)).hexdigest()


def _pins(pins: Iterable[Pin]) -> tuple[Pin, ...]:
    return tuple(sorted(pins, key=lambda pin: pin.case_id))


def _vetoes(vetoes: Iterable[Veto]) -> tuple[Veto, ...]:
    return tuple(sorted(vetoes, key=lambda veto: (veto.case_id, veto.candidate_id)))
