"""Copies one file from a card into a partial file of the store: reads it once, and hashes it while writing.

Owns: the reading half of a copy. Not here: the other half (`verify`), which file is next (`offload`), where a
partial file comes from and whether it is kept (`partials`), the layout of the store (`stinercut.storage.store`).

Order of steps: reserve room -> open the partial file, keep its proven beginning -> copy and hash -> check that the
source is unchanged. Then, in `verify`: fsync -> drop the cache, read back -> publish without clobbering.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from detector.card.events import CardRoot
from detector.card.scan import SourceFile
from detector.copy.failures import (
    Copied,
    CopyFailed,
    CopyStopped,
    card_removed,
    changed,
    destination_failed,
    full,
    source_failed,
)
from detector.copy.partials import PartialFile
from detector.copy.resume import CHECKPOINT_BYTES, KEEP_FROM, Checkpoint, Prefix, nothing, proven_prefix, sample
from detector.copy.resume import sample_offsets as offsets
from detector.copy.space import NoRoom, Reservation, Space
from detector.copy.verify import settle
from detector.hanging.watchdog import CardHeartbeat
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message
from stinercut.storage.store import CHUNK, Store

READ_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
WRITE_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)


@dataclass(frozen=True)
class CopyCallbacks:
    """How a copy talks to the rest of the detector. Everything here is called in the copying thread.

    `on_chunk` is called after each chunk with the bytes done, `should_stop` before each chunk and after each read,
    `wait_turn` before each chunk: it may hold the copy while others go first. `on_checkpoint` gets the points from
    which a later copy may resume, and `pulse` shows when the thread waits for the card.
    """

    on_chunk: Callable[[int], None] = lambda _done: None
    should_stop: Callable[[], bool] = lambda: False
    wait_turn: Callable[[], None] = lambda: None
    on_checkpoint: Callable[[Checkpoint], None] = lambda _at: None
    pulse: CardHeartbeat = field(default_factory=CardHeartbeat)


@dataclass(frozen=True)
class _Pair:
    """The two open files of one copy, and the room that is reserved for the second."""

    reading: int
    writing: int
    room: Reservation


@dataclass(frozen=True)
class CardSource:
    """A file of a card, and the disk space that its copies share with those of other cards."""

    root: CardRoot
    file: SourceFile
    space: Space = field(default_factory=Space)


def copy_file(root: CardRoot, source: SourceFile, store: Store, prefix: str, watch: CopyCallbacks) -> Copied:
    """Copy one file of the card at `root` into the store and verify it: both halves, one after the other.

    Raises CopyFailed with the reason, or CopyStopped. No partial file is left in either case. The card is only read.
    """
    try:
        part = PartialFile(store.partial_path(f"{prefix}{secrets.token_hex(8)}.part"))
    except OSError as refused:
        raise destination_failed(refused, store.root) from None
    try:
        copied = fetch(CardSource(root, source), part, watch)
        settle(store, part.path, copied, watch.should_stop)
        return copied
    finally:
        with suppress(OSError):
            part.path.unlink(missing_ok=True)


def fetch(source: CardSource, part: PartialFile, watch: CopyCallbacks) -> Copied:
    """Read a whole file of a card into its partial file. It is not synced or read back yet.

    Raises CopyFailed with the reason, or CopyStopped. The caller then keeps or drops what is in the partial file.
    """
    with watch.pulse:
        reading = _open_source(source)
    try:
        _stop_if_told(watch)  # If this thread hung and was left behind meanwhile, no partial file may appear now.
        try:
            there = part.path.stat().st_size if part.checkpoints else 0
            needed = max(0, source.file.size - there)
            with source.space.reserve(part.path.parent, needed, watch.should_stop) as room:
                return _fetch_into(reading, part, source, watch, room)
        except NoRoom as short:
            needed_gb, free_gb = f"{short.needed / 1e9:.1f}", f"{short.free / 1e9:.1f}"
            need = Message.of(MessageCode.ROOM_NEEDED, needed=needed_gb, free=free_gb)
            raise full(source.file.relative, need) from None
        except OSError as refused:
            raise destination_failed(refused, part.path) from None
    finally:
        with watch.pulse:
            close_source(reading)


def _fetch_into(reading: int, part: PartialFile, source: CardSource, watch: CopyCallbacks, room: Reservation) -> Copied:
    writing = os.open(part.path, WRITE_FLAGS | (0 if part.checkpoints else os.O_EXCL), 0o644)
    try:
        pair = _Pair(reading, writing, room)
        content_hash = _stream(pair, source, watch, _begin(pair, part, source, watch))
    finally:
        os.close(writing)
    with watch.pulse:
        _require_unchanged(reading, source)
    return Copied(content_hash, source.file.size)


def _begin(pair: _Pair, part: PartialFile, source: CardSource, watch: CopyCallbacks) -> Prefix:
    """Where the copy resumes. Leaves both files at that place and cuts the partial file off there. Raises OSError."""
    start = proven_prefix(pair.writing, part.checkpoints, watch.should_stop) if part.checkpoints else nothing()
    _stop_if_told(watch)
    if start.length and not _same_samples(pair, start.length, source, watch):
        start = nothing()
    os.ftruncate(pair.writing, start.length)
    os.lseek(pair.writing, start.length, os.SEEK_SET)
    os.lseek(pair.reading, start.length, os.SEEK_SET)
    return start


def _same_samples(pair: _Pair, length: int, source: CardSource, watch: CopyCallbacks) -> bool:
    """Whether card and partial file hold the same bytes at every sampled place."""
    for offset in offsets(length):
        _stop_if_told(watch)
        with watch.pulse:
            try:
                on_card = sample(pair.reading, offset, length)
            except OSError as refused:
                raise source_failed(refused, source.root, source.file) from None
        if on_card != sample(pair.writing, offset, length):
            return False
    return True


def _open_source(source: CardSource) -> int:
    """Open the source file, which must be a regular file below the card's root and look just as the scan saw it."""
    root, relative = source.root, source.file.relative
    path = root.path / relative
    try:
        if path.parent.resolve() != root.path.resolve() / Path(relative).parent:
            raise changed(source.file, Message.of(MessageCode.FOLDER_IS_LINK))
        handle = os.open(path, READ_FLAGS)
    except OSError as refused:
        raise source_failed(refused, root, source.file) from None
    try:
        _require_unchanged(handle, source)
    except CopyFailed:
        close_source(handle)
        raise
    return handle


def close_source(handle: int) -> None:
    """Close a file of a card. A pulled card may refuse even this; the reads have already reported the error."""
    with suppress(OSError):
        os.close(handle)


def _stream(pair: _Pair, source: CardSource, watch: CopyCallbacks, start: Prefix) -> str:
    """Copy and hash from `start` to the source's end. Returns the hash of the whole. Raises OSError of writing."""
    done, digest, noted = start.length, start.digest, start.length
    try:
        while True:
            watch.wait_turn()
            _stop_if_told(watch)
            chunk = _read(pair.reading, source, watch)
            _stop_if_told(watch)  # If this thread hung and was left behind, another copy may have the partial file now.
            if not chunk:
                break
            if done + len(chunk) > source.file.size:
                raise changed(source.file, Message.of(MessageCode.FILE_GREW))
            write_all(pair.writing, chunk)
            digest.update(chunk)
            done += len(chunk)
            pair.room.wrote(len(chunk))
            watch.on_chunk(done)
            if done - noted >= CHECKPOINT_BYTES:
                noted = done
                watch.on_checkpoint(Checkpoint(done, digest.hexdigest()))
        if done < source.file.size:
            raise _ended_early(done, source, watch)
    finally:
        if done >= KEEP_FROM and done != noted:
            watch.on_checkpoint(Checkpoint(done, digest.hexdigest()))
    return digest.hexdigest()


def _read(reading: int, source: CardSource, watch: CopyCallbacks) -> bytes:
    with watch.pulse:
        try:
            return os.read(reading, CHUNK)
        except OSError as refused:
            raise source_failed(refused, source.root, source.file) from None


def _ended_early(done: int, source: CardSource, watch: CopyCallbacks) -> CopyFailed:
    with watch.pulse:
        there = source.root.is_there()
    if not there:
        return card_removed(source.file)
    return changed(source.file, Message.of(MessageCode.FILE_ENDED, done=done, size=source.file.size))


def write_all(handle: int, data: bytes) -> None:
    """Write every byte: on a nearly full disk os.write writes less than asked, without an error. Raises OSError."""
    view = memoryview(data)
    while view:
        written = os.write(handle, view)
        if written <= 0:
            raise OSError(errno.ENOSPC, "nothing more could be written")
        view = view[written:]


def _require_unchanged(handle: int, source: CardSource) -> None:
    """Raise CopyFailed unless the open file, and the file under its name, are still what the scan saw."""
    file = source.file
    try:
        for seen in (os.fstat(handle), (source.root.path / file.relative).stat(follow_symlinks=False)):
            if not stat.S_ISREG(seen.st_mode):
                raise changed(file, Message.of(MessageCode.NO_PLAIN_FILE))
            if (seen.st_size, seen.st_mtime_ns) != (file.size, file.mtime_ns):
                raise changed(file, Message.of(MessageCode.FILE_REDATED))
    except OSError as refused:
        raise source_failed(refused, source.root, file) from None


def _stop_if_told(watch: CopyCallbacks) -> None:
    if watch.should_stop():
        raise CopyStopped
