"""The index that a camera writes into an MP4 or MOV: where its key frames are, without starting a program.

Lives here: reading the boxes of one whole, plain recording. Doesn't: anything unusual (fragments, several cuts,
damage), for which there is `None` and `probe`; decoding (`frames`).

Why: ffprobe costs 0.08 CPU seconds to start, as much as decoding the key frames of a four-second film. Boxes are those
of ISO/IEC 14496-12.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

_LARGEST: Final = 64_000_000
"""Bytes of an index that is looked at; a GoPro's is below 1 MB per hour and track."""

_CONTAINERS: Final = (b"mdia", b"minf", b"stbl", b"edts")


@dataclass(frozen=True)
class VideoIndex:
    """One video track. `duration` in seconds; `width` x `height` in pixels as stored, not turned; frames per second.

    `keys` are the times, in seconds from the start of the film, at which key frames are shown, ascending.
    """

    duration: float
    width: int
    height: int
    fps: float
    keys: tuple[float, ...]


class _Unusual(Exception):
    """Not a plain recording: somebody else should look at it."""


def read_index(path: Path) -> VideoIndex | None:
    """The index of a plain MP4 or MOV; None for everything else, damaged files included. Raises nothing."""
    try:
        with path.open("rb") as source:
            moov = _find_moov(source)
        return _index(moov)
    except (OSError, _Unusual, struct.error, ValueError, KeyError, IndexError, OverflowError):
        return None


def _find_moov(source: BinaryIO) -> bytes:
    end = os.fstat(source.fileno()).st_size
    at = 0
    while at + 8 <= end:
        source.seek(at)
        size, kind = struct.unpack(">I4s", source.read(8))
        head = 8
        if size == 1:
            size, head = struct.unpack(">Q", source.read(8))[0], 16
        if at == 0 and kind != b"ftyp":
            raise _Unusual
        if kind == b"moov":
            if not head < size <= min(_LARGEST, end - at):
                raise _Unusual
            return source.read(size - head)
        if size < head:
            raise _Unusual
        at += size
    raise _Unusual


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        if size < 8 or at + size > len(data):
            raise _Unusual
        yield kind, data[at + 8 : at + size]
        at += size


def _tables(track: bytes) -> dict[bytes, bytes]:
    """The boxes of a track by name, those inside containers too."""
    found: dict[bytes, bytes] = {}
    for kind, body in _boxes(track):
        inner = _tables(body) if kind in _CONTAINERS else {kind: body}
        # The first of a name counts: QuickTime has a second `hdlr`, of the data, further in.
        found = inner | found
    return found


def _index(moov: bytes) -> VideoIndex | None:
    top = list(_boxes(moov))
    if any(kind == b"mvex" for kind, _ in top):
        raise _Unusual
    movie = next(body for kind, body in top if kind == b"mvhd")
    tracks = [_tables(body) for kind, body in top if kind == b"trak"]
    videos = [tables for tables in tracks if tables[b"hdlr"][8:12] == b"vide"]
    return _video(videos[0], _scale_and_length(movie)[0]) if len(videos) == 1 else None


def _video(tables: dict[bytes, bytes], movie_scale: int) -> VideoIndex:
    scale, _ = _scale_and_length(tables[b"mdhd"])
    runs = _entries(tables[b"stts"], 2)
    decoded = np.concatenate(([0], np.cumsum(np.repeat(runs[:, 1], _counts(runs)))))
    length, starts = int(decoded[-1]), decoded[:-1]
    shown = starts + _offsets(tables, len(starts))
    delay, first = _edit(tables.get(b"elst"), movie_scale)
    times = (shown - first) / scale + delay
    keys = times[_entries(tables[b"stss"], 1)[:, 0] - 1] if b"stss" in tables else times
    width, height = struct.unpack_from(">HH", tables[b"stsd"], 8 + 8 + 24)
    if length <= 0 or width < 2 or height < 2 or not len(keys):
        raise _Unusual
    return VideoIndex(
        duration=length / scale,
        width=width,
        height=height,
        fps=len(starts) * scale / length,
        keys=tuple(float(key) for key in np.sort(keys) if key > -0.001),
    )


def _scale_and_length(header: bytes) -> tuple[int, int]:
    """Ticks per second and length in ticks of an `mvhd` or `mdhd` box."""
    scale, length = struct.unpack_from(">IQ", header, 20) if header[0] == 1 else struct.unpack_from(">II", header, 12)
    if scale == 0:
        raise _Unusual
    return scale, length


def _entries(table: bytes, columns: int) -> NDArray[np.int64]:
    (count,) = struct.unpack_from(">I", table, 4)
    cells = np.frombuffer(table, ">u4", count * columns, 8)
    return cells.reshape(count, columns).astype(np.int64)


def _counts(runs: NDArray[np.int64]) -> NDArray[np.int64]:
    """How often each row of a run-length table applies; refuses more than 10 hours at 240 frames a second."""
    if runs[:, 0].sum() > 9_000_000:
        raise _Unusual
    return runs[:, 0]


def _offsets(tables: dict[bytes, bytes], samples: int) -> NDArray[np.int64]:
    """From decoding to showing, in ticks, per frame."""
    if b"ctts" not in tables:
        return np.zeros(samples, np.int64)
    runs = _entries(tables[b"ctts"], 2)
    signed = runs[:, 1].astype(np.uint32).astype(np.int32).astype(np.int64)
    return np.repeat(signed, _counts(runs))


def _edit(table: bytes | None, movie_scale: int) -> tuple[float, int]:
    """What the edit list does: seconds before the film begins, and the tick that it begins with."""
    if table is None:
        return 0.0, 0
    (count,) = struct.unpack_from(">I", table, 4)
    wide = table[0] == 1
    edits = [struct.unpack_from(">Qq" if wide else ">Ii", table, 8 + at * (20 if wide else 12)) for at in range(count)]
    delay = 0.0
    if len(edits) > 1 and edits[0][1] == -1:
        delay, edits = edits[0][0] / movie_scale, edits[1:]
    if len(edits) != 1 or edits[0][1] < 0:
        raise _Unusual
    return delay, edits[0][1]
