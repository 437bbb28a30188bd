"""Converts a detector's messages to older versions of the protocol.

Owns: the one function from a frame of this release to a frame of an older version. Not here: which version is spoken
(`versions`), the messages of this release (`messages`).

Version 2 added `passed_over` and the kind `photo` to the file list. A hub that speaks version 1 refuses unknown fields,
and a refusal is final: the card's list would be lost.
"""

from __future__ import annotations

import json

from stinercut.protocol.messages import FileKind, FileList, ProtocolError, decode

_SINCE_2 = frozenset({"passed_over"})
_KINDS = {FileKind.PHOTO.value: FileKind.OTHER.value}


def frame_for(version: int, frame: str) -> str:
    """The frame in the form of this version.

    A frame from the journal of an earlier release may be no valid message today. It is left unchanged, and the hub
    decides to accept or refuse it: all later frames wait behind it.
    """
    if version >= 2 or not _is_file_list(frame):
        return frame
    content = json.loads(frame)
    content["body"] = {name: value for name, value in content["body"].items() if name not in _SINCE_2}
    for file in content["body"]["files"]:
        file["kind"] = _KINDS.get(file["kind"], file["kind"])
    return json.dumps(content, ensure_ascii=False)


def _is_file_list(frame: str) -> bool:
    try:
        return isinstance(decode(frame).body, FileList)
    except ProtocolError:
        return False
