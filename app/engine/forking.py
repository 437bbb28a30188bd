"""Runs and their steps begin in a moment: all are forked from one process that has everything loaded.

Owns: the one fork server of a code server, and that a run's process says that it lives. Not here: what it loads
(`preload`), the executor (`executors`).

Left alone, Dagster starts a new Python for each run, and another one from which the run's steps are forked: three
seconds of processor time before the first step does anything. Here the code server keeps one such process, from the
first run on; runs are forked from it, and each run is told where it is, so that its steps are too.

Python's `multiprocessing` has the fork server, but each process makes one of its own, and Dagster has no setting for
how it starts a run. So this reaches into both; `tests/process/app/engine/test_forking.py` holds on to what it relies
on. Where there is no fork server (Windows), everything stays as Dagster has it.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import sys
from collections.abc import Callable, Sequence
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import Any

from app.processes.processes import RUN_NAME
from stinercut.settings import Settings
from stinercut_assets.common.living_runs import alive

PRELOAD = "app.engine.preload"


def fork_runs() -> None:
    """From now on the code server in this process forks its runs. To be called before it starts."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return
    from dagster._grpc.server import DagsterApiServer

    context = RunContext()
    context.set_forkserver_preload([PRELOAD])
    begin: Callable[..., None] = DagsterApiServer.__init__

    def begin_with_fork_server(self: Any, *given: Any, **named: Any) -> None:
        begin(self, *given, **named)
        self._mp_ctx = context

    DagsterApiServer.__init__ = begin_with_fork_server


class RunProcess(ForkServerProcess):
    """A process that knows the fork server it came from, and uses it for its own processes."""

    def __init__(self, *, target: Callable[..., object], args: Sequence[object]) -> None:
        forkserver.ensure_running()
        super().__init__(target=_run, args=(server_address(), target, *args))


class RunContext(ForkServerContext):
    """Starts such processes."""

    Process = RunProcess


def server_address() -> str:
    """Where this process's fork server listens."""
    return _server()._forkserver_address


def _run(address: str, target: Callable[..., object], *args: object) -> None:
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            Path("/proc/self/comm").write_text(RUN_NAME)
    share(address)
    run_id = run_of(args)
    with alive(Settings(), run_id) if run_id else contextlib.nullcontext():
        target(*args)


def run_of(arguments: Sequence[object]) -> str | None:
    """The run that Dagster's code server begins a process for, by what it gives it; None where it is no run."""
    from dagster._grpc.types import ExecuteExternalJobArgs
    from dagster._serdes import deserialize_value

    match arguments:
        case [str(packed), *_]:
            return deserialize_value(packed, ExecuteExternalJobArgs).run_id
        case _:
            return None


def share(address: str) -> None:
    """Make this process, which a fork server made, fork its own processes from that one too."""
    server = _server()
    server._forkserver_address = address
    own_ensure, own_connect = forkserver.ensure_running, forkserver.connect_to_new_process

    def ensure_running() -> None:
        """It runs, or `connect` finds that it doesn't."""

    def connect(fds: list[int]) -> tuple[int, int]:
        try:
            return own_connect(fds)
        except (ConnectionError, FileNotFoundError):
            # It is gone: a fork server of this process's own, as Python has it, takes its place.
            server.ensure_running, server._forkserver_address = own_ensure, None
            forkserver.connect_to_new_process = own_connect
            return own_connect(fds)

    server.ensure_running = ensure_running
    forkserver.ensure_running = ensure_running
    forkserver.connect_to_new_process = connect


def _server() -> Any:
    return vars(forkserver)["_forkserver"]
