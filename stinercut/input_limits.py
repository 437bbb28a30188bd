"""Limits for files from outside: how large, fast and long they may be, and the resources for decoding them.

Owns: the limits as named numbers, and the words for the limit that a file breaks. Not here: reading files
(`video.probe`, `video.picture_files`, `templates.font_files`, `films.photos.photo_worker`), starting ffmpeg under its
limits (`video.ffmpeg_runner`). Helper processes import this module: it needs only the standard library.

A header costs its sender nothing: 400 bytes can claim a picture of a terabyte or a film of ten years. Each limit lies
well above the files of cameras and phones.
"""

from __future__ import annotations

import os
from typing import Final

MOST_SIDE: Final = 16_384
MOST_PIXELS: Final = 100_000_000
"""Of one picture: side and area in pixels. An 8K frame has 33 million, a phone's picture 48 to 50. A few phones have
sensors of 108 or 200 million, whose full pictures are useless for a film or a code.
"""

MOST_FPS: Final = 1000
"""Frames per second. The fastest mode of a consumer camera (Sony's RX, Samsung's phones) has 960."""

MOST_PIXELS_A_SECOND: Final = 10_000_000_000
"""Of a film: 8K at 240 frames per second has 8 thousand million."""

MOST_FRAMES: Final = 9_000_000
"""Of a film: a day at 100 frames per second, 10 hours at 240."""

MOST_SECONDS: Final = 86_400.0
"""Of a film or of music: one day. Cameras cut a recording at some gigabytes, after minutes."""

LEAST_BYTES_A_SECOND: Final = 100
"""No film and no music is smaller: x264 spends 12 bytes on a frame in which nothing moves, Opus 400 bytes per second on
silence.
"""

FREE_SECONDS: Final = 60.0
"""Up to this length a file may be smaller: it may be a single picture that is shown for a while."""

MOST_ALLOCATED: Final = 1 << 30
"""Bytes that ffmpeg may allocate at once (`-max_alloc`): a picture of MOST_PIXELS has 800 million in RGBA of 16
bits.
"""

MOST_MEMORY: Final = 16 << 30
"""Bytes that one ffmpeg may use altogether; on smaller machines SHARE_OF_MACHINE of their memory. 8K HEVC of 10 bits
uses 3.4 thousand million with 16 threads (measured; 3 GiB are too few, 4 suffice).
"""

SHARE_OF_MACHINE: Final = 0.75

MOST_BYTES_OF_FONT: Final = 64_000_000
MOST_TABLES_OF_FONT: Final = 100
MOST_POINTS_OF_GLYPH: Final = 20_000
"""Of a font: Noto's for Chinese has 27 million bytes, no font here more than 20 tables. A Chinese letter has hundreds
of points, a letter of a hand-drawn font some thousand. HarfBuzz itself stops endless shaping and drawing.
"""

MOST_BYTES_OF_PHOTO: Final = 400_000_000
"""Of a raw. A raw of 100 megapixels with 16 bits has half of it."""

MOST_MEMORY_OF_PHOTO: Final = 4 << 30
"""Bytes of address space for the process that opens photos. Opening MOST_PIXELS takes 300 MB, and a raw takes several
times that.
"""

MOST_SECONDS_OF_PHOTO: Final = 60
"""For opening one photo. This limit ends the process if its guarding process is gone."""


_TOO_MANY: Final = f"more than {MOST_SIDE} a side or {MOST_PIXELS // 1_000_000} million altogether"

TOO_MANY_PIXELS: Final = f"its picture has too many pixels, {_TOO_MANY}"
"""The reason for refusing a picture of unknown size."""


def memory_of_ffmpeg() -> int:
    """Bytes that one ffmpeg may take on this machine: whole KiB, in which shells count."""
    try:
        here = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return MOST_MEMORY
    return min(MOST_MEMORY, int(SHARE_OF_MACHINE * here)) // 1024 * 1024


def broken_by_size(width: int, height: int) -> str:
    """The reason for refusing a picture of that size; empty if it is allowed."""
    if max(width, height) <= MOST_SIDE and width * height <= MOST_PIXELS:
        return ""
    return f"its picture has {width} x {height} pixels, {_TOO_MANY}"


def broken_by_length(seconds: float, size: int) -> str:
    """The reason for refusing a film or music that claims that length in `size` bytes; empty if it is allowed."""
    if seconds > MOST_SECONDS:
        return f"it says to last {seconds / 3600:.0f} hours, more than a day"
    if seconds > FREE_SECONDS and size < seconds * LEAST_BYTES_A_SECOND:
        return f"it says to last {seconds:.0f} s, which its {size} bytes can't hold"
    return ""


def broken_by_frames(frames: float) -> str:
    """The reason for refusing a film of that many frames; empty if it is allowed."""
    return f"it says to have {frames:.0f} frames, more than {MOST_FRAMES}" if frames > MOST_FRAMES else ""


def broken_by_rate(fps: float, width: int, height: int) -> str:
    """The reason for refusing a film of that many frames per second; empty if it is allowed."""
    if fps > MOST_FPS:
        return f"it says to have {fps:.0f} frames a second, more than {MOST_FPS}"
    if fps * width * height > MOST_PIXELS_A_SECOND:
        return f"it says to have {fps:.0f} pictures of {width} x {height} pixels a second, more than can be worked on"
    return ""
