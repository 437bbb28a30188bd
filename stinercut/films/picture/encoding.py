"""How segments are encoded: the contract that makes them joinable.

Owns: `EncodeProfile`, the two files of a segment, running ffmpeg to make them. Not here: which segments exist already
(`segment_cache`), which filters a part of a film goes through (`segments`), joining segments (`stinercut.films.join`),
frames in samples and ticks (`stinercut.films.plan.timebase`).

A segment is two files in the store under one key: H.264 in MP4 without sound, and PCM at 48 kHz with as many samples as
its frames last, rounded up. The key is made of everything that goes into the segment, so making it again costs one look
at a header.
The strategy and its figures: video-only segments with PCM sound, joined with one AAC encode, cost as much as a single
pass and leave no gaps in the sound (measured; segments with their own AAC have gaps of up to 16 ms at each join).
"""

from __future__ import annotations

import contextlib
import math
import shutil
import tempfile
from collections.abc import Generator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from stinercut.films.plan.progress import Progress, share_of
from stinercut.films.plan.timebase import SAMPLE_RATE, ticks_of, timescale_of
from stinercut.storage.store import Store
from stinercut.video import encoders, ffmpeg_graph, video_signal
from stinercut.video import ffmpeg_runner as runner
from stinercut.video.ffmpeg_inputs import generated
from stinercut.video.mp4.tracks import Format

CONTRACT = 6
"""Raise it whenever the filters or the encoding change: then every cached segment is made again."""

_LEVELS = (
    (8_192, 245_760, "4.1"),
    (8_704, 522_240, "4.2"),
    (36_864, 983_040, "5.1"),
    (36_864, 2_073_600, "5.2"),
    (139_264, 4_177_920, "6.0"),
)
"""H.264 levels: macroblocks in a frame, macroblocks a second, name (ITU-T H.264, table A-1)."""

_COMMON_LEVEL = 52
"""Common hardware decodes up to level 5.2, which is 2160p60, and refuses what is labelled higher."""


FOR_FOOTAGE = ":partitions=i4x4,i8x8:me=dia"
"""How x264 encodes footage where the template asks for `veryfast`, the usual preset. Whole macroblocks are moved, not
parts of them: noise and blur of a falling camera give these no better match. Measured on five clips in 1080p (GoPros in
the hand and on a helmet, a fixed camera, a test picture): 15 to 30 % less CPU at the same SSIM (within 0.0002) and size
(within 1 %).
"""
FOR_CARDS = ":aq-mode=0:b-adapt=0:subme=1:me=dia:partitions=i8x8:rc-lookahead=8"
CARD_FINER = 5
"""How x264 encodes drawings, and by how much finer. A drawing moves slowly as a whole, so a thorough search finds no
more than a quick one, and no part of it hides coarser steps than another. Measured on the title of `classic` in 1080p,
against veryfast with the same crf as footage: 1.6 instead of 2.5 CPU s, 406 instead of 454 kB, SSIM 0.9965 instead of
0.9964. None of these choices is part of the decoder's configuration, so the segment still joins.
"""


@dataclass(frozen=True)
class EncodeProfile:
    """The contract of one output: all segments of a film are encoded by it, so they can be joined without encoding.

    `rate` in frames a second. `encoder` as ffmpeg calls it; all segments of a film share it. `full_range`: black is 0
    and white 255, as many cameras write it. `set_number`: the number of x264's parameter sets, other than the camera's
    where a film holds frames of both.
    """

    width: int
    height: int
    rate: Fraction
    crf: int
    preset: str
    encoder: str = encoders.SOFTWARE
    full_range: bool = False
    set_number: int = 0

    @property
    def delay(self) -> int:
        """Frames from decoding to showing: with x264's presets some frames wait for later ones."""
        return 0 if self.preset == "ultrafast" or self.encoder != encoders.SOFTWARE else 2

    @property
    def suits_cards(self) -> bool:
        """Whether x264 encodes drawings by `FOR_CARDS`: hardware has no such choices, and a preview needs none."""
        return self.encoder == encoders.SOFTWARE and self.preset != "ultrafast"

    def choices(self, *, is_card: bool) -> str:
        """More choices for x264, as its options write them; empty where the preset decides alone. They are part of a
        segment's key.
        """
        if is_card and self.suits_cards:
            return FOR_CARDS
        return FOR_FOOTAGE if self.encoder == encoders.SOFTWARE and self.preset == "veryfast" else ""

    @property
    def pixels(self) -> str:
        """ffmpeg's name for the pixels of an encoded film."""
        return "yuvj420p" if self.full_range else "yuv420p"

    @property
    def timescale(self) -> int:
        """Ticks a second of the MP4 timebase."""
        return timescale_of(self.rate)

    @property
    def ticks(self) -> int:
        """Ticks that one frame lasts, exactly."""
        return ticks_of(self.rate)

    @property
    def level(self) -> str:
        """The lowest H.264 level from 4.1 on that this size and rate fits."""
        blocks = -(-self.width // 16) * -(-self.height // 16)
        fits = (name for most, rate, name in _LEVELS if blocks <= most and blocks * self.rate <= rate)
        return next(fits, "6.2")

    @property
    def highest_level(self) -> int:
        """The highest level, ten times its name, that a film of this profile may be labelled with."""
        return max(_COMMON_LEVEL, round(10 * float(self.level)))

    @property
    def group(self) -> int:
        """Frames from one key frame to the next: two seconds."""
        return round(2 * self.rate)

    def format(self, record: bytes) -> Format:
        """The format of a video of this profile; `record` is its avcC."""
        return Format(self.width, self.height, self.timescale, self.ticks, self.delay, record, self.full_range)

    def samples(self, frames: int) -> int:
        """Samples in a segment of that many frames: never too few, wherever in a film it stands."""
        return math.ceil(Fraction(frames * SAMPLE_RATE) / self.rate)

    def video_options(self, frames: int, threads: int = 1, *, is_card: bool = False) -> dict[str, object]:
        """ffmpeg's output options. `threads`: of the software encoder. `is_card`: a drawing alone is encoded."""
        return {
            **(self._by_x264(threads, is_card) if self.encoder == encoders.SOFTWARE else self._by_hardware()),
            "frames:v": frames,
            "video_track_timescale": self.timescale,
            **video_signal.encoder_options(full_range=self.full_range),
            "write_tmcd": 0,
            "map_metadata": -1,
        }

    def _by_x264(self, threads: int, is_card: bool) -> dict[str, object]:
        number = f":sps-id={self.set_number}" if self.set_number else ""
        return {
            "c:v": encoders.SOFTWARE,
            "preset": self.preset,
            "crf": self.crf,
            "profile:v": "high",
            "level:v": self.level,
            "pix_fmt": "yuv420p",
            "g": self.group,
            "keyint_min": self.group,
            "x264-params": f"stitchable=1:open-gop=0:scenecut=0{number}{self.choices(is_card=is_card)}",
            "threads:v": threads,
        }

    def _by_hardware(self) -> dict[str, object]:
        size = (self.width, self.height)
        options = encoders.options(self.encoder, crf=self.crf, size=size, rate=self.rate, group=self.group)
        return {"c:v": encoders.name_of(self.encoder), **options}


@dataclass(frozen=True)
class Segment:
    """A complete, validated segment. `seconds_spent` is wall time; `cached`: it existed already. `copied`: it was
    planned with copied frames of the camera, and has them unless a reason against copying was found while it was made.
    """

    key: str
    video: Path
    audio: Path
    frames: int
    rate: Fraction
    seconds_spent: float
    cached: bool
    copied: bool = False

    @property
    def seconds(self) -> float:
        """How long it plays."""
        return float(self.frames / self.rate)


@dataclass(frozen=True)
class Goal:
    """The required result of one encode: that many frames of this profile, in these two files."""

    profile: EncodeProfile
    frames: int
    video: Path
    audio: Path
    threads: int = 1
    """Threads of the software encoder. One is cheapest, while other segments are made side by side."""
    is_card: bool = False
    """Whether it is a drawing alone."""

    @property
    def samples(self) -> int:
        """How many samples the sound must have."""
        return self.profile.samples(self.frames)

    @property
    def seconds(self) -> float:
        """How long it plays."""
        return float(self.frames / self.profile.rate)


# Graphs and running --------------------------------------------------------------------------------------------------


def two_outputs(picture: Any, sound: Any, goal: Goal) -> list[str]:
    """The argv of an ffmpeg that writes the picture, and sound of the same length. Both are ffmpeg-python streams."""
    return _argv(ffmpeg_graph.merged(_video_of(picture, goal), _audio_of(sound, goal)), goal)


def picture_alone(picture: Any, goal: Goal) -> list[str]:
    """The argv of an ffmpeg that writes only the picture."""
    return _argv(_video_of(picture, goal), goal)


def sound_alone(sound: Any, goal: Goal) -> list[str]:
    """The argv of an ffmpeg that writes only the sound."""
    return _argv(_audio_of(sound, goal), goal)


def _argv(outputs: Any, goal: Goal) -> list[str]:
    words: list[str] = outputs.compile()
    return [words[0], *encoders.device_words(goal.profile.encoder), *words[1:]]


def _video_of(picture: Any, goal: Goal) -> Any:
    picture = video_signal.declared(picture, full_range=goal.profile.full_range)
    if goal.profile.encoder != encoders.SOFTWARE:
        for words in encoders.filters(goal.profile.encoder):
            name, _, value = words.partition("=")
            picture = picture.filter(name, *([value] if value else []))
    options = goal.profile.video_options(goal.frames, goal.threads, is_card=goal.is_card)
    return ffmpeg_graph.output(picture, str(goal.video.absolute()), **options)


def _audio_of(sound: Any, goal: Goal) -> Any:
    exact = (
        sound.filter("aformat", sample_fmts="fltp", channel_layouts="stereo")
        .filter("apad")
        .filter("atrim", end_sample=goal.samples)
        .filter("asetpts", "N/SR/TB")
    )
    return ffmpeg_graph.output(
        exact, str(goal.audio.absolute()), acodec="pcm_s16le", map_metadata=-1, fflags="+bitexact"
    )


def silence() -> Any:
    """A sound stream of silence, without end."""
    return generated(f"anullsrc=r={SAMPLE_RATE}:cl=stereo")


@contextlib.contextmanager
def scratch(store: Store) -> Generator[Path]:
    """A temporary folder for the pictures that ffmpeg reads."""
    folder = Path(tempfile.mkdtemp(prefix="segment-", dir=store.partial_path().parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def encode(
    argv: list[str],
    goal: Goal,
    *,
    file: Path | None,
    on_progress: Progress | None,
    slower: float = 1.0,
) -> int:
    """Run ffmpeg and return how many frames it wrote. An error names `file`.

    `slower`: frames read for each frame written.
    """
    written = 0
    tell = share_of(goal.frames, on_progress)

    def on_frame(done: int) -> None:
        nonlocal written
        written = done
        if tell:
            tell(done)

    # A slow machine decodes 4K HEVC at a few frames per second; an encode that takes longer than this hangs.
    timeout = 180 + 2.0 * goal.frames * slower
    runner.run(argv, timeout=timeout, on_frame=on_frame, file=file, told=True)
    return written


def encode_sound(argv: list[str], goal: Goal, *, file: Path, on_progress: Progress | None) -> None:
    """Run an argv of `sound_alone`. An error names `file`."""
    tell = share_of(goal.seconds, on_progress)
    runner.run(argv, timeout=180 + 2.0 * goal.frames, on_second=tell, file=file, told=True)
