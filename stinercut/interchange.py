"""Timelines for editing programs: a film as OpenTimelineIO, and a changed one back as a cut.

Lives here: writing `.otio` and reading one. Doesn't: what a cut does to a film (`stinercut.cut`), where files lie.

What travels: names, order, in and out points, the footage itself by its path. Effects don't: an editing program has its
own. Our clips carry their ids in the metadata, which editing programs keep; without them a clip is known by its file.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path, PurePosixPath
from typing import Any, cast
from urllib.parse import unquote, urlsplit

import opentimelineio as _otio

from stinercut.cut import Cut, Piece
from stinercut.errors import BadInput

# The package brings no types for its C++ classes.
otio = cast("Any", _otio)

_NOTE = "stinercut"
LARGEST = 20_000_000
"""Bytes: a timeline of thousands of clips is smaller than this."""


@dataclass(frozen=True)
class Shown:
    """A stretch of the film: `seconds` of a file from `start` on, of a file that has `file_seconds` at `rate`.

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


def write_timeline(name: str, rate: Fraction, parts: Sequence[Shown]) -> str:
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
    timeline = _parsed(text, file)
    known = list(clips)
    by_id = {clip.card_file_id: clip for clip in known}
    by_name = {name.casefold(): clip for clip in known for name in clip.names}
    pieces = [piece for used in _filmed(timeline, file) if (piece := _piece(used, by_id, by_name, file)) is not None]
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


def _items(parts: Sequence[Shown], rate: Fraction, *, with_sound: bool) -> list[Any]:
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
        items.append(otio.schema.Gap(duration=_time(seconds, part.rate)) if is_silent else _clip(part, begin, seconds))
    return items


def _halves(blend: float, rate: Fraction) -> tuple[float, float]:
    """Seconds of a blend before and after the cut in its middle, in whole frames."""
    frames = round(blend * rate)
    return float(frames // 2 / rate), float((frames - frames // 2) / rate)


def _clip(part: Shown, begin: float, seconds: float) -> Any:
    return otio.schema.Clip(
        name=part.name,
        media_reference=otio.schema.ExternalReference(
            target_url=part.path.absolute().as_uri(),
            available_range=_range(part.file_start, part.file_seconds, part.rate),
        ),
        source_range=_range(begin, seconds, part.rate),
        metadata={_NOTE: {"card_file_id": part.card_file_id}},
    )


def _parsed(text: str | bytes, file: str) -> Any:
    if len(text) > LARGEST:
        raise BadInput(
            f"the timeline is larger than {LARGEST // 1_000_000} MB", file=file, advice="Is it an .otio file?"
        )
    try:
        said = text.decode("utf-8-sig") if isinstance(text, bytes) else text
        timeline = otio.adapters.read_from_string(said, "otio_json")
    except (ValueError, KeyError, TypeError, _otio.exceptions.OTIOError) as refused:
        raise BadInput(
            f"this is no OpenTimelineIO file: {refused}", file=file, advice="Export it from the program as .otio."
        ) from None
    if not isinstance(timeline, otio.schema.Timeline):
        kind = type(timeline).__name__
        raise BadInput(f"the file holds a {kind}, not a timeline", file=file, advice="Export the whole timeline.")
    return timeline


@dataclass(frozen=True)
class _Used:
    """A clip of a timeline, and for how many seconds more it is seen in the dissolves before and after it."""

    clip: Any
    before: float
    after: float


def _filmed(timeline: Any, file: str) -> list[_Used]:
    """The clips of the one video track that holds any; on several they would have to be laid over each other."""
    used = [clips for track in timeline.video_tracks() if track.enabled and (clips := _used(track, file))]
    if len(used) > 1:
        raise BadInput(
            f"{len(used)} video tracks hold clips, and a cut is one after the other",
            file=file,
            advice="Bring the clips onto one video track and export again.",
        )
    return used[0] if used else []


def _used(track: Any, file: str) -> list[_Used]:
    out: list[_Used] = []
    items = list(track)
    for number, item in enumerate(items):
        if isinstance(item, otio.schema.Gap | otio.schema.Transition) or not item.enabled:
            continue
        if not isinstance(item, otio.schema.Clip):
            raise BadInput(
                f"{item.name!r} is a timeline within the timeline", file=file, advice="Take its clips out of it."
            )
        if any(isinstance(effect, otio.schema.TimeEffect) for effect in item.effects):
            raise BadInput(
                f"{item.name!r} is played at another speed, and a cut can't say that",
                file=file,
                advice="Set its speed back to 100 % and export again.",
            )
        before = items[number - 1] if number else None
        after = items[number + 1] if number + 1 < len(items) else None
        out.append(_Used(item, _reach(before, "in_offset"), _reach(after, "out_offset")))
    return out


def _reach(neighbour: Any, offset: str) -> float:
    """How far a dissolve reaches into the clip beyond its cut."""
    if not isinstance(neighbour, otio.schema.Transition):
        return 0.0
    seconds: float = getattr(neighbour, offset).to_seconds()
    return seconds if math.isfinite(seconds) else 0.0


def _piece(used: _Used, by_id: Mapping[int, KnownClip], by_name: Mapping[str, KnownClip], file: str) -> Piece | None:
    clip = used.clip
    note = clip.metadata.get(_NOTE)
    said = note.get("card_file_id") if note is not None else None
    if note is not None and said is None:
        return None
    known = by_id.get(said) if isinstance(said, int) else by_name.get(_file_name(clip).casefold())
    if known is None:
        shown = _file_name(clip) or clip.name
        raise BadInput(
            f"{shown!r} is none of this jump's clips", file=file, advice="Only the jump's own clips can be in its film."
        )
    spoken = clip.trimmed_range()
    offset = clip.media_reference.available_range.start_time if clip.media_reference.available_range else None
    begin = spoken.start_time.to_seconds() - (offset.to_seconds() if offset is not None else 0.0)
    seconds = spoken.duration.to_seconds()
    if not (math.isfinite(begin) and math.isfinite(seconds)) or seconds <= 0:
        raise BadInput(f"{clip.name!r} has no length in the timeline", file=file, advice="Take it out, or lengthen it.")
    return _within(known, begin - used.before, begin + seconds + used.after, clip.name, file)


def _within(known: KnownClip, begin: float, end: float, name: str, file: str) -> Piece:
    """The piece, its ends brought inside of the clip where rounding to frames put them a little outside."""
    slack = 0.2
    if begin < -slack or end > known.seconds + slack:
        raise BadInput(
            f"{name!r} is used from {begin:.2f} to {end:.2f} s, and it is {known.seconds:.2f} s long",
            file=file,
            advice="Trim it to what was filmed. Speed changes don't travel.",
        )
    return Piece(known.card_file_id, max(0.0, begin), min(end, known.seconds))


def _file_name(clip: Any) -> str:
    url = getattr(clip.media_reference, "target_url", "") or ""
    return PurePosixPath(unquote(urlsplit(url).path).replace("\\", "/")).name
