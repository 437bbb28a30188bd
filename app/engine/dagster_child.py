"""Starts one of Dagster's processes: `python -m app.engine.dagster_child code|webserver|daemon ARGUMENTS`.

Owns: everything before Dagster's own command takes over. Not here: the arguments (`app.stack.stack`).

With Dagster's own commands, these processes would have to start one after the other: processes that make the SQLite
storage of a new DAGSTER_HOME at the same time leave it broken ("Version table has more than one head"), and webserver
and daemon need a code server that answers. With this module all start at once and make the storage under a lock;
webserver and daemon load their modules while the code server loads its own.
"""

from __future__ import annotations

import importlib
import os
import socket
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from app.common.pools import FFMPEG_POOL, ffmpeg_limit
from app.processes.loading import loading
from stinercut.errors import StinercutError
from stinercut.settings import Settings
from stinercut.storage.data_folder import keep_private
from stinercut.storage.locks import held

BACKFILL_PATIENCE: Final[Mapping[str, str]] = {
    # Only while a code location is not loaded: assets that were really removed still end a backfill.
    "DAGSTER_BACKFILL_RETRY_DEFINITION_CHANGED_ERROR": "1",
    # Other errors that may pass, such as a database that is being started again. A try comes every five seconds, so
    # this is five minutes; Dagster's default of 5 is not even one.
    "DAGSTER_MAX_BACKFILL_RETRIES": "60",
}
"""Variables of Dagster's daemon. Whoever sets one of them keeps his value."""


def main() -> None:
    """Load modules, make the storage, wait for the code server, hand over to Dagster."""
    part, arguments = sys.argv[1], sys.argv[2:]
    Settings().require_sound()
    keep_private(Settings())
    if Settings().dagster_database_url:
        from app.engine.postgres_reconnect import wait_for_postgres

        wait_for_postgres()
    with loading():
        command = {"code": _code_server, "webserver": _webserver, "daemon": _daemon}[part]()
    make_storage(Path(os.environ["DAGSTER_HOME"]), ffmpeg_limit(Settings()))
    if part != "code":
        wait_for_port(os.environ["STINERCUT_CODE_HOST"], int(os.environ["STINERCUT_CODE_PORT"]))
    sys.argv = ["dagster", *arguments]
    command()


def _code_server() -> Callable[[], None]:
    from dagster._cli import main as command

    from app.engine.forking import fork_runs

    # The command loads them too, later; here, that is cheaper.
    importlib.import_module("app.engine.definitions")
    fork_runs()
    return command


def _webserver() -> Callable[[], None]:
    from app.engine.dagster_web import guarded_command

    return guarded_command(Settings())


def _daemon() -> Callable[[], None]:
    from dagster._daemon.cli import main as command

    from app.engine.run_queue import wake_on_new_runs

    be_patient_with_backfills()
    wake_on_new_runs()
    return command


def be_patient_with_backfills() -> None:
    """Make the backfills of this process wait while the code server is away. Call it before the daemon starts.

    While its code server is slow or being started again, the daemon knows no assets. By default it then takes a
    backfill's assets for removed, ends the backfill (`DagsterAssetBackfillDataLoadError`) and cancels its runs, also
    those that only had to join a film.
    """
    for name, value in BACKFILL_PATIENCE.items():
        os.environ.setdefault(name, value)


def make_storage(home: Path, pool_limit: int | None) -> None:
    """Make Dagster's tables if they are missing, and set how many ffmpeg steps may run; one process at a time."""
    from dagster import DagsterInstance

    with held(home / "storage.lock"), DagsterInstance.get() as instance:
        _ = instance.run_storage, instance.schedule_storage
        limits = {pool.name: pool.limit for pool in instance.event_log_storage.get_pool_limits()}
        if pool_limit is None:
            if FFMPEG_POOL in limits:
                instance.event_log_storage.delete_concurrency_limit(FFMPEG_POOL)
        elif limits.get(FFMPEG_POOL) != pool_limit:
            instance.event_log_storage.set_concurrency_slots(FFMPEG_POOL, pool_limit)


def wait_for_port(host: str, port: int) -> None:
    """Wait until something accepts connections there. If that never happens, the supervisor ends this process."""
    while True:
        try:
            socket.create_connection((host, port), timeout=5).close()
        except OSError:
            time.sleep(0.1)
        else:
            return


if __name__ == "__main__":
    try:
        main()
    except StinercutError as refused:
        sys.exit(refused.sentence())
