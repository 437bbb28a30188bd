"""Segments of the first kind of template: a clip, the title, the outro.

Lives here: the filters each of them goes through. Doesn't: how they are encoded, kept and validated (`encoding`), what
a title looks like (`titles`), joining (`join`).
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import ffmpeg

from stinercut.errors import UnreadableVideo
from stinercut.media import encoding
from stinercut.media import ffmpeg as runner
from stinercut.media.encoding import CONTRACT, SAMPLE_RATE, EncodeProfile, Goal, Progress, Segment
from stinercut.media.probe import Probe, probe
from stinercut.media.titles import Layers, Placed, TitleFields, drift, frames_of, outro_layers, title_layers, watermark
from stinercut.store import Store, key_of
from stinercut.templates.model import Output, Template

CARD_CRF = 21
"""Title and outro are never encoded worse than this: letters suffer first, and the name is read off the film again.
They still join with clips of any crf: with `stitchable` it isn't part of the decoder's configuration."""

_SPARE_FRAMES = 3
"""How many times the last frame may be repeated to reach the promised count; more is missing footage."""

_HDR = ("arib-std-b67", "smpte2084")


@dataclass(frozen=True)
class ClipSource:
    """Footage to make a segment from: hash of its content, where it lies, and the name a person knows it by."""

    content_hash: str
    path: Path
    name: str


def profile_of(output: Output) -> EncodeProfile:
    """The profile that a template's output asks for."""
    return EncodeProfile(output.width, output.height, Fraction(output.fps), output.crf, output.preset)


def clip_segment(
    store: Store, source: ClipSource, template: Template, *, on_progress: Progress | None = None
) -> Segment:
    """The segment of a clip: its picture fitted into the film's, the watermark on it, its sound or silence.

    `on_progress` gets the share that is done, 0 to 1. Raises UnreadableVideo for footage that can't be read to its end:
    a film never silently lacks a part of a jump. Raises FfmpegFailed.
    """
    profile = profile_of(template.output)
    mark = watermark(template)
    mark_parts = (mark.picture.size, mark.picture.tobytes(), mark.x, mark.y) if mark else ("no watermark",)
    key = key_of("clip", CONTRACT, source.content_hash, profile, *mark_parts, runner.build())

    def encode(video: Path, audio: Path) -> int:
        found = probe(source.path)
        goal = Goal(profile, max(1, round(found.duration * profile.rate)), video, audio)
        with encoding.scratch(store) as folder:
            graph = _clip_graph(source.path, found, _saved(mark, folder), goal)
            written = encoding.encode(graph, goal, folder, file=source.path, on_progress=on_progress)
        _require_all(written, goal, found, source.path)
        return goal.frames

    return encoding.cached_or_made(store, key, profile, encode, on_progress)


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


def _card_segment(
    store: Store, output: Output, layers: Layers, seconds: float, on_progress: Progress | None
) -> Segment:
    profile = profile_of(output)
    profile = dataclasses.replace(profile, crf=min(profile.crf, CARD_CRF))
    frames = frames_of(seconds, output.fps)
    pixels = (layers.sky.size, layers.sky.tobytes(), layers.text.tobytes())
    key = key_of("card", CONTRACT, frames, profile, *pixels, runner.build())

    def encode(video: Path, audio: Path) -> int:
        goal = Goal(profile, frames, video, audio)
        with encoding.scratch(store) as folder:
            sky, text = folder / "sky.png", folder / "text.png"
            layers.sky.save(sky, compress_level=1)
            layers.text.save(text, compress_level=1)
            encoding.encode(_card_graph(output, sky, text, goal), goal, folder, file=None, on_progress=on_progress)
        return frames

    return encoding.cached_or_made(store, key, profile, encode, on_progress)


def _require_all(written: int, goal: Goal, found: Probe, source: Path) -> None:
    """Raise UnreadableVideo when the footage ended before its header said."""
    if written < goal.frames:
        readable = float(max(0, written - _SPARE_FRAMES) / goal.profile.rate)
        raise UnreadableVideo(
            f"only {readable:.1f} of {found.duration:.1f} s can be read: the file is cut short or damaged",
            file=source,
            advice="Copy it from the card again, or leave it out.",
        )


# Graphs --------------------------------------------------------------------------------------------------------------

_BT709: dict[str, object] = {"out_color_matrix": "bt709", "out_range": "tv"}


def _clip_graph(source: Path, found: Probe, mark: tuple[Path, int, int] | None, goal: Goal) -> list[str]:
    """A clip at the film's frame rate and size, with bars where its shape differs, and the watermark at x, y."""
    clip = ffmpeg.input(str(source.absolute()))
    profile = goal.profile
    width, height = fit(found.width, found.height, profile.width, profile.height)
    picture = clip["v:0"].filter("fps", fps=profile.rate, start_time=0)
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
        return encoding.two_outputs(picture, encoding.silence(), goal)
    return encoding.two_outputs(
        picture, clip["a:0"].filter("aresample", SAMPLE_RATE, **{"async": 1}, first_pts=0), goal
    )


def _card_graph(output: Output, sky: Path, text: Path, goal: Goal) -> list[str]:
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
    return encoding.two_outputs(picture, encoding.silence(), goal)


def _held(picture: Path, goal: Goal) -> Any:
    """One picture for as long as the goal: read once, then repeated (an endless loop keeps ffmpeg from ending)."""
    return ffmpeg.input(str(picture), framerate=goal.profile.rate).filter("loop", loop=goal.frames - 1, size=1)


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


def _saved(mark: Placed | None, folder: Path) -> tuple[Path, int, int] | None:
    """The watermark as a file ffmpeg can read, and its place."""
    if mark is None:
        return None
    path = folder / "watermark.png"
    mark.picture.save(path)
    return path, mark.x, mark.y
