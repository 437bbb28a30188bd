"""Pictures out of videos: one still as JPEG, grey frames with their times, all or key frames only.

Owns: decoding to arrays. Not here: what is looked for in them (`stinercut.codes`), pictures to look at
(`stills`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stinercut.errors import FfmpegFailed, UnreadableVideo
from stinercut.video import ffmpeg_runner as runner
from stinercut.video.ffmpeg_inputs import from_outside
from stinercut.video.mp4.tracks import STREAM, VideoIndex
from stinercut.video.probe import Probe, probe
from stinercut.video.stills import limited


def gray_frames(  # noqa: PLR0913 - one optional word each
    path: Path,
    *,
    fps: float,
    width: int | None = None,
    start: float = 0.0,
    duration: float | None = None,
    index: VideoIndex | None = None,
) -> Iterator[tuple[float, NDArray[np.uint8]]]:
    """Grey frames, `fps` a second, each with its time in seconds in the video: `(time, uint8 array of H x W)`.

    Each is the frame on the screen at that time. `width` is the widest wanted (never enlarged, sides kept even);
    `start` and `duration` in seconds. One ffmpeg for all of it, killed when the iterator is closed early.
    With the film's `tracks` nothing else is asked, and frames are as stored, not turned. Raises UnreadableVideo.
    """
    video = index or probe(path)
    wide, high = limited(video.width, video.height, width)
    seconds = video.duration - start if duration is None else min(duration, video.duration - start)
    if seconds <= 0:
        return
    options: dict[str, str | int | None] = {"ss": f"{start:.6f}"} if start > 0 else {}
    # Each thread of the decoder holds frames of its own: 16 threads of 4K would take more memory than all the rest.
    options |= {"noautorotate": None, "threads": 2} if index else {}
    # round=up holds each frame until the next tick: tick k shows what is on the screen at k/fps. The default, near,
    # shows a frame up to half a tick before its time.
    graph = (
        from_outside(path, t=f"{seconds:.6f}", **options)[_picture_of(video)]
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


def key_frames(path: Path, index: VideoIndex, *, count: int, width: int) -> Iterator[tuple[float, NDArray[np.uint8]]]:
    """The first `count` key frames, grey, at most `width` pixels wide, as stored (not turned), with their times.

    Decoding them alone costs a quarter to a seventh of decoding everything where a camera writes two a second. One
    ffmpeg, killed when the iterator is closed early. Fewer come out of a damaged file. Raises UnreadableVideo.
    """
    wide, high = limited(index.width, index.height, width)
    # `discard` keeps the other frames from being read, `skip_frame` from being decoded where the format can't do that.
    # The loop filter only smooths blocks here: no other frame is built on what comes out.
    quick = {"discard": "nokey", "skip_frame": "nokey", "skip_loop_filter": "all", "threads": 1, "noautorotate": None}
    graph = (
        # `vf` instead of `filter_complex`, as `.filter` would have it: that costs 5 ms more to set up.
        # Without `fps_mode` the pipe fills the gaps with copies, which would agree with themselves.
        from_outside(path, **quick)[STREAM].output(
            "pipe:1",
            format="rawvideo",
            pix_fmt="gray",
            vframes=count,
            fps_mode="passthrough",
            vf=f"scale={wide}:{high}:flags=area",
        )
    )
    pipe = runner.read_pipe(graph.compile(), timeout=60 + 2 * count, chunk_bytes=wide * high, file=path)
    try:
        with contextlib.closing(pipe):
            for chunk, moment in zip(pipe, index.keys, strict=False):
                if len(chunk) == wide * high:
                    yield moment, np.frombuffer(chunk, np.uint8).reshape(high, wide)
    except FfmpegFailed as failed:
        raise UnreadableVideo(failed.what, file=path, advice=failed.advice) from None


def _picture_of(video: Probe | VideoIndex) -> str:
    """Which stream is decoded, as ffmpeg names it."""
    return STREAM if isinstance(video, VideoIndex) else str(video.stream)
