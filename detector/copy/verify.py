"""The second half of a copy: synced, read back past the cache, compared, published.

Owns: the steps and the workers that take them while the next file is read. Not here: reading the card (`copying`).
The card isn't needed any more: a file that was read whole is finished even when its card is pulled.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

import xxhash

from detector.copy.failures import Copied, CopyFailed, CopyStopped, destination_failed
from detector.hanging.threads import in_thread
from stinercut.protocol import ErrorCode
from stinercut.storage.store import CHUNK, Store

READ_BACK_FLAGS = os.O_RDWR | getattr(os, "O_BINARY", 0)


def settle(store: Store, partial: Path, copied: Copied, should_stop: Callable[[], bool]) -> None:
    """Make a whole partial file durable, prove it and publish it as an object; its partial name is gone after.

    Raises CopyFailed, CopyStopped; then nothing is published.
    """
    try:
        handle = os.open(partial, READ_BACK_FLAGS)
        try:
            os.fsync(handle)
            found = _read_back(handle, should_stop)
        finally:
            os.close(handle)
    except OSError as refused:
        raise destination_failed(refused, partial) from None
    if found != copied.content_hash:
        raise CopyFailed(
            ErrorCode.HASH_MISMATCH,
            "the copy reads back differently from what was written",
            file=partial.parent,
            advice="It was thrown away. Check the disk of the store; the card still has the file.",
        )
    _publish(store, partial, copied)


def _read_back(handle: int, should_stop: Callable[[], bool]) -> str:
    """The hash of an open, synced file, from its disk where the system lets us (only synced pages can be dropped)."""
    digest = xxhash.xxh3_128()
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
    os.lseek(handle, 0, os.SEEK_SET)
    while chunk := os.read(handle, CHUNK):
        if should_stop():
            raise CopyStopped
        digest.update(chunk)
    if should_stop():
        raise CopyStopped
    return digest.hexdigest()


def _publish(store: Store, partial: Path, copied: Copied) -> None:
    try:
        final = store.add_object(partial, copied.content_hash)
        found = final.stat().st_size
    except OSError as refused:
        raise destination_failed(refused, store.root) from None
    if found != copied.size:
        raise CopyFailed(
            ErrorCode.DEST_IO,
            f"the store already holds a damaged file of this content ({found} of {copied.size} bytes)",
            file=final,
            advice="Move that file away and put the card in again.",
        )


@dataclass
class Verifier:
    """The workers of one store: one for large files, one for small ones, so that these never wait for those."""

    store: Store
    large: asyncio.Lock = field(default_factory=asyncio.Lock)
    small: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def verify(self, partial: Path, copied: Copied, *, small: bool) -> None:
        """Settle one file, in its turn. Raises CopyFailed; when cancelled, the partial file stays as it is."""
        stop = Event()
        async with self.small if small else self.large:
            await in_thread(lambda: settle(self.store, partial, copied, stop.is_set), stop)
