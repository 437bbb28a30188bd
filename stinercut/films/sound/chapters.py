"""Joins the sound of a recording in several chapters without a seam.

Owns: finding the clips of a film that are successive chapters, and joining their sound to the sample. Not here: all
other sound (`mix`), the order of clips (`stinercut.films.plan.plan`, `stinercut.recordings.session_rules`).

A camera cuts a long recording between two packets. Each AAC packet needs the one before for its first half, and a
decoder that begins with the second file lacks it: the first 21 ms would be wrong. Pictures and sound also end at
different times within a file, so its sound would have a gap there, or be cut. So one decoder decodes the packets around
each seam, as they were written, and the rest of the chapter is moved to follow them.
"""

from __future__ import annotations

import contextlib
import itertools
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stinercut.errors import StinercutError
from stinercut.films.picture.footage import as_two_channels
from stinercut.films.plan.plan import Filmed, FilmPlan, Shot
from stinercut.films.plan.timebase import SAMPLE_RATE, frames_in, sample_at
from stinercut.recordings.camera_names import follows
from stinercut.video import ffmpeg_graph
from stinercut.video import ffmpeg_runner as runner
from stinercut.video.ffmpeg_inputs import Entry, in_a_row
from stinercut.video.probe import Probe

_SETTLED = 4096
"""Samples of a chapter after which a decoder that began with this chapter gives the same as one that didn't."""

_BEFORE_S, _AFTER_S = 0.5, 0.5
"""Seconds that are decoded on both sides of a seam."""

_MOST = 2048
"""The most samples by which a chapter may be moved: beyond two packets the files can't be one recording."""

_BLOCK = 10 * SAMPLE_RATE
_SECONDS = 60.0

Samples = NDArray[np.int16]


@dataclass(frozen=True)
class SoundStretch:
    """A stretch of a clip in a film, in samples of the film: from `begin` up to `end`; the clip's first picture is (or
    would be) at `first`. `continues`: the clip before it is the previous chapter, shown to its end, and this clip is
    shown from its beginning.
    """

    path: Path
    probe: Probe
    volume: float
    first: int
    begin: int
    end: int
    continues: bool = False


def runs_of(plan: FilmPlan, clips: Mapping[str, tuple[str, Path, Probe]]) -> tuple[SoundStretch, ...]:
    """The stretches of clips that a film shows, in its order. `clips`: name, path and probe by the takes' keys."""
    out: list[SoundStretch] = []
    last: tuple[Shot, int] | None = None
    for at, part in plan.placed():
        if not isinstance(part, Shot) or not isinstance(part.content, Filmed):
            last = None
            continue
        _, path, probe = clips[part.content.take]
        begin, end = sample_at(plan.rate, at), sample_at(plan.rate, at + part.frames)
        if last and last[0].content == part.content and last[0].begin + last[0].frames == part.begin:
            before = out.pop()
            out.append(SoundStretch(path, probe, part.volume, before.first, before.begin, end, before.continues))
        else:
            first = begin - sample_at(plan.rate, part.begin)
            continues = last is not None and _continues(plan, clips, last[0], part)
            out.append(SoundStretch(path, probe, part.volume, first, begin, end, continues))
        last = (part, at)
    return tuple(out)


def _continues(plan: FilmPlan, clips: Mapping[str, tuple[str, Path, Probe]], before: Shot, after: Shot) -> bool:
    assert isinstance(before.content, Filmed)
    assert isinstance(after.content, Filmed)
    (name, _, probe), (next_name, _, next_probe) = clips[before.content.take], clips[after.content.take]
    whole = before.begin + before.frames == frames_in(probe.duration, plan.rate) and after.begin == 0
    alike = probe.audio is not None and probe.audio == next_probe.audio and probe.audio.sample_rate == SAMPLE_RATE
    return whole and alike and not before.fade_out and not after.fade_in and follows(name, next_name)


# Putting together ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _SampleSpan:
    """Begin and end of the sound track, in samples from the clip's first picture."""

    begin: int
    end: int


def continue_sound(sound: Path, runs: Sequence[SoundStretch]) -> None:
    """Change a film's sound, a WAV as `mix` writes it, so that chapters follow each other to the sample.

    Where a seam can't be read, or the chapters don't fit, the sound of each file stays as it is.
    """
    if not any(run.continues for run in runs):
        return
    count = (sound.stat().st_size - 44) // 4
    track = np.memmap(sound, np.int16, "r+", offset=44, shape=(count, 2))
    moved = 0
    for before, after in itertools.pairwise(runs):
        if not after.continues:
            moved = 0
            continue
        moved = _joined(track, before, after, moved)
    track.flush()


def _joined(track: Any, before: SoundStretch, after: SoundStretch, moved: int) -> int:
    """Repair one seam. `moved`: by how many samples the chapter before was moved; returns this for the one after."""
    with contextlib.suppress(StinercutError, LookupError, StopIteration, ValueError):
        ends, begins = _span(before), _span(after)
        seam = before.first + moved + ends.end
        shift = seam - (after.first + begins.begin)
        if abs(shift) > _MOST:
            return 0
        around, split = _around(before, after)
        head, tail = min(len(around) - split, _SETTLED), min(split, SAMPLE_RATE // 10)
        _move(track, after, shift)
        first, last = max(before.begin, seam - tail), min(after.end, seam + head)
        piece = around[split - (seam - first) : split + (last - seam)].astype(np.float32) * after.volume
        track[first:last] = np.clip(np.rint(piece), -32768, 32767).astype(np.int16)
        return shift
    return 0


def _move(track: Any, run: SoundStretch, shift: int) -> None:
    """Move a stretch `shift` samples later (earlier if `shift` is negative), block by block."""
    if not shift:
        return
    places = list(range(run.begin, run.end, _BLOCK))
    for place in reversed(places) if shift > 0 else places:
        begin, end = place, min(place + _BLOCK, run.end)
        first, last = max(begin - shift, run.begin), min(end - shift, run.end)
        piece = np.array(track[first:last])
        track[begin:end] = 0
        track[first + shift : last + shift] = piece


def _span(run: SoundStretch) -> _SampleSpan:
    """The span of the sound track by the file's header."""
    assert run.probe.audio is not None
    streams = runner.ffprobe_json(run.path)["streams"]
    audio = [stream for stream in streams if stream["codec_type"] == "audio"][run.probe.audio.stream]
    video = streams[run.probe.stream]
    start = Fraction(audio["start_pts"]) * Fraction(audio["time_base"])
    start -= Fraction(video["start_pts"]) * Fraction(video["time_base"])
    length = Fraction(audio["duration_ts"]) * Fraction(audio["time_base"])
    return _SampleSpan(round(start * SAMPLE_RATE), round((start + length) * SAMPLE_RATE))


def _around(before: SoundStretch, after: SoundStretch) -> tuple[Samples, int]:
    """The sound around a seam from one decoder, and the sample at which the later chapter begins in it."""
    assert after.probe.audio is not None
    begin = max(0.0, before.probe.duration - _BEFORE_S)
    with tempfile.TemporaryDirectory(prefix="stinercut-seam-") as folder:
        alone, both = Path(folder, "alone.ffconcat"), Path(folder, "both.ffconcat")
        later = Entry(after.path, end=_AFTER_S)
        sound = _decoded([Entry(before.path, begin), later], both, after)
        return sound, len(sound) - len(_decoded([later], alone, after))


def _decoded(entries: Sequence[Entry], listed: Path, run: SoundStretch) -> Samples:
    assert run.probe.audio is not None
    sound = in_a_row(entries, listed)[f"a:{run.probe.audio.stream}"]
    out = ffmpeg_graph.output(as_two_channels(sound, run.probe.audio), "pipe:1", f="s16le", acodec="pcm_s16le")
    data = b"".join(runner.read_pipe(out.compile(), timeout=_SECONDS, chunk_bytes=1 << 18, file=run.path))
    return np.frombuffer(data, np.int16).reshape(-1, 2)
