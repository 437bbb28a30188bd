"""The shared volume's name, by which machines of a fleet notice that they use different folders.

Owns: a small file in the data folder, made once. Not here: comparing (`worker_node`, `app.doctor.fleet`).
"""

from __future__ import annotations

import os
import uuid
from contextlib import suppress
from pathlib import Path

from stinercut.errors import HostNotReady
from stinercut.settings import Settings
from stinercut.storage.store import sync_file


def name_volume(settings: Settings) -> str:
    """The volume's name; it gets one now if it has none. Steps name files by their path, so the path is part of it."""
    file = _file(settings)
    file.parent.mkdir(parents=True, exist_ok=True)
    if not file.exists():
        # Each process that tries uses a file of its own. Its name is random, since containers on one volume may have
        # the same process ids.
        name = uuid.uuid4().hex
        fresh = file.with_name(f"{file.name}.{name}.part")
        fresh.write_text(name)
        sync_file(fresh)
        # The first process to link its file names the volume, and nobody ever reads half a name.
        with suppress(FileExistsError):
            os.link(fresh, file)
        fresh.unlink()
    return volume_name(settings)


def volume_name(settings: Settings) -> str:
    """The volume's name and its path here. Raises HostNotReady if it has no name: no stack has worked on it yet."""
    try:
        return f"{_file(settings).read_text().strip()} {settings.data}"
    except OSError:
        raise HostNotReady(
            "no stack has worked on this data folder yet",
            file=settings.data,
            advice="Mount the shared volume there (the same path on all machines), and start the hub's machine first.",
        ) from None


def _file(settings: Settings) -> Path:
    return settings.data / "volume.id"
