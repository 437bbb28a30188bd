"""Takes one still picture from a video, as JPEG.

Owns: the still pictures for pages and reports. ffmpeg alone does the work, so that the hub can use this module. Not
here: frames to compute with (`frames`).
"""

from __future__ import annotations

from pathlib import Path

from stinercut.errors import FfmpegFailed, UnreadableVideo
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message
from stinercut.video import ffmpeg_runner as runner
from stinercut.video.ffmpeg_inputs import from_outside
from stinercut.video.probe import probe
from stinercut.video.video_signal import as_bt709, as_jpeg

_SECONDS = 60.0


def jpeg_still(path: Path, at: float, width: int) -> bytes:
    """The picture shown at `at` seconds as JPEG, at most `width` pixels wide (never enlarged), in the film's colours.

    A time beyond the end gives a picture of the last half second. Raises UnreadableVideo if nothing can be decoded
    there.
    """
    video = probe(path)
    wide, high = limited(video.width, video.height, width)
    moment = max(0.0, min(at, video.duration - 0.5))
    shown = from_outside(path, ss=f"{moment:.6f}")[str(video.stream)]
    graph = (
        as_jpeg(as_bt709(shown, video, wide, high))
        .filter("setsar", 1)
        .output("pipe:1", format="image2pipe", vcodec="mjpeg", vframes=1, pix_fmt="yuvj420p", **{"q:v": 4})
    )
    try:
        picture = b"".join(runner.read_pipe(graph.compile(), timeout=_SECONDS, chunk_bytes=1 << 16, file=path))
    except FfmpegFailed as failed:
        raise UnreadableVideo(failed.what_parts, file=path, advice=failed.advice_parts) from None
    if not picture:
        raise UnreadableVideo(
            Message.of(MessageCode.NO_PICTURE_AT, moment=f"{moment:.1f}"),
            file=path,
            advice=Message.of(MessageCode.COPY_IT_AGAIN),
        )
    return picture


def jpeg_still_at_part(path: Path, part: float, width: int) -> bytes:
    """The picture at this part of a video's length (0: beginning, 1: end). Raises UnreadableVideo."""
    return jpeg_still(path, probe(path).duration * part, width)


def limited(width: int, height: int, limit: int | None) -> tuple[int, int]:
    """An even size within `limit` pixels of width, of the same shape."""
    scale = min(1.0, limit / width) if limit else 1.0
    return max(2, round(width * scale / 2) * 2), max(2, round(height * scale / 2) * 2)
