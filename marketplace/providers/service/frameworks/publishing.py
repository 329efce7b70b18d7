"""Publishing a version, and what makes it certain that it stays as it was published."""

import hashlib
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec

from marketplace.providers.models import Criterion, FrameworkVersion, Lot

_OWN = frozenset({"id", "council_id", "version_id", "lot_id"})


def content_of(version: FrameworkVersion, lots: Sequence[Lot], criteria: Sequence[Criterion]) -> dict[str, Any]:
    """Return everything that a published version fixes, as plain values: codes and keys stand in for ids."""
    codes: dict[UUID | None, str] = {lot.id: lot.code for lot in lots}
    return {
        "number": version.number,
        "specification": version.specification,
        "agreement_terms": version.agreement_terms,
        "changes": version.changes,
        "lots": [_plain(lot) for lot in sorted(lots, key=lambda lot: (lot.position, lot.code))],
        "criteria": [
            {**_plain(one), "lot": codes.get(one.lot_id)}
            for one in sorted(criteria, key=lambda one: (one.position, one.key))
        ],
    }


def content_hash(version: FrameworkVersion, lots: Sequence[Lot], criteria: Sequence[Criterion]) -> bytes:
    """Return the SHA-256 over a version's content as canonical JSON."""
    return hashlib.sha256(msgspec.json.encode(content_of(version, lots, criteria), order="deterministic")).digest()


def _plain(row: Lot | Criterion) -> dict[str, Any]:
    values = row.to_dict(exclude=set(_OWN))
    return {name: value if isinstance(value, int | list) else str(value) for name, value in values.items()}
