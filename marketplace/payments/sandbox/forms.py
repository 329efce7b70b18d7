"""Reads form-encoded bodies the way Stripe nests them: `a[b][0][c]=1`."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl

from marketplace.payments.sandbox.errors import invalid, missing

MAX_FIELDS = 1000
_KEY = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_PART = re.compile(r"\[([^\[\]]*)\]")


def read_form(text: str) -> dict[str, Any]:
    """Parse a query or body into nested dicts and lists of strings.

    Raises:
        ApiError: A key that cannot be read, or more than 1,000 fields.
    """
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict")
    except ValueError as error:
        raise invalid("The request body could not be read.") from error
    root: dict[str, Any] = {}
    for key, value in pairs:
        match = _KEY.fullmatch(key)
        if match is None:
            raise invalid(f"Invalid parameter name: {key[:40]}")
        _put(root, [match[1], *_PART.findall(match[2])], value, key)
    return {key: _with_lists(value) for key, value in root.items()}


def _put(target: dict[str, Any], path: list[str], value: str, key: str) -> None:
    for part in path[:-1]:
        target = target.setdefault(part or str(len(target)), {})
        if not isinstance(target, dict):
            raise invalid(f"Invalid parameter name: {key[:40]}")
    last = path[-1] or str(len(target))
    if isinstance(target.get(last), dict):
        raise invalid(f"Invalid parameter name: {key[:40]}")
    target[last] = value


def _with_lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if value and all(key.isdecimal() for key in value):
        return [_with_lists(value[key]) for key in sorted(value, key=int)]
    return {key: _with_lists(item) for key, item in value.items()}


def text_of(params: dict[str, Any], name: str, *, most: int = 5000) -> str | None:
    """An optional text; an empty one counts as absent."""
    value = params.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise invalid(f"Invalid string: {name}", param=name)
    if len(value) > most:
        raise invalid(f"Invalid string: must be at most {most} characters", param=name)
    return value


def needed_text(params: dict[str, Any], name: str) -> str:
    """A text that must be there."""
    value = text_of(params, name)
    if value is None:
        raise missing(name)
    return value


def whole_of(params: dict[str, Any], name: str, *, label: str | None = None) -> int | None:
    """An optional whole number."""
    value = params.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not re.fullmatch(r"-?[0-9]{1,18}", value):
        raise invalid(f"Invalid integer: {value}", param=label or name, code="parameter_invalid_integer")
    return int(value)


def metadata_of(params: dict[str, Any], label: str = "metadata") -> dict[str, str]:
    """The caller's own key-value pairs, within Stripe's limits (50 keys of 40, values of 500 characters)."""
    value = params.get("metadata") or {}
    if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
        raise invalid("Invalid hash", param=label)
    if len(value) > 50:
        raise invalid("Metadata can hold at most 50 keys", param=label)
    for key, item in value.items():
        if len(key) > 40 or len(item) > 500:
            raise invalid("Metadata keys hold at most 40 characters, values at most 500", param=label)
    return value


def merged_metadata(before: dict[str, str], changes: dict[str, str]) -> dict[str, str]:
    """Metadata after an update: given keys replace, empty values remove."""
    return {key: value for key, value in (before | changes).items() if value != ""}


def only_known(params: dict[str, Any], known: frozenset[str]) -> None:
    """Refuse parameters that the sandbox does not carry out, rather than ignore them."""
    for name in params:
        if name not in known and name != "expand":
            raise invalid(f"Received unknown parameter: {name}", param=name, code="parameter_unknown")
