"""The index that a camera writes into an MP4 or MOV: where its key frames are, without starting a program.

Lives here: reading where key frames lie in one whole, plain recording. Doesn't: anything unusual (fragments, several
cuts, damage), for which there is `None` and `probe`; decoding (`frames`).

Why: ffprobe costs 0.08 CPU seconds to start, as much as decoding the key frames of a four-second film.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stinercut.media import boxes, limits
from stinercut.media.boxes import Unusual
from stinercut.regular_files import open_regular

STREAM = "V:0"
"""The track of a `VideoIndex` as ffmpeg names it: the first video that is no cover art, for which no track is needed.
"""


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


def read_index(path: Path) -> VideoIndex | None:
    """The index of a plain MP4 or MOV; None for everything else, damaged files included. Raises nothing."""
    try:
        with open_regular(path) as source:
            moov = boxes.find_moov(source)
            size = os.fstat(source.fileno()).st_size
        return _video(*boxes.the_video(moov), size)
    except (OSError, Unusual, *boxes.FAILURES):
        return None


def _video(tables: dict[bytes, bytes], movie_scale: int, size: int) -> VideoIndex:
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
    broken = limits.broken_by_length(length / scale, size) or limits.broken_by_size(width, height)
    if broken or limits.broken_by_rate(fps, width, height):
        raise Unusual  # `probe` says why it is refused.
    return VideoIndex(
        duration=length / scale,
        width=width,
        height=height,
        fps=fps,
        keys=tuple(float(key) for key in np.sort(keys) if key > -0.001),
    )
