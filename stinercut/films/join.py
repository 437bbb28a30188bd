"""Joins segments into a film: video copied, sound mixed and encoded once.

Owns: the join and the tests that it needs before and after. Not here: what the sound is made of (`sound`), whether
it is the right film (`checks`), moving it to its place (`film`).
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from stinercut.errors import BadInput, StoreDamaged, WrongFilm
from stinercut.films.picture.encoding import Segment
from stinercut.films.plan.progress import Progress, part_of, share_of
from stinercut.films.plan.timebase import SAMPLE_RATE, ticks_of, timescale_of
from stinercut.films.sound.chapters import SoundStretch
from stinercut.films.sound.mix import Music, film_sound
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message
from stinercut.storage.store import require_space
from stinercut.video import ffmpeg_graph
from stinercut.video import ffmpeg_runner as runner
from stinercut.video.ffmpeg_inputs import Entry, in_a_row, made_here
from stinercut.video.mp4 import h264
from stinercut.video.mp4.boxes import FAILURES, Unusual
from stinercut.video.mp4.tracks import read_track, with_record

_AUDIO_BITRATE = "192k"
_SOUND = 0.6
"""The share of joining that is mixing the sound; the rest is encoding it and copying the pictures."""


@dataclass(frozen=True)
class Joinable:
    """A segment in a film. `volume`: how loud its sound is there, as a share."""

    segment: Segment
    volume: float = 1.0


@dataclass(frozen=True)
class Soundness:
    """The finished sound: the music under it, and how loud it becomes (LUFS; None: as loud as it was filmed)."""

    music: Music | None = None
    loudness: float | None = None
    runs: tuple[SoundStretch, ...] = ()
    """The clips that the film shows, so that the sound runs on from one chapter of a recording to the next."""


@dataclass(frozen=True)
class JoinResult:
    """The joined film: frames, seconds, bytes."""

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

    `target` is written directly: give a temporary name. It is removed when anything fails, and also after an exception
    in `on_progress`. Raises StoreDamaged when a segment is missing, HostNotReady when there is no space for the film,
    BadInput when segments don't fit together or the music can't be read, FfmpegFailed, and WrongFilm when the result
    hasn't exactly the frames of its segments (ffmpeg's concat ends with status 0 when a segment is cut short).
    """
    segments = [part.segment for part in parts]
    together = _together(segments)
    # Twice: the film, and a second copy while its index moves to its front.
    require_space(target.parent, 2 * together.size)
    frames = sum(segment.frames for segment in segments)
    seconds = float(frames / segments[0].rate)
    try:
        # Next to the film and not in a temporary folder: the sound of an hour is 0.7 GB.
        with (
            tempfile.TemporaryDirectory(
                prefix=f".{target.stem.lstrip('.')}.join-", suffix=".partial", dir=target.parent
            ) as folder,
            tempfile.TemporaryDirectory(prefix="stinercut-join-") as lists,
        ):
            both = [(part.segment, part.volume) for part in parts]
            tell = part_of(on_progress, 0.0, _SOUND)
            mixed = film_sound(both, sound.music, sound.loudness, Path(folder), sound.runs, tell)
            videos = _videos(segments, together, Path(folder))
            listed = Path(lists, "video.ffconcat")
            # Without `auto_convert` frames stay as they are; with it, parameter sets would be put into them, which
            # `avc1` doesn't allow.
            shown = in_a_row([Entry(video) for video in videos], listed, auto_convert=0)
            argv = _graph(shown, mixed, segments[0].rate, target, title)
            told = share_of(frames, part_of(on_progress, _SOUND, 1.0))
            runner.run(argv, timeout=120 + seconds, on_frame=told, file=target, told=True)
        joined = _frames_in(target)
        if joined != frames:
            raise WrongFilm(
                Message.of(MessageCode.JOINED_TO_OTHER_LENGTH, segments=len(segments), joined=joined, frames=frames),
                file=target,
                advice=Message.of(MessageCode.AGAIN_SEGMENT_DAMAGED),
            )
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    return JoinResult(frames=frames, seconds=seconds, size=target.stat().st_size)


@dataclass(frozen=True)
class _Together:
    """The decoder's configuration for all segments, whether the first segment already has it, and the bytes of all
    pictures.
    """

    record: bytes
    first_has_it: bool
    size: int


def _together(segments: Sequence[Segment]) -> _Together:
    """The segments as one film. Frames copied from a camera have their own parameter sets, next to the encoder's: as
    long as no two of them have the same number, one configuration holds all of them.
    """
    if not segments:
        raise BadInput(Message.of(MessageCode.NOTHING_TO_JOIN), advice=Message.of(MessageCode.ONE_SEGMENT_AT_LEAST))
    configurations: list[h264.Configuration] = []
    first: object = None
    size = 0
    for segment in segments:
        if not segment.audio.is_file():
            raise _missing(segment.audio)
        track = read_track(segment.video)
        if track is None:
            raise _missing(segment.video)
        size += int(track.sizes.sum())
        try:
            configurations.append(h264.configuration(track.record))
            likeness = (
                track.timescale,
                track.width,
                track.height,
                track.coding,
                track.delay,
                *_pictures(configurations[-1]),
            )
            h264.merged(configurations)
        except h264.Strange:
            likeness = None
        first = first or likeness
        if likeness is None or likeness != first:
            raise BadInput(
                Message.of(MessageCode.SEGMENT_NOT_FITTING),
                file=segment.video,
                advice=Message.of(MessageCode.ONE_TEMPLATE_AND_ENCODER),
            )
    record = h264.merged(configurations).packed
    return _Together(record, configurations[0].packed == record, size)


def _pictures(configuration: h264.Configuration) -> set[object]:
    """The properties that all pictures of a film must share."""
    sets = [h264.sequence(unit) for unit in configuration.sps]
    return {
        (sps.width, sps.height, sps.plain, sps.progressive, sps.shape, sps.full_range, sps.chroma_location)
        for sps in sets
    }


def _missing(path: Path) -> StoreDamaged:
    damaged, missing = Message.of(MessageCode.SEGMENT_DAMAGED), Message.of(MessageCode.SEGMENT_MISSING)
    what = damaged if path.is_file() else missing
    return StoreDamaged(what, file=path, advice=Message.of(MessageCode.RENDER_JUMP_TO_MEND))


def _videos(segments: Sequence[Segment], together: _Together, folder: Path) -> list[Path]:
    """The videos for ffmpeg, which uses the configuration of the first video for the whole film."""
    videos = [segment.video for segment in segments]
    if not together.first_has_it:
        videos[0] = folder / "first.mp4"
        try:
            with_record(segments[0].video, videos[0], together.record)
        except (FileNotFoundError, Unusual, *FAILURES):
            raise _missing(segments[0].video) from None
    return videos


def _graph(videos: Any, mixed: Path, rate: Fraction, target: Path, title: str) -> list[str]:
    sound = made_here(mixed, "wav")["a:0"]
    options: dict[str, object] = {
        "c:v": "copy",
        "bsf:v": _on_the_grid(ticks_of(rate)),
        "c:a": "aac",
        "b:a": _AUDIO_BITRATE,
        "movflags": "+faststart",
        # The unit of the tracks' lengths: one sample instead of the usual millisecond.
        "movie_timescale": SAMPLE_RATE,
        "video_track_timescale": timescale_of(rate),
        "map_metadata": -1,
        "metadata": f"title={title}",
        "format": "mp4",
    }
    argv: list[str] = (
        ffmpeg_graph.output(videos["v:0"], sound, str(target.absolute()), **options).global_args("-xerror").compile()
    )
    return argv


def _on_the_grid(ticks: int) -> str:
    """The filter that counts timestamps again. ffmpeg's concat places each file by the length of the last one in
    microseconds; at 30000/1001 frames a second that leaves a gap or an overlap of a millisecond at every other join.
    """
    decoded = f"STARTDTS+N*{ticks}"
    return f"setts=dts={decoded}:pts={decoded}+round((PTS-DTS)/{ticks})*{ticks}:duration={ticks}"


def _frames_in(film: Path) -> int:
    track = read_track(film)
    return track.frames if track else 0
