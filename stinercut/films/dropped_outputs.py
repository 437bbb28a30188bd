"""Removes files of outputs that a jump's film no longer has, once the new film is complete.

Owns: removing the files of outputs that the template dropped. Not here: the note of which files are ours
(`publishing.placing`), publishing (`film`), the files for editing programs (`editor.export`). If removing is cut off,
the next film of the jump removes the rest.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from stinercut.films.film import Finished
from stinercut.films.publishing.outputs_note import OutputsNote
from stinercut.films.publishing.placing import alone_in, ours_in, write_note
from stinercut.storage.store import Store


def clear(store: Store, finished: Finished) -> list[Path]:
    """Remove the files of earlier films of this jump that the finished one lacks, and return them. Raises OSError."""
    film = finished.film.path
    folder = film.parent
    with alone_in(store, folder):
        ours = ours_in(folder)
        now = {path.relative_to(folder).as_posix() for path in finished.files}
        gone = sorted(name for name in ours if name.startswith(f"{film.stem}-") and name not in now)
        for name in gone:
            (folder / name).unlink(missing_ok=True)
        for parent in {(folder / name).parent for name in gone} - {folder}:
            with contextlib.suppress(OSError):
                parent.rmdir()  # refused while somebody else's file is in it
        write_note(folder, OutputsNote({name: mark for name, mark in ours.items() if name not in gone}))
    return [folder / name for name in gone]
