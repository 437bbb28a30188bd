"""Timelines for editing programs: a film as OpenTimelineIO, and a changed one back as a cut.

Owns: writing `.otio`, and what one shows of a jump's clips. Not here: reading what somebody's file says
(`stinercut.films.editor.otio_reader`), what a cut does to a film (`stinercut.jumps.cut`), where files lie.

What travels: names, order, in and out points, the footage itself by its path, seen from the timeline where it lies
beside it. Effects don't: an editing program has its own. Our clips carry their ids in the metadata, which editing
programs keep; without them a clip is known by its file.

Places are counted in frames of the film, whatever rate a clip has: they are whole there, and an untouched timeline
comes back as the same cut.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

import opentimelineio as _otio

from stinercut.errors import BadInput
from stinercut.films.editor.otio_reader import LARGEST, TimelineClip, read_tracks
from stinercut.jumps.cut import Cut, CutPiece

# The package brings no types for its C++ classes.
otio = cast("Any", _otio)

__all__ = ["LARGEST", "KnownClip", "TimelineStretch", "read_cut", "write_timeline"]

_NOTE = "stinercut"


@dataclass(frozen=True)
class TimelineStretch:
    """A stretch of the film: `seconds` of a file from `start` on, of a file that has `file_seconds` at `rate`.
    One item of OpenTimelineIO's tracks.

    `card_file_id` is given for clips; what was drawn or belongs to the template has none. `blend`: for how many seconds
    it and the stretch before it flow into each other; both stretches count these seconds as theirs. `file_start`: the
    time of the file's first picture, counted as `start` is.
    """

    name: str
    path: Path
    start: float
    seconds: float
    file_seconds: float
    rate: Fraction
    card_file_id: int | None = None
    blend: float = 0.0
    file_start: float = 0.0


@dataclass(frozen=True)
class KnownClip:
    """A clip that a cut may use. `names` are the file names it may be known by."""

    card_file_id: int
    seconds: float
    names: tuple[str, ...]


def write_timeline(name: str, rate: Fraction, parts: Sequence[TimelineStretch]) -> str:
    """The film as the text of an `.otio` file: one video track and one sound track with the same stretches."""
    timeline = otio.schema.Timeline(name=name, global_start_time=_time(0, rate))
    for kind in (otio.schema.TrackKind.Video, otio.schema.TrackKind.Audio):
        track = otio.schema.Track(name="Film" if kind == otio.schema.TrackKind.Video else "Sound", kind=kind)
        track.extend(_items(parts, rate, with_sound=kind == otio.schema.TrackKind.Audio))
        timeline.tracks.append(track)
    return str(timeline.to_json_string())


def read_cut(text: str | bytes, clips: Iterable[KnownClip], *, file: str = "the timeline") -> Cut:
    """The cut that a timeline shows: the pieces of its video, in order, from the top track that has each moment.

    Drawn titles and other files of ours are passed over; gaps too. Raises BadInput for what is no timeline, for a file
    that is none of the jump's clips, and for a piece beyond its clip's end.
    """
    known = list(clips)
    by_id = {clip.card_file_id: clip for clip in known}
    by_name = {name.casefold(): clip for clip in known for name in clip.names}
    shown = _shown(read_tracks(text, file), file)
    pieces = [piece for clip in shown if (piece := _piece(clip, by_id, by_name, file)) is not None]
    if not pieces:
        raise BadInput(
            "the timeline shows none of this jump's clips",
            file=file,
            advice="Export the timeline of this jump's film and keep at least one of its clips.",
        )
    return Cut(tuple(pieces), frozenset(by_id))


def _time(seconds: float, rate: Fraction) -> Any:
    return otio.opentime.RationalTime(round(seconds * rate), float(rate))


def _range(start: float, seconds: float, rate: Fraction) -> Any:
    return otio.opentime.TimeRange(_time(start, rate), _time(seconds, rate))


def _items(parts: Sequence[TimelineStretch], rate: Fraction, *, with_sound: bool) -> list[Any]:
    """The stretches of a track, with a dissolve where two flow into each other; it is cut in the middle of that.

    In the track of sounds, what has none is a gap as long.
    """
    items: list[Any] = []
    for number, part in enumerate(parts):
        after = parts[number + 1].blend if number + 1 < len(parts) else 0.0
        early, late = _halves(part.blend, rate)
        begin, seconds = part.start + early, part.seconds - early - _halves(after, rate)[1]
        if part.blend:
            offsets = {"in_offset": _time(early, rate), "out_offset": _time(late, rate)}
            items.append(otio.schema.Transition("Dissolve", "SMPTE_Dissolve", **offsets))
        is_silent = with_sound and part.card_file_id is None
        shown = _range(begin, seconds, rate)
        items.append(otio.schema.Gap(duration=shown.duration) if is_silent else _clip(part, shown))
    return items


def _halves(blend: float, rate: Fraction) -> tuple[float, float]:
    """Seconds of a blend before and after the cut in its middle, in whole frames."""
    frames = round(blend * rate)
    return float(frames // 2 / rate), float((frames - frames // 2) / rate)


def _clip(part: TimelineStretch, shown: Any) -> Any:
    return otio.schema.Clip(
        name=part.name,
        media_reference=otio.schema.ExternalReference(
            target_url=_url(part.path),
            available_range=_range(part.file_start, part.file_seconds, part.rate),
        ),
        source_range=shown,
        metadata={_NOTE: {"card_file_id": part.card_file_id}},
    )


def _url(path: Path) -> str:
    """Where a file lies: seen from the timeline where that is how it was given, so that no folder of ours is named."""
    return path.as_uri() if path.is_absolute() else quote(path.as_posix())


def _shown(tracks: Sequence[Sequence[TimelineClip]], file: str) -> Sequence[TimelineClip]:
    """The clips of the one track that holds any; on several they would have to be laid over each other."""
    used = [clips for clips in tracks if clips]
    if len(used) > 1:
        raise BadInput(
            f"{len(used)} video tracks hold clips, and a cut is one after the other",
            file=file,
            advice="Bring the clips onto one video track and export again.",
        )
    return used[0] if used else []


def _piece(
    clip: TimelineClip, by_id: Mapping[int, KnownClip], by_name: Mapping[str, KnownClip], file: str
) -> CutPiece | None:
    """None for what was drawn, or is the template's: our note says that it is no clip."""
    note = clip.metadata.get(_NOTE)
    said = cast("dict[str, object]", note).get("card_file_id") if isinstance(note, dict) else note
    if isinstance(note, dict) and said is None:
        return None
    known = by_id.get(said) if type(said) is int else by_name.get(clip.file_name.casefold())
    if known is None:
        raise BadInput(
            f"{clip.file_name or clip.name!r} is none of this jump's clips",
            file=file,
            advice="Only the jump's own clips can be in its film.",
        )
    return _within(known, clip, file)


def _within(known: KnownClip, clip: TimelineClip, file: str) -> CutPiece:
    """The piece, its ends brought inside of the clip where rounding to frames put them a little outside."""
    slack = 0.2
    begin, end = clip.begin - clip.before, clip.begin + clip.seconds + clip.after
    start, stop = max(0.0, begin), min(end, known.seconds)
    if clip.seconds <= 0:
        raise BadInput(f"{clip.name!r} has no length in the timeline", file=file, advice="Take it out, or lengthen it.")
    if begin < -slack or end > known.seconds + slack or start >= stop:
        raise BadInput(
            f"{clip.name!r} is used from {begin:.2f} to {end:.2f} s, and it is {known.seconds:.2f} s long",
            file=file,
            advice="Trim it to what was filmed. Speed changes don't travel.",
        )
    return CutPiece(known.card_file_id, start, stop)
