"""The note of which files next to a film are ours, and which outputs of a film still exist.

Owns: the note's form, reading it, and which of a film's outputs lie there. Not here: what was published with a film
(`stinercut.films.film_row`; the note speaks for films whose row is of before), writing the note (`placing`), clearing
what a template dropped (`stinercut.films.dropped_outputs`), publishing (`stinercut.films.film`).
Nothing here needs more than the standard library and pydantic: the hub reads it too.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from pydantic import TypeAdapter

NOTE = ".outputs.json"
TIMELINE = ".otio"
"""The ending of the timeline's file name; the rest is the film's name."""
POSTER = "poster.jpg"
"""The picture that stands for the film."""
CLIPS = "clips"
"""The folder with the footage that the timeline shows."""

Mark = tuple[int, int]
"""Size in bytes, and time of change in nanoseconds."""


@dataclass(frozen=True)
class OutputsNote:
    """Files by their path below the film's folder. `ours`: those that were put there. `new`: those about to be put
    there; after a crash, some of them may have been.
    """

    ours: dict[str, Mark] = field(default_factory=dict[str, Mark])
    new: dict[str, Mark] = field(default_factory=dict[str, Mark])


NOTES = TypeAdapter(OutputsNote)


@dataclass(frozen=True)
class OtherFilm:
    """Another video output: its name in the template, its file, `size` in bytes."""

    name: str
    path: Path
    size: int


@dataclass(frozen=True)
class PhotoSet:
    """An output of photos: its name in the template, its folder, its photos in their order, `size` in bytes."""

    name: str
    folder: Path
    photos: tuple[Path, ...]
    size: int


@dataclass(frozen=True)
class Published:
    """The outputs next to a film, by name."""

    films: tuple[OtherFilm, ...] = ()
    photos: tuple[PhotoSet, ...] = ()


def published_with(film: Path, outputs: Iterable[str] | None = None) -> Published:
    """The other outputs of the film at that path: those that its row names (`Film.outputs`) and that still exist.

    A row of before names none (None): then the note next to the film counts. Films of older versions have no note:
    then there are no others.
    """
    folder, stem = film.parent, f"{film.stem}-"
    named = read_note(folder).ours if outputs is None else outputs
    films: list[OtherFilm] = []
    sets: dict[str, dict[Path, int]] = {}
    for name in sorted(named):
        parts = PurePosixPath(name).parts
        if not _is_plain(parts) or not parts[0].startswith(stem):
            continue
        mark = mark_of(folder / name)
        if mark is None:
            continue
        if len(parts) == 1:
            films.append(OtherFilm(PurePosixPath(name).stem.removeprefix(stem), folder / name, mark[0]))
        else:
            sets.setdefault(parts[0], {})[folder / name] = mark[0]
    return Published(
        tuple(films),
        tuple(
            PhotoSet(name.removeprefix(stem), folder / name, _in_order(sizes), sum(sizes.values()))
            for name, sizes in sets.items()
        ),
    )


def _in_order(photos: Iterable[Path]) -> tuple[Path, ...]:
    """Photos in their order: stills by number (two digits, three from 100 on), then the camera's photos by name."""
    return tuple(sorted(photos, key=_place_of))


def _place_of(photo: Path) -> tuple[bool, int, str]:
    is_still = photo.stem.isdigit()
    return (not is_still, len(photo.name) if is_still else 0, photo.name)


def read_note(folder: Path) -> OutputsNote:
    """The note; an empty one if it is missing or can't be read: then no file is known to be ours."""
    with contextlib.suppress(OSError, ValueError):
        note = NOTES.validate_json((folder / NOTE).read_bytes())
        return OutputsNote(_plain(note.ours), _plain(note.new))
    return OutputsNote()


def mark_of(path: Path) -> Mark | None:
    """The mark of a plain file; None where there is no plain file."""
    with contextlib.suppress(OSError):
        if path.is_file() and not path.is_symlink():
            found = path.stat()
            return found.st_size, found.st_mtime_ns
    return None


def _plain(marks: Mapping[str, Mark]) -> dict[str, Mark]:
    """The marks without names that lead out of the folder."""
    return {name: mark for name, mark in marks.items() if _is_plain(PurePosixPath(name).parts)}


def _is_plain(parts: Iterable[str]) -> bool:
    names = tuple(parts)
    return 0 < len(names) <= 2 and not {"..", "/", "."} & set(names)
