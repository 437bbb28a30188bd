"""Converts a detector's messages to older versions of the protocol.

Owns: the one function from a frame of this release to a frame of an older version. Not here: which version is spoken
(`versions`), the messages of this release (`messages`).

Version 2 added `passed_over` and the kind `photo` to the file list, version 3 `detail_parts` to the errors of cards and
files. A hub that speaks an older version refuses unknown fields, and a refusal is final: the card's list would be lost.
"""

from __future__ import annotations

import json
from typing import Any

from stinercut.protocol.messages import CardError, CopyError, FileKind, FileList, Message, ProtocolError, decode

_SINCE_2 = frozenset({"passed_over"})
_SINCE_3 = frozenset({"detail_parts"})
_KINDS = {FileKind.PHOTO.value: FileKind.OTHER.value}


def frame_for(version: int, frame: str) -> str:
    """The frame in the form of this version.

    A frame from the journal of an earlier release may be no valid message today. It is left unchanged, and the hub
    decides to accept or refuse it: all later frames wait behind it.
    """
    if version >= 3:
        return frame
    body = _body(frame)
    if isinstance(body, CopyError | CardError):
        return _without(_SINCE_3, json.loads(frame))
    if version >= 2 or not isinstance(body, FileList):
        return frame
    content = json.loads(frame)
    for file in content["body"]["files"]:
        file["kind"] = _KINDS.get(file["kind"], file["kind"])
    return _without(_SINCE_2, content)


def _without(fields: frozenset[str], said: dict[str, Any]) -> str:
    body = {name: value for name, value in said["body"].items() if name not in fields}
    return json.dumps({**said, "body": body}, ensure_ascii=False)


def _body(frame: str) -> Message | None:
    try:
        return decode(frame).body
    except ProtocolError:
        return None
