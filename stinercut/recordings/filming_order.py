"""In which order files were filmed, and on which day: one rule for cards, jumps and `stinercut render`.

Owns: the order and the day. Not here: what names say (`camera_names`), when a file says it was filmed (`media.probe`, a
card's own times), which files belong together (`session_rules`).

All times are those of the camera's own clock on the wall, without a zone: cameras of one jump agree by what people see.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, TypeVar

from stinercut.recordings.camera_names import count_in, read_name

_DCF_FOLDER: Final = re.compile(r"(\d{3})[A-Z0-9_]{5}", re.IGNORECASE)
"""A folder below DCIM: cameras begin the next one where their numbers begin anew (JEITA CP-3461, 3.2)."""


T = TypeVar("T")


@dataclass(frozen=True)
class RecordedFile:
    """What tells when a file was filmed. `source` parts cards from each other; `recorded` is None where nothing says.

    `recording` and `chapter` as the file's name says (`named`), or as they were noted on its card.
    """

    source: str
    folder: str
    name: str
    recorded: datetime | None
    recording: str
    chapter: int

    @classmethod
    def named(cls, folder: str, name: str, recorded: datetime | None) -> RecordedFile:
        """A file that is known by its name alone."""
        said = read_name(name)
        return cls("", folder, name, recorded, said.recording, said.chapter)


@dataclass(frozen=True)
class CardVideo:
    """One main video or photo of a card (proxies and thumbnails aren't given here).

    `recorded` is the wall-clock time stored on the card. `recording` is equal for all chapters of one recording.
    """

    file_id: str
    name: str
    folder: str
    recorded: datetime
    size: int
    recording: str
    chapter: int = 1
    is_photo: bool = False


def in_order(files: Iterable[T], told_of: Callable[[T], RecordedFile]) -> list[T]:
    """These files in the order they were filmed: recordings by the time at which they began, then by the camera's own
    count; a recording's chapters together, in their order.

    Where a file says no time, the count alone tells, as far as all names are of one camera. What nothing tells apart
    stays in the order in which it was given.
    """
    found: dict[tuple[str, str, str], list[tuple[T, RecordedFile]]] = {}
    for file in files:
        said = told_of(file)
        found.setdefault((said.source, said.folder, said.recording), []).append((file, said))
    recordings = list(found.values())
    for chapters in recordings:
        chapters.sort(key=lambda one: (one[1].chapter, one[1].recorded or datetime.max, one[1].name))
    told = [_Told.of([said for _, said in chapters]) for chapters in recordings]
    places = range(len(recordings))
    if all(one.began is not None for one in told):
        places = sorted(places, key=lambda place: (told[place].began, *told[place].counted))
    elif len({one.family for one in told}) == 1 and told[0].family is not None:
        places = sorted(places, key=lambda place: told[place].counted)
    return [file for place in places for file, _ in recordings[place]]


def in_order_on_card(files: Iterable[CardVideo]) -> list[CardVideo]:
    """Order of filming; what nothing tells apart by its name."""
    return in_order(sorted(files, key=lambda file: (file.folder, file.name, file.file_id)), _of_card)


def day_filmed(recorded: datetime) -> date:
    """The day on which somebody at the camera would say that it was filmed."""
    return recorded.date()


def first_day(files: Sequence[RecordedFile]) -> date | None:
    """The day of the first of these files that says a time; None where none does."""
    return next((day_filmed(file.recorded) for file in files if file.recorded is not None), None)


def _of_card(file: CardVideo) -> RecordedFile:
    return RecordedFile("", file.folder, file.name, file.recorded, file.recording, file.chapter)


@dataclass(frozen=True)
class _Told:
    """What tells when a recording was filmed."""

    began: datetime | None
    family: tuple[str, str] | None
    counted: tuple[int, int, int]

    @classmethod
    def of(cls, chapters: Sequence[RecordedFile]) -> _Told:
        """From its chapters, in their order."""
        first = chapters[0]
        times = [one.recorded for one in chapters if one.recorded is not None]
        count = count_in(first.name)
        folder = _DCF_FOLDER.fullmatch(first.folder.replace("\\", "/").rpartition("/")[2])
        family = (first.source, count[0]) if count else None
        counted = (int(folder[1]) if folder else 0, count[1] if count else 0, first.chapter)
        return cls(min(times, default=None), family, counted)
