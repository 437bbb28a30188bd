"""Takes a sample of a file's content: its size, its head, its tail and four places between, as one hash.

Owns: which bytes are read. A sample is taken of a file on a card (`detector.copy.sampling`) and of an object in the
store (`hub.cards.detector_messages`), and must be the same function for both. Not here: when a sample is asked for
(`stinercut.cards.known_files`).
"""

from __future__ import annotations

import os

import xxhash

PIECE = 1 << 16
"""Bytes read at each place: one read of a card. In a video above 5 kbit/s every frame differs within that many
bytes.
"""
PIECES = 6


def places(size: int) -> list[tuple[int, int]]:
    """The (offset, length) pairs that are read in a file of `size` bytes; a small file is read completely."""
    if size <= PIECE * PIECES:
        return [(0, size)]
    last = size - PIECE
    return [(last * number // (PIECES - 1), PIECE) for number in range(PIECES)]


def sample_of(handle: int, size: int) -> str:
    """The sample of an open file (a descriptor that can seek), 32 hex digits.

    Raises OSError if it can't be read, and EOFError if it is shorter than `size`.
    """
    digest = xxhash.xxh3_128(f"{size}:".encode())
    for offset, length in places(size):
        os.lseek(handle, offset, os.SEEK_SET)
        left = length
        while left:
            data = os.read(handle, left)
            if not data:
                raise EOFError(f"the file ends before byte {offset + length}")
            digest.update(data)
            left -= len(data)
    return digest.hexdigest()
