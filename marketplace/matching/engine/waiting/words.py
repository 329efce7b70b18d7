"""How the findings of a run are written for a broker."""

from collections.abc import Iterable

_NAMED = 5


def list_of_ids(ids: Iterable[str]) -> str:
    """Write some ids, each once: "a, b and 3 more"."""
    ordered = sorted(set(ids))
    shown = ", ".join(ordered[:_NAMED])
    return f"{shown} and {len(ordered) - _NAMED} more" if len(ordered) > _NAMED else shown
