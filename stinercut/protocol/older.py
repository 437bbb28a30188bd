"""What a detector's message becomes where an older version of the protocol is spoken.

Owns: the one function from a frame of this release to a frame of an older version. Not here: which version is spoken
(`versions`), the messages of this release (`messages`).

Version 2 added `passed_over` to the file list. A hub that speaks version 1 refuses unknown fields, and a refusal is
final: the card's list would be lost.
"""

from __future__ import annotations

import json

from stinercut.protocol.messages import FileList, decode

_SINCE_2 = frozenset({"passed_over"})


def frame_for(version: int, frame: str) -> str:
    """The frame as a hub that speaks this version takes it. Raises ProtocolError for a frame that is no message."""
    if version >= 2 or not isinstance(decode(frame).body, FileList):
        return frame
    said = json.loads(frame)
    said["body"] = {name: value for name, value in said["body"].items() if name not in _SINCE_2}
    return json.dumps(said, ensure_ascii=False)
