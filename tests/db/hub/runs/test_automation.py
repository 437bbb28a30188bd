"""Sensors and schedules that somebody switched off in Dagster: said once for each change, and started again."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from dagster._core.remote_origin import GrpcServerCodeLocationOrigin, RemoteInstigatorOrigin, RemoteRepositoryOrigin
from dagster._core.scheduler.instigation import InstigatorState, InstigatorStatus, InstigatorType
from support.dagsters import FakeDagster

from app.engine.definitions import defs
from hub.runs.automation import AutomationWatch
from stinercut.runs.automation import WITHOUT, in_words
from stinercut_assets.common.sensors_run import switched_off


def test_the_words_know_all_that_runs_by_itself() -> None:
    repository = defs.get_repository_def()
    assert set(WITHOUT) == {one.name for one in (*repository.sensor_defs, *repository.schedule_defs)}
    defaults = {one.default_status.value for one in (*repository.sensor_defs, *repository.schedule_defs)}
    assert defaults == {"RUNNING"}


def test_what_stops_films_is_said_first() -> None:
    assert in_words([]) == ""
    assert in_words({"new", "overdue_films", "ready_jumps"}) == (
        "Switched off in Dagster: ready_jumps (no film is begun), overdue_films (nobody is told of overdue films), new."
    )


def test_the_check_is_told_once_for_each_change() -> None:
    dagster = FakeDagster(switched_off={"ready_jumps"})
    clock = iter(range(0, 1000, 20))
    watch = AutomationWatch(dagster.client(), "http://board", lambda: float(next(clock)))

    async def looks(count: int) -> None:
        for _ in range(count):
            await watch.tell_check()

    asyncio.run(looks(3))
    (first,) = dagster.checks
    assert (first["asset"], first["check_name"], first["passed"]) == ("rendered_video", "sensors_run", False)
    assert first["metadata"] == {
        "what": "Switched off in Dagster: ready_jumps (no film is begun).",
        "board": "http://board",
    }
    dagster.switched_off.clear()
    asyncio.run(looks(3))
    assert [one["passed"] for one in dagster.checks] == [False, True]
    dagster.check_says = None
    asyncio.run(looks(3))
    assert [one["passed"] for one in dagster.checks] == [False, True, True]


def test_all_of_them_are_started_again() -> None:
    dagster = FakeDagster(switched_off={"new_manifests", "every_night"})
    watch = AutomationWatch(dagster.client(), "http://board")

    async def start() -> Any:
        before = await watch.view()
        started = await watch.start()
        return before, started, await watch.view(), await watch.start()

    before, started, after, again = asyncio.run(start())
    assert before.stopped == started.started == ["every_night", "new_manifests"]
    assert (after.stopped, after.problem, again.started) == ([], "", [])


@pytest.mark.parametrize(("status", "said"), [("STOPPED", ["ready_jumps"]), ("RUNNING", []), ("DECLARED_IN_CODE", [])])
def test_dagsters_own_check_reads_what_dagster_keeps(status: str, said: list[str]) -> None:
    def state(name: str) -> InstigatorState:
        location = GrpcServerCodeLocationOrigin(host="127.0.0.1", port=4266, location_name="stinercut")
        origin = RemoteInstigatorOrigin(RemoteRepositoryOrigin(location, "__repository__"), name)
        return InstigatorState(origin, InstigatorType.SENSOR, InstigatorStatus(status), None)

    assert switched_off([state("ready_jumps"), state("a_sensor_of_another_day")]) == said
