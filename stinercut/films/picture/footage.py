"""ffmpeg filters for footage: any camera's video at the film's rate and size, in BT.709, and its sound.

Owns: reading a video from a frame on, fitting and colouring its picture, cutting its sound to the same frames. Not
here: overlays and fades (`segments`), encoding (`encoding`).

Frame k of a clip is the picture on the screen k frames (of the film) after its first picture. That holds wherever
reading begins, so a clip in several parts shows each of its frames once.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from stinercut.errors import UnreadableVideo
from stinercut.films.picture.encoding import silence
from stinercut.films.plan.timebase import SAMPLE_RATE
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message
from stinercut.templates.timeline import Look
from stinercut.video import ffmpeg_graph
from stinercut.video.ffmpeg_inputs import from_outside
from stinercut.video.mp4.tracks import read_track
from stinercut.video.probe import AudioInfo, Probe
from stinercut.video.video_signal import as_bt709, in_rgb

SPARE_FRAMES = 3
"""How many times the last frame may be repeated to reach the promised count, beyond the time that its file gives it. If
more are needed, footage is missing.
"""

_NUDGE = Fraction(1, 16)
"""This part of a frame is added to each time before frames are chosen."""

_COPIES = 2

_LEAD_S = 1
"""Seconds that are read before the first wanted frame: decoders of sound need some to start."""


@dataclass(frozen=True)
class FootageSource:
    """A video file and its probe; `begin` and `frames`, at the film's rate, are the part of it that is shown.

    It is separate from a clip, because ffmpeg decodes a template's own pieces of film by the same rules.
    """

    path: Path
    probe: Probe
    begin: int
    frames: int

    @cached_property
    def last_shown(self) -> float | None:
        """Seconds from the file's first picture to its last one, by the index of an MP4 or MOV. The last picture may be
        shown for long: cameras that write frames at changing distances do that.
        """
        track = read_track(self.path)
        if track is None or not (track.shown >= 0).any():
            return None
        shown = track.shown[track.shown >= 0]
        return float(shown.max() - shown.min()) / track.timescale


@dataclass(frozen=True)
class Frame:
    """The frame into which footage is fitted: size in pixels, frames per second, how it fits, the bars' colour."""

    width: int
    height: int
    rate: Fraction
    fit: Literal["contain", "cover"] = "contain"
    background: str = "#000000"


def opened(source: FootageSource, rate: Fraction) -> Any:
    """ffmpeg's input: the file, read from a little before the first wanted frame."""
    first = _first_second(source, rate)
    last = float((source.begin + source.frames) / rate) - first + source.probe.video_start
    options: dict[str, object] = {"ss": first} if first else {}
    if not source.probe.interlaced:
        # Browsers and screen recorders change the size within a film. `scale` takes frames of any size; but by default
        # ffmpeg restarts its filters at a change, and the sound's with them. `bwdif` takes frames of one size only.
        options["reinit_filter"] = 0
    return from_outside(source.path, t=f"{last + 1:.3f}", **options)


def picture_of(clip: Any, source: FootageSource, frame: Frame, look: Look, lut: Path | None) -> Any:
    """The picture of an input made by `opened`: exactly `source.frames` frames, fitted, coloured, 8 bits BT.709."""
    info = source.probe
    picture = _deinterlaced(clip[str(info.stream)], info, frame.rate)
    picture = _on_grid(picture, source, frame.rate)
    width, height = fit(info.width, info.height, frame.width, frame.height, cover=frame.fit == "cover")
    picture = _coloured(as_bt709(picture, info, width, height), look, lut)
    if frame.fit == "cover":
        picture = picture.filter("crop", frame.width, frame.height)
    else:
        picture = _with_bars(picture, width, height, frame)
    return picture.filter("setsar", 1)


def sound_of(clip: Any, source: FootageSource, rate: Fraction, samples: int) -> Any:
    """The sound that belongs to `picture_of`, exactly `samples` of it; silence for footage without sound."""
    audio = source.probe.audio
    if audio is None:
        return silence().filter("atrim", end_sample=samples)
    begin = float(source.begin / rate) - _first_second(source, rate) + source.probe.video_start
    start = round(begin * SAMPLE_RATE)
    # Gaps and a late beginning are filled, so the sample at time t belongs to that time.
    return (
        as_two_channels(clip[f"a:{audio.stream}"], audio, **{"async": 1}, first_pts=0)
        .filter("apad")
        .filter("atrim", start_sample=start, end_sample=start + samples)
        .filter("asetpts", "N/SR/TB")
    )


def as_two_channels(sound: Any, audio: AudioInfo, **options: object) -> Any:
    """A sound track as stereo at 48 kHz. `options` are those of the resampler."""
    # A mono track becomes as loud on both sides as a player plays it; ffmpeg would take 3 dB away. Where more channels
    # become two, `rematrix_maxval` keeps both within 16 bits.
    gain = 2**0.5 if audio.channels == 1 else 1.0
    return (
        sound.filter("aresample", SAMPLE_RATE, **options, ocl="stereo", rematrix_maxval=1)
        .filter("aformat", sample_fmts="fltp", channel_layouts="stereo")
        .filter("volume", f"{gain:.6f}")
    )


def require_all(written: int, source: FootageSource, rate: Fraction) -> None:
    """Raise UnreadableVideo when the footage ended before its header's end: a film never silently lacks a part."""
    if written < source.frames:
        readable = float((source.begin + max(0, written - _spare(source, rate))) / rate)
        raise UnreadableVideo(
            Message.of(MessageCode.PARTLY_READABLE, readable=f"{readable:.1f}", length=f"{source.probe.duration:.1f}"),
            file=source.path,
            advice=Message.of(MessageCode.COPY_AGAIN_OR_LEAVE_OUT),
        )


def fit(width: int, height: int, into_width: int, into_height: int, *, cover: bool = False) -> tuple[int, int]:
    """The largest even size of the same shape within the given one, or the smallest that covers it."""
    ways = (into_width / width, into_height / height)
    scale = max(ways) if cover else min(ways)
    fitted = (max(2, round(width * scale / 2) * 2), max(2, round(height * scale / 2) * 2))
    if cover:
        return max(into_width, fitted[0]), max(into_height, fitted[1])
    return min(into_width, fitted[0]), min(into_height, fitted[1])


def _first_second(source: FootageSource, rate: Fraction) -> int:
    """The whole second of the file at which reading begins: never after its last picture."""
    last = source.last_shown
    first = int(source.begin / rate) if last is None else min(int(source.begin / rate), int(last))
    return max(0, first - _LEAD_S)


def _spare(source: FootageSource, rate: Fraction) -> int:
    """How many times the last frame of the file may be repeated to reach the promised count."""
    last = source.last_shown
    if last is None:
        return SPARE_FRAMES
    comes = round(Fraction(last) * rate + _NUDGE)
    return SPARE_FRAMES + max(0, source.begin + source.frames - 1 - comes)


def _on_grid(picture: Any, source: FootageSource, rate: Fraction) -> Any:
    """The frames from `begin` to before `begin + frames`, counted from the first picture of the file, at that rate.

    The last frame is copied before the times are changed: ffmpeg's mark of the video's end keeps its old time, and by
    that mark the `fps` filter would drop the last frame.
    A sixteenth of a frame is added to each time: where a frame lies exactly between two places (60 to 30 frames per
    second), rounding errors would choose one of the two, and differently in each part of a clip.
    """
    first = _first_second(source, rate)
    shift = first - source.probe.video_start + float(_NUDGE / rate)
    begin = {} if first else {"start_time": 0}
    return (
        picture.filter("tpad", stop_mode="clone", stop=_COPIES)
        .filter("setpts", f"PTS+({shift:.9f})/TB")
        .filter("fps", fps=rate, **begin)
        .filter("tpad", stop_mode="clone", stop=_spare(source, rate))
        .filter("trim", start_pts=source.begin, end_pts=source.begin + source.frames)
        .filter("setpts", "PTS-STARTPTS")
    )


def _deinterlaced(picture: Any, found: Probe, rate: Fraction) -> Any:
    """Make frames from fields: one from each field where the film's rate allows it, otherwise one from two."""
    if not found.interlaced:
        return picture
    every_field = rate > found.fps * Fraction(5, 4)
    return picture.filter("bwdif", mode="send_field" if every_field else "send_frame", deint="all")


def _with_bars(picture: Any, width: int, height: int, frame: Frame) -> Any:
    """The picture of that size in the middle of its frame, with bars of the background left and right or above and
    below.

    ffmpeg's `pad` and `color` read a colour as BT.601, whatever the picture is. So a bar is a piece of the picture in
    which each sample is set to the background's value in BT.709. Grey is the same in both.
    """
    if _is_grey(frame.background):
        return picture.filter("pad", frame.width, frame.height, "(ow-iw)/2", "(oh-ih)/2", color=frame.background)
    across = width < frame.width
    missing = frame.width - width if across else frame.height - height
    before = missing // 4 * 2
    bars = [(bar, height) if across else (width, bar) for bar in (before, missing - before)]
    shown = [place for place in range(2) if min(bars[place])]
    if not shown:
        return picture
    pieces = picture.filter_multi_output("split", 1 + len(shown))
    parts = [pieces[0]]
    for number, place in enumerate(shown, 1):
        y, u, v = _in_bt709(frame.background)
        bar = pieces[number].filter("scale", *bars[place], flags="neighbor").filter("lutyuv", y=y, u=u, v=v)
        parts.insert(0 if place == 0 else len(parts), bar)
    return ffmpeg_graph.filtered(parts, "hstack" if across else "vstack", inputs=len(parts))


def _is_grey(colour: str) -> bool:
    """Whether a colour (`#rrggbb`) is black, white or a grey: it has no hue that a matrix could change."""
    return len({colour[1:3].lower(), colour[3:5].lower(), colour[5:7].lower()}) == 1


def _in_bt709(colour: str) -> tuple[int, int, int]:
    """A colour (`#rrggbb`) as 8 bit samples Y, U, V in BT.709, limited range (ITU-R BT.709, 3.2 to 3.4)."""
    red, green, blue = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return (
        round(16 + 219 * luma),
        round(128 + 224 * (blue - luma) / 1.8556),
        round(128 + 224 * (red - luma) / 1.5748),
    )


def _coloured(picture: Any, look: Look, lut: Path | None) -> Any:
    """Apply the look: brightness multiplies, contrast scales around middle grey; chroma grows with both, so hues
    stay.
    """
    light = look.brightness * look.contrast
    if look.brightness != 1 or look.contrast != 1 or look.saturation != 1:
        lift = 16 + 219 * 0.5 * (1 - look.contrast)
        luma = f"clip((val-16)*{light:.6f}+{lift:.6f},16,235)"
        chroma = f"clip((val-128)*{light * look.saturation:.6f}+128,16,240)"
        picture = picture.filter("lutyuv", y=luma, u=chroma, v=chroma)
    if lut is not None:
        picture = in_rgb(picture, lambda shown: shown.filter("lut3d", file=str(lut)))
    return picture
