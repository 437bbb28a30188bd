"""The fork server of runs: a run and its steps start fast, forked from one process that has everything loaded.

Owns: the one fork server of a code server, and holding a run's lock while its process lives. Not here: what it loads
(`preload`), the executor (`executors`).

By itself, Dagster starts a new Python for each run, and another one from which it forks the run's steps: three seconds
of processor time before the first step does anything. Here the code server keeps one such process from the first run
on. Runs are forked from it, and each run gets its address, so that the run's steps are forked from it too.

Python's `multiprocessing` has a fork server, but each process makes its own, and Dagster has no setting for how it
starts a run. So this module patches both; `tests/process/app/engine/test_forking.py` tests all that it relies on. Where
there is no fork server (Windows), everything stays as Dagster has it.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import sys
import threading
from collections.abc import Callable, Sequence
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import Any

from app.engine.quick_steps import do_quick_steps_here
from app.processes.processes import RUN_NAME
from stinercut.settings import Settings
from stinercut_assets.common.living_runs import alive

PRELOAD = "app.engine.preload"
WARM_AFTER_S = 4.0
"""Seconds after the code server's start at which the fork server starts, unless a run came first. Until then the other
processes of an installation are starting, too.
"""


def fork_runs() -> None:
    """Make the code server in this process fork its runs. Call it before the server starts."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return
    from dagster._grpc.server import DagsterApiServer

    context = RunContext()
    context.set_forkserver_preload([PRELOAD])
    # While nobody waits: the first run would otherwise wait until everything is loaded.
    warming = threading.Timer(WARM_AFTER_S, forkserver.ensure_running)
    warming.daemon = True
    warming.start()
    begin: Callable[..., None] = DagsterApiServer.__init__

    def begin_with_fork_server(self: Any, *given: Any, **named: Any) -> None:
        begin(self, *given, **named)
        self._mp_ctx = context

    DagsterApiServer.__init__ = begin_with_fork_server


class RunProcess(ForkServerProcess):
    """A process that knows the fork server that it was forked from, and uses it for its own children."""

    def __init__(self, *, target: Callable[..., object], args: Sequence[object]) -> None:
        forkserver.ensure_running()
        super().__init__(target=_run, args=(server_address(), target, *args))


class RunContext(ForkServerContext):
    """A multiprocessing context whose processes are `RunProcess`."""

    Process = RunProcess


def server_address() -> str:
    """The address on which this process's fork server listens."""
    return _server()._forkserver_address


def _run(address: str, target: Callable[..., object], *args: object) -> None:
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            Path("/proc/self/comm").write_text(RUN_NAME)
    share(address)
    do_quick_steps_here()
    run_id = run_of(args)
    with alive(Settings(), run_id) if run_id else contextlib.nullcontext():
        target(*args)


def run_of(arguments: Sequence[object]) -> str | None:
    """The id of the run for which Dagster starts a process, from the process's arguments; None if it is no run."""
    from dagster._grpc.types import ExecuteExternalJobArgs
    from dagster._serdes import deserialize_value

    match arguments:
        case [str(packed), *_]:
            return deserialize_value(packed, ExecuteExternalJobArgs).run_id
        case _:
            return None


def share(address: str) -> None:
    """Make this process fork its own children from the fork server that it came from."""
    server = _server()
    server._forkserver_address = address
    own_ensure, own_connect = forkserver.ensure_running, forkserver.connect_to_new_process

    def ensure_running() -> None:
        """Do nothing: either the fork server runs, or `connect` notices that it doesn't."""

    def connect(fds: list[int]) -> tuple[int, int]:
        try:
            return own_connect(fds)
        except (ConnectionError, FileNotFoundError):
            # It is gone, so this process starts a fork server of its own, as Python does by default.
            server.ensure_running, server._forkserver_address = own_ensure, None
            forkserver.connect_to_new_process = own_connect
            return own_connect(fds)

    server.ensure_running = ensure_running
    forkserver.ensure_running = ensure_running
    forkserver.connect_to_new_process = connect


def _server() -> Any:
    return vars(forkserver)["_forkserver"]
