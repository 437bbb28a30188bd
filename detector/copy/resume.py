"""What a partial file is worth: the proof that its beginning is the source's.

Owns: checkpoints and the proof. Not here: where checkpoints are kept (`journal`), the copy itself (`copying`).

While a file is copied, the hash of the bytes read from the card so far is noted now and then. To go on later, the
partial file is read again from its disk up to the last note that its own bytes agree with: so far it holds what the
card gave then. That the card still holds the same is judged by the file's path, size and time, as always, and by
samples of that beginning read from the card again. A length alone proves nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import xxhash

from stinercut.storage.store import CHUNK

KEEP_FROM = 32 * CHUNK
"""A partial file shorter than this isn't kept: it is read again in less than a second."""
CHECKPOINT_BYTES = 64 * CHUNK
"""Bytes between two notes. Each is a commit in the journal."""
SAMPLES = 16
SAMPLE_BYTES = 64 << 10


@dataclass(frozen=True, order=True)
class Checkpoint:
    """The xxh3-128 of the first `length` bytes that were read from the card."""

    length: int
    digest: str


@dataclass(frozen=True)
class Prefix:
    """The beginning of a partial file that is proven: its length and its running hash."""

    length: int
    digest: xxhash.xxh3_128


def nothing() -> Prefix:
    """The prefix of a file that is begun anew."""
    return Prefix(0, xxhash.xxh3_128())


def proven_prefix(writing: int, checkpoints: Iterable[Checkpoint], should_stop: Callable[[], bool]) -> Prefix:
    """As much of the open partial file as agrees with a checkpoint, read past the cache where the system lets us.

    Ends early, with what is proven so far, when told to stop. Raises OSError.
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
    """Where the samples of the first `length` bytes begin: evenly spread, the first and the last bytes among them."""
    last = max(0, length - SAMPLE_BYTES)
    return sorted({last * number // (SAMPLES - 1) for number in range(SAMPLES)})


def sample(handle: int, offset: int, length: int) -> bytes:
    """The sample at `offset` of the first `length` bytes; moves the file's position. Raises OSError."""
    os.lseek(handle, offset, os.SEEK_SET)
    return os.read(handle, min(SAMPLE_BYTES, length - offset))
