"""What detector and hub say to each other: versioned pydantic messages, delivered at least once.

Lives here: the messages, the envelope, and the outbox rules both sides follow. Doesn't: sockets (`detector`, `hub`),
what is copied or known (`stinercut.catalog`). Documented for others in `docs/protocol.md`.
"""

from stinercut.protocol.messages import (
    PROTOCOL_VERSION,
    Ack,
    CardLabel,
    CopyError,
    CopyRequest,
    Envelope,
    ErrorCode,
    FileCopied,
    FileEntry,
    FileKind,
    FileList,
    Hello,
    Inserted,
    Message,
    Progress,
    ProtocolError,
    Refused,
    Removed,
    Welcome,
    decode,
    encode,
)

__all__ = [
    "PROTOCOL_VERSION",
    "Ack",
    "CardLabel",
    "CopyError",
    "CopyRequest",
    "Envelope",
    "ErrorCode",
    "FileCopied",
    "FileEntry",
    "FileKind",
    "FileList",
    "Hello",
    "Inserted",
    "Message",
    "Progress",
    "ProtocolError",
    "Refused",
    "Removed",
    "Welcome",
    "decode",
    "encode",
]
