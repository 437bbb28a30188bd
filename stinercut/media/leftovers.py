"""Files of outputs that a jump's film no longer has: gone once the new film is whole, and nobody else's with them.

Lives here: a note beside the film of which files were put there, and removing those that the template dropped. Doesn't:
publishing (`film`), making outputs. The order is: `announce`, the new files get their names, `clear`. Whatever dies in
between, the next film of the jump clears the rest.

A file is ours as long as it has the size and the time of change that it was published with: one that a person has put
in its place, or changed, stays.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TypeVar

from pydantic import TypeAdapter

from stinercut.media.film import Finished, Production, beside, is_photo, photo_folder
from stinercut.store import replace_file

NOTE = ".outputs.json"

Mark = tuple[int, int]
"""Size in bytes, and time of change in nanoseconds."""


@dataclass(frozen=True)
class _Note:
    """By path below the film's folder: what was published, and what lay at the places of a film about to be published
    (None: nothing).
    """

    ours: dict[str, Mark] = field(default_factory=dict[str, Mark])
    coming: dict[str, Mark | None] = field(default_factory=dict[str, Mark | None])


_NOTES = TypeAdapter(_Note)
Kind = TypeVar("Kind")


def announce(production: Production, target: Path) -> None:
    """Note what the film at `target` is about to publish. To be called right before it does. Raises OSError."""
    known = _read(target.parent)
    coming = {name: _mark(target.parent / name) for name in _names(production, target)}
    # What was announced before and came to nothing, or wasn't cleared, is still remembered as it was.
    _write(target.parent, _Note(known.ours, {**coming, **known.coming}))


def clear(finished: Finished) -> list[Path]:
    """Remove the files of earlier films of this jump that the finished one lacks; returns them. Raises OSError."""
    folder = finished.film.path.parent
    known = _read(folder)
    now = {_name(path, folder): mark for path in _published(finished) if (mark := _mark(path)) is not None}
    gone = [folder / name for name in sorted(_ours(known, folder)) if name not in now]
    for path in gone:
        path.unlink(missing_ok=True)
    for parent in {path.parent for path in gone} - {folder}:
        with contextlib.suppress(OSError):
            parent.rmdir()  # refused where something of somebody else is in it
    _write(folder, _Note(now))
    return gone


def _ours(known: _Note, folder: Path) -> set[str]:
    """The files that are still what we put there: unchanged since, or announced and not what lay there before."""
    unchanged = {name for name, mark in known.ours.items() if _mark(folder / name) == mark}
    arrived = {
        name
        for name, before in known.coming.items()
        if name not in known.ours and (mark := _mark(folder / name)) is not None and mark != before
    }
    return unchanged | arrived


def _names(production: Production, target: Path) -> Iterator[str]:
    """The files that publishing will give a name, below the film's folder."""
    yield target.name
    for making in production.films[1:]:
        yield beside(target, making.name).name
    for output in production.photos:
        folder = photo_folder(target, output).name
        yield from (f"{folder}/{number:02d}.jpg" for number in range(1, output.count + 1))


def _published(finished: Finished) -> Iterator[Path]:
    yield from (film.path for film in finished.films)
    for folder in finished.photos:
        yield from (path for path in folder.iterdir() if is_photo(path))


def _name(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()


def _mark(path: Path) -> Mark | None:
    """None where there is no plain file."""
    with contextlib.suppress(OSError):
        if path.is_file() and not path.is_symlink():
            found = path.stat()
            return found.st_size, found.st_mtime_ns
    return None


def _read(folder: Path) -> _Note:
    """The note; an empty one where there is none that can be read: then nothing is known to be ours."""
    with contextlib.suppress(OSError, ValueError):
        said = _NOTES.validate_json((folder / NOTE).read_bytes())
        return _Note(_plain(said.ours), _plain(said.coming))
    return _Note()


def _plain(said: Mapping[str, Kind]) -> dict[str, Kind]:
    """Without names that lead out of the folder."""
    return {name: what for name, what in said.items() if _is_plain(PurePosixPath(name).parts)}


def _is_plain(parts: Iterable[str]) -> bool:
    said = tuple(parts)
    return 0 < len(said) <= 2 and not {"..", "/", "."} & set(said)


def _write(folder: Path, note: _Note) -> None:
    replace_file(folder / NOTE, _NOTES.dump_json(note))
