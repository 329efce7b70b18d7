"""The inputs of a ranking in one canonical form: to store, to load again, and to prove that nothing was changed.

The form is JSON with sorted keys; sets are sorted lists and candidates are sorted by id, so the order in which they
were read plays no part. Ranking loaded inputs gives the stored ranking, in another process and on another machine.
"""

from collections.abc import Iterable
from hashlib import sha256
from typing import Any

import msgspec

from marketplace.matching.engine.candidates import CandidateTable
from marketplace.matching.engine.canonical import encoded, plain, written
from marketplace.matching.engine.model import ENGINE, Candidate, Case, Weights


class Inputs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything a ranking depends on."""

    format: str
    case: Case
    weights: Weights
    salt: str
    candidates: tuple[Candidate, ...]


def dump_inputs(case: Case, candidates: Iterable[Candidate], weights: Weights, salt: str) -> dict[str, Any]:
    """Give the inputs as plain JSON values."""
    ordered = sorted(candidates, key=lambda candidate: candidate.id)
    return {
        "format": ENGINE,
        "case": plain(case),
        "weights": plain(weights),
        "salt": salt,
        "candidates": [plain(candidate) for candidate in ordered],
    }


def load_inputs(stored: dict[str, Any]) -> Inputs:
    """Read what `dump_inputs` gave, or the same after a way through JSON.

    Raises:
        ValueError: Another version of the engine wrote it, or a field is missing, unknown or out of range.
    """
    if stored.get("format") != ENGINE:
        raise ValueError(f"inputs of {stored.get('format')!r} cannot be ranked by {ENGINE}")
    return msgspec.convert(stored, Inputs)


def fingerprint(case: Case, table: CandidateTable, weights: Weights, salt: str) -> str:
    """SHA-256, in hex, of the engine's version, the case, the weights, the salt and every candidate.

    The candidates go in as the sorted SHA-256 of each, which the table keeps up to date: thousands of them are not
    written out again for every case.
    """
    form = {
        "engine": ENGINE,
        "case": written(case),
        "weights": written(weights),
        "salt": salt,
        "candidates": table.fingerprint(),
    }
    return sha256(encoded(form)).hexdigest()
