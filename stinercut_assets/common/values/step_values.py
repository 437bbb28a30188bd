"""The JSON in which a step's value is kept for the steps after it: its kind, the version of that kind, and its fields.

Owns: `ValueKind` and `StepValues`, which write and read such JSON, also that of older versions. Not here: which kinds
exist (`step_kinds` of each domain), files (`kept_outputs`), the pickles of the previous release (`pickled_values`).

JSON instead of pickles, so that a run that began before an update can be resumed after it, even if modules and classes
were renamed, and so that reading a value never runs code that somebody wrote into it.
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
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message
from stinercut.language.setup_codes import SetupCode
from stinercut_assets.common.values.pickled_values import is_pickle, read_pickle

_PLAIN, _LIST = "plain", "list"
_PLAIN_TYPES: Final = frozenset({str, int, float, bool, type(None)})

AGAIN: Final = Message.of(SetupCode.RUN_STEP_AGAIN_IN_DAGSTER)


class UnreadableValue(StinercutError):
    """A value that a step has kept for the next one can't be read."""

    code = "UNREADABLE_VALUE"


@dataclass(frozen=True)
class ValueKind:
    """A kind of value that steps hand on: the name it is written under, and the type that it is read as.

    Raise `version` with each change that old JSON doesn't fit. `upgrades` then turns the fields of an older version
    into those of the next, by the older version's number. A new field with a default needs neither.
    """

    name: str
    version: int
    type: type[Any]
    upgrades: Mapping[int, Callable[[Any], Any]] = field(default_factory=dict[int, Callable[[Any], Any]])

    @cached_property
    def adapter(self) -> TypeAdapter[Any]:
        """Turns values of this kind into JSON and back."""
        return TypeAdapter(self.type)

    def upgraded(self, fields: Any, version: int) -> Any:
        """The fields in the form of this version. Raises UnreadableValue where an upgrade is missing."""
        while version != self.version:
            if version not in self.upgrades:
                raise _unknown(self.name, version)
            fields, version = self.upgrades[version](fields), version + 1
        return fields


@dataclass(frozen=True)
class StepValues:
    """All kinds of values that steps hand on. Plain text, numbers and None, and lists of all these, need no kind."""

    kinds: Sequence[ValueKind]

    @cached_property
    def _by_type(self) -> dict[type[Any], ValueKind]:
        return {kind.type: kind for kind in self.kinds}

    @cached_property
    def _by_name(self) -> dict[str, ValueKind]:
        return {kind.name: kind for kind in self.kinds}

    def encode(self, value: object) -> bytes:
        """The value as JSON. Raises TypeError for a value that JSON would change."""
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
        """The value in this content: JSON, or a pickle of the previous release. Raises UnreadableValue."""
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
            return {"kind": _LIST, "version": 1, "value": [self._envelope(item) for item in cast(list[object], value)]}
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
                return [self._opened(item) for item in items]
            case {"kind": str(name), "version": int(version), "value": fields}:
                kind = self._by_name.get(name)
                if kind is None:
                    raise _unknown(name, version)
                return kind.adapter.validate_json(json.dumps(kind.upgraded(fields, version)))
            case _:
                raise ValueError("it has no kind, version and value")

    def _of_pickle(self, value: Any) -> Any:
        """The value that `read_pickle` gave: plain, or made of a kind's name and the fields of its version 1."""
        if isinstance(value, list):
            return [self._of_pickle(item) for item in cast(list[Any], value)]
        if not isinstance(value, tuple):
            return value
        name, fields = cast(tuple[str, Any], value)
        kind = self._by_name[name]
        try:
            return kind.adapter.validate_python(kind.upgraded(fields, 1), by_alias=True, by_name=True)
        except ValidationError as refused:
            raise _damaged(refused) from refused


def _is_plain(value: object) -> bool:
    if isinstance(value, list):
        return all(type(item) in _PLAIN_TYPES for item in cast(list[object], value))
    return type(value) in _PLAIN_TYPES


def _name(value: object) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"


def _unknown(name: str, version: int) -> UnreadableValue:
    what = Message.of(MessageCode.KEPT_VALUE_UNKNOWN, name=name, version=version)
    return UnreadableValue(what, advice=AGAIN)


def _damaged(refused: Exception) -> UnreadableValue:
    return UnreadableValue(Message.of(MessageCode.KEPT_VALUE_UNREADABLE, why=str(refused)), advice=AGAIN)
