"""Resuming a copy: proves that a partial file begins with the bytes of its source.

Owns: checkpoints and the proof. Not here: where checkpoints are kept (`journal`), the copy itself (`copying`).

While a file is copied, checkpoints note the hash of the bytes read from the card so far. To resume later, the detector
reads the partial file from its disk again, up to the last checkpoint that agrees with its bytes: up to there it holds
what the card gave at that time. Whether the card still holds the same is judged by the file's path, size and time, as
always, and by samples of that beginning, read from the card again. A length alone proves nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import xxhash

from stinercut.storage.store import CHUNK

KEEP_FROM = 32 * CHUNK
"""A shorter partial file isn't kept: reading it again takes less than a second."""
CHECKPOINT_BYTES = 64 * CHUNK
"""Bytes between two checkpoints. Each checkpoint is a commit in the journal."""
SAMPLES = 16
SAMPLE_BYTES = 64 << 10


@dataclass(frozen=True, order=True)
class Checkpoint:
    """The xxh3-128 of the first `length` bytes that were read from the card."""

    length: int
    digest: str


@dataclass(frozen=True)
class Prefix:
    """The proven beginning of a partial file: its length and its running hash."""

    length: int
    digest: xxhash.xxh3_128


def nothing() -> Prefix:
    """The prefix of a file that is copied from its start."""
    return Prefix(0, xxhash.xxh3_128())


def proven_prefix(writing: int, checkpoints: Iterable[Checkpoint], should_stop: Callable[[], bool]) -> Prefix:
    """The longest beginning of the open partial file that agrees with a checkpoint.

    Reads from the disk instead of the cache where the system allows it. When told to stop, ends early with what is
    proven so far. Raises OSError.
    """
    if hasattr(os, "posix_fadvise"):
        os.fsync(writing)
        os.posix_fadvise(writing, 0, 0, os.POSIX_FADV_DONTNEED)
    os.lseek(writing, 0, os.SEEK_SET)
    digest, at, proven = xxhash.xxh3_128(), 0, nothing()
    for checkpoint in sorted(checkpoints):
        while at < checkpoint.length:
            chunk = b"" if should_stop() else os.read(writing, min(CHUNK, checkpoint.length - at))
            if not chunk:
                return proven
            digest.update(chunk)
            at += len(chunk)
        if digest.hexdigest() == checkpoint.digest:
            proven = Prefix(at, digest.copy())
    return proven


def sample_offsets(length: int) -> list[int]:
    """Where the samples of the first `length` bytes begin: evenly spread, and covering the first and the last bytes."""
    last = max(0, length - SAMPLE_BYTES)
    return sorted({last * number // (SAMPLES - 1) for number in range(SAMPLES)})


def sample(handle: int, offset: int, length: int) -> bytes:
    """The sample at `offset` of the first `length` bytes; moves the file's position. Raises OSError."""
    os.lseek(handle, offset, os.SEEK_SET)
    return os.read(handle, min(SAMPLE_BYTES, length - offset))
