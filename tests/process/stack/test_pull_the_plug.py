"""Processes killed in the middle of a card's way: every film right. A sample of what `bench/plugs.py` does."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest
from support.plugs import AT, Kill, Plug, surroundings
from support.stacks import embedded

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def plug(tmp_path_factory: pytest.TempPathFactory) -> Generator[Plug]:
    folder = tmp_path_factory.mktemp("plugs")
    environment, log = surroundings(folder / "bin", folder / "data")
    with embedded(folder / "data", environment) as setup:
        yield Plug(setup, log)


@pytest.mark.long
def test_runs_and_steps_are_killed(plug: Plug, tmp_path: Path) -> None:
    kills = [Kill("run worker", AT["manifest"]), Kill("step", AT["first film begins"])]
    outcome = plug.case(tmp_path / "CARD-1", [*kills, Kill("run worker", AT["first film"])], seed=71)
    assert outcome.wrong == []
    assert outcome.killed == 3


def test_everything_else_is_killed(plug: Plug, tmp_path: Path) -> None:
    who = {"detector": "first file", "hub": "first code", "code server": "first film begins", "daemon": "first film"}
    outcome = plug.case(tmp_path / "CARD-2", [Kill(victim, AT[moment]) for victim, moment in who.items()], seed=72)
    assert outcome.wrong == []
    assert outcome.killed == 4
