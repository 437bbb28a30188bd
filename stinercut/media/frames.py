"""Pictures out of videos: one still as JPEG, a row of grey frames with their times.

Lives here: decoding to pictures. Doesn't: what is looked for in them (`stinercut.identity`), titles (`titles`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import ffmpeg
import numpy as np
from numpy.typing import NDArray

from stinercut.errors import FfmpegFailed, UnreadableVideo
from stinercut.media import ffmpeg as runner
from stinercut.media.probe import probe

_STILL_SECONDS = 60.0


def jpeg_still(path: Path, at: float, width: int) -> bytes:
    """The picture shown at `at` seconds as JPEG, `width` pixels wide at most (never enlarged).

    A time beyond the end gives the last half second. Raises UnreadableVideo when nothing can be decoded there.
    """
    video = probe(path)
    wide, high = _limited(video.width, video.height, width)
    moment = max(0.0, min(at, video.duration - 0.5))
    graph = (
        ffmpeg.input(str(path.absolute()), ss=f"{moment:.6f}")["v:0"]
        .filter("scale", wide, high)
        .output("pipe:1", format="image2pipe", vcodec="mjpeg", vframes=1, pix_fmt="yuvj420p", **{"q:v": 4})
    )
    try:
        picture = b"".join(runner.read_pipe(graph.compile(), timeout=_STILL_SECONDS, chunk_bytes=1 << 16, file=path))
    except FfmpegFailed as failed:
        raise UnreadableVideo(failed.what, file=path, advice=failed.advice) from None
    if not picture:
        raise UnreadableVideo(f"no picture can be read at {moment:.1f} s", file=path, advice="Copy it again.")
    return picture


def gray_frames(
    path: Path, *, fps: float, width: int | None = None, start: float = 0.0, duration: float | None = None
) -> Iterator[tuple[float, NDArray[np.uint8]]]:
    """Grey frames, `fps` a second, each with its time in seconds in the video: `(time, uint8 array of H x W)`.

    Each is the frame on the screen at that time. `width` is the widest wanted (never enlarged, sides kept even);
    `start` and `duration` in seconds. One ffmpeg for all of it, killed when the iterator is closed early.
    Raises UnreadableVideo.
    """
    video = probe(path)
    wide, high = _limited(video.width, video.height, width)
    seconds = video.duration - start if duration is None else min(duration, video.duration - start)
    if seconds <= 0:
        return
    options: dict[str, str] = {"ss": f"{start:.6f}"} if start > 0 else {}
    # round=up holds each frame until the next tick: tick k shows what is on the screen at k/fps. The default, near,
    # shows a frame up to half a tick before its time.
    graph = (
        ffmpeg.input(str(path.absolute()), t=f"{seconds:.6f}", **options)["v:0"]
        .filter("fps", fps=fps, start_time=0, round="up")
        .filter("scale", wide, high)
        .output("pipe:1", format="rawvideo", pix_fmt="gray")
    )
    pipe = runner.read_pipe(graph.compile(), timeout=60 + 20 * seconds, chunk_bytes=wide * high, file=path)
    try:
        with contextlib.closing(pipe):
            for number, chunk in enumerate(pipe):
                if len(chunk) == wide * high and number / fps < seconds:
                    yield start + number / fps, np.frombuffer(chunk, np.uint8).reshape(high, wide)
    except FfmpegFailed as failed:
        raise UnreadableVideo(failed.what, file=path, advice=failed.advice) from None


def _limited(width: int, height: int, limit: int | None) -> tuple[int, int]:
    """An even size within `limit` pixels of width, of the same shape."""
    scale = min(1.0, limit / width) if limit else 1.0
    return max(2, round(width * scale / 2) * 2), max(2, round(height * scale / 2) * 2)
