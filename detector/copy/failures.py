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
from stinercut.protocol import ErrorCode

PUT_IN_AGAIN = "Take the card out and put it in again, in another reader if you can. Don't format it."
GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ENODEV, errno.ENXIO, errno.ENOTCONN})
"""The error numbers of a card that was taken out, or whose driver has given up."""


class CopyFailed(StinercutError):
    """A file could not be copied. `reason` is the code that travels to the hub."""

    code = "COPY_FAILED"

    def __init__(self, reason: ErrorCode, what: str, *, file: str | Path | None = None, advice: str = "") -> None:
        super().__init__(what, file=file, advice=advice)
        self.reason = reason

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (self.reason, self.what, self.file, self.advice))


def _rebuild(reason: ErrorCode, what: str, file: str | None, advice: str) -> CopyFailed:
    return CopyFailed(reason, what, file=file, advice=advice)


class ScanFailed(StinercutError):
    """A card could not be read. `reason` is the code that travels to the hub."""

    code = "SCAN_FAILED"

    def __init__(self, reason: ErrorCode, what: str, advice: str = PUT_IN_AGAIN) -> None:
        super().__init__(what, advice=advice)
        self.reason = reason

    def __reduce__(self) -> tuple[object, ...]:
        return (ScanFailed, (self.reason, self.what, self.advice))


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
        what = "the card was taken out while it was being looked at"
        return ScanFailed(ErrorCode.CARD_REMOVED, what, "Put it in again.")
    return ScanFailed(ErrorCode.SOURCE_IO, f"the card could not be read ({refused.strerror or refused})")


def card_silent() -> ScanFailed:
    """The error for a card that doesn't answer a scan."""
    return ScanFailed(ErrorCode.SOURCE_IO, "the card gives no answer: listing its files never finished")


def card_removed(source: SourceFile) -> CopyFailed:
    """The error for a file whose card was taken out."""
    return CopyFailed(
        ErrorCode.CARD_REMOVED,
        "the card was taken out before this file was copied",
        file=shown(source.relative),
        advice="Put it in again; what is missing is fetched then.",
    )


def changed(source: SourceFile, how: str) -> CopyFailed:
    """The error for a file that isn't what the scan saw."""
    return CopyFailed(
        ErrorCode.SOURCE_CHANGED,
        f"this file changed on the card: {how}",
        file=shown(source.relative),
        advice="Take the card out and put it in again.",
    )


def source_failed(refused: OSError, root: CardRoot, source: SourceFile) -> CopyFailed:
    """What an error on the card's side means. Looks at the card, so this may hang like a read."""
    if not root.is_there():
        return card_removed(source)
    if refused.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
        return changed(source, "it is not there any more")
    return CopyFailed(
        ErrorCode.SOURCE_IO,
        f"the card could not be read here ({refused.strerror or refused})",
        file=shown(source.relative),
        advice="Put the card in again, in another reader if you can. Don't format it.",
    )


def destination_failed(refused: OSError, where: str | Path) -> CopyFailed:
    """What an error on the store's side means."""
    if refused.errno in (errno.ENOSPC, errno.EDQUOT):
        return full(where, "the disk is full")
    return CopyFailed(
        ErrorCode.DEST_IO,
        f"the copy could not be written ({refused.strerror or refused})",
        file=shown(str(where)),
        advice="Check the disk that the store is on. The card still has the file.",
    )


def full(where: str | Path, how: str) -> CopyFailed:
    """The error for a file that doesn't fit into the store."""
    return CopyFailed(
        ErrorCode.DEST_FULL,
        f"no room in the store: {how}",
        file=shown(str(where)),
        advice="Free some space, then put the card in again. The card still has the file.",
    )


def silent(source: SourceFile) -> CopyFailed:
    """The error for a file whose card doesn't answer."""
    return CopyFailed(
        ErrorCode.SOURCE_IO,
        "the card gives no answer here: a read did not come back",
        file=shown(source.relative),
        advice=PUT_IN_AGAIN,
    )
