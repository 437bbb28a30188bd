"""MP4 tracks: reads where each frame of a video lies, and writes chosen frames into another file.

Owns: reading a complete video track, writing one, exchanging the decoder's configuration; the index of a plain
recording with its key frames. Not here: which frames may be copied (`stinercut.films.picture.stream_copy`), their
content (`h264`), decoding them (`stinercut.video.frames`), files that are unusual or damaged (`stinercut.video.probe`).
Boxes are those of ISO/IEC 14496-12 and 14496-15.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from stinercut import input_limits
from stinercut.errors import StoreDamaged
from stinercut.input_limits import MOST_FRAMES
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message
from stinercut.storage.regular_files import open_regular
from stinercut.video.mp4 import boxes
from stinercut.video.mp4.boxes import Unusual

_ENTRY_HEAD = 78
"""Bytes of a VisualSampleEntry before the boxes within it."""

_UPRIGHT = struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
_CHUNK = 1 << 20
_SMALL = (1 << 32) - (1 << 20)

Numbers = NDArray[np.int64]


STREAM = "V:0"
"""ffmpeg's name for the track of a `VideoIndex`: the first video that is no cover art. (Cover art needs no track.)"""


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


@dataclass(frozen=True)
class VideoTrack:
    """The only video track of a file. All arrays have one value per frame, in the order of decoding.

    `shown` in ticks of `timescale`, where 0 is the film's beginning; `offsets` and `sizes` in bytes; `keys` marks the
    key frames. `record` is the avcC box, empty without one. `turned`: a player turns the picture. `square`: a player
    neither stretches nor crops it. `irregular`: frames don't last equally long. `delay`: ticks between decoding the
    first frame and showing it. `colours`: numbers of primaries, transfer and matrix in the file's own header, apart
    from those in the frames; None if the header has no colours. The same holds for `full_range`.
    """

    path: Path
    timescale: int
    length: int
    width: int
    height: int
    coding: bytes
    record: bytes
    turned: bool
    square: bool
    offsets: Numbers
    sizes: Numbers
    shown: Numbers
    keys: NDArray[np.bool_]
    irregular: bool
    delay: int
    colours: tuple[int, int, int] | None
    full_range: bool | None

    @property
    def frames(self) -> int:
        """How many frames it has."""
        return len(self.sizes)

    @property
    def end(self) -> int:
        """The first byte after all frames: the file is at least that long unless it was cut short."""
        return int((self.offsets + self.sizes).max())

    @cached_property
    def order(self) -> Numbers:
        """Each frame's place in the order of showing."""
        places = np.empty(self.frames, np.int64)
        places[np.argsort(self.shown, kind="stable")] = np.arange(self.frames)
        return places


def read_track(path: Path) -> VideoTrack | None:
    """The video track of a plain MP4 or MOV; None for everything else, damaged files included. Raises nothing."""
    try:
        with open_regular(path) as source:
            moov = boxes.find_moov(source)
        return _track(path, *boxes.the_video(moov))
    except (OSError, Unusual, *boxes.FAILURES):
        return None


def _track(path: Path, tables: dict[bytes, bytes], movie_scale: int) -> VideoTrack:
    scale, _ = boxes.scale_and_length(tables[b"mdhd"])
    decoded = boxes.decoded_at(tables)
    starts, length = decoded[:-1], int(decoded[-1])
    count = len(starts)
    after = boxes.shown_after(tables, count)
    delay, first = boxes.edit(tables, movie_scale)
    sizes = _sizes(tables[b"stsz"])
    offsets = _sample_offsets(tables, sizes)
    if not count or len(sizes) != count or len(after) != count:
        raise Unusual
    keys = np.zeros(count, bool)
    keys[boxes.entries(tables[b"stss"], 1)[:, 0] - 1 if b"stss" in tables else slice(None)] = True
    entry = _only_entry(tables[b"stsd"])
    inside = dict(boxes.boxes(entry[8 + _ENTRY_HEAD :]))
    width, height = struct.unpack_from(">HH", entry, 8 + 24)
    turned = tables[b"tkhd"][-44:-8] != _UPRIGHT
    shape = inside.get(b"pasp", struct.pack(">II", 1, 1))
    steps = np.diff(starts)
    return VideoTrack(
        path,
        scale,
        length,
        width,
        height,
        entry[4:8],
        inside.get(b"avcC", b""),
        turned,
        b"clap" not in inside and shape[:4] == shape[4:8],
        offsets,
        sizes,
        starts + after - first,
        keys,
        bool(len(steps) and (steps != steps[0]).any()),
        first - round(delay * scale),
        *_colours(inside.get(b"colr", b"")),
    )


def _colours(box: bytes) -> tuple[tuple[int, int, int] | None, bool | None]:
    """The values of a `colr` box: numbers of colours in both of its kinds, the range only in MP4's kind."""
    if box[:4] not in (b"nclx", b"nclc"):
        return None, None
    primaries, transfer, matrix = struct.unpack_from(">HHH", box, 4)
    return (primaries, transfer, matrix), bool(box[10] & 0x80) if box[:4] == b"nclx" else None


def _sizes(table: bytes) -> Numbers:
    same, count = struct.unpack_from(">II", table, 4)
    if count > MOST_FRAMES:
        raise Unusual
    if same:
        return np.full(count, same, np.int64)
    return np.frombuffer(table, ">u4", count, 12).astype(np.int64)


def _sample_offsets(tables: dict[bytes, bytes], sizes: Numbers) -> Numbers:
    """Where each frame begins: the file lists the chunks' positions, and frames follow each other in a chunk."""
    if b"co64" in tables:
        (count,) = struct.unpack_from(">I", tables[b"co64"], 4)
        chunks = np.frombuffer(tables[b"co64"], ">u8", count, 8).astype(np.int64)
    else:
        chunks = boxes.entries(tables[b"stco"], 1)[:, 0]
    runs = boxes.entries(tables[b"stsc"], 3)
    if (runs[:, 2] != 1).any():
        raise Unusual
    lasting = np.diff(np.append(runs[:, 0] - 1, len(chunks)))
    per_chunk = np.repeat(runs[:, 1], lasting)
    if per_chunk.sum() != len(sizes):
        raise Unusual
    before = np.concatenate(([0], np.cumsum(sizes)))
    firsts = np.concatenate(([0], np.cumsum(per_chunk)))[:-1]
    within = before[:-1] - np.repeat(before[firsts], per_chunk)
    return np.repeat(chunks, per_chunk) + within


def _only_entry(table: bytes) -> bytes:
    (count,) = struct.unpack_from(">I", table, 4)
    (size,) = struct.unpack_from(">I", table, 8)
    if count != 1 or size > len(table) - 8:
        raise Unusual
    return table[8 : 8 + size]


# Writing -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SampleRun:
    """Frames of a track, from `begin` to before `end` in the order of decoding.

    In the order of showing they must be the same frames: whole groups to which no frame outside refers.
    """

    track: VideoTrack
    begin: int
    end: int

    @property
    def frames(self) -> int:
        """How many frames it has."""
        return self.end - self.begin

    @cached_property
    def order(self) -> Numbers:
        """Each frame's place in the order of showing, within the run."""
        return self.track.order[self.begin : self.end] - self.begin


@dataclass(frozen=True)
class Format:
    """The format of a track to write. `ticks`: how long a frame lasts. `delay`: frames from decoding to showing.
    `record` is the avcC.
    """

    width: int
    height: int
    timescale: int
    ticks: int
    delay: int
    record: bytes
    full_range: bool


def write_track(target: Path, runs: Sequence[SampleRun], says: Format) -> None:
    """Write an MP4 of these frames, one after the other, all equally long. Nothing is decoded.

    Raises ValueError if a run isn't complete or a frame would be shown before it is decoded, StoreDamaged if a file
    ends before the frames that its index lists.
    """
    order = np.concatenate([run.order + at for run, at in zip(runs, _starts(runs), strict=True)])
    waits = order - np.arange(len(order)) + says.delay
    if (np.sort(order) != np.arange(len(order))).any() or (waits < 0).any():
        raise ValueError("these frames can't be shown in this order")
    sizes = np.concatenate([run.track.sizes[run.begin : run.end] for run in runs])
    keys = np.concatenate([run.track.keys[run.begin : run.end] for run in runs])
    head = _box(b"ftyp", b"isom" + struct.pack(">I", 512) + b"isomiso2avc1mp41")
    total = int(sizes.sum())
    wide = total > _SMALL
    opening = struct.pack(">I4sQ", 1, b"mdat", total + 16) if wide else struct.pack(">I4s", total + 8, b"mdat")
    with target.open("wb") as sink:
        sink.write(head + opening)
        for run in runs:
            _copy(run, sink)
        sink.write(_moov(says, waits, sizes, keys, len(head) + len(opening)))


def with_record(path: Path, target: Path, record: bytes) -> None:
    """Copy a file with another avcC. The index must lie after the frames, as in every segment.

    Raises ValueError when it doesn't.
    """
    with path.open("rb") as source, target.open("wb") as sink:
        moov = boxes.find_moov(source)
        end = source.tell()
        if source.read(1):
            raise ValueError("the index is not the last thing in the file")
        source.seek(0)
        left = end - len(moov) - 8
        while left:
            data = source.read(min(_CHUNK, left))
            sink.write(data)
            left -= len(data)
        sink.write(_box(b"moov", _exchanged(moov, record)))


_WAY = {b"trak": 0, b"mdia": 0, b"minf": 0, b"stbl": 0, b"stsd": 8, b"avc1": _ENTRY_HEAD}
"""The boxes around an avcC, and the bytes in each of them before the boxes within."""


def _exchanged(content: bytes, record: bytes) -> bytes:
    out = b""
    for kind, body in boxes.boxes(content):
        if kind == b"avcC":
            out += _box(kind, record)
        elif kind in _WAY:
            head = _WAY[kind]
            out += _box(kind, body[:head] + _exchanged(body[head:], record))
        else:
            out += _box(kind, body)
    return out


def _starts(runs: Sequence[SampleRun]) -> list[int]:
    ends = np.cumsum([run.frames for run in runs])
    return [0, *map(int, ends[:-1])]


def _copy(run: SampleRun, sink: BinaryIO) -> None:
    """Copy the bytes of a run. Adjacent frames are copied together."""
    offsets, sizes = (column[run.begin : run.end] for column in (run.track.offsets, run.track.sizes))
    breaks = np.flatnonzero(offsets[1:] != offsets[:-1] + sizes[:-1]) + 1
    with run.track.path.open("rb") as source:
        for first, last in zip([0, *breaks], [*breaks, len(sizes)], strict=True):
            source.seek(int(offsets[first]))
            left = int(sizes[first:last].sum())
            while left:
                data = source.read(min(_CHUNK, left))
                if not data:
                    raise StoreDamaged(
                        Message.of(MessageCode.SHORTER_THAN_INDEX),
                        file=run.track.path,
                        advice=Message.of(MessageCode.FETCH_ONCE_MORE),
                    )
                sink.write(data)
                left -= len(data)


def _moov(says: Format, waits: Numbers, sizes: Numbers, keys: NDArray[np.bool_], begin: int) -> bytes:
    count = len(sizes)
    length = count * says.ticks
    matrix = _UPRIGHT
    mvhd = struct.pack(">4xII2I", 0, 0, says.timescale, length) + struct.pack(">IH10x", 1 << 16, 1 << 8) + matrix
    tkhd = struct.pack(">I5I8xhhhh", 3, 0, 0, 1, 0, length, 0, 0, 0, 0) + matrix
    tkhd += struct.pack(">II", says.width << 16, says.height << 16)
    elst = struct.pack(">4xIIiHH", 1, length, says.delay * says.ticks, 1, 0)
    mdhd = struct.pack(">4xIIIIHH", 0, 0, says.timescale, length, 0x55C4, 0)
    hdlr = struct.pack(">8x4s12x", b"vide") + b"VideoHandler\0"
    dinf = _box(b"dinf", _box(b"dref", struct.pack(">4xI", 1) + _box(b"url ", struct.pack(">I", 1))))
    tables = (
        _box(b"stsd", struct.pack(">4xI", 1) + _entry(says)),
        _box(b"stts", struct.pack(">4xIII", 1, count, says.ticks)),
        _box(b"stss", struct.pack(">4xI", int(keys.sum())) + _big(np.flatnonzero(keys) + 1)),
        _box(b"ctts", _runs_of(waits * says.ticks)) if waits.any() else b"",
        _box(b"stsc", struct.pack(">4x4I", 1, 1, count, 1)),
        _box(b"stsz", struct.pack(">4xII", 0, count) + _big(sizes)),
        _box(b"co64", struct.pack(">4xIQ", 1, begin)),
    )
    minf = _box(b"minf", _box(b"vmhd", struct.pack(">I8x", 1)) + dinf + _box(b"stbl", b"".join(tables)))
    mdia = _box(b"mdia", _box(b"mdhd", mdhd) + _box(b"hdlr", hdlr) + minf)
    trak = _box(b"trak", _box(b"tkhd", tkhd) + _box(b"edts", _box(b"elst", elst)) + mdia)
    next_track = struct.pack(">24xI", 2)
    return _box(b"moov", _box(b"mvhd", mvhd + next_track) + trak)


def _entry(says: Format) -> bytes:
    """The sample entry (avc1): size, 72 dpi, square pixels, BT.709."""
    head = struct.pack(">6xH16xHHIII", 1, says.width, says.height, 72 << 16, 72 << 16, 0)
    head += struct.pack(">H32xHh", 1, 24, -1)
    colours = struct.pack(">4sHHHB", b"nclx", 1, 1, 1, says.full_range << 7)
    square = _box(b"pasp", struct.pack(">II", 1, 1))
    return _box(b"avc1", head + _box(b"avcC", says.record) + _box(b"colr", colours) + square)


def _runs_of(values: Numbers) -> bytes:
    """A run-length table: the number of runs, then (length, value) of each."""
    firsts = np.concatenate(([0], np.flatnonzero(np.diff(values)) + 1))
    lasting = np.diff(np.append(firsts, len(values)))
    return struct.pack(">4xI", len(firsts)) + _big(np.column_stack((lasting, values[firsts])).ravel())


def _big(values: Numbers) -> bytes:
    return values.astype(">u4").tobytes()


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


# The index alone ------------------------------------------------------------------------------------------------------


def read_index(path: Path) -> VideoIndex | None:
    """The index of a plain MP4 or MOV; None for everything else, damaged files included. Raises nothing.

    ffprobe costs 0.08 CPU seconds to start, as much as decoding the key frames of a four-second film.
    """
    try:
        with open_regular(path) as source:
            moov = boxes.find_moov(source)
            size = os.fstat(source.fileno()).st_size
        return _index(*boxes.the_video(moov), size)
    except (OSError, Unusual, *boxes.FAILURES):
        return None


def _index(tables: dict[bytes, bytes], movie_scale: int, size: int) -> VideoIndex:
    scale, _ = boxes.scale_and_length(tables[b"mdhd"])
    decoded = boxes.decoded_at(tables)
    length, starts = int(decoded[-1]), decoded[:-1]
    shown = starts + boxes.shown_after(tables, len(starts))
    delay, first = boxes.edit(tables, movie_scale)
    times = (shown - first) / scale + delay
    keys = times[boxes.entries(tables[b"stss"], 1)[:, 0] - 1] if b"stss" in tables else times
    width, height = struct.unpack_from(">HH", tables[b"stsd"], 8 + 8 + 24)
    if length <= 0 or width < 2 or height < 2 or not len(keys):
        raise Unusual
    fps = len(starts) * scale / length
    broken = input_limits.broken_by_length(length / scale, size) or input_limits.broken_by_size(width, height)
    if broken or input_limits.broken_by_rate(fps, width, height):
        raise Unusual  # `probe` gives the reason for the refusal.
    return VideoIndex(
        duration=length / scale,
        width=width,
        height=height,
        fps=fps,
        keys=tuple(float(key) for key in np.sort(keys) if key > -0.001),
    )
