"""Filters in Meilisearch's language: `=`, `!=`, `IN [...]`, `NOT`, `AND`, `OR`, brackets, `_geoRadius` and lists."""

import json
import math
import re
from collections.abc import Callable
from typing import Any

Passes = Callable[[dict[str, Any]], bool]

_TOKEN = re.compile(r'\s*("(?:\\.|[^"\\])*"|[\[\](),]|!=|=|[^\s\[\](),"=!]+)')


class FilterError(Exception):
    """A filter that the server would refuse."""


def compile_filter(expression: Any, filterable: list[str]) -> Passes:
    """Read a filter: None, a text, or a list (all must pass) of texts and lists (one must pass)."""
    if expression is None:
        return lambda document: True
    if isinstance(expression, str):
        return _Parser(expression, filterable).whole()
    parts: list[Passes] = []
    for part in expression:
        if isinstance(part, list):
            choices = [compile_filter(choice, filterable) for choice in part]
            parts.append(lambda document, choices=choices: any(choice(document) for choice in choices))
        else:
            parts.append(compile_filter(part, filterable))
    return lambda document: all(part(document) for part in parts)


def distance_metres(lat: float, lon: float, other_lat: float, other_lon: float) -> float:
    """Great-circle distance."""
    a, b = math.radians(lat), math.radians(other_lat)
    across = math.sin((b - a) / 2) ** 2 + math.cos(a) * math.cos(b) * math.sin(math.radians(other_lon - lon) / 2) ** 2
    return 2 * 6_371_008.8 * math.asin(math.sqrt(across))


class _Parser:
    def __init__(self, text: str, filterable: list[str]) -> None:
        self.filterable = filterable
        self.tokens: list[str] = []
        position = 0
        while position < len(text.rstrip()):
            match = _TOKEN.match(text, position)
            if match is None:
                raise FilterError(f"Cannot read the filter at {text[position : position + 20]!r}.")
            self.tokens.append(match[1])
            position = match.end()
        self.at = 0

    def whole(self) -> Passes:
        passes = self.any_of()
        if self.at < len(self.tokens):
            raise FilterError(f"Unexpected {self.tokens[self.at]!r}.")
        return passes

    def any_of(self) -> Passes:
        parts = [self.all_of()]
        while self.takes("OR"):
            parts.append(self.all_of())
        return lambda document: any(part(document) for part in parts)

    def all_of(self) -> Passes:
        parts = [self.one()]
        while self.takes("AND"):
            parts.append(self.one())
        return lambda document: all(part(document) for part in parts)

    def one(self) -> Passes:
        if self.takes("NOT"):
            inner = self.one()
            return lambda document: not inner(document)
        if self.takes("("):
            inner = self.any_of()
            self.expect(")")
            return inner
        name = self.next()
        if name == "_geoRadius":
            return self.geo_radius()
        if name not in self.filterable:
            raise FilterError(f"Attribute `{name}` is not filterable.")
        operator = self.next()
        if operator == "IN":
            self.expect("[")
            values = set()
            while not self.takes("]"):
                values.add(self.value())
                self.takes(",")
            return lambda document: not values.isdisjoint(_folded(document.get(name)))
        value = self.value()
        if operator == "=":
            return lambda document: value in _folded(document.get(name))
        if operator == "!=":
            return lambda document: value not in _folded(document.get(name))
        raise FilterError(f"Unknown operator {operator!r}.")

    def geo_radius(self) -> Passes:
        if "_geo" not in self.filterable:
            raise FilterError("Attribute `_geo` is not filterable.")
        numbers: list[float] = []
        self.expect("(")
        while not self.takes(")"):
            numbers.append(float(self.next()))
            self.takes(",")
        lat, lon, radius = numbers

        def passes(document: dict[str, Any]) -> bool:
            place = document.get("_geo")
            return place is not None and distance_metres(lat, lon, place["lat"], place["lng"]) <= radius

        return passes

    def value(self) -> str:
        token = self.next()
        return (json.loads(token) if token.startswith('"') else token).lower()

    def next(self) -> str:
        if self.at >= len(self.tokens):
            raise FilterError("The filter ends too early.")
        self.at += 1
        return self.tokens[self.at - 1]

    def takes(self, token: str) -> bool:
        if self.at < len(self.tokens) and self.tokens[self.at] == token:
            self.at += 1
            return True
        return False

    def expect(self, token: str) -> None:
        if not self.takes(token):
            raise FilterError(f"Expected {token!r}.")


def _folded(value: Any) -> set[str]:
    """Values of an attribute as the server compares them, without case."""
    return {str(v).lower() for v in (value if isinstance(value, list) else [] if value is None else [value])}
