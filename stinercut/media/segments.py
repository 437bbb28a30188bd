"""Segments: a clip, the title or the outro as video and sound that join by stream copy.

Lives here: the contract that makes segments joinable, encoding into it, the cache, the validation of what was made.
Doesn't: what a title looks like (`titles`), joining (`join`).

A segment is two files in the store under one key: H.264 in MP4 without sound, and PCM at 48 kHz of exactly as many
samples as its frames last. It is looked for by everything that goes into it, so a repeat costs one look at a header.
The strategy and its figures: video-only segments with PCM sound, joined with one AAC encode, cost what a single pass
costs, and have no gaps in the sound (measured; segments with their own AAC have up to 16 ms at each join).
"""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
import tempfile
import time
import wave
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ffmpeg

from stinercut.errors import FfmpegFailed, UnreadableVideo
from stinercut.media import ffmpeg as runner
from stinercut.media.probe import Probe, probe
from stinercut.media.titles import Layers, Placed, TitleFields, drift, frames_of, outro_layers, title_layers, watermark
from stinercut.store import Store, key_of
from stinercut.templates.model import Output, Template

CONTRACT = 1
"""Raise it whenever the filters or the encoding below change: every cached segment is then made anew."""

CARD_CRF = 21
"""Title and outro are never encoded worse than this: letters suffer first, and the name is read off the film again.
They still join with clips of any crf: with `stitchable` it isn't part of the decoder's configuration."""

SAMPLE_RATE = 48_000
_BYTES_PER_SAMPLE = 4  # 16 bits, stereo
_SPARE_FRAMES = 3
"""How many times the last frame may be repeated to reach the promised count; more is missing footage."""

_LEVELS = ((8_192, 245_760, "4.1"), (8_704, 522_240, "4.2"), (36_864, 983_040, "5.1"), (139_264, 4_177_920, "6.0"))
"""H.264 levels: macroblocks in a frame, macroblocks a second, name (ITU-T H.264, table A-1)."""

_HDR = ("arib-std-b67", "smpte2084")

Progress = Callable[[float], None]


@dataclass(frozen=True)
class ClipSource:
    """Footage to make a segment from: hash of its content, where it lies, and the name a person knows it by."""

    content_hash: str
    path: Path
    name: str


@dataclass(frozen=True)
class EncodeProfile:
    """The contract of one output: every segment of a film is encoded so, which makes them joinable without encoding."""

    width: int
    height: int
    fps: int
    crf: int
    preset: str

    @classmethod
    def of(cls, output: Output) -> EncodeProfile:
        """The profile that a template's output asks for."""
        return cls(output.width, output.height, output.fps, output.crf, output.preset)

    @property
    def samples_per_frame(self) -> int:
        """Sound samples that last exactly one frame; whole for every frame rate a template may have."""
        return SAMPLE_RATE // self.fps

    @property
    def timescale(self) -> int:
        """Ticks a second of the MP4 timebase: 512 for each frame."""
        return 512 * self.fps

    @property
    def level(self) -> str:
        """The lowest H.264 level from 4.1 on that this size and rate fits."""
        blocks = -(-self.width // 16) * -(-self.height // 16)
        fits = (name for most, rate, name in _LEVELS if blocks <= most and blocks * self.fps <= rate)
        return next(fits, "6.2")

    def video_options(self, frames: int) -> dict[str, object]:
        """ffmpeg's output options. One encoder thread: segments are made side by side."""
        return {
            "c:v": "libx264",
            "preset": self.preset,
            "crf": self.crf,
            "profile:v": "high",
            "level:v": self.level,
            "pix_fmt": "yuv420p",
            "g": 2 * self.fps,
            "keyint_min": 2 * self.fps,
            "x264-params": "stitchable=1:open-gop=0:scenecut=0",
            "threads:v": 1,
            "frames:v": frames,
            "video_track_timescale": self.timescale,
            "color_primaries": "bt709",
            "color_trc": "bt709",
            "colorspace": "bt709",
            "color_range": "tv",
            "write_tmcd": 0,
            "map_metadata": -1,
        }


@dataclass(frozen=True)
class Segment:
    """A whole, validated segment. `seconds_spent` is wall time; `cached` says that it was there already."""

    key: str
    video: Path
    audio: Path
    frames: int
    fps: int
    seconds_spent: float
    cached: bool

    @property
    def seconds(self) -> float:
        """How long it plays."""
        return self.frames / self.fps


def clip_segment(
    store: Store, source: ClipSource, template: Template, *, on_progress: Progress | None = None
) -> Segment:
    """The segment of a clip: its picture fitted into the film's, the watermark on it, its sound or silence.

    `on_progress` gets the share that is done, 0 to 1. Raises UnreadableVideo for footage that can't be read to its end:
    a film never silently lacks a part of a jump. Raises FfmpegFailed.
    """
    profile = EncodeProfile.of(template.output)
    mark = watermark(template)
    mark_parts = (mark.picture.size, mark.picture.tobytes(), mark.x, mark.y) if mark else ("no watermark",)
    key = key_of("clip", CONTRACT, source.content_hash, profile, *mark_parts, runner.build())

    def encode(video: Path, audio: Path) -> int:
        found = probe(source.path)
        goal = _Goal(profile, max(1, round(found.duration * profile.fps)), video, audio)
        with _scratch(store) as folder:
            graph = _clip_graph(source.path, found, _saved(mark, folder), goal)
            written = _encode(graph, goal, folder, file=source.path, on_progress=on_progress)
        _require_all(written, goal, found, source.path)
        return goal.frames

    return _cached_or_made(store, key, profile, encode, on_progress)


def title_segment(
    store: Store, template: Template, fields: TitleFields, *, on_progress: Progress | None = None
) -> Segment:
    """The title with the passenger's name. Raises MissingProgram or BadInput when the name can't be drawn whole."""
    return _card_segment(store, template.output, title_layers(template, fields), template.title.seconds, on_progress)


def outro_segment(
    store: Store, template: Template, fields: TitleFields, *, on_progress: Progress | None = None
) -> Segment:
    """The outro; the same one for all films unless the template's texts hold fields."""
    return _card_segment(store, template.output, outro_layers(template, fields), template.outro.seconds, on_progress)


def fit(width: int, height: int, into_width: int, into_height: int) -> tuple[int, int]:
    """The largest even size of the same shape within the given one."""
    scale = min(into_width / width, into_height / height)
    fitted_width = min(into_width, max(2, round(width * scale / 2) * 2))
    return fitted_width, min(into_height, max(2, round(height * scale / 2) * 2))


def share_of(frames: int, on_progress: Progress | None) -> Callable[[int], None] | None:
    """What ffmpeg's frame counter should call so that `on_progress` gets the share of `frames` that is done."""
    if on_progress is None:
        return None
    tell = on_progress

    def on_frame(done: int) -> None:
        tell(min(1.0, done / frames))

    return on_frame


def _card_segment(
    store: Store, output: Output, layers: Layers, seconds: float, on_progress: Progress | None
) -> Segment:
    profile = EncodeProfile.of(output)
    profile = dataclasses.replace(profile, crf=min(profile.crf, CARD_CRF))
    frames = frames_of(seconds, output.fps)
    pixels = (layers.sky.size, layers.sky.tobytes(), layers.text.tobytes())
    key = key_of("card", CONTRACT, frames, profile, *pixels, runner.build())

    def encode(video: Path, audio: Path) -> int:
        goal = _Goal(profile, frames, video, audio)
        with _scratch(store) as folder:
            sky, text = folder / "sky.png", folder / "text.png"
            layers.sky.save(sky, compress_level=1)
            layers.text.save(text, compress_level=1)
            _encode(_card_graph(output, sky, text, goal), goal, folder, file=None, on_progress=on_progress)
        return frames

    return _cached_or_made(store, key, profile, encode, on_progress)


@dataclass(frozen=True)
class _Goal:
    """What one encode must come to: so many frames of this profile, in these two files."""

    profile: EncodeProfile
    frames: int
    video: Path
    audio: Path

    @property
    def samples(self) -> int:
        return self.frames * self.profile.samples_per_frame


# Cache and validation ------------------------------------------------------------------------------------------------


def _cached_or_made(
    store: Store,
    key: str,
    profile: EncodeProfile,
    encode: Callable[[Path, Path], int],
    on_progress: Progress | None,
) -> Segment:
    """The segment of that key, encoded by `encode` (video, audio; returns the frames due) if it isn't there whole."""
    began = time.monotonic()
    video, audio = store.derived_path(key, ".mp4"), store.derived_path(key, ".wav")
    frames = _cached_frames(video, audio, profile)
    cached = frames is not None
    if frames is None:
        with store.deriving(key, ".mp4") as new_video, store.deriving(key, ".wav") as new_audio:
            frames = encode(new_video, new_audio)
            _validate(_Goal(profile, frames, new_video, new_audio))
    if on_progress:
        on_progress(1.0)
    return Segment(key, video, audio, frames, profile.fps, time.monotonic() - began, cached)


def _cached_frames(video: Path, audio: Path, profile: EncodeProfile) -> int | None:
    """The frames of a segment that is there and whole; None otherwise, and then a damaged file is out of the way.

    Only headers are read. That is enough to see a cut file: a segment's index is at its end.
    """
    if not (video.is_file() and audio.is_file()):
        return None
    frames = _frames_in(video, profile, count=False)
    samples = _samples_in(audio)
    if frames is not None and samples == frames * profile.samples_per_frame:
        return frames
    video.unlink(missing_ok=True)
    audio.unlink(missing_ok=True)
    return None


def _validate(goal: _Goal) -> None:
    """Raise FfmpegFailed unless both files are exactly what the contract says."""
    frames, samples = _frames_in(goal.video, goal.profile, count=True), _samples_in(goal.audio)
    if (frames, samples) != (goal.frames, goal.samples):
        raise FfmpegFailed(
            f"a segment came out with {frames} frames and {samples} samples"
            f" where {goal.frames} and {goal.samples} were due",
            file=goal.video,
            advice="Try again; if it happens again, check the disk.",
        )


def _frames_in(video: Path, profile: EncodeProfile, *, count: bool) -> int | None:
    """How many frames an encoded segment has; None when it is damaged or not of this profile."""
    try:
        streams: list[dict[str, Any]] = runner.ffprobe_json(video, count_packets=count).get("streams", [])
    except UnreadableVideo:
        return None
    if len(streams) != 1:
        return None
    stream = streams[0]
    wanted = ("h264", profile.width, profile.height, "yuv420p", f"1/{profile.timescale}", f"{profile.fps}/1")
    names = ("codec_name", "width", "height", "pix_fmt", "time_base", "r_frame_rate")
    if tuple(stream.get(name) for name in names) != wanted:
        return None
    frames = int(stream.get("nb_read_packets" if count else "nb_frames") or 0)
    return frames if frames and int(stream.get("duration_ts") or 0) == frames * 512 else None


def _samples_in(audio: Path) -> int | None:
    """How many samples a segment's sound has; None when it is damaged or cut."""
    try:
        with wave.open(str(audio), "rb") as sound:
            shape = (sound.getframerate(), sound.getnchannels(), sound.getsampwidth())
            samples = sound.getnframes()
    except (OSError, EOFError, wave.Error):
        return None
    whole = audio.stat().st_size >= samples * _BYTES_PER_SAMPLE + 44
    return samples if whole and shape == (SAMPLE_RATE, 2, 2) else None


def _require_all(written: int, goal: _Goal, found: Probe, source: Path) -> None:
    """Raise UnreadableVideo when the footage ended before its header said."""
    if written < goal.frames:
        readable = max(0, written - _SPARE_FRAMES) / goal.profile.fps
        raise UnreadableVideo(
            f"only {readable:.1f} of {found.duration:.1f} s can be read: the file is cut short or damaged",
            file=source,
            advice="Copy it from the card again, or leave it out.",
        )


# Graphs --------------------------------------------------------------------------------------------------------------

_BT709: dict[str, object] = {"out_color_matrix": "bt709", "out_range": "tv"}


def _clip_graph(source: Path, found: Probe, mark: tuple[Path, int, int] | None, goal: _Goal) -> list[str]:
    """A clip at the film's frame rate and size, with bars where its shape differs, and the watermark at x, y."""
    clip = ffmpeg.input(str(source.absolute()))
    profile = goal.profile
    width, height = fit(found.width, found.height, profile.width, profile.height)
    picture = clip["v:0"].filter("fps", fps=profile.fps, start_time=0)
    picture = picture.filter("tpad", stop_mode="clone", stop=_SPARE_FRAMES)
    if found.transfer in _HDR:
        picture = _to_sdr(picture)
    picture = (
        picture.filter("scale", width, height, flags="bicubic", in_color_matrix=_matrix(found), **_BT709)
        .filter("pad", profile.width, profile.height, "(ow-iw)/2", "(oh-ih)/2")
        .filter("setsar", 1)
        .filter("format", "yuv420p")
    )
    if mark:
        path, x, y = mark
        picture = ffmpeg.filter([picture, ffmpeg.input(str(path))], "overlay", x, y, format="yuv420")
    if found.audio is None:
        return _two_outputs(picture, _silence(), goal)
    return _two_outputs(picture, clip["a:0"].filter("aresample", SAMPLE_RATE, **{"async": 1}, first_pts=0), goal)


def _card_graph(output: Output, sky: Path, text: Path, goal: _Goal) -> list[str]:
    """The sky drifts, the text comes a little later, all of it fades in from black and out again."""
    times, by = drift(output)
    length = goal.frames / output.fps
    fade = min(0.7, length / 5)
    moving = _held(sky, goal).filter("crop", output.width, output.height, f"floor(n*{times}/{by})", 0)
    faded = _held(text, goal).filter("format", "rgba").filter("fade", t="in", st=fade / 2, d=fade, alpha=1)
    picture = (
        ffmpeg.filter([moving, faded], "overlay", 0, 0, format="rgb")
        .filter("fade", t="in", st=0, d=fade)
        .filter("fade", t="out", st=length - fade, d=fade)
        .filter("scale", **_BT709)
        .filter("setsar", 1)
        .filter("format", "yuv420p")
    )
    return _two_outputs(picture, _silence(), goal)


def _held(picture: Path, goal: _Goal) -> Any:
    """One picture for as long as the goal: read once, then repeated (an endless loop keeps ffmpeg from ending)."""
    return ffmpeg.input(str(picture), framerate=goal.profile.fps).filter("loop", loop=goal.frames - 1, size=1)


def _two_outputs(picture: Any, sound: Any, goal: _Goal) -> list[str]:
    """One ffmpeg that writes the picture, and exactly as long a sound."""
    exact = (
        sound.filter("aformat", sample_fmts="fltp", channel_layouts="stereo")
        .filter("apad")
        .filter("atrim", end_sample=goal.samples)
        .filter("asetpts", "N/SR/TB")
    )
    outputs = (
        ffmpeg.output(picture, str(goal.video.absolute()), **goal.profile.video_options(goal.frames)),
        ffmpeg.output(exact, str(goal.audio.absolute()), acodec="pcm_s16le", map_metadata=-1, fflags="+bitexact"),
    )
    argv: list[str] = ffmpeg.merge_outputs(*outputs).compile()
    return argv


def _silence() -> Any:
    return ffmpeg.input(f"anullsrc=r={SAMPLE_RATE}:cl=stereo", f="lavfi")


def _matrix(found: Probe) -> str:
    """The colour matrix to read footage by. Players take untagged footage for BT.709 from 720 lines on."""
    if found.transfer in _HDR:
        return "bt709"
    if found.matrix in ("", "unknown", "reserved", "gbr"):
        return "bt709" if min(found.width, found.height) >= 720 else "bt601"
    return "auto"


def _to_sdr(picture: Any) -> Any:
    """HLG and PQ to BT.709: linear light at 100 nits, a filmic curve, back again."""
    return (
        picture.filter("zscale", t="linear", npl=100)
        .filter("format", "gbrpf32le")
        .filter("zscale", p="bt709")
        .filter("tonemap", "hable", desat=0)
        .filter("zscale", t="bt709", m="bt709", r="tv")
        .filter("format", "yuv420p")
    )


# Running -------------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _scratch(store: Store) -> Generator[Path]:
    """A folder for pictures on their way into ffmpeg, gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="segment-", dir=store.partial_path().parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _saved(mark: Placed | None, folder: Path) -> tuple[Path, int, int] | None:
    """The watermark as a file ffmpeg can read, and its place."""
    if mark is None:
        return None
    path = folder / "watermark.png"
    mark.picture.save(path)
    return path, mark.x, mark.y


def _encode(argv: list[str], goal: _Goal, folder: Path, *, file: Path | None, on_progress: Progress | None) -> int:
    """Run it; returns how many frames were written."""
    written = 0
    tell = share_of(goal.frames, on_progress)

    def on_frame(done: int) -> None:
        nonlocal written
        written = done
        if tell:
            tell(done)

    # A slow machine decodes 4K HEVC at a few frames a second; an encode that takes longer than this hangs.
    timeout = 180 + 2.0 * goal.frames
    runner.run(argv, timeout=timeout, on_frame=on_frame, file=file, log=folder / "ffmpeg.log")
    return written
