"""Publishing into a folder: replaces our own files there and keeps those of others.

Owns: the one rule that decides whose a file is, and the steps in which new files take their places. Not here: the
note's form (`outputs_note`), which files a film has (`stinercut.films.film`, `stinercut.films.editor.export`), removing
outputs that a template dropped (`stinercut.films.dropped_outputs`).

A file is ours as long as it has the size and the time of change that the note next to it names. Every other file is
somebody else's and is kept, under another name if a new file needs its place. The note lists the new files before the
first of them is moved. So after a crash at any point, each file there is either known to be ours, or somebody else's
and complete.
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
    """Lock a folder of films while its files are changed."""
    # The lock has the folder's name alone: other machines may have the same folder under another path.
    with store.alone(key_of("folder of films", folder.name)):
        yield


def place(folder: Path, arrivals: Sequence[Arrival], sets: Collection[str] = ()) -> list[Path]:
    """Move the files to their places, in this order. Returns the new paths of somebody else's files that lay there.

    `sets`: subfolders whose files belong together: our files in them that are not among the arrivals are removed.
    Call it within `alone_in`. Raises OSError.
    """
    ours = ours_in(folder)
    coming = {arrival.name: mark for arrival in arrivals if (mark := _mark(arrival.file)) is not None}
    write_note(folder, OutputsNote(ours, coming))
    kept: list[Path] = []
    for arrival in arrivals:
        kept += _room_for(folder, arrival, ours)
        os.replace(arrival.file, folder / arrival.name)  # noqa: PTH105 - it replaces a file on every system
    old = {name for name in ours if name not in coming and PurePosixPath(name).parts[0] in sets}
    for name in old:
        (folder / name).unlink(missing_ok=True)
    for parent in {(folder / arrival.name).parent for arrival in arrivals}:
        fsync_dir(parent)
    placed = {name: mark for name in coming if (mark := _mark(folder / name)) is not None}
    write_note(folder, OutputsNote({name: mark for name, mark in ours.items() if name not in old} | placed))
    return kept


def ours_in(folder: Path) -> dict[str, Mark]:
    """The files of the note that were not changed since they were put there, by name."""
    known = read_note(folder)
    found = {name: _mark(folder / name) for name in {*known.ours, *known.new}}
    return {
        name: mark
        for name, mark in found.items()
        if mark is not None and mark in (known.ours.get(name), known.new.get(name))
    }


def write_note(folder: Path, note: OutputsNote) -> None:
    """Write the note. Raises OSError."""
    replace_file(folder / NOTE, NOTES.dump_json(note))


def _room_for(folder: Path, arrival: Arrival, ours: Collection[str]) -> list[Path]:
    """Make a file's place free: somebody else's file there gets another name, which is returned."""
    target, kept = folder / arrival.name, list[Path]()
    if target.parent != folder:
        if os.path.lexists(target.parent) and (target.parent.is_symlink() or not target.parent.is_dir()):
            kept.append(_moved_aside(target.parent))
        target.parent.mkdir(exist_ok=True)
    if os.path.lexists(target) and arrival.name not in ours and not _is_the_same(arrival.file, target):
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
    """Whether both are names of one file, as links to footage are: then replacing it loses nothing."""
    return not other.is_symlink() and other.is_file() and one.samefile(other)


def _mark(path: Path) -> Mark | None:
    """The mark of a plain file or of a link itself; None for anything else."""
    with contextlib.suppress(OSError):
        found = path.lstat()
        if stat.S_ISREG(found.st_mode) or stat.S_ISLNK(found.st_mode):
            return found.st_size, found.st_mtime_ns
    return None
