"""Files of outputs that a jump's film no longer has: gone once the new film is whole, and nobody else's with them.

Lives here: writing the note beside the film of which files were put there, and removing those that the template
dropped. Doesn't: reading that note (`published`), publishing (`film`), making outputs. The order is: `announce`, the
new files get their names, `clear`. Whatever dies in between, the next film of the jump clears the rest.

A file is ours as long as it has the size and the time of change that it was published with: one that a person has put
in its place, or changed, stays.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from stinercut.media.film import Finished, Production, beside, is_photo, photo_folder
from stinercut.media.published import NOTE, NOTES, Note, mark_of, read_note
from stinercut.store import replace_file


def announce(production: Production, target: Path) -> None:
    """Note what the film at `target` is about to publish. To be called right before it does. Raises OSError."""
    known = read_note(target.parent)
    coming = {name: mark_of(target.parent / name) for name in _names(production, target)}
    # What was announced before and came to nothing, or wasn't cleared, is still remembered as it was.
    _write(target.parent, Note(known.ours, {**coming, **known.coming}))


def clear(finished: Finished) -> list[Path]:
    """Remove the files of earlier films of this jump that the finished one lacks; returns them. Raises OSError."""
    folder = finished.film.path.parent
    known = read_note(folder)
    now = {_name(path, folder): mark for path in _published(finished) if (mark := mark_of(path)) is not None}
    gone = [folder / name for name in sorted(_ours(known, folder)) if name not in now]
    for path in gone:
        path.unlink(missing_ok=True)
    for parent in {path.parent for path in gone} - {folder}:
        with contextlib.suppress(OSError):
            parent.rmdir()  # refused where something of somebody else is in it
    _write(folder, Note(now))
    return gone


def _ours(known: Note, folder: Path) -> set[str]:
    """The files that are still what we put there: unchanged since, or announced and not what lay there before."""
    unchanged = {name for name, mark in known.ours.items() if mark_of(folder / name) == mark}
    arrived = {
        name
        for name, before in known.coming.items()
        if name not in known.ours and (mark := mark_of(folder / name)) is not None and mark != before
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


def _write(folder: Path, note: Note) -> None:
    replace_file(folder / NOTE, NOTES.dump_json(note))
