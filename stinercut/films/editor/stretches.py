"""A film as an editing program sees it: which stretches of which files, and where two dissolve into each other.

Owns: reading that off the plan of a film (pure). Not here: the file format (`stinercut.films.editor.otio`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from stinercut.films.editor.otio import TimelineStretch
from stinercut.films.plan.plan import Blend, Content, FilmPlan, Shot


@dataclass(frozen=True)
class TimelineFile:
    """A file that the film shows: `seconds` long, at `rate`. Its first picture is at the second `start` of its content.

    Clips have their card file id. This class is separate from a clip, because an editing program also gets drawings and
    files of the template, each under its own name next to the film.
    """

    name: str
    path: Path
    seconds: float
    rate: Fraction
    card_file_id: int | None = None
    start: float = 0.0


@dataclass
class _FileStretch:
    content: Content
    begin: int
    frames: int
    blend: int


def stretches(plan: FilmPlan, source_of: Callable[[Content], TimelineFile]) -> list[TimelineStretch]:
    """The film's stretches in order. Parts that continue in the same file are one; a blend belongs to both sides."""
    found: list[_FileStretch] = []
    for part in plan.parts:
        if isinstance(part, Blend):
            _add(found, part.before, 0)
            _add(found, part.after, part.frames)
        else:
            _add(found, part, 0)
    return [_shown(stretch, plan.rate, source_of(stretch.content)) for stretch in found]


def _add(found: list[_FileStretch], shot: Shot, blend: int) -> None:
    last = found[-1] if found else None
    if last is not None and not blend and last.content == shot.content and last.begin + last.frames == shot.begin:
        last.frames += shot.frames
    else:
        found.append(_FileStretch(shot.content, shot.begin, shot.frames, blend))


def _shown(stretch: _FileStretch, rate: Fraction, source: TimelineFile) -> TimelineStretch:
    return TimelineStretch(
        name=source.name,
        path=source.path,
        start=float(stretch.begin / rate),
        seconds=float(stretch.frames / rate),
        file_seconds=source.seconds,
        rate=source.rate,
        card_file_id=source.card_file_id,
        blend=float(stretch.blend / rate),
        file_start=source.start,
    )
