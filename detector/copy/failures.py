"""The errors of a card and of its files, as codes for the hub and words for people.

Owns: the errors of a scan and of a copy, and what an OSError means on either side. Not here: the scan
(`detector.card.scan`), the copy (`copying`, `verify`).
"""

from __future__ import annotations

import errno
from dataclasses import dataclass
from pathlib import Path

from detector.card.events import CardRoot, shown
from detector.card.scan import SourceFile
from stinercut.errors import StinercutError
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message, Said
from stinercut.protocol import ErrorCode

PUT_IN_AGAIN = Message.of(MessageCode.PUT_IN_AGAIN)
GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ENODEV, errno.ENXIO, errno.ENOTCONN})
"""The error numbers of a card that was taken out, or whose driver has given up."""


class CopyFailed(StinercutError):
    """A file could not be copied. `reason` is the code that travels to the hub."""

    code = "COPY_FAILED"

    def __init__(self, reason: ErrorCode, what: Said, *, file: str | Path | None = None, advice: Said = "") -> None:
        super().__init__(what, file=file, advice=advice)
        self.reason = reason

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (self.reason, self.what_parts, self.file, self.advice_parts))


def _rebuild(reason: ErrorCode, what: Said, file: str | None, advice: Said) -> CopyFailed:
    return CopyFailed(reason, what, file=file, advice=advice)


class ScanFailed(StinercutError):
    """A card could not be read. `reason` is the code that travels to the hub."""

    code = "SCAN_FAILED"

    def __init__(self, reason: ErrorCode, what: Said, advice: Said = PUT_IN_AGAIN) -> None:
        super().__init__(what, advice=advice)
        self.reason = reason

    def __reduce__(self) -> tuple[object, ...]:
        return (ScanFailed, (self.reason, self.what_parts, self.advice_parts))


class CopyStopped(Exception):
    """The copy was told to stop. It published nothing."""


@dataclass(frozen=True)
class Copied:
    """A file that was read to its end: the xxh3-128 of its content, and its size in bytes."""

    content_hash: str
    size: int


def scan_failed(refused: OSError) -> ScanFailed:
    """What an OSError means that came while the card as a whole was scanned."""
    if refused.errno in GONE:
        what = Message.of(MessageCode.CARD_OUT_WHILE_SCANNED)
        return ScanFailed(ErrorCode.CARD_REMOVED, what, Message.of(MessageCode.PUT_IT_IN_AGAIN))
    return ScanFailed(ErrorCode.SOURCE_IO, Message.of(MessageCode.CARD_UNREADABLE, why=_why(refused)))


def card_silent() -> ScanFailed:
    """The error for a card that doesn't answer a scan."""
    return ScanFailed(ErrorCode.SOURCE_IO, Message.of(MessageCode.CARD_SILENT))


def card_removed(source: SourceFile) -> CopyFailed:
    """The error for a file whose card was taken out."""
    return CopyFailed(
        ErrorCode.CARD_REMOVED,
        Message.of(MessageCode.CARD_OUT_BEFORE_COPY),
        file=shown(source.relative),
        advice=Message.of(MessageCode.MISSING_FETCHED_THEN),
    )


def changed(source: SourceFile, how: Message) -> CopyFailed:
    """The error for a file that isn't what the scan saw."""
    return CopyFailed(
        ErrorCode.SOURCE_CHANGED,
        Message.of(MessageCode.FILE_CHANGED, how=how),
        file=shown(source.relative),
        advice=Message.of(MessageCode.OUT_AND_IN_AGAIN),
    )


def source_failed(refused: OSError, root: CardRoot, source: SourceFile) -> CopyFailed:
    """What an error on the card's side means. Looks at the card, so this may hang like a read."""
    if not root.is_there():
        return card_removed(source)
    if refused.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
        return changed(source, Message.of(MessageCode.FILE_GONE))
    return CopyFailed(
        ErrorCode.SOURCE_IO,
        Message.of(MessageCode.CARD_UNREADABLE_HERE, why=_why(refused)),
        file=shown(source.relative),
        advice=Message.of(MessageCode.IN_ANOTHER_READER),
    )


def destination_failed(refused: OSError, where: str | Path) -> CopyFailed:
    """What an error on the store's side means."""
    if refused.errno in (errno.ENOSPC, errno.EDQUOT):
        return full(where, Message.of(MessageCode.DISK_FULL))
    return CopyFailed(
        ErrorCode.DEST_IO,
        Message.of(MessageCode.COPY_UNWRITABLE, why=_why(refused)),
        file=shown(str(where)),
        advice=Message.of(MessageCode.CHECK_STORE_DISK),
    )


def full(where: str | Path, how: Message) -> CopyFailed:
    """The error for a file that doesn't fit into the store."""
    return CopyFailed(
        ErrorCode.DEST_FULL,
        Message.of(MessageCode.NO_ROOM, how=how),
        file=shown(str(where)),
        advice=Message.of(MessageCode.FREE_SPACE_THEN_CARD),
    )


def silent(source: SourceFile) -> CopyFailed:
    """The error for a file whose card doesn't answer."""
    return CopyFailed(
        ErrorCode.SOURCE_IO,
        Message.of(MessageCode.CARD_SILENT_HERE),
        file=shown(source.relative),
        advice=PUT_IN_AGAIN,
    )


def left_out(what: str, more: int) -> tuple[Message, ...]:
    """The message about folders and files that could not be read: the first by name, and the number of the others."""
    if more:
        return (Message.of(MessageCode.LEFT_OUT_AND_MORE, what=what, more=more), PUT_IN_AGAIN)
    return (Message.of(MessageCode.LEFT_OUT, what=what), PUT_IN_AGAIN)


def no_insertion(*, is_out: bool) -> Message:
    """Why a request for a card is refused: the card is out again, or never was in."""
    return Message.of(MessageCode.CARD_IS_OUT) if is_out else Message.of(MessageCode.NO_SUCH_INSERTION)


def _why(refused: OSError) -> str:
    return refused.strerror or str(refused)
