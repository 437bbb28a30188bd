"""Verifies a copy: syncs it, reads it back from the disk instead of the cache, compares it, publishes it.

Owns: these steps, and the workers that take them while the next file is read. Not here: reading the card (`copying`).
The card isn't needed any more: a fully read file is finished even when its card is pulled.
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
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message
from stinercut.protocol import ErrorCode
from stinercut.storage.store import CHUNK, Store

READ_BACK_FLAGS = os.O_RDWR | getattr(os, "O_BINARY", 0)


def settle(store: Store, partial: Path, copied: Copied, should_stop: Callable[[], bool]) -> None:
    """Make a complete partial file durable, prove it, and publish it as an object; its partial name is gone after that.

    Raises CopyFailed or CopyStopped; nothing is published in that case.
    """
    try:
        handle = os.open(partial, READ_BACK_FLAGS)
        try:
            os.fsync(handle)
            read_back = _read_back(handle, should_stop)
        finally:
            os.close(handle)
    except OSError as refused:
        raise destination_failed(refused, partial) from None
    if read_back != copied.content_hash:
        raise CopyFailed(
            ErrorCode.HASH_MISMATCH,
            Message.of(MessageCode.COPY_READS_OTHERWISE),
            file=partial.parent,
            advice=Message.of(MessageCode.COPY_THROWN_AWAY),
        )
    _publish(store, partial, copied)


def _read_back(handle: int, should_stop: Callable[[], bool]) -> str:
    """The hash of an open, synced file, read from the disk where the system allows it (it drops only synced pages)."""
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
        size = final.stat().st_size
    except OSError as refused:
        raise destination_failed(refused, store.root) from None
    if size != copied.size:
        raise CopyFailed(
            ErrorCode.DEST_IO,
            Message.of(MessageCode.DAMAGED_IN_STORE, found=size, size=copied.size),
            file=final,
            advice=Message.of(MessageCode.MOVE_FILE_AWAY),
        )


@dataclass
class Verifier:
    """The workers of one store: one for large files, one for small ones, so that small files never wait for large."""

    store: Store
    large: asyncio.Lock = field(default_factory=asyncio.Lock)
    small: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def verify(self, partial: Path, copied: Copied, *, small: bool) -> None:
        """Settle one file when it is its turn. Raises CopyFailed; if cancelled, leaves the partial file as it is."""
        stop = Event()
        async with self.small if small else self.large:
            await in_thread(lambda: settle(self.store, partial, copied, stop.is_set), stop)
