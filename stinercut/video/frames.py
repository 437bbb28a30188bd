"""Decodes a video's pictures to arrays: grey frames with their times, at a rate or key frames only.

Owns: decoding to arrays. Not here: looking for codes in them (`stinercut.codes`), pictures for people (`stills`).
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
    """Grey frames, `fps` per second, each with its time in seconds in the video: `(time, uint8 array of H x W)`.

    Each is the frame on the screen at that time. `width`: at most this wide (never enlarged, sides kept even). `start`
    and `duration` in seconds. One ffmpeg decodes everything; closing the iterator early kills it.
    With the video's `index` ffprobe is not started, and frames are as stored, not turned. Raises UnreadableVideo.
    """
    video = index or probe(path)
    wide, high = limited(video.width, video.height, width)
    seconds = video.duration - start if duration is None else min(duration, video.duration - start)
    if seconds <= 0:
        return
    options: dict[str, str | int | None] = {"ss": f"{start:.6f}"} if start > 0 else {}
    # Each thread of the decoder holds its own frames: 16 threads of 4K would take more memory than everything else.
    options |= {"noautorotate": None, "threads": 2} if index else {}
    # round=up holds each frame until the next tick, so tick k is the picture on the screen at k/fps. The default, near,
    # would show a frame up to half a tick before its time.
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
        raise UnreadableVideo(failed.what_parts, file=path, advice=failed.advice_parts) from None


def key_frames(path: Path, index: VideoIndex, *, count: int, width: int) -> Iterator[tuple[float, NDArray[np.uint8]]]:
    """The first `count` key frames, grey, at most `width` pixels wide, as stored (not turned), with their times.

    If a camera writes two key frames per second, decoding them alone costs a quarter to a seventh of decoding
    everything. One ffmpeg decodes them; closing the iterator early kills it. A damaged file gives fewer. Raises
    UnreadableVideo.
    """
    wide, high = limited(index.width, index.height, width)
    # `discard` skips reading the other frames; where the format can't do that, `skip_frame` skips decoding them. The
    # loop filter would only smooth blocks: no other frame is predicted from these.
    quick = {"discard": "nokey", "skip_frame": "nokey", "skip_loop_filter": "all", "threads": 1, "noautorotate": None}
    graph = (
        # `vf` instead of the `filter_complex` that `.filter` makes, which costs 5 ms more to set up.
        # Without `fps_mode` the pipe would fill the gaps with copies, and copies always agree with each other.
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
        raise UnreadableVideo(failed.what_parts, file=path, advice=failed.advice_parts) from None


def _picture_of(video: Probe | VideoIndex) -> str:
    """The stream to decode, by ffmpeg's name."""
    return STREAM if isinstance(video, VideoIndex) else str(video.stream)
