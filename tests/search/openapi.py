"""Checks requests against the published description of Meilisearch's API, where that is beside the project."""

import lzma
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

FILE = "shared/data/specs/meilisearch/meilisearch_openapi_1.53.0.json.xz"

Request = tuple[str, str, dict[str, str], Any]
"""Method, path, query parameters and body."""

KINDS: dict[str, Any] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "array": list,
    "object": dict,
    "null": type(None),
}


@lru_cache
def description() -> dict[str, Any] | None:
    """Read the description; None where it is not there."""
    for parent in Path(__file__).resolve().parents:
        if (parent / FILE).exists():
            found: dict[str, Any] = msgspec.json.decode(lzma.decompress((parent / FILE).read_bytes()))
            return found
    return None


def misfits(requests: list[Request]) -> list[str]:
    """Say what the description does not know or does not allow: paths, methods, parameters, bodies."""
    known = description()
    if known is None:
        return []
    return sorted({problem for request in requests for problem in Checker(known).request(*request)})


class Checker:
    """Compares with one description; knows as much of JSON Schema as that uses."""

    def __init__(self, description: dict[str, Any]) -> None:
        self.description = description

    def request(self, method: str, path: str, query: dict[str, str], body: Any) -> Iterator[str]:
        """Compare a request."""
        for template, methods in self.description["paths"].items():
            pattern = "[^/]+".join(map(re.escape, re.split(r"\{\w+\}", template)))
            if re.fullmatch(pattern, path) and method.lower() in methods:
                operation = methods[method.lower()]
                where = f"{method} {template}"
                yield from self.parameters(
                    [*methods.get("parameters", []), *operation.get("parameters", [])], query, where
                )
                content = operation.get("requestBody", {}).get("content", {}).get("application/json")
                if content is not None:
                    yield from self.value(content["schema"], body, where)
                elif body is not None:
                    yield f"{where} takes no body"
                return
        yield f"{method} {path} does not exist"

    def parameters(self, known: list[dict[str, Any]], query: dict[str, str], where: str) -> Iterator[str]:
        """Compare query parameters, which are texts on the wire."""
        by_name = {one["name"]: one for one in map(self.resolved, known) if one["in"] == "query"}
        for name, text in query.items():
            if name not in by_name:
                yield f"{where}?{name} is unknown"
                continue
            readings: list[Any] = [text]
            if re.fullmatch(r"-?\d+", text):
                readings.append(int(text))
            if text in ("true", "false"):
                readings.append(text == "true")
            schema = by_name[name].get("schema", {})
            tried = [list(self.value(schema, reading, f"{where}?{name}")) for reading in readings]
            yield from min(tried, key=len)
        for name, one in by_name.items():
            if one.get("required") and name not in query:
                yield f"{where}?{name} is missing"

    def value(self, schema: dict[str, Any], value: Any, where: str) -> Iterator[str]:
        """Compare a value with a schema."""
        schema = self.resolved(schema)
        if list(schema.get("properties", {})) == ["patterns"]:
            # Described as an object around a list; the server's manual and its clients send the list itself.
            schema = self.resolved(schema["properties"]["patterns"])
        for part in schema.get("allOf", []):
            yield from self.value(part, value, where)
        choices = schema.get("oneOf") or schema.get("anyOf")
        if choices:
            yield from min((list(self.value(choice, value, where)) for choice in choices), key=len)
        kinds = schema.get("type", [])
        kinds = [kinds] if isinstance(kinds, str) else kinds
        if kinds and not any(self.is_kind(value, kind) for kind in kinds):
            yield f"{where}: {value!r} is no {' or '.join(kinds)}"
            return
        if "enum" in schema and value not in schema["enum"] and value is not None:
            yield f"{where}: {value!r} is none of {schema['enum']}"
        if isinstance(value, int) and value < schema.get("minimum", value):
            yield f"{where}: {value} is below {schema['minimum']}"
        if isinstance(value, dict):
            yield from self.members(schema, value, where)
        if isinstance(value, list) and isinstance(schema.get("items"), dict):
            for inner in value:
                yield from self.value(schema["items"], inner, f"{where}[]")

    def members(self, schema: dict[str, Any], value: dict[str, Any], where: str) -> Iterator[str]:
        """Compare the members of an object."""
        known, others = schema.get("properties", {}), schema.get("additionalProperties", not schema.get("properties"))
        for name, inner in value.items():
            if name in known:
                yield from self.value(known[name], inner, f"{where}.{name}")
            elif isinstance(others, dict):
                yield from self.value(others, inner, f"{where}.*")
            elif not others:
                yield f"{where}.{name} is unknown"
        yield from (f"{where}.{name} is missing" for name in schema.get("required", []) if name not in value)

    def resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Follow references."""
        while "$ref" in schema:
            found: Any = self.description
            for name in schema["$ref"].removeprefix("#/").split("/"):
                found = found[name]
            schema = found
        return schema

    @staticmethod
    def is_kind(value: Any, kind: str) -> bool:
        """Whether a value is of a JSON type; a boolean is no number."""
        return isinstance(value, KINDS[kind]) and not (isinstance(value, bool) and kind in ("integer", "number"))
