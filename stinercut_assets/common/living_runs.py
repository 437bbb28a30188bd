"""Lock files that show which runs still have a process: each process holds its run's file as long as it lives.

Owns: those files. Not here: holding one in a run's process (`app.engine.forking`), what follows from a run whose
process is gone (`sensors.runs.ended_runs`).

Why: only the code server that started a run's process notices its end. When both are gone, after a power cut or a
restart of the code server, Dagster calls the run started until its time limit is over, hours later, and its places in
the queue and in the pool stay taken.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from stinercut.settings import Settings
from stinercut.storage.locks import held, is_held


@contextmanager
def alive(settings: Settings, run_id: str) -> Generator[None]:
    """Mark this run's process as alive while the block runs, however the block ends."""
    with held(_folder(settings) / run_id):
        yield


def lost_runs(settings: Settings) -> set[str]:
    """The runs whose process was killed, until they are forgotten. Call it on the machine of the code server."""
    folder = _folder(settings)
    return {path.name for path in folder.glob("*") if not is_held(path)} if folder.is_dir() else set()


def forget(settings: Settings, run_id: str) -> None:
    """Remove the file of a run that has ended for Dagster too."""
    (_folder(settings) / run_id).unlink(missing_ok=True)


def _folder(settings: Settings) -> Path:
    return settings.dagster_home / "living-runs"
