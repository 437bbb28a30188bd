"""One stack per data folder, and how others find the one that runs.

Lives here: the lock file `up.lock` in the data folder and the note in it. Doesn't: ports (`doctor`).
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import psutil
from pydantic import BaseModel, ConfigDict, ValidationError

from stinercut.errors import HostNotReady
from stinercut.settings import Settings


class Running(BaseModel):
    """What a running stack says about itself. `started` is its process's creation time, seconds since 1970."""

    model_config = ConfigDict(frozen=True)

    pid: int
    started: float
    hub: str
    dagster: str
    detector: bool
    detector_id: str = "local"
    """Of its detector, if it has one."""


@contextmanager
def sole_use(settings: Settings, *, detector: bool) -> Generator[None]:
    """Hold the data folder for one stack. Raises HostNotReady when another has it.

    The system lets go of the lock when the process ends, however it ends; the note left behind then names a process
    that is gone.
    """
    settings.data.mkdir(parents=True, exist_ok=True)
    with _file(settings).open("a+b") as handle:
        try:
            _lock(handle)
        except OSError:
            raise _in_use(settings) from None
        mine = Running(
            pid=os.getpid(),
            started=psutil.Process().create_time(),
            hub=settings.hub_address,
            dagster=settings.dagster_address,
            detector=detector,
            detector_id=settings.detector_id,
        )
        try:
            _write(handle, mine.model_dump_json().encode())
            yield
        finally:
            _write(handle, b"")


def running_stack(settings: Settings) -> Running | None:
    """The stack that runs on this data folder now, if any."""
    try:
        note = Running.model_validate(json.loads(_file(settings).read_text("utf-8")))
        alive = psutil.Process(note.pid).create_time() == note.started
    except (OSError, ValueError, ValidationError, psutil.Error):
        return None
    return note if alive else None


def _file(settings: Settings) -> Path:
    return settings.data / "up.lock"


def _write(handle: IO[bytes], content: bytes) -> None:
    handle.seek(0)
    handle.truncate()
    handle.write(content)
    handle.flush()


def _in_use(settings: Settings) -> HostNotReady:
    other = running_stack(settings)
    where = f" (process {other.pid}, board at {other.hub})" if other else ""
    return HostNotReady(
        f"`stinercut up` is already running on this data folder{where}",
        file=settings.data,
        advice="Use that one, stop it with Ctrl-C first, or choose another folder with --data.",
    )


if sys.platform == "win32":
    import msvcrt

    _FAR_AWAY = 1 << 30
    """A byte that is never written: Windows keeps others from reading a locked one."""

    def _lock(handle: IO[bytes]) -> None:
        handle.seek(_FAR_AWAY)
        msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(handle: IO[bytes]) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
