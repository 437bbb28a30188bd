"""Joins segments into a film: video copied, sound mixed and encoded once.

Lives here: the join and the tests that it needs before and after. Doesn't: what the sound is made of (`sound`), whether
it is the right film (`checks`), giving it its place (`film`).
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ffmpeg

from stinercut.errors import BadInput, StoreDamaged, WrongFilm
from stinercut.media import ffmpeg as runner
from stinercut.media.encoding import Progress, Segment, share_of, ticks_of, timescale_of
from stinercut.media.sound import Music, film_sound

_AUDIO_BITRATE = "192k"


@dataclass(frozen=True)
class Joinable:
    """A segment in a film. `volume`: how loud its sound is there, as a share."""

    segment: Segment
    volume: float = 1.0


@dataclass(frozen=True)
class Soundness:
    """What the finished sound is: music under it, and how loud it becomes (LUFS; None as it was filmed)."""

    music: Music | None = None
    loudness: float | None = None


@dataclass(frozen=True)
class JoinResult:
    """What came out: frames, seconds, bytes."""

    frames: int
    seconds: float
    size: int


def join(
    parts: Sequence[Joinable],
    target: Path,
    *,
    title: str,
    sound: Soundness = Soundness(),
    on_progress: Progress | None = None,
) -> JoinResult:
    """Write the segments, one after the other, to `target` (MP4, index in front). `title` goes into its metadata.

    `target` is written directly: give a temporary name. It is removed when anything goes wrong. Raises StoreDamaged
    when a segment is not there, BadInput when segments don't fit together or the music can't be read, FfmpegFailed, and
    WrongFilm when the result hasn't exactly the frames of its segments (ffmpeg's concat ends with status 0 when a
    segment is cut short).
    """
    segments = [part.segment for part in parts]
    require_joinable(segments)
    frames = sum(segment.frames for segment in segments)
    seconds = float(frames / segments[0].rate)
    try:
        # Beside the film and not in a temporary folder: the sound of an hour is 0.7 GB.
        with tempfile.TemporaryDirectory(prefix=".join-", suffix=".partial", dir=target.parent) as folder:
            both = [(part.segment, part.volume) for part in parts]
            mixed = film_sound(both, sound.music, sound.loudness, Path(folder))
            argv = _graph(segments, mixed, Path(folder), target, title)
            runner.run(argv, timeout=120 + seconds, on_frame=share_of(frames, on_progress), file=target)
        found = _frames_in(target)
        if found != frames:
            raise WrongFilm(
                f"joining {len(segments)} segments gave {found} frames where {frames} were due",
                file=target,
                advice="Try again: a segment in the store is damaged, and is made anew.",
            )
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    return JoinResult(frames=frames, seconds=seconds, size=target.stat().st_size)


def require_joinable(segments: Sequence[Segment]) -> None:
    """Raise StoreDamaged when a segment is not there, BadInput when one is encoded otherwise than the first."""
    if not segments:
        raise BadInput("there is nothing to join", advice="A film needs at least one segment.")
    first = ""
    for segment in segments:
        for path in (segment.video, segment.audio):
            if not path.is_file():
                raise StoreDamaged("a segment is missing", file=path, advice="Render this jump again: it is made anew.")
        found = _likeness(segment)
        first = first or found
        if found != first:
            raise BadInput(
                "this segment is encoded otherwise than the first and would not play after it",
                file=segment.video,
                advice="Render all segments of a film with one template and one ffmpeg.",
            )


def _likeness(segment: Segment) -> str:
    """What must be equal in all segments: decoder configuration, timebase, size, pixel format, frame rate."""
    stream: dict[str, Any] = runner.ffprobe_json(segment.video)["streams"][0]
    names = ("extradata_hash", "time_base", "width", "height", "pix_fmt", "r_frame_rate", "sample_aspect_ratio")
    return " ".join(str(stream.get(name)) for name in names)


def _graph(segments: Sequence[Segment], mixed: Path, folder: Path, target: Path, title: str) -> list[str]:
    videos = folder / "video.ffconcat"
    videos.write_text(_list(segments), encoding="utf-8")
    picture = ffmpeg.input(str(videos.absolute()), f="concat", safe=0)["v:0"]
    sound = ffmpeg.input(str(mixed.absolute()))["a:0"]
    options: dict[str, object] = {
        "c:v": "copy",
        "bsf:v": _on_the_grid(ticks_of(segments[0].rate)),
        "c:a": "aac",
        "b:a": _AUDIO_BITRATE,
        "movflags": "+faststart",
        "video_track_timescale": timescale_of(segments[0].rate),
        "map_metadata": -1,
        "metadata": f"title={title}",
        "format": "mp4",
    }
    argv: list[str] = ffmpeg.output(picture, sound, str(target.absolute()), **options).global_args("-xerror").compile()
    return argv


def _list(segments: Iterable[Segment]) -> str:
    """An ffconcat list. In quotes only the quote itself is special, and is written outside of them."""
    quoted = (str(segment.video.absolute()).replace("'", "'\\''") for segment in segments)
    return "ffconcat version 1.0\n" + "".join(f"file '{path}'\n" for path in quoted)


def _on_the_grid(ticks: int) -> str:
    """Timestamps counted anew: ffmpeg's concat places each file by the length of the last one in microseconds, and at
    30000/1001 frames a second that leaves a gap or an overlap of a millisecond at every other join.
    """
    decoded = f"STARTDTS+N*{ticks}"
    return f"setts=dts={decoded}:pts={decoded}+round((PTS-DTS)/{ticks})*{ticks}:duration={ticks}"


def _frames_in(film: Path) -> int:
    for stream in runner.ffprobe_json(film)["streams"]:
        if stream.get("codec_type") == "video":
            return int(stream.get("nb_frames") or 0)
    return 0
