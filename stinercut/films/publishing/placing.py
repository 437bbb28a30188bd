"""Publishing into a folder: replaces our own files there and keeps those of others.

Owns: the one rule for whose a file is, and the steps in which new files take their places. Not here: the note's form
(`outputs_note`), which files a film has (`stinercut.films.film`, `stinercut.films.editor.export`), removing what a
template dropped (`stinercut.films.dropped_outputs`).

A file is ours as long as it has the size and the time of change that the note beside it says. All else is somebody's,
and is kept: under another name where a new file needs its place. The note says what new files will be like before the
first of them gets its place. So whatever dies in between, each file that lies there is known to be ours, or is
somebody's and whole.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Collection, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from stinercut.films.publishing.outputs_note import NOTE, NOTES, Mark, OutputsNote, read_note
from stinercut.storage.disk_names import fitted
from stinercut.storage.store import Store, fsync_dir, key_of, replace_file


@dataclass(frozen=True)
class Arrival:
    """A finished file on the same volume, and its name below the folder: `zoe.mp4`, `zoe-photos/01.jpg`."""

    file: Path
    name: str


@contextlib.contextmanager
def alone_in(store: Store, folder: Path) -> Generator[None]:
    """Change what lies in a folder of films while nobody else does."""
    # By its name alone: other machines may have the same folder under another path.
    with store.alone(key_of("folder of films", folder.name)):
        yield


def place(folder: Path, arrivals: Sequence[Arrival], sets: Collection[str] = ()) -> list[Path]:
    """Give the files their places, in this order. Returns where those of somebody else are that lay there.

    `sets`: folders below whose files belong together; what is ours in them and doesn't come again goes.
    To be called within `alone_in`. Raises OSError.
    """
    ours = ours_in(folder)
    coming = {one.name: mark for one in arrivals if (mark := _mark(one.file)) is not None}
    write_note(folder, OutputsNote(ours, coming))
    kept: list[Path] = []
    for one in arrivals:
        kept += _room_for(folder, one, ours)
        os.replace(one.file, folder / one.name)  # noqa: PTH105 - says "even if one is there", on every system
    old = {name for name in ours if name not in coming and PurePosixPath(name).parts[0] in sets}
    for name in old:
        (folder / name).unlink(missing_ok=True)
    for parent in {(folder / one.name).parent for one in arrivals}:
        fsync_dir(parent)
    placed = {name: mark for name in coming if (mark := _mark(folder / name)) is not None}
    write_note(folder, OutputsNote({name: mark for name, mark in ours.items() if name not in old} | placed))
    return kept


def ours_in(folder: Path) -> dict[str, Mark]:
    """The files of the note that are still what was put there, by name."""
    known = read_note(folder)
    found = {name: _mark(folder / name) for name in {*known.ours, *known.new}}
    return {
        name: mark
        for name, mark in found.items()
        if mark is not None and mark in (known.ours.get(name), known.new.get(name))
    }


def write_note(folder: Path, note: OutputsNote) -> None:
    """Raises OSError."""
    replace_file(folder / NOTE, NOTES.dump_json(note))


def _room_for(folder: Path, one: Arrival, ours: Collection[str]) -> list[Path]:
    """Make sure that a file can get its place; what is somebody's there gets another name, which is returned."""
    target, kept = folder / one.name, list[Path]()
    if target.parent != folder:
        if os.path.lexists(target.parent) and (target.parent.is_symlink() or not target.parent.is_dir()):
            kept.append(_moved_aside(target.parent))
        target.parent.mkdir(exist_ok=True)
    if os.path.lexists(target) and one.name not in ours and not _is_the_same(one.file, target):
        kept.append(_moved_aside(target))
    return kept


def _moved_aside(path: Path) -> Path:
    number, other = 1, path.with_name(fitted(path.stem, f" (kept){path.suffix}", path.parent))
    while os.path.lexists(other):
        number += 1
        other = path.with_name(fitted(path.stem, f" (kept {number}){path.suffix}", path.parent))
    path.rename(other)
    fsync_dir(path.parent)
    return other


def _is_the_same(one: Path, other: Path) -> bool:
    """Whether both are names of one file, as links to footage are: nothing is lost then."""
    return not other.is_symlink() and other.is_file() and one.samefile(other)


def _mark(path: Path) -> Mark | None:
    """Of a plain file or of a link itself; None where there is neither."""
    with contextlib.suppress(OSError):
        found = path.lstat()
        if stat.S_ISREG(found.st_mode) or stat.S_ISLNK(found.st_mode):
            return found.st_size, found.st_mtime_ns
    return None
