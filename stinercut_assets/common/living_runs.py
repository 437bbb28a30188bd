"""Which runs have a process: each holds a lock file for as long as its process lives.

Owns: those files. Not here: holding one in a run's process (`app.engine.forking`), what follows from a run that
has none any more (`sensors.runs.ended_runs`).

Why: that a run's process ended is noticed by the code server that began it, and by nobody else. Where both are gone,
after a power cut as after a restart of the code server, Dagster goes on calling the run started until its time is over,
hours later, and its places in the queue and in the pool stay taken.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from stinercut.settings import Settings
from stinercut.storage.locks import held, is_held


@contextmanager
def alive(settings: Settings, run_id: str) -> Generator[None]:
    """Say that the process of this run lives while the block runs, however it ends."""
    with held(_folder(settings) / run_id):
        yield


def lost_runs(settings: Settings) -> set[str]:
    """The runs whose process was killed, until they are forgotten. To be asked on the machine of the code server."""
    folder = _folder(settings)
    return {path.name for path in folder.glob("*") if not is_held(path)} if folder.is_dir() else set()


def forget(settings: Settings, run_id: str) -> None:
    """This run has ended for Dagster too."""
    (_folder(settings) / run_id).unlink(missing_ok=True)


def _folder(settings: Settings) -> Path:
    return settings.dagster_home / "living-runs"
