"""One way to write a case, a candidate or the weights as JSON: equal facts give equal bytes, now and in years.

Keys and sets are sorted. A field that came after the first stored rankings (`LATER` of each struct) is written only
when it says something, so that what was stored before it still has the fingerprint it was stored with.
"""

from collections.abc import Iterable
from functools import cache
from typing import Any, Final

import msgspec

from marketplace.matching.engine.model import Candidate, Case, Weights

Told = Case | Candidate | Weights

_encoder: Final = msgspec.json.Encoder(order="sorted")


def written(told: Told) -> msgspec.Struct:
    """Give the fields that are written, ready for `encoded`.

    A struct of just these fields, because `to_builtins` with sorted keys takes five times as long, and a table of
    200,000 candidates is written out whole before its first fingerprint.
    """
    values = msgspec.structs.astuple(told)
    names, defaults = _fields(type(told))
    first = len(values) - len(defaults)
    if values[first:] == defaults:
        return _form(names[:first])(*values[:first])
    said = [place for place, default in enumerate(defaults, start=first) if values[place] != default]
    kept = (*range(first), *said)
    return _form(tuple(names[place] for place in kept))(*(values[place] for place in kept))


def encoded(value: Any) -> bytes:
    """Write a value as JSON with sorted keys."""
    return _encoder.encode(value)


def plain(told: Told) -> dict[str, Any]:
    """Give a struct as plain JSON values."""
    values: dict[str, Any] = msgspec.json.decode(encoded(written(told)))
    return values


@cache
def _fields(kind: type[Told]) -> tuple[tuple[str, ...], tuple[Any, ...]]:
    """Names of all fields, and the defaults of the later ones, which are the last."""
    fields = msgspec.structs.fields(kind)
    later = fields[len(fields) - len(kind.LATER) :]
    if {field.name for field in later} != set(kind.LATER):
        raise TypeError(f"the last fields of {kind.__name__} must be those of LATER")
    defaults = tuple(
        field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory() for field in later
    )
    return tuple(field.encode_name for field in fields), defaults


@cache
def _form(names: Iterable[str]) -> type[msgspec.Struct]:
    return msgspec.defstruct("Written", list(names))
