"""Messages as a field of pydantic models and of step values: read from JSON and written as JSON, as in rows.

Owns: the type `Parts`. Not here: messages themselves (`messages`), columns of rows (`stinercut.catalog.row_messages`).
"""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias, cast

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from stinercut.language.messages import Message, from_json


def _read(said: object) -> tuple[Message, ...]:
    """Messages themselves, or messages as JSON."""
    if not isinstance(said, list | tuple):
        raise ValueError("must be a list of messages")
    return tuple(part if isinstance(part, Message) else from_json(part) for part in cast("list[object]", said))


def _written(parts: tuple[Message, ...]) -> list[dict[str, Any]]:
    return [message.as_json() for message in parts]


class _AsJson:
    """How pydantic reads messages: not field by field, since a message's value may itself be a message."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        as_json = core_schema.list_schema(core_schema.dict_schema())
        return core_schema.no_info_plain_validator_function(
            _read,
            json_schema_input_schema=as_json,
            serialization=core_schema.plain_serializer_function_ser_schema(_written, return_schema=as_json),
        )


Parts: TypeAlias = Annotated[tuple[Message, ...], _AsJson()]
"""Several messages."""
