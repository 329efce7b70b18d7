"""A fair and repeatable order among equals: a hash of stable ids and a published salt.

Row order, the machine and Python's own hash seed play no part. The salt and the case change who comes first, so
nobody is favoured always. Every step maps 64-bit numbers one to one, so candidates whose ids have different hashes
never tie again.

Source: matching.md 3.3; the mixing function is splitmix64 (Steele, Lea and Flood, OOPSLA 2014).
"""

from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

_MASK = (1 << 64) - 1
_STEP = 0x9E3779B97F4A7C15
_FIRST, _SECOND = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def stable_hash(text: str) -> int:
    """Hash an id to 64 bits: the first eight bytes, big-endian, of BLAKE2b (digest size 8) of its UTF-8 form."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


def splitmix64(value: int) -> int:
    """Mix a 64-bit number; one to one."""
    value = (value + _STEP) & _MASK
    value = ((value ^ (value >> 30)) * _FIRST) & _MASK
    value = ((value ^ (value >> 27)) * _SECOND) & _MASK
    return value ^ (value >> 31)


def tie_key(salt: str, case_id: str, candidate_id: str) -> int:
    """Place of a candidate among equals, lowest first: 64 bits from the salt, the case and the candidate."""
    return splitmix64(_seed(salt, case_id) ^ stable_hash(candidate_id))


def tie_keys(salt: str, case_id: str, candidate_hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """`tie_key` of many candidates, given the `stable_hash` of each."""
    value = candidate_hashes ^ np.uint64(_seed(salt, case_id))
    value += np.uint64(_STEP)  # Arrays wrap at 64 bits without a warning; that is wanted.
    value = (value ^ (value >> np.uint64(30))) * np.uint64(_FIRST)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(_SECOND)
    mixed: NDArray[np.uint64] = value ^ (value >> np.uint64(31))
    return mixed


def _seed(salt: str, case_id: str) -> int:
    return splitmix64(splitmix64(stable_hash(salt)) ^ stable_hash(case_id))
