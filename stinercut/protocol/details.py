"""Why something could not be done, on the wire: a sentence, and the same as codes and values.

Owns: both forms of it, made to fit a frame, and reading what came. Not here: the messages that carry them (`messages`),
the words (`stinercut.language`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from stinercut.language.messages import Message, all_worded, as_written, from_json, with_texts
from stinercut.protocol.messages import MAX_DETAIL, CardError, CopyError, DetailPart


class DetailOnWire(NamedTuple):
    """What a message says in its `detail` and its `detail_parts`."""

    detail: str
    parts: list[DetailPart]


def told(said: Iterable[Message]) -> DetailOnWire:
    """These messages as a frame has them."""
    fitting = [with_texts(part, _fitting) for part in said]
    parts = [DetailPart.model_validate(part.as_json()) for part in fitting]
    return DetailOnWire(_fitting(all_worded(fitting)), parts)


def said_in(error: CopyError | CardError) -> tuple[Message, ...]:
    """What a detector says of an error. One that speaks an older version has a sentence alone."""
    if not error.detail_parts:
        return as_written(error.detail)
    return tuple(from_json(part.model_dump()) for part in error.detail_parts)


def _fitting(text: str) -> str:
    return text.replace("\0", "\ufffd")[:MAX_DETAIL]
