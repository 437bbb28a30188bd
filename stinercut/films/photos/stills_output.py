"""Takes photos from a jump's footage: spread over it, sharp ones preferred.

Owns: choosing the moments, and writing the pictures as JPEG files. Not here: where they are published
(`stinercut.films.film`), stills for pages (`stinercut.video.stills`).
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stinercut.errors import UnreadableVideo
from stinercut.films.picture import color_tables
from stinercut.films.picture.encoding import CONTRACT, scratch
from stinercut.films.picture.footage import FootageSource, Frame, opened, picture_of
from stinercut.films.picture.segments import Workshop, stream_key_values
from stinercut.films.plan.plan import Filmed, FilmPlan, Shot
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message
from stinercut.storage.store import key_of
from stinercut.templates.timeline import StillsOutput
from stinercut.video import ffmpeg_graph
from stinercut.video import ffmpeg_runner as runner
from stinercut.video.frames import gray_frames
from stinercut.video.video_signal import as_jpeg

_AROUND_S = 0.8
"""Seconds before and after a moment within which the sharpest picture is looked for."""

_A_SECOND = 8
"""Pictures compared per second; a hand shakes slower than that."""

_COMPARED_WIDTH = 480
_SECONDS = 120.0


def take_photos(shop: Workshop, plan: FilmPlan, output: StillsOutput, folder: Path) -> list[Path]:
    """Write the photos into `folder` as 01.jpg, 02.jpg, ... Raises UnreadableVideo, FfmpegFailed."""
    shots = [part for part in plan.parts if isinstance(part, Shot) and isinstance(part.content, Filmed)]
    out: list[Path] = []
    for number, (shot, frame) in enumerate(moments(shots, output.count), 1):
        path = folder / photo_name(number)
        shutil.copyfile(_photo(shop, shot, frame, output.height), path)
        out.append(path)
    return out


def photo_name(number: int) -> str:
    """The file name of a photo, counted from 1."""
    return f"{number:02d}.jpg"


def moments(shots: Sequence[Shot], count: int) -> list[tuple[Shot, int]]:
    """`count` moments at equal distances over these shots, each as its shot and the frame within it. Fewer if the shots
    have fewer frames.
    """
    whole = sum(shot.frames for shot in shots)
    count = min(count, whole)
    out: list[tuple[Shot, int]] = []
    for number in range(count):
        at = (2 * number + 1) * whole // (2 * count)
        for shot in shots:
            if at < shot.frames:
                out.append((shot, at))
                break
            at -= shot.frames
    return out


def _photo(shop: Workshop, shot: Shot, frame: int, height: int) -> Path:
    """The photo around that frame of the shot, kept in the store."""
    assert isinstance(shot.content, Filmed)
    clip, look = shop.clips[shot.content.take], shot.content.look
    table = color_tables.table_of(shop.template, look)
    key = key_of(
        "photo", CONTRACT, clip.source.content_hash, shot.begin, shot.frames, frame, shop.rate, height,
        *color_tables.key_values(look, table), *stream_key_values(clip.probe), runner.build(),
    )  # fmt: skip
    kept = shop.store.derived_path(key, ".jpg")
    if shop.store.used(kept):
        return kept
    best = shot.begin + _sharpest(shop, shot, frame)
    source = FootageSource(clip.source.path, clip.probe, best, 1)
    scale = min(1.0, height / clip.probe.height)
    size = (max(2, round(clip.probe.width * scale / 2) * 2), max(2, round(clip.probe.height * scale / 2) * 2))
    with shop.store.alone(key), shop.store.deriving(key, ".jpg") as new, scratch(shop.store) as folder:
        lut = color_tables.table_beside(folder, table)
        picture = as_jpeg(picture_of(opened(source, shop.rate), source, Frame(*size, shop.rate), look, lut))
        out = ffmpeg_graph.output(
            picture, str(new), vcodec="mjpeg", format="image2", **{"q:v": 2, "frames:v": 1, "update": 1}
        )
        runner.run(out.compile(), timeout=_SECONDS, file=source.path, told=True)
        if not new.is_file():
            raise UnreadableVideo(
                Message.of(MessageCode.NO_PHOTO_THERE), file=source.path, advice=Message.of(MessageCode.COPY_IT_AGAIN)
            )
    return kept


def _sharpest(shop: Workshop, shot: Shot, frame: int) -> int:
    """The frame with the sharpest picture in the shot near that frame."""
    assert isinstance(shot.content, Filmed)
    clip = shop.clips[shot.content.take]
    rate = float(shop.rate)
    around = round(_AROUND_S * rate)
    first, last = max(0, frame - around), min(shot.frames - 1, frame + around)
    start = (shot.begin + first) / rate + clip.probe.video_start
    best, most = frame, -1.0
    for moment, picture in gray_frames(
        clip.source.path, fps=_A_SECOND, width=_COMPARED_WIDTH, start=start, duration=max(0.05, (last - first) / rate)
    ):
        sharp = sharpness(picture)
        if sharp > most:
            best, most = min(last, first + round((moment - start) * rate)), sharp
    return best


def sharpness(picture: NDArray[np.uint8]) -> float:
    """How sharp a grey picture is: the variance of its Laplacian, where motion and blur leave little."""
    grey = picture.astype(np.float32)
    middle = grey[1:-1, 1:-1]
    laplacian = 4 * middle - grey[:-2, 1:-1] - grey[2:, 1:-1] - grey[1:-1, :-2] - grey[1:-1, 2:]
    return float(laplacian.var())
