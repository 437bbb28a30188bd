"""Finds parts of a JSON schema without a bound: a text, list, table or number as large as the sender likes."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import FastAPI

Schema = Mapping[str, Any]

_NOTHING_TO_BOUND = {"boolean", "null"}
_PARTS = ("anyOf", "oneOf", "allOf", "prefixItems")


def openapi_of(app: FastAPI) -> Schema:
    """An application's API as OpenAPI. HEAD repeats GET, so the warning about that is ignored."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Duplicate Operation ID")
        return app.openapi()


def at(whole: Schema, reference: str) -> Schema:
    """The schema that a reference leads to."""
    found: Any = whole
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    return found


def unbounded(schema: Schema, whole: Schema, place: str = "", seen: frozenset[str] = frozenset()) -> Iterator[str]:
    """The places in a schema that have no bound. `whole`: the schema that its references lead into."""
    if "$ref" in schema:
        name = schema["$ref"]
        if name not in seen:
            yield from unbounded(at(whole, name), whole, place, seen | {name})
        return
    if "const" in schema or "enum" in schema:
        return
    parts = [part for key in _PARTS for part in schema.get(key, ())]
    for part in parts:
        yield from unbounded(part, whole, place, seen)
    match schema.get("type"):
        case None if parts:
            pass
        case "string":
            yield from () if _is_bounded_text(schema) else (f"{place}: a text",)
        case "integer" | "number":
            low = schema.keys() & {"minimum", "exclusiveMinimum"}
            high = schema.keys() & {"maximum", "exclusiveMaximum"}
            yield from () if low and high else (f"{place}: a number",)
        case "array":
            yield from () if "maxItems" in schema else (f"{place}: a list",)
            yield from unbounded(schema.get("items", {}), whole, f"{place}[]", seen)
        case "object":
            yield from _unbounded_in_object(schema, whole, place, seen)
        case kind if kind in _NOTHING_TO_BOUND:
            pass
        case _:
            yield f"{place}: anything"


def _unbounded_in_object(schema: Schema, whole: Schema, place: str, seen: frozenset[str]) -> Iterator[str]:
    for name, one in schema.get("properties", {}).items():
        yield from unbounded(one, whole, f"{place}.{name}", seen)
    by_pattern: dict[str, Schema] = schema.get("patternProperties", {})
    for pattern, one in by_pattern.items():
        if "maxProperties" not in schema or not _is_bounded_text({"pattern": pattern}):
            yield f"{place}: a table"
        yield from unbounded(one, whole, f"{place}{{}}", seen)
    more = schema.get("additionalProperties", "properties" not in schema and not by_pattern)
    if more is not False and not ("maxProperties" in schema and isinstance(more, dict)):
        yield f"{place}: a table"
    if isinstance(more, dict):
        yield from unbounded(more, whole, f"{place}{{}}", seen)


def _is_bounded_text(schema: Schema) -> bool:
    if "maxLength" in schema or schema.get("format") in ("date", "date-time"):
        return True
    pattern = schema.get("pattern")
    return pattern is not None and re._parser.parse(pattern).getwidth()[1] < 10_000  # type: ignore[attr-defined]
