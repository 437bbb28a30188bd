"""One file from a card into the store: copied, synced, read back, published only when whole.

Lives here: the verified copy and the translation of what can go wrong. Doesn't: which file is next (`offload`), what
is remembered (`journal`), the layout of the store (`stinercut.store`).

Order of steps: exclusive partial file -> copy and hash -> fsync -> source unchanged? -> drop cache, read back ->
publish without clobbering. A failed or stopped copy leaves no partial file; one that was killed is cleared at start.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import stat
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import xxhash

from detector.events import CardRoot, shown
from detector.scan import SourceFile
from stinercut.errors import StinercutError
from stinercut.protocol import ErrorCode
from stinercut.store import CHUNK, Store

READ_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
WRITE_FLAGS = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)


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


class CopyStopped(Exception):
    """The copy was told to stop. Nothing of it is left."""


@dataclass(frozen=True)
class Copied:
    """A file that is durable in the store."""

    content_hash: str
    size: int


@dataclass(frozen=True)
class Watch:
    """How a copy looks outward: called after each chunk with the bytes written, asked before each whether to stop."""

    on_chunk: Callable[[int], None] = lambda _done: None
    should_stop: Callable[[], bool] = lambda: False


def partial_prefix(detector_id: str) -> str:
    """What the names of this detector's partial files begin with; the folder is shared with other writers."""
    return f"offload-{detector_id}."


def clear_partials(store: Store, prefix: str) -> int:
    """Remove what a killed detector left half written; returns how many files. Call when no copy runs."""
    left = [path for path in store.partial_path("x").parent.iterdir() if path.name.startswith(prefix)]
    for path in left:
        path.unlink(missing_ok=True)
    return len(left)


def copy_file(root: CardRoot, source: SourceFile, store: Store, prefix: str, watch: Watch) -> Copied:
    """Copy one file of the card at `root` into the store, verified.

    Raises CopyFailed with the reason, or CopyStopped. The card is only read.
    """
    try:
        partial = store.partial_path(f"{prefix}{secrets.token_hex(8)}.part")
        _require_room(partial.parent, source)
    except OSError as refused:
        raise _destination_failed(refused, store.root) from None
    try:
        content_hash = _copy_into(partial, root, source, watch)
        _publish(store, partial, Copied(content_hash, source.size))
        return Copied(content_hash, source.size)
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def _copy_into(partial: Path, root: CardRoot, source: SourceFile, watch: Watch) -> str:
    reading = _open_source(root, source)
    try:
        try:
            writing = os.open(partial, WRITE_FLAGS, 0o644)
        except OSError as refused:
            raise _destination_failed(refused, partial) from None
        try:
            content_hash = _stream(reading, writing, root, source, watch)
            _require_unchanged(reading, root, source)
            _verify(writing, partial, content_hash, watch)
        finally:
            os.close(writing)
        return content_hash
    finally:
        os.close(reading)


def _open_source(root: CardRoot, source: SourceFile) -> int:
    """The open source file: a regular one, below the card's root, just as the scan saw it."""
    path = root.path / source.relative
    try:
        if path.parent.resolve() != root.path.resolve() / Path(source.relative).parent:
            raise _changed(source, "its folder is a link now")
        handle = os.open(path, READ_FLAGS)
    except OSError as refused:
        raise _source_failed(refused, root, source) from None
    try:
        _require_unchanged(handle, root, source)
    except CopyFailed:
        os.close(handle)
        raise
    return handle


def _stream(reading: int, writing: int, root: CardRoot, source: SourceFile, watch: Watch) -> str:
    """Copy and hash until the end of the source, then fsync; returns the hash."""
    digest = xxhash.xxh3_128()
    done = 0
    while True:
        _stop_if_told(watch)
        try:
            chunk = os.read(reading, CHUNK)
        except OSError as refused:
            raise _source_failed(refused, root, source) from None
        if not chunk:
            break
        done += len(chunk)
        if done > source.size:
            raise _changed(source, "it grew while it was copied")
        digest.update(chunk)
        try:
            write_all(writing, chunk)
        except OSError as refused:
            raise _destination_failed(refused, source.relative) from None
        watch.on_chunk(done)
    if done < source.size:
        _require_card(root, source)
        raise _changed(source, f"it ended after {done} of {source.size} bytes")
    try:
        os.fsync(writing)
    except OSError as refused:
        raise _destination_failed(refused, source.relative) from None
    return digest.hexdigest()


def write_all(handle: int, data: bytes) -> None:
    """Write every byte: os.write is short without an error when a disk is nearly full. Raises OSError."""
    view = memoryview(data)
    while view:
        written = os.write(handle, view)
        if written <= 0:
            raise OSError(errno.ENOSPC, "nothing more could be written")
        view = view[written:]


def _require_unchanged(handle: int, root: CardRoot, source: SourceFile) -> None:
    """Raise unless the open file, and the name it was opened by, are still what the scan saw."""
    try:
        for seen in (os.fstat(handle), (root.path / source.relative).stat(follow_symlinks=False)):
            if not stat.S_ISREG(seen.st_mode):
                raise _changed(source, "it is no plain file any more")
            if (seen.st_size, seen.st_mtime_ns) != (source.size, source.mtime_ns):
                raise _changed(source, "its size or date is another than when the card went in")
    except OSError as refused:
        raise _source_failed(refused, root, source) from None


def _verify(handle: int, partial: Path, wanted: str, watch: Watch) -> None:
    """Read the copy back, past the cache where the system lets us (only synced pages can be dropped), and compare."""
    digest = xxhash.xxh3_128()
    try:
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        os.lseek(handle, 0, os.SEEK_SET)
        while chunk := os.read(handle, CHUNK):
            _stop_if_told(watch)
            digest.update(chunk)
    except OSError as refused:
        raise _destination_failed(refused, partial) from None
    if digest.hexdigest() != wanted:
        raise CopyFailed(
            ErrorCode.HASH_MISMATCH,
            "the copy reads back differently from what was written",
            file=partial.parent,
            advice="It was thrown away. Check the disk of the store; the card still has the file.",
        )


def _publish(store: Store, partial: Path, copied: Copied) -> None:
    try:
        final = store.add_object(partial, copied.content_hash)
        found = final.stat().st_size
    except OSError as refused:
        raise _destination_failed(refused, store.root) from None
    if found != copied.size:
        raise CopyFailed(
            ErrorCode.DEST_IO,
            f"the store already holds a damaged file of this content ({found} of {copied.size} bytes)",
            file=final,
            advice="Move that file away and put the card in again.",
        )


def _require_room(folder: Path, source: SourceFile) -> None:
    free = shutil.disk_usage(folder).free
    if free < source.size:
        raise _full(source.relative, f"{source.size / 1e9:.1f} GB are needed and {free / 1e9:.1f} GB are free")


def _stop_if_told(watch: Watch) -> None:
    if watch.should_stop():
        raise CopyStopped


def _require_card(root: CardRoot, source: SourceFile) -> None:
    if not root.is_there():
        raise card_removed(source)


def card_removed(source: SourceFile) -> CopyFailed:
    """The error for a file whose card was taken out."""
    return CopyFailed(
        ErrorCode.CARD_REMOVED,
        "the card was taken out before this file was copied",
        file=shown(source.relative),
        advice="Put it in again; what is missing is fetched then.",
    )


def _changed(source: SourceFile, how: str) -> CopyFailed:
    return CopyFailed(
        ErrorCode.SOURCE_CHANGED,
        f"this file changed on the card: {how}",
        file=shown(source.relative),
        advice="Take the card out and put it in again.",
    )


def _source_failed(refused: OSError, root: CardRoot, source: SourceFile) -> CopyFailed:
    if not root.is_there():
        return card_removed(source)
    if refused.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
        return _changed(source, "it is not there any more")
    return CopyFailed(
        ErrorCode.SOURCE_IO,
        f"the card could not be read here ({refused.strerror or refused})",
        file=shown(source.relative),
        advice="Put the card in again, in another reader if you can. Don't format it.",
    )


def _destination_failed(refused: OSError, where: str | Path) -> CopyFailed:
    if refused.errno in (errno.ENOSPC, errno.EDQUOT):
        return _full(where, "the disk is full")
    return CopyFailed(
        ErrorCode.DEST_IO,
        f"the copy could not be written ({refused.strerror or refused})",
        file=shown(str(where)),
        advice="Check the disk that the store is on. The card still has the file.",
    )


def _full(where: str | Path, how: str) -> CopyFailed:
    return CopyFailed(
        ErrorCode.DEST_FULL,
        f"no room in the store: {how}",
        file=shown(str(where)),
        advice="Free some space, then put the card in again. The card still has the file.",
    )
