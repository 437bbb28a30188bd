"""What to say of a frame that is no message of this protocol.

Owns: these messages, apart from `messages`, where a message is one of the wire. Not here: reading frames (`messages`).
"""

from __future__ import annotations

from stinercut.language.messages import Message
from stinercut.language.setup_codes import SetupCode


def too_large(size: int, most: int) -> Message:
    """The frame has `size` bytes, more than `most`."""
    return Message.of(SetupCode.FRAME_TOO_LARGE, size=size, most=most)


def not_of_protocol(where: str, why: str) -> Message:
    """The field `where` is wrong; `why` is what pydantic says about it."""
    return Message.of(SetupCode.NOT_OF_PROTOCOL, where=where, why=why)
