"""The fleet set-up with real servers: PostgreSQL, Redis and two workers, which are killed and restarted in the middle.

One fleet serves the whole module; every test puts in a card of its own.
"""

from __future__ import annotations

import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import psutil
import pytest
from support.scenarios import (
    SMALL,
    a_card_becomes_films_once_and_a_further_jump_brings_only_its_own_files,
    film_of,
    insert,
)
from support.stacks import SetUp, fleet, until, until_workers
from support.watching import Board, open_board

from stinercut.media.probe import probe
from stinercut.synthetic.card import CardMade, make_card

pytestmark = [pytest.mark.slow, pytest.mark.timeout(420)]

SECONDS = 3.0
"""Of each clip: long enough to be interrupted."""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Generator[SetUp]:
    with fleet(tmp_path_factory.mktemp("fleet") / "data") as running:
        yield running


@pytest.fixture
def board(running: SetUp) -> Generator[Board]:
    with open_board(running.stack.ports[0]) as board:
        yield board


def card_in(running: SetUp, folder: Path, seed: int) -> CardMade:
    """A card with one jump of two clips goes in."""
    made = make_card(folder, jumps=1, clips=2, seconds=SECONDS, size=SMALL, seed=seed)
    insert(running.stack, folder)
    return made


def rendering(board: Board, jump: str) -> dict[str, Any]:
    """The first clip that is being rendered, as soon as one is."""

    def found() -> dict[str, Any] | None:
        steps = board.jumps.get(jump, {}).get("steps", [])
        return next((one for one in steps if one["step"].startswith("clip:") and one["status"] == "running"), None)

    return board.wait(f"a clip of {jump} is being rendered", found)


def holders(running: SetUp) -> set[str]:
    """The workers that have a clip in hand."""
    assert running.redis
    client = running.redis.client()
    try:
        claims = [json.loads(str(client.get(key))) for key in client.scan_iter("stinercut:step:*render_clip*")]
    finally:
        client.close()
    return {str(claim["worker"]) for claim in claims if claim["worker"]}


def kill_holder(running: SetUp) -> int:
    """SIGKILL the machine that has a clip in hand; returns which worker it was."""
    assert running.redis
    until(lambda: holders(running), 10)
    client = running.redis.client()
    text = str(client.get(f"stinercut:worker:{sorted(holders(running))[0]}"))
    client.close()
    node = psutil.Process(json.loads(text)["pid"])
    above = {one.pid for one in node.parents()}
    number = next(at for at, one in enumerate(running.workers) if one.process.pid in above)
    running.kill(f"worker {number}")
    return number


def whole_film(running: SetUp, board: Board, jump: str) -> None:
    """The film comes, and all its clips are in it: its own checks compare its frames with those of its parts."""
    film = film_of(running.stack, board, jump)
    parts = [file for file in board.jumps[jump]["files"] if file["role"] == "clip"]
    assert len(parts) == 2
    assert probe(film).duration > 2 * SECONDS


def test_the_same_scenario_as_on_one_machine(running: SetUp, board: Board, tmp_path: Path) -> None:
    a_card_becomes_films_once_and_a_further_jump_brings_only_its_own_files(running.stack, board, tmp_path)


@pytest.mark.long
def test_a_worker_killed_in_the_middle_of_a_clip(running: SetUp, board: Board, tmp_path: Path) -> None:
    jump = card_in(running, tmp_path / "KILLED", seed=41).jumps[0].payload.jump_key
    rendering(board, jump)
    number = kill_holder(running)
    whole_film(running, board, jump)
    running.restart(f"worker {number}")
    until_workers(running, 2)


@pytest.mark.long
def test_redis_restarts_in_the_middle(running: SetUp, board: Board, tmp_path: Path) -> None:
    jump = card_in(running, tmp_path / "REDIS", seed=42).jumps[0].payload.jump_key
    rendering(board, jump)
    running.restart("redis")
    whole_film(running, board, jump)
    until_workers(running, 2)


@pytest.mark.long
def test_postgresql_restarts_in_the_middle(running: SetUp, board: Board, tmp_path: Path) -> None:
    jump = card_in(running, tmp_path / "POSTGRES", seed=43).jumps[0].payload.jump_key
    rendering(board, jump)
    running.restart("postgres")
    whole_film(running, board, jump)
