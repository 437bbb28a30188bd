"""JSON for property-based tests of borders: any JSON at all, and JSON that nearly fits a schema.

Owns: hypothesis strategies. Not here: what is sent where (`test_any_json`).
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from support.bounded import Schema, at

Json = st.SearchStrategy[Any]

ODD_TEXTS = (
    *("\0", "a\0b", "\ud800", "x\udfff", "\ufffd", "\u202e", "", " ", "..", "../../etc/passwd", "a" * 300, "ä" * 5000),
    *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "0001-01-01", "9999-12-31", "1e999", "NaN"),
)
DAYS = ("2026-06-01", "0001-01-01", "9999-12-31")
ODD_NUMBERS = (-1, 0, 2**31, 2**63 - 1, 2**63, 10**30, -(2**63) - 1, 1e308, 5e-324, float("nan"), float("inf"))
WITH_SURROGATES = st.text(st.characters(exclude_categories=()), max_size=20)


def any_text(known: tuple[str, ...] = ()) -> st.SearchStrategy[str]:
    """Any text that a JSON string can hold, including lone surrogates, and often a meaningful one."""
    return st.sampled_from((*known, *ODD_TEXTS)) | WITH_SURROGATES


def any_json(known: tuple[str, ...] = ()) -> Json:
    """Any JSON without deep nesting."""
    numbers = st.sampled_from(ODD_NUMBERS) | st.integers() | st.floats()
    leaves = st.none() | st.booleans() | numbers | any_text(known)
    names = st.sampled_from(known or ("type",)) | WITH_SURROGATES
    return st.recursive(leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4))


def nearly(schema: Schema, whole: Schema, known: tuple[str, ...]) -> Json:
    """Data that fits the schema, with some parts replaced by anything. Texts are often taken from `known`."""
    anything = any_json(known)

    def of(one: Schema) -> Json:
        one = at(whole, one["$ref"]) if "$ref" in one else one
        choices = one.get("oneOf") or one.get("anyOf")
        if choices:
            return st.one_of([of(choice) for choice in choices])
        return _mostly(usual(one), any_text(known) if one.get("type") == "string" else anything)

    def usual(one: Schema) -> Json:
        if "const" in one or "enum" in one:
            return st.sampled_from(one.get("enum") or [one["const"]])
        texts = DAYS if one.get("format") == "date" else known
        return {
            "object": lambda: fields(one),
            "array": lambda: st.lists(of(one.get("items", {})), max_size=3),
            "string": lambda: st.sampled_from(texts),
            "integer": lambda: st.integers(0, 3),
            "number": lambda: st.floats(0, 3),
        }.get(one.get("type", ""), lambda: st.sampled_from([None, True]))()

    def fields(one: Schema) -> Json:
        required = set(one.get("required", ()))
        parts = {name: of(part) for name, part in one.get("properties", {}).items()}
        kept = {name: part for name, part in parts.items() if name in required or name == "type"}
        return st.fixed_dictionaries(kept, optional={name: parts[name] for name in parts.keys() - kept.keys()})

    return of(schema)


def _mostly(usual: Json, odd: Json) -> Json:
    return st.integers(0, 7).flatmap(lambda number: odd if number == 0 else usual)
