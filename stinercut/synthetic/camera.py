"""Encodes pictures and sound as a GoPro does: the MP4 and its low-resolution proxy, with a GoPro file's properties.

Owns: encoding generated frames. Not here: the frames (`scenes`, `qrfilm`), names and times (`card`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from stinercut.errors import BadInput
from stinercut.video import ffmpeg_graph
from stinercut.video import ffmpeg_runner as runner
from stinercut.video.ffmpeg_inputs import generated, raw_pictures

Picture = npt.NDArray[Any]
"""Height x width x 3 of uint8, blue first, as in OpenCV (whose type stubs lack uint8)."""

FPS: Final = Fraction(30000, 1001)
RENDER_WIDTH: Final = 1280
BITS_PER_PIXEL: Final = 0.2
"""A HERO9 spends 60 Mbit/s on 2704x1520 at 59.94 frames per second, with its setting "high" twice that."""

PROXY_WIDTH: Final = 768
MIN_SIDE, MAX_SIDE = 120, 4096
MAX_SECONDS: Final = 600.0


@dataclass(frozen=True)
class CameraSettings:
    """The camera's settings: picture size in pixels, length in seconds, frames per second, the clock at the start.

    `seed` decides everything random; the same shot gives the same bytes with the same ffmpeg.
    """

    seconds: float
    size: tuple[int, int]
    seed: int
    fps: Fraction = FPS
    recorded: datetime | None = None

    @property
    def frames(self) -> int:
        """How many pictures the shot has."""
        return max(2, round(self.seconds * self.fps))


def check_shot(shot: CameraSettings) -> None:
    """Raise BadInput for settings that can't be filmed."""
    width, height = shot.size
    if not (MIN_SIDE <= width <= MAX_SIDE and MIN_SIDE <= height <= MAX_SIDE):
        raise BadInput(f"a picture of {width}x{height} is outside {MIN_SIDE} to {MAX_SIDE} pixels a side")
    if width % 2 or height % 2:
        raise BadInput(f"a picture of {width}x{height} can't be encoded: both sides must be even")
    if not 0.2 <= shot.seconds <= MAX_SECONDS:
        raise BadInput(f"a length of {shot.seconds:g} s is outside 0.2 to {MAX_SECONDS:g} s")


def drawn_size(shot: CameraSettings, width: int) -> tuple[int, int]:
    """The size in which frames are drawn, at most `width` wide; the encoder scales them up."""
    scale = min(1.0, width / max(shot.size))
    return round(shot.size[0] * scale / 2) * 2, round(shot.size[1] * scale / 2) * 2


def film(
    frames: Iterator[Picture], drawn: tuple[int, int], shot: CameraSettings, target: Path, proxy: Path | None = None
) -> None:
    """Encode frames of size `drawn`, with sound, to `target` (and small, to `proxy`). Raises FfmpegFailed."""
    source = raw_pictures(drawn, _ratio(shot.fps))
    sound = _sound(shot)
    if proxy is None:
        outputs = _output(source, sound, shot, shot.size, target)
    else:
        pictures, sounds = source.filter_multi_output("split"), sound.filter_multi_output("asplit")
        outputs = ffmpeg_graph.merged(
            _output(pictures[0], sounds[0], shot, shot.size, target),
            _output(pictures[1], sounds[1], shot, _proxy_size(shot.size), proxy),
        )
    chunks = (np.ascontiguousarray(frame).tobytes() for frame in frames)
    runner.write_pipe(outputs.compile(), chunks, timeout=60 + 30 * shot.seconds, file=target)


def _proxy_size(size: tuple[int, int]) -> tuple[int, int]:
    scale = min(1.0, PROXY_WIDTH / max(size))
    return round(size[0] * scale / 2) * 2, round(size[1] * scale / 2) * 2


def _sound(shot: CameraSettings) -> Any:
    """Wind (swelling pink noise) and two tones that no other seed has, in stereo at 48 kHz."""
    dice = np.random.default_rng(shot.seed)
    low, high = dice.uniform(110, 330), dice.uniform(400, 900)
    seconds = f"{shot.frames / float(shot.fps):.6f}"
    wind = generated(
        f"anoisesrc=color=pink:amplitude=0.5:sample_rate=48000:seed={shot.seed % 2**31}:duration={seconds}"
    ).filter("tremolo", f=round(dice.uniform(0.3, 1.2), 2), d=0.6)
    tones = [
        generated(f"sine=frequency={pitch:.2f}:sample_rate=48000:duration={seconds}").filter("volume", 0.6)
        for pitch in (low, high)
    ]
    mixed = ffmpeg_graph.filtered([wind, *tones], "amix", inputs=3, duration="shortest")
    return mixed.filter("aformat", channel_layouts="stereo", sample_fmts="fltp")


def _output(picture: Any, sound: Any, shot: CameraSettings, size: tuple[int, int], target: Path) -> Any:
    """H.264 and AAC with the properties of a GoPro file: full range, half-second groups, a time code track."""
    scaled = picture.filter("scale", *size, flags="fast_bilinear", out_range="pc", out_color_matrix="bt709")
    clock = shot.recorded or datetime(2024, 1, 1, 9, 0)
    options: dict[str, Any] = {
        "format": "mp4",
        "vcodec": "libx264",
        "preset": "ultrafast",
        "pix_fmt": "yuvj420p",
        "color_range": "pc",
        "colorspace": "bt709",
        "color_trc": "bt709",
        "color_primaries": "bt709",
        "video_bitrate": round(size[0] * size[1] * float(shot.fps) * BITS_PER_PIXEL),
        "g": round(float(shot.fps) / 2),
        # One thread: with more, the bytes would depend on the number of cores.
        "threads": 1,
        "acodec": "aac",
        "audio_bitrate": "128k",
        "video_track_timescale": shot.fps.numerator,
        "timecode": f"{clock:%H:%M:%S};00",
        "metadata": f"creation_time={clock:%Y-%m-%dT%H:%M:%S}Z",
        "metadata:s:v": "handler_name=GoPro AVC",
        "metadata:s:a": "handler_name=GoPro AAC",
        "fflags": "+bitexact",
        "flags:v": "+bitexact",
        "flags:a": "+bitexact",
    }
    return ffmpeg_graph.output(scaled, sound, str(target.absolute()), **options)


def _ratio(fps: Fraction) -> str:
    return f"{fps.numerator}/{fps.denominator}"
