"""The order and the day of filming: one rule for cards, jumps and `stinercut render`.

Owns: the order and the day. Not here: reading names (`camera_names`), a file's time of filming
(`stinercut.video.probe`, a card's own times), which files belong together (`session_rules`).

All times are wall-clock times of the camera, without a zone: so the cameras of one jump agree, as people set them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, TypeVar

from stinercut.recordings.camera_names import count_in, read_name

_DCF_FOLDER: Final = re.compile(r"(\d{3})[A-Z0-9_]{5}", re.IGNORECASE)
"""A folder below DCIM: cameras begin the next folder when their numbers start again (JEITA CP-3461, 3.2)."""


T = TypeVar("T")


@dataclass(frozen=True)
class RecordedFile:
    """The values that tell when a file was filmed. `source` tells cards apart; `recorded` is None for an unknown time.

    `recording` and `chapter` come from the file's name (`named`), or from its card's manifest.
    """

    source: str
    folder: str
    name: str
    recorded: datetime | None
    recording: str
    chapter: int

    @classmethod
    def named(cls, folder: str, name: str, recorded: datetime | None) -> RecordedFile:
        """A file that is known only by its name."""
        parts = read_name(name)
        return cls("", folder, name, recorded, parts.recording, parts.chapter)


@dataclass(frozen=True)
class CardVideo:
    """One main video or photo of a card (proxies and thumbnails aren't given here).

    `file_id` is the card file's id in the catalog. `recorded` is the wall-clock time stored on the card. `recording` is
    equal for all chapters of one recording.
    """

    file_id: int
    name: str
    folder: str
    recorded: datetime
    size: int
    recording: str
    chapter: int = 1
    is_photo: bool = False


def in_order(files: Iterable[T], told_of: Callable[[T], RecordedFile]) -> list[T]:
    """These files in the order of filming: recordings by the time at which they began, then by the camera's own count;
    a recording's chapters together, in their order.

    If a time is missing, the count alone decides, provided that all names are of one camera. Files that nothing tells
    apart stay in the given order.
    """
    found: dict[tuple[str, str, str], list[tuple[T, RecordedFile]]] = {}
    for file in files:
        recorded = told_of(file)
        found.setdefault((recorded.source, recorded.folder, recorded.recording), []).append((file, recorded))
    recordings = list(found.values())
    for chapters in recordings:
        chapters.sort(key=lambda chapter: (chapter[1].chapter, chapter[1].recorded or datetime.max, chapter[1].name))
    evidence = [_Evidence.of([recorded for _, recorded in chapters]) for chapters in recordings]
    places = range(len(recordings))
    if all(known.began is not None for known in evidence):
        places = sorted(places, key=lambda place: (evidence[place].began, *evidence[place].counted))
    elif len({known.family for known in evidence}) == 1 and evidence[0].family is not None:
        places = sorted(places, key=lambda place: evidence[place].counted)
    return [file for place in places for file, _ in recordings[place]]


def in_order_on_card(files: Iterable[CardVideo]) -> list[CardVideo]:
    """A card's files in the order of filming; files that nothing else tells apart are ordered by name."""
    return in_order(sorted(files, key=lambda file: (file.folder, file.name, file.file_id)), _of_card)


def day_filmed(recorded: datetime) -> date:
    """The day of filming by the camera's wall clock."""
    return recorded.date()


def first_day(files: Sequence[RecordedFile]) -> date | None:
    """The day of the first of these files with a known time; None if no time is known."""
    return next((day_filmed(file.recorded) for file in files if file.recorded is not None), None)


def _of_card(file: CardVideo) -> RecordedFile:
    return RecordedFile("", file.folder, file.name, file.recorded, file.recording, file.chapter)


@dataclass(frozen=True)
class _Evidence:
    """The values that tell when a recording was filmed."""

    began: datetime | None
    family: tuple[str, str] | None
    counted: tuple[int, int, int]

    @classmethod
    def of(cls, chapters: Sequence[RecordedFile]) -> _Evidence:
        """The evidence from a recording's chapters, in their order."""
        first = chapters[0]
        times = [chapter.recorded for chapter in chapters if chapter.recorded is not None]
        count = count_in(first.name)
        folder = _DCF_FOLDER.fullmatch(first.folder.replace("\\", "/").rpartition("/")[2])
        family = (first.source, count[0]) if count else None
        counted = (int(folder[1]) if folder else 0, count[1] if count else 0, first.chapter)
        return cls(min(times, default=None), family, counted)
