"""What a detector's message becomes where an older version of the protocol is spoken.

Owns: the one function from a frame of this release to a frame of an older version. Not here: which version is spoken
(`versions`), the messages of this release (`messages`).

Version 2 added `passed_over` and the kind `photo` to the file list. A hub that speaks version 1 refuses what it doesn't
know, and a refusal is final: the card's list would be lost.
"""

from __future__ import annotations

import json

from stinercut.protocol.messages import FileKind, FileList, ProtocolError, decode

_SINCE_2 = frozenset({"passed_over"})
_KINDS = {FileKind.PHOTO.value: FileKind.OTHER.value}


def frame_for(version: int, frame: str) -> str:
    """The frame as a hub that speaks this version takes it.

    A frame that is no message by now, though an earlier release wrote it down, is left to the hub, which may take it or
    refuse it: all others wait behind it.
    """
    if version >= 2 or not _is_file_list(frame):
        return frame
    said = json.loads(frame)
    said["body"] = {name: value for name, value in said["body"].items() if name not in _SINCE_2}
    for file in said["body"]["files"]:
        file["kind"] = _KINDS.get(file["kind"], file["kind"])
    return json.dumps(said, ensure_ascii=False)


def _is_file_list(frame: str) -> bool:
    try:
        return isinstance(decode(frame).body, FileList)
    except ProtocolError:
        return False
