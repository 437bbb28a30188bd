"""Holds one stack per data folder, and lets others find the stack that runs.

Owns: the name of the lock file (`up.lock` in the data folder) and the note next to it (`up.json`). Not here: locking
(`stinercut.storage.locks`), ports (`app.doctor.machine`).
"""

from __future__ import annotations

import json
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import psutil
from pydantic import BaseModel, ConfigDict, ValidationError

from stinercut.errors import HostNotReady
from stinercut.settings import Settings
from stinercut.storage.locks import held_if_free
from stinercut.storage.store import replace_file


class Running(BaseModel):
    """A running stack's note about itself. `started` is its process's creation time, in seconds since 1970."""

    model_config = ConfigDict(frozen=True)

    pid: int
    started: float
    hub: str
    dagster: str
    detector: bool
    detector_id: str = "local"
    """The name of its detector, if it has one."""


@contextmanager
def sole_use(settings: Settings, *, detector: bool) -> Generator[None]:
    """Hold the data folder for one stack. Raises HostNotReady when another stack has it.

    The system frees the lock when the process ends, however it ends. A note that is left behind then names a process
    that is gone.
    """
    with held_if_free(settings.data / "up.lock") as is_ours:
        if not is_ours:
            raise _in_use(settings)
        mine = Running(
            pid=os.getpid(),
            started=psutil.Process().create_time(),
            hub=settings.hub_address,
            dagster=settings.dagster_address,
            detector=detector,
            detector_id=settings.detector_id,
        )
        try:
            replace_file(_note(settings), mine.model_dump_json().encode())
            yield
        finally:
            _note(settings).unlink(missing_ok=True)


def running_stack(settings: Settings) -> Running | None:
    """The stack that runs on this data folder now, if any."""
    try:
        note = Running.model_validate(json.loads(_note(settings).read_text("utf-8")))
        alive = psutil.Process(note.pid).create_time() == note.started
    except (OSError, ValueError, ValidationError, psutil.Error):
        return None
    return note if alive else None


def _note(settings: Settings) -> Path:
    return settings.data / "up.json"


def _in_use(settings: Settings) -> HostNotReady:
    other = running_stack(settings)
    where = f" (process {other.pid}, board at {other.hub})" if other else ""
    return HostNotReady(
        f"`stinercut up` is already running on this data folder{where}",
        file=settings.data,
        advice="Use that one, stop it with Ctrl-C first, or choose another folder with --data.",
    )
