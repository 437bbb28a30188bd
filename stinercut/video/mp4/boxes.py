"""Boxes of an MP4 or MOV: finds the index of a plain recording and reads its tables.

Owns: the format (ISO/IEC 14496-12), byte by byte; the boxes of a file. Not here: using the tables for key frames or for
copying frames (`tracks`). Everything unusual (fragments, several cuts, damage) raises `Unusual`.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from stinercut.input_limits import MOST_FRAMES

_LARGEST: Final = 64_000_000
"""Bytes of an index that is read, at most; a GoPro's is below 1 MB per hour and track."""

_CONTAINERS: Final = (b"mdia", b"minf", b"stbl", b"edts")

_MOST_BOXES: Final = 10_000
"""Outermost boxes, at most. Cameras write a handful; a gigabyte may hold a hundred million empty ones."""

_DEEPEST: Final = 8
"""Containers within each other; a track has three: mdia, minf, stbl."""

FAILURES: Final = (struct.error, ValueError, KeyError, IndexError, OverflowError, StopIteration)
"""Exceptions that reading a damaged index may raise besides `Unusual` and OSError."""


class Unusual(Exception):
    """The file is not a plain recording: ffprobe must look at it."""


@dataclass(frozen=True)
class TopBox:
    """An outermost box: its name, where it begins, and its declared size, including its `head`.

    A `size` of 0 means until the end of the file; a size below `head` is damage.
    """

    kind: bytes
    at: int
    head: int
    size: int


def top_boxes(source: BinaryIO) -> Iterator[TopBox]:
    """The outermost boxes of a file in order, up to one without a declared end; only heads are read (4.2)."""
    end = os.fstat(source.fileno()).st_size
    at = 0
    for _ in range(_MOST_BOXES):
        if at + 8 > end:
            return
        source.seek(at)
        start = source.read(16)
        size, head = int.from_bytes(start[:4]), 8
        if size == 1:
            size, head = int.from_bytes(start[8:]), 16
        yield TopBox(start[4:8], at, head, size)
        if size < head:
            return
        at += size


def find_moov(source: BinaryIO) -> bytes:
    """The content of the index box. Raises Unusual."""
    end = os.fstat(source.fileno()).st_size
    for box in top_boxes(source):
        if box.at == 0 and box.kind != b"ftyp":
            raise Unusual
        if box.kind == b"moov":
            if not box.head < box.size <= min(_LARGEST, end - box.at):
                raise Unusual
            source.seek(box.at + box.head)
            return source.read(box.size - box.head)
    raise Unusual


def boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The boxes side by side in `data`: name and content."""
    at = 0
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        if size < 8 or at + size > len(data):
            raise Unusual
        yield kind, data[at + 8 : at + size]
        at += size


def tables(track: bytes, depth: int = 0) -> dict[bytes, bytes]:
    """The boxes of a track by name, including those inside containers."""
    if depth > _DEEPEST:
        raise Unusual
    found: dict[bytes, bytes] = {}
    for kind, body in boxes(track):
        inner = tables(body, depth + 1) if kind in _CONTAINERS else {kind: body}
        # The first box of a name counts: QuickTime has a second `hdlr`, for the data, further in.
        found = inner | found
    return found


def the_video(moov: bytes) -> tuple[dict[bytes, bytes], int]:
    """The tables of the only video track, and the movie's ticks per second. Raises Unusual if there isn't exactly one
    video track, or if the movie is in fragments.
    """
    top = list(boxes(moov))
    if any(kind == b"mvex" for kind, _ in top):
        raise Unusual
    movie = next(body for kind, body in top if kind == b"mvhd")
    tracks = [tables(body) for kind, body in top if kind == b"trak"]
    videos = [track for track in tracks if track[b"hdlr"][8:12] == b"vide"]
    if len(videos) != 1:
        raise Unusual
    return videos[0], scale_and_length(movie)[0]


def scale_and_length(header: bytes) -> tuple[int, int]:
    """Ticks per second and length in ticks of an `mvhd` or `mdhd` box."""
    scale, length = struct.unpack_from(">IQ", header, 20) if header[0] == 1 else struct.unpack_from(">II", header, 12)
    if scale == 0:
        raise Unusual
    return scale, length


def entries(table: bytes, columns: int) -> NDArray[np.int64]:
    """The rows of a table of 32-bit numbers, which follow a count."""
    (count,) = struct.unpack_from(">I", table, 4)
    cells = np.frombuffer(table, ">u4", count * columns, 8)
    return cells.reshape(count, columns).astype(np.int64)


def counts(runs: NDArray[np.int64]) -> NDArray[np.int64]:
    """How often each row of a run-length table applies. Raises Unusual for more than MOST_FRAMES."""
    if runs[:, 0].sum() > MOST_FRAMES:
        raise Unusual
    return runs[:, 0]


def decoded_at(found: dict[bytes, bytes]) -> NDArray[np.int64]:
    """When each sample is decoded, in ticks; the last value is the end of the last sample."""
    runs = entries(found[b"stts"], 2)
    return np.concatenate(([0], np.cumsum(np.repeat(runs[:, 1], counts(runs)))))


def shown_after(found: dict[bytes, bytes], samples: int) -> NDArray[np.int64]:
    """Ticks from decoding to showing, for each sample."""
    if b"ctts" not in found:
        return np.zeros(samples, np.int64)
    runs = entries(found[b"ctts"], 2)
    signed = runs[:, 1].astype(np.uint32).astype(np.int32).astype(np.int64)
    return np.repeat(signed, counts(runs))


def edit(found: dict[bytes, bytes], movie_scale: int) -> tuple[float, int]:
    """The effect of the edit list: seconds before the film begins, and the tick with which it begins."""
    table = found.get(b"elst")
    if table is None:
        return 0.0, 0
    (count,) = struct.unpack_from(">I", table, 4)
    wide = table[0] == 1
    edits = [struct.unpack_from(">Qq" if wide else ">Ii", table, 8 + at * (20 if wide else 12)) for at in range(count)]
    delay = 0.0
    if len(edits) > 1 and edits[0][1] == -1:
        delay, edits = edits[0][0] / movie_scale, edits[1:]
    if len(edits) != 1 or edits[0][1] < 0:
        raise Unusual
    return delay, edits[0][1]
