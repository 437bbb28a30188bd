"""Golden footage that identifies itself, frame by frame and sample by sample, and reading films back.

Every frame carries its number, in bars that survive the encoder; the sound is a sweep, so that each moment sounds
otherwise. Frames are drawn here and piped into ffmpeg: its own sources that compute each pixel cost ten times as much.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import wave
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from stinercut.films.film import Finished, Production, looked_into, make_film, planned
from stinercut.films.plan.plan import FilmPlan
from stinercut.films.plan.timebase import sample_at, ticks_of
from stinercut.storage.store import Store
from stinercut.templates import Template
from stinercut.video import ffmpeg_runner as runner
from support.footage import FIELDS, as_source, small_template

BITS = 10
BLACK, WHITE = 16, 235
Frames = NDArray[np.uint8]
Sound = NDArray[np.float64]


# Making footage ------------------------------------------------------------------------------------------------------


def bars(number: int, width: int, height: int) -> Frames:
    """The number as ten bars from left to right, lowest bit first: height x width, levels as video has them."""
    place = np.minimum(np.arange(width) * BITS // width, BITS - 1)
    row = np.where((number >> place) & 1, WHITE, BLACK).astype(np.uint8)
    return np.tile(row, (height, 1))


def film_frames(
    path: Path,
    lumas: Iterable[Frames],
    rate: str = "30",
    sound: Sequence[str] = (),
    options: Sequence[str] = (),
) -> Path:
    """A video of these grey pictures. `sound`: the words of ffmpeg's second input; `options` go before the name."""
    pictures = iter(lumas)
    first = next(pictures)
    height, width = first.shape
    grey = bytes([128]) * (2 * ((width + 1) // 2) * ((height + 1) // 2))
    argv = ["-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", f"{width}x{height}", "-r", rate, "-i", "pipe:0", *sound]
    argv += ["-c:v", "libx264", "-preset", "ultrafast", "-qp", "10", "-threads", "1", "-c:a", "pcm_s16le"]
    pixels = (picture.tobytes() + grey for picture in itertools.chain([first], pictures))
    runner.write_pipe([*argv, *options, str(path)], pixels, timeout=60)
    return path


def numbered(  # noqa: PLR0917
    path: Path, frames: int, rate: str = "30", size: str = "320x180", options: Sequence[str] = (), first: int = 0
) -> Path:
    """Footage whose frame n shows n (plus `first`) as ten bars, black or white, and a sweep as its sound."""
    width, height = map(int, size.split("x"))
    begin, seconds = float(first / Fraction(rate)), float(frames / Fraction(rate))
    beside = saved(path.with_suffix(".wav"), sweep(begin, round(seconds * 48000)))
    pictures = (bars(first + number, width, height) for number in range(frames))
    film_frames(path, pictures, rate, ["-i", str(beside)], options)
    beside.unlink()
    return path


def sweep(begin: float, count: int, rate: int = 48000) -> Sound:
    """The sweep from that second on: 300 Hz at the beginning, 80 Hz more each second."""
    times = begin + np.arange(count) / rate
    return 0.4 * np.sin(2 * np.pi * (300 * times + 40 * times**2))


def saved(path: Path, sound: Sound, rate: int = 48000) -> Path:
    """Write a WAV of this sound: samples of one channel, or samples x channels."""
    with wave.open(str(path), "wb") as out:
        out.setparams((1 if sound.ndim == 1 else sound.shape[1], 2, rate, 0, "NONE", ""))
        out.writeframes(np.rint(sound * 32767).astype("<i2").tobytes())
    return path


# Making films --------------------------------------------------------------------------------------------------------


def bare(change: dict[str, Any] | None = None, footage: dict[str, Any] | None = None, **output: Any) -> Template:
    """The plain template without its mark; `footage` changes the clip that stands for the footage."""
    title = {"asset": {"type": "svg", "src": "title.svg"}, "length": 1}
    outro = {"asset": {"type": "svg", "src": "outro.svg"}, "length": 1}
    clip = {"asset": {"type": "footage"}} | (footage or {})
    timeline = {"tracks": [{"clips": [title, clip, outro]}]} | (change or {})
    return small_template(change={"timeline": timeline}, **output)


def film_of(clips: Iterable[Path], template: Template, tmp_path: Path) -> tuple[Production, Finished]:
    """The finished film, which passed its checks; its packets lie without a gap.

    Its store is that of all golden films of this process: a title or an outro that several have is made once.
    """
    shown = looked_into([as_source(clip) for clip in clips])
    production = planned(golden_store(tmp_path), template, FIELDS, shown)
    finished = make_film(production, tmp_path / "film.mp4")
    assert [check for check in finished.checks if check.blocking and not check.passed] == []
    for film, making in zip(finished.films, production.films, strict=True):
        require_packets(film.path, making.plan)
    return production, finished


def golden_store(tmp_path: Path) -> Store:
    """The store of all golden films of this process; `tmp_path` is that of one of its tests."""
    return Store(tmp_path.parent / "golden-store")


def require_packets(film: Path, plan: FilmPlan) -> None:
    """Pictures and sound of the film lie without a gap, and last as long as they should."""
    words = ["ffprobe", "-v", "error", "-of", "json", "-show_streams", "-show_packets", str(film)]
    told = json.loads(subprocess.run(words, check=True, capture_output=True, timeout=60).stdout)
    pictures, sound = ([packet for packet in told["packets"] if packet["stream_index"] == at] for at in (0, 1))
    ticks = ticks_of(plan.rate)
    first = pictures[0]["dts"]
    assert [packet["dts"] for packet in pictures] == [first + number * ticks for number in range(len(pictures))]
    assert sorted(packet["pts"] for packet in pictures) == [number * ticks for number in range(len(pictures))]
    assert {after["dts"] - before["dts"] for before, after in itertools.pairwise(sound[:-1])} == {1024}
    # What is left of the last AAC frame is silence beyond the track's end, which players don't play.
    assert told["streams"][1]["duration_ts"] == sample_at(plan.rate, plan.frames)


# Reading -------------------------------------------------------------------------------------------------------------


def decoded(film: Path, size: tuple[int, int] = (320, 180)) -> Frames:
    """Every frame in grey, 0 to 255: frames x height x width."""
    return _pixels(film, "gray", size).reshape(-1, size[1], size[0])


def coloured(film: Path, size: tuple[int, int] = (320, 180)) -> Frames:
    """Every frame in RGB: frames x height x width x 3."""
    return _pixels(film, "rgb24", size).reshape(-1, size[1], size[0], 3)


def _pixels(film: Path, form: str, size: tuple[int, int]) -> Frames:
    argv = ["-i", str(film), "-map", "0:v:0", "-f", "rawvideo", "-fps_mode", "passthrough"]
    if form == "rgb24":
        argv += ["-vf", "scale=in_color_matrix=bt709:in_range=tv:flags=accurate_rnd"]
    data = b"".join(runner.read_pipe([*argv, "-pix_fmt", form, "-"], timeout=60, chunk_bytes=1 << 20))
    assert len(data) % (size[0] * size[1]) == 0
    return np.frombuffer(data, np.uint8)


def heard(film: Path, channels: int = 1) -> Sound:
    """The film's sound, -1 to 1: samples, or samples x channels."""
    argv = ["-i", str(film), "-map", "0:a:0", "-ac", str(channels), "-ar", "48000", "-f", "s16le", "-"]
    data = b"".join(runner.read_pipe(argv, timeout=60, chunk_bytes=1 << 20))
    sound = np.frombuffer(data, np.int16).astype(float) / 32768
    return sound if channels == 1 else sound.reshape(-1, channels)


def numbers(frames: Frames) -> list[int]:
    """The number that each frame shows."""
    width = frames.shape[2]
    middles = [round((bit + 0.5) * width / BITS) for bit in range(BITS)]
    rows = frames[:, 30:120][:, :, middles].mean(axis=1)
    return [sum(int(light > 120) << bit for bit, light in enumerate(row)) for row in rows]


def sweep_error(sound: Sound, at: float, seconds: float, source_at: float) -> float:
    """How far the sound at `at` is from the sweep at `source_at`: 0 is equal, 1 is something else altogether."""
    begin, count = round(at * 48000), round(seconds * 48000)
    wanted = sweep(source_at, count)
    return float(np.sqrt(np.mean((sound[begin : begin + count] - wanted) ** 2)) / 0.4)


def likeness(one: NDArray[Any], other: NDArray[Any]) -> float:
    """Structural similarity (SSIM, Wang et al. 2004) of two grey pictures: 1 is equal."""

    def blurred(picture: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(cv2.GaussianBlur(picture, (11, 11), 1.5), np.float64)

    a, b = one.astype(np.float64), other.astype(np.float64)
    mean_a, mean_b = blurred(a), blurred(b)
    spread_a, spread_b = blurred(a * a) - mean_a**2, blurred(b * b) - mean_b**2
    both = blurred(a * b) - mean_a * mean_b
    small, smaller = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    score = (2 * mean_a * mean_b + small) * (2 * both + smaller)
    return float((score / ((mean_a**2 + mean_b**2 + small) * (spread_a + spread_b + smaller))).mean())
