"""Runs are forked from one process: what `app.engine.forking` relies on in Python and Dagster; steps share it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.repository import REPOSITORY

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no fork server")

ROOT = REPOSITORY
SHARES = """
import multiprocessing, os, sys, time
from app.engine.forking import RunContext

def child(queue):
    queue.put(("step", os.getpid(), os.getppid()))

def run(queue, end_server):
    queue.put(("run", os.getpid(), os.getppid()))
    server = os.getppid()
    if end_server:
        os.kill(server, 9)
        # A process that is being killed may still take a connection: it is gone once this one has another parent.
        while os.getppid() == server:
            time.sleep(0.01)
    step = multiprocessing.get_context("forkserver").Process(target=child, args=(queue,))
    step.start()
    step.join()

if __name__ == "__main__":
    context = RunContext()
    context.set_forkserver_preload(["stinercut.errors"])
    queue = context.Queue()
    process = context.Process(target=run, args=(queue, len(sys.argv) > 1))
    process.start()
    print(*queue.get(timeout=30))
    print(*queue.get(timeout=30))
    process.join(30)
"""

LIVES = """
from dagster._core.remote_origin import InProcessCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._grpc.types import ExecuteExternalJobArgs
from dagster._serdes import serialize_value

from app.engine.forking import RunContext
from stinercut.settings import Settings
from stinercut_assets.common.living_runs import lost_runs

def run(_, pipe):
    pipe.send("begun")
    pipe.recv()

def end(context, packed, kill):
    here, there = context.Pipe()
    process = context.Process(target=run, args=(packed, there))
    process.start()
    here.recv()
    assert not lost_runs(Settings()), "it lives"
    if kill:
        process.kill()
    else:
        here.send("end")
    process.join(30)
    return sorted(lost_runs(Settings()))

if __name__ == "__main__":
    location = InProcessCodeLocationOrigin(LoadableTargetOrigin(module_name="app.engine.definitions"))
    origin = RemoteJobOrigin(RemoteRepositoryOrigin(location, "__repository__"), "produce_jump")
    packed = serialize_value(ExecuteExternalJobArgs(job_origin=origin, run_id="run-1", instance_ref=None))
    context = RunContext()
    context.set_forkserver_preload(["app.engine.forking", "dagster._grpc.types"])
    print(end(context, packed, kill=False), end(context, packed, kill=True))
"""


def processes(folder: Path, *options: str) -> dict[str, tuple[int, int]]:
    """Process id and parent of a run and of its step."""
    script = folder / "shares.py"
    script.write_text(SHARES)
    done = subprocess.run(
        [sys.executable, script, *options], capture_output=True, text=True, timeout=60, check=False, cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    rows = [line.split() for line in done.stdout.splitlines()]
    assert len(rows) == 2, done.stderr
    return {name: (int(pid), int(parent)) for name, pid, parent in rows}


def test_a_run_and_its_steps_are_forked_from_one_process(tmp_path: Path) -> None:
    found = processes(tmp_path)
    assert found["run"][0] != found["step"][0]
    assert found["run"][1] == found["step"][1], "the same parent: one fork server"


def test_a_run_whose_fork_server_was_killed_makes_its_own(tmp_path: Path) -> None:
    found = processes(tmp_path, "end the server")
    assert found["run"][1] != found["step"][1]


def test_dagster_starts_runs_in_the_context_that_is_replaced() -> None:
    from dagster._grpc.server import DagsterApiServer

    names = [*DagsterApiServer.__init__.__code__.co_names, *DagsterApiServer.StartRun.__code__.co_names]
    assert names.count("_mp_ctx") >= 2, "made at the beginning, used for a run"


def test_a_run_that_was_killed_leaves_word_and_one_that_ended_does_not(tmp_path: Path) -> None:
    script = tmp_path / "lives.py"
    script.write_text(LIVES)
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, timeout=200, check=False, cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "STINERCUT_DATA": str(tmp_path)},
    )  # fmt: skip
    assert done.stdout.strip() == "[] ['run-1']", done.stderr
