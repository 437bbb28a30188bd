"""Timelines for editing programs: a film as OpenTimelineIO, and a changed one back as a cut.

Owns: writing `.otio`, and the cut that a timeline makes of a jump's clips. Not here: reading somebody's file
(`stinercut.films.editor.otio_reader`), what a cut does to a film (`stinercut.jumps.cut`), where files lie.

A timeline carries names, order, in and out points, and the path of each file, which is relative where the file lies
next to the timeline. It carries no effects: an editing program has its own. Our clips carry their ids in the metadata,
which editing programs keep; without an id a clip is known by its file name.

Positions are counted in frames of the film, whatever rate a clip has: there they are whole numbers, so an unchanged
timeline comes back as the same cut.
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
from stinercut.language.messages import Message
from stinercut.language.template_codes import TemplateCode

# The package brings no types for its C++ classes.
otio = cast("Any", _otio)

__all__ = ["LARGEST", "KnownClip", "TimelineStretch", "read_cut", "write_timeline"]

_NOTE = "stinercut"


@dataclass(frozen=True)
class TimelineStretch:
    """A stretch of the film: `seconds` from `start` on of a file that has `file_seconds` at `rate`.
    One item of OpenTimelineIO's tracks.

    `card_file_id` is given for clips; drawings and files of the template have no such id. `blend`: for how many seconds
    this stretch and the one before it dissolve into each other; both count these seconds as theirs. `file_start`: the
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
    """A clip that a cut may use. `names` are the file names by which it may be known."""

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
    """The cut that a timeline shows: the pieces of its video track, in order.

    Drawn titles, our other files, and gaps are passed over. Raises BadInput for a file that is no timeline, for clips
    on several video tracks, for a clip of another jump, and for a piece beyond its clip's end.
    """
    known = list(clips)
    by_id = {clip.card_file_id: clip for clip in known}
    by_name = {name.casefold(): clip for clip in known for name in clip.names}
    shown = _shown(read_tracks(text, file), file)
    pieces = [piece for clip in shown if (piece := _piece(clip, by_id, by_name, file)) is not None]
    if not pieces:
        raise BadInput(
            Message.of(TemplateCode.TIMELINE_WITHOUT_CLIPS),
            file=file,
            advice=Message.of(TemplateCode.EXPORT_TIMELINE_OF_FILM),
        )
    return Cut(tuple(pieces), frozenset(by_id))


def _time(seconds: float, rate: Fraction) -> Any:
    return otio.opentime.RationalTime(round(seconds * rate), float(rate))


def _range(start: float, seconds: float, rate: Fraction) -> Any:
    return otio.opentime.TimeRange(_time(start, rate), _time(seconds, rate))


def _items(parts: Sequence[TimelineStretch], rate: Fraction, *, with_sound: bool) -> list[Any]:
    """The items of a track: its stretches, and a dissolve where two blend. The cut lies in the middle of the dissolve.

    In the sound track a stretch without sound is a gap of the same length.
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
    """The URL of a file. A relative path stays relative to the timeline, so that it names no folder of ours."""
    return path.as_uri() if path.is_absolute() else quote(path.as_posix())


def _shown(tracks: Sequence[Sequence[TimelineClip]], file: str) -> Sequence[TimelineClip]:
    """The clips of the only track that holds clips; clips on several tracks would have to be laid over each other."""
    used = [clips for clips in tracks if clips]
    if len(used) > 1:
        raise BadInput(
            Message.of(TemplateCode.SEVERAL_TRACKS, tracks=len(used)),
            file=file,
            advice=Message.of(TemplateCode.CLIPS_ON_ONE_TRACK),
        )
    return used[0] if used else []


def _piece(
    clip: TimelineClip, by_id: Mapping[int, KnownClip], by_name: Mapping[str, KnownClip], file: str
) -> CutPiece | None:
    """The piece of the cut; None for a drawing or a file of the template, which our note marks as no clip."""
    note = clip.metadata.get(_NOTE)
    card_file_id = cast("dict[str, object]", note).get("card_file_id") if isinstance(note, dict) else note
    if isinstance(note, dict) and card_file_id is None:
        return None
    known = by_id.get(card_file_id) if type(card_file_id) is int else by_name.get(clip.file_name.casefold())
    if known is None:
        raise BadInput(
            Message.of(TemplateCode.CLIP_OF_OTHER_JUMP, clip=clip.file_name or repr(clip.name)),
            file=file,
            advice=Message.of(TemplateCode.ONLY_OWN_CLIPS),
        )
    return _within(known, clip, file)


def _within(known: KnownClip, clip: TimelineClip, file: str) -> CutPiece:
    """The piece. Its ends are moved into the clip where rounding to frames put them a little outside."""
    slack = 0.2
    begin, end = clip.begin - clip.before, clip.begin + clip.seconds + clip.after
    start, stop = max(0.0, begin), min(end, known.seconds)
    if clip.seconds <= 0:
        raise BadInput(
            Message.of(TemplateCode.CLIP_WITHOUT_LENGTH, clip=repr(clip.name)),
            file=file,
            advice=Message.of(TemplateCode.LENGTHEN_CLIP),
        )
    if begin < -slack or end > known.seconds + slack or start >= stop:
        raise BadInput(
            Message.of(TemplateCode.CLIP_BEYOND_END, clip=repr(clip.name), begin=begin, end=end, seconds=known.seconds),
            file=file,
            advice=Message.of(TemplateCode.TRIM_TO_FILMED),
        )
    return CutPiece(known.card_file_id, start, stop)
