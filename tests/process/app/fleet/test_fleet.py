"""The fleet set-up with real servers: PostgreSQL, Redis and two workers, which are killed and restarted in the middle.

One fleet serves the whole module; every test puts in a card of its own. The middle of a step is where the first
worker's ffmpeg waits when it is told to.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from support.fake_ffmpeg import install, order
from support.footage import PLAIN
from support.scenarios import (
    a_card_becomes_films_once_and_a_further_jump_brings_only_its_own_files,
    film_of,
    insert,
)
from support.stacks import SetUp, fleet, until, until_workers
from support.watching import open_board

from stinercut.synthetic.card import make_card
from stinercut.video.probe import probe

pytestmark = [pytest.mark.slow, pytest.mark.timeout(420)]


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the first worker's ffmpeg."""
    folder = tmp_path_factory.mktemp("shim")
    install(folder)
    return folder


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, shim: Path) -> Generator[SetUp]:
    data = tmp_path_factory.mktemp("fleet") / "data"
    shutil.copytree(PLAIN, data / "templates" / "plain")
    environment, path = {"STINERCUT_TEMPLATE": "plain"}, f"{shim}{os.pathsep}{os.environ['PATH']}"
    with fleet(data, environment=environment, first_has={"PATH": path}, worker_options=("--grace", "1")) as running:
        yield running


def in_the_middle(running: SetUp, shim: Path, folder: Path, seed: int) -> tuple[str, int]:
    """A card with one jump of two clips goes in, and the first worker is in the middle of one of its steps.

    Returns the jump, and the process id of the ffmpeg that waits.
    """
    order(shim, "waits 1")
    made = make_card(folder, jumps=1, clips=2, seconds=1.0, size=(320, 180), seed=seed)
    insert(running.stack, folder)
    until((shim / "hanging").exists, 120)
    return made.jumps[0].payload.jump_key, int((shim / "hanging").read_text())


def is_running(pid: int) -> bool:
    """Whether that process does anything: one that nobody has reaped yet doesn't."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def whole_film(running: SetUp, jump: str) -> None:
    """The film comes, and all its clips are in it: its own checks compare its frames with those of its parts."""
    with open_board(running.stack.ports[0]) as board:
        film = film_of(running.stack, board, jump)
        parts = [file for file in board.jumps[jump]["files"] if file["role"] == "clip"]
    assert len(parts) == 2
    assert probe(film).duration > 2


def ended_as(jump: Mapping[str, Any] | None) -> str | None:
    """The state of a jump that nothing works on; None while something does."""
    return jump["state"] if jump and jump["state"] in ("done", "failed") else None


def test_the_same_scenario_as_on_one_machine(running: SetUp, tmp_path: Path) -> None:
    with open_board(running.stack.ports[0]) as board:
        a_card_becomes_films_once_and_a_further_jump_brings_only_its_own_files(running.stack, board, tmp_path)


def test_a_worker_killed_in_the_middle_of_a_step(running: SetUp, shim: Path, tmp_path: Path) -> None:
    jump, _ = in_the_middle(running, shim, tmp_path / "KILLED", seed=41)
    running.kill("worker 0")
    order(shim, "")
    whole_film(running, jump)
    running.restart("worker 0")
    until_workers(running, 2)


@pytest.mark.long
def test_only_a_node_killed_in_the_middle_of_a_step(running: SetUp, shim: Path, tmp_path: Path) -> None:
    """Its supervisor lives, and so do the processes that it had forked: they end, and another node takes its place."""
    jump, _ = in_the_middle(running, shim, tmp_path / "NODE", seed=45)
    (worker, *_) = running.workers
    before = {one.pid: one.children(recursive=True) for one in worker.nodes()}
    worker.kill_node("ffmpeg")
    order(shim, "")
    whole_film(running, jump)
    until_workers(running, 2)
    ((gone, left),) = [(pid, left) for pid, left in before.items() if pid not in {one.pid for one in worker.nodes()}]
    assert not is_running(gone)
    until(lambda: not any(is_running(one.pid) for one in left))
    assert worker.said[-1] == "The film worker stopped (signal 9). Started again."


@pytest.mark.long
def test_only_a_process_of_a_node_killed_in_the_middle_of_a_step(running: SetUp, shim: Path, tmp_path: Path) -> None:
    """As the system does that has no memory left."""
    jump, ffmpeg = in_the_middle(running, shim, tmp_path / "PROCESS", seed=46)
    nodes = {one.pid for one in running.workers[0].nodes()}
    process = psutil.Process(ffmpeg).parents()[0]
    assert process.ppid() in nodes
    process.kill()
    order(shim, "")
    whole_film(running, jump)
    assert {one.pid for one in running.workers[0].nodes()} == nodes


def test_redis_restarts_in_the_middle_of_a_step(running: SetUp, shim: Path, tmp_path: Path) -> None:
    jump, ffmpeg = in_the_middle(running, shim, tmp_path / "REDIS", seed=42)
    running.restart("redis")
    assert is_running(ffmpeg), "a step in hand goes on"
    order(shim, "")
    whole_film(running, jump)
    until_workers(running, 2)


@pytest.mark.long
def test_a_worker_that_is_asked_to_stop_leaves_nothing_behind_and_its_step_goes_to_another(
    running: SetUp, shim: Path, tmp_path: Path
) -> None:
    jump, ffmpeg = in_the_middle(running, shim, tmp_path / "STOPPED", seed=44)
    running.workers[0].stop()
    assert running.workers[0].process.returncode == 0
    assert not is_running(ffmpeg)
    order(shim, "")
    whole_film(running, jump)
    running.restart("worker 0")
    until_workers(running, 2)


@pytest.mark.long
def test_postgresql_restarts_in_the_middle_of_a_step(running: SetUp, shim: Path, tmp_path: Path) -> None:
    """The film is made by itself, or after a failure that everybody sees: where Dagster could not record a step's end,
    it fails the step, and a person's retry does the rest."""
    jump, _ = in_the_middle(running, shim, tmp_path / "POSTGRES", seed=43)
    running.restart("postgres")
    order(shim, "")
    with open_board(running.stack.ports[0]) as board:
        ended = board.wait("its end", lambda: ended_as(board.jumps.get(jump)), 240)
    if ended == "failed":
        hub = f"http://127.0.0.1:{running.stack.ports[0]}"
        httpx.post(f"{hub}/api/pipeline/{jump}/retry", timeout=60).raise_for_status()
        with open_board(running.stack.ports[0]) as board:
            board.wait("its retry", lambda: ended_as(board.jumps.get(jump)) != "failed", 60)
    whole_film(running, jump)
