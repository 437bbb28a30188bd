"""The JSON in which a step's value is kept for the steps after it: its kind, the version of that kind, and its fields.

Owns: `ValueKind` and `StepValues`, which write and read such JSON, that of older versions too. Not here: which kinds
there are (`step_kinds` of each domain), files (`kept_outputs`), the pickles of the release before (`pickled_values`).

JSON and no pickles: a run that began before an update is resumed after it, whatever modules and classes are called by
then, and reading a value never runs what somebody else wrote into it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, cast

from pydantic import JsonValue, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from stinercut.errors import StinercutError
from stinercut_assets.common.values.pickled_values import is_pickle, read_pickle

_PLAIN, _LIST = "plain", "list"
_PLAIN_TYPES: Final = frozenset({str, int, float, bool, type(None)})

AGAIN: Final = "Run the step that made it again: on Dagster's page, launch its asset for this partition, then the rest."


class UnreadableValue(StinercutError):
    """What a step has kept for the next one can't be read."""

    code = "UNREADABLE_VALUE"


@dataclass(frozen=True)
class ValueKind:
    """A kind of value that steps hand on: the name it is written under, and the type that it is read as.

    `version` goes up with each change that old JSON doesn't fit; `upgrades` then says how the fields of an older
    version become those of the next one, by the older version's number. A new field with a default needs neither.
    """

    name: str
    version: int
    type: type[Any]
    upgrades: Mapping[int, Callable[[Any], Any]] = field(default_factory=dict[int, Callable[[Any], Any]])

    @cached_property
    def adapter(self) -> TypeAdapter[Any]:
        """What turns its values into JSON and back."""
        return TypeAdapter(self.type)

    def upgraded(self, fields: Any, version: int) -> Any:
        """The fields as this version has them. Raises UnreadableValue where no upgrade leads to it."""
        while version != self.version:
            if version not in self.upgrades:
                raise _unknown(self.name, version)
            fields, version = self.upgrades[version](fields), version + 1
        return fields


@dataclass(frozen=True)
class StepValues:
    """All kinds of values that steps hand on; besides them plain text, numbers and None, and lists of all these."""

    kinds: Sequence[ValueKind]

    @cached_property
    def _by_type(self) -> dict[type[Any], ValueKind]:
        return {kind.type: kind for kind in self.kinds}

    @cached_property
    def _by_name(self) -> dict[str, ValueKind]:
        return {kind.name: kind for kind in self.kinds}

    def encode(self, value: object) -> bytes:
        """The value as JSON. Raises TypeError for one that would not come back as it is."""
        try:
            envelope = self._envelope(value)
            content = json.dumps(envelope, allow_nan=False).encode()
            again = self._envelope(self.decode(content))
        except (PydanticSerializationError, UnreadableValue, ValueError) as refused:
            raise TypeError(f"{_name(value)} can't be handed on as JSON: {refused}") from refused
        if again != envelope:
            raise TypeError(f"{_name(value)} comes back from its JSON as something else")
        return content

    def decode(self, content: bytes) -> Any:
        """The value that this content is: JSON, or a pickle of the release before. Raises UnreadableValue."""
        if is_pickle(content):
            return self._of_pickle(read_pickle(content))
        try:
            return self._opened(json.loads(content))
        except (ValueError, RecursionError) as refused:
            raise _damaged(refused) from refused

    def _envelope(self, value: object) -> dict[str, JsonValue]:
        if _is_plain(value):
            return {"kind": _PLAIN, "version": 1, "value": cast(JsonValue, value)}
        if isinstance(value, list):
            return {"kind": _LIST, "version": 1, "value": [self._envelope(one) for one in cast(list[object], value)]}
        kind = self._by_type.get(type(value))
        if kind is None:
            raise TypeError(f"{_name(value)} is no kind of value that steps hand on; name it among the step_kinds")
        fields = kind.adapter.dump_python(
            value, mode="json", by_alias=True, exclude_unset=True, round_trip=True, warnings="error"
        )
        return {"kind": kind.name, "version": kind.version, "value": fields}

    def _opened(self, envelope: Any) -> Any:
        match envelope:
            case {"kind": "plain", "version": 1, "value": value} if _is_plain(value):
                return value
            case {"kind": "list", "version": 1, "value": [*items]}:
                return [self._opened(one) for one in items]
            case {"kind": str(name), "version": int(version), "value": fields}:
                kind = self._by_name.get(name)
                if kind is None:
                    raise _unknown(name, version)
                return kind.adapter.validate_json(json.dumps(kind.upgraded(fields, version)))
            case _:
                raise ValueError("it has no kind, version and value")

    def _of_pickle(self, found: Any) -> Any:
        """A value out of a pickle: plain, or a pair of its kind's name and its fields, which are those of version 1."""
        if isinstance(found, list):
            return [self._of_pickle(one) for one in cast(list[Any], found)]
        if not isinstance(found, tuple):
            return found
        name, fields = cast(tuple[str, Any], found)
        kind = self._by_name[name]
        try:
            return kind.adapter.validate_python(kind.upgraded(fields, 1), by_alias=True, by_name=True)
        except ValidationError as refused:
            raise _damaged(refused) from refused


def _is_plain(value: object) -> bool:
    if isinstance(value, list):
        return all(type(one) in _PLAIN_TYPES for one in cast(list[object], value))
    return type(value) in _PLAIN_TYPES


def _name(value: object) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"


def _unknown(name: str, version: int) -> UnreadableValue:
    what = f"a step kept a value of the kind {name}, version {version}, which this version of Stinercut doesn't know"
    return UnreadableValue(what, advice=AGAIN)


def _damaged(refused: Exception) -> UnreadableValue:
    return UnreadableValue(f"what a step kept for the next one can't be read ({refused})", advice=AGAIN)
