"""A fleet against a real Redis without Celery's workers: who takes a step, and whole runs whose steps nobody makes."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest
import yaml
from billiard.exceptions import WorkerLostError
from celery import Celery
from celery.app.trace import build_tracer
from dagster._grpc.types import ExecuteStepArgs
from dagster._serdes import pack_value
from support.repository import REPOSITORY
from support.servers import RedisServer

from app.fleet.celery_app import STEP_TASK, WORKER_NAME, reading, step_lock, take, working
from app.fleet.decisions import SENDS
from app.fleet.executor import fleet_executor
from app.fleet.registry import FFMPEG_QUEUE, Claim, Fleet, Worker, broker_url, connect
from app.fleet.volume import name_volume
from app.fleet.waiting_notice import STEP
from stinercut.catalog import Catalog, events, migrate
from stinercut.catalog.models import Step, StepStatus
from stinercut.catalog.row_messages import messages_of_step
from stinercut.language.messages import all_worded
from stinercut.settings import Settings
from stinercut.storage.locks import held

ROOT = REPOSITORY
JUMP = "2026-11-20_B-1"
ME = Worker("ffmpeg-1@here", "here", 1, FFMPEG_QUEUE, 2, True, "volume /data", "0.1.0", 0.0)

pytestmark = pytest.mark.filterwarnings("ignore:Call to deprecated setex:DeprecationWarning")


@pytest.fixture
def settings(fleet_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """An installation whose Redis is empty, and the environment that leads to it."""
    for name, value in fleet_settings.environment().items():
        monkeypatch.setenv(name, value)
    return fleet_settings


def board_steps(settings: Settings) -> list[Step]:
    """What the board says of workers, among the steps of the jump."""
    catalog = Catalog.open(settings.catalog_url)
    try:
        with catalog.read() as session:
            return [one for one in events.steps_of(session, JUMP) if one.step == STEP]
    finally:
        catalog.close()


# ---- taking a step ---------------------------------------------------------------------------------------------------

MINE, HIS = Claim("task-1", ME.name), Claim("task-1", "ffmpeg-2@there")
HE = replace(ME, name="ffmpeg-2@there")


def wanted(fleet: Fleet, *, kept: bool = True) -> Any:
    """A step of a run that somebody waits for."""
    if kept:
        fleet.keep_run("run-1")
    return SimpleNamespace(run_id="run-1", instance_ref=None)


@pytest.mark.parametrize(
    ("there", "in_hand", "is_mine"),
    [
        (None, [], True),
        (Claim("task-1"), [], True),
        (MINE, [], True),
        (HIS, ["task-1"], False),
        (Claim("task-2", HE.name), ["task-2"], False),
        (HIS, None, True),
        (HIS, ["task-0"], True),
    ],
    ids=[
        "nobody has it",
        "it was sent",
        "my node has received it",
        "handed out twice",
        "sent again to another",
        "the other is gone",
        "the other lost it",
    ],
)
def test_a_step_is_taken_unless_another_worker_has_it_in_hand(
    settings: Settings, there: Claim | None, in_hand: list[str] | None, is_mine: bool
) -> None:
    fleet = Fleet.of(settings)
    if there is not None:
        fleet.take("run-1", "a", there)
    if in_hand is not None:
        fleet.beat(HE, in_hand)
    assert take(fleet, wanted(fleet), "a", MINE) is is_mine
    assert fleet.claims("run-1", ["a"]) == {"a": MINE if is_mine else there}


def test_a_step_that_nobody_waits_for_is_not_made(settings: Settings) -> None:
    fleet = Fleet.of(settings)
    assert not take(fleet, wanted(fleet, kept=False), "a", MINE)
    assert fleet.claims("run-1", ["a"]) == {}


def test_a_step_is_made_while_redis_is_away() -> None:
    fleet = Fleet(connect("redis://127.0.0.1:1/0"))
    assert take(fleet, SimpleNamespace(run_id="run-1", instance_ref=None), "a", MINE)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def celery(redis_server: RedisServer) -> Celery:
    """A worker's Celery: one, since its task has a name in the whole process."""
    return working(Settings.model_validate({"broker_url": redis_server.url}))


@pytest.fixture
def hand_out(settings: Settings, celery: Celery, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Has this worker's Celery make a step, as far as a test can: one that is made fails. Gives what is known of it."""
    monkeypatch.setenv(WORKER_NAME, ME.name)
    args = ExecuteStepArgs(dg.reconstructable(one_step).get_python_origin(), "run-1", ["never_made"], instance_ref=None)
    message = {"execute_step_args_packed": pack_value(args), "executable_dict": {}}
    make = build_tracer(STEP_TASK, celery.tasks[STEP_TASK], app=celery)
    Fleet.of(settings).keep_run("run-1")

    def hand_out(*, again: bool = False) -> str:
        make("task-1", (), message, {"id": "task-1", "delivery_info": {"redelivered": again}})
        return str(celery.backend.get_task_meta("task-1")["status"])

    return hand_out


def test_a_step_handed_out_twice_leaves_the_place_of_its_result_alone(
    settings: Settings, hand_out: Callable[..., str]
) -> None:
    fleet = Fleet.of(settings)
    fleet.take("run-1", "never_made", HIS)
    fleet.beat(HE, ["task-1"])
    assert hand_out() == "PENDING"
    fleet.leave(HE.name)
    assert hand_out() == "FAILURE", "it is made now, as far as this test can make it"


def test_a_step_handed_out_again_to_the_worker_that_makes_it_is_not_made_twice(
    settings: Settings, hand_out: Callable[..., str]
) -> None:
    Fleet.of(settings).take("run-1", "never_made", MINE)
    with held(step_lock("run-1", "never_made")):
        assert hand_out(again=True) == "PENDING"
    assert hand_out() == "FAILURE", "the process that made it is gone"


def test_a_step_handed_out_again_after_it_has_ended_is_not_made_twice(
    settings: Settings, hand_out: Callable[..., str]
) -> None:
    reading(settings).backend.store_result("task-1", [], "SUCCESS")
    assert hand_out(again=True) == "SUCCESS"
    assert Fleet.of(settings).claims("run-1", ["never_made"]) == {}, "nobody began it"


# ---- a whole run -----------------------------------------------------------------------------------------------------


@dg.op
def never_made() -> None:
    raise AssertionError("there is no worker here")


@dg.job(executor_def=fleet_executor)
def one_step() -> None:
    never_made()


def run_of_one_step(settings: Settings) -> tuple[dg.DagsterRun, list[dg.EventLogEntry]]:
    """Run the job with Dagster set up as everywhere; gives the run and its log."""
    migrate(settings.catalog_url)
    folder = settings.data / "dagster"
    folder.mkdir()
    set_up = yaml.safe_load((ROOT / "dagster.yaml").read_text())
    as_everywhere = {name: set_up[name] for name in ("run_retries", "telemetry")}
    tags = {"dagster/partition": JUMP, "dagster/priority": "5"}
    with dg.DagsterInstance.local_temp(str(folder), overrides=as_everywhere) as instance:
        with dg.execute_job(dg.reconstructable(one_step), instance, tags=tags, raise_on_error=False) as result:
            assert not result.success
        run = instance.get_run_by_id(result.run_id)
        assert run is not None
        return run, list(instance.all_logs(result.run_id))


def said_at_failure(log: list[dg.EventLogEntry]) -> str:
    (failure,) = [one for one in log if one.dagster_event_type == dg.DagsterEventType.STEP_FAILURE]
    assert failure.dagster_event is not None
    assert failure.dagster_event.step_key == "never_made"
    return str(failure.dagster_event.message)


def test_without_a_worker_a_run_fails_after_the_patience_and_not_four_times(settings: Settings) -> None:
    """Dagster starts a run again whose loop broke, and leaves a run alone of which a step failed."""
    run, log = run_of_one_step(settings)
    assert (run.status, run.tags["dagster/will_retry"]) == (dg.DagsterRunStatus.FAILURE, "false")
    assert "no worker took this step for 1 s" in said_at_failure(log)
    assert "goes on" not in said_at_failure(log)
    assert "dagster/max_retries" not in run.tags, "a person's retry has all tries of a run again"
    (line,) = board_steps(settings)
    assert line.status == StepStatus.FAILED
    assert "no worker took this step" in all_worded(messages_of_step(line))


def test_a_step_that_kills_its_workers_kills_four_and_no_more(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What is waited for here comes, however busy the machine is.
    monkeypatch.setenv("STINERCUT_WORKER_PATIENCE", "600")
    killed: set[str] = set()
    over = threading.Event()

    def killer() -> None:
        """A worker that lives, whose process for the step doesn't: what it is sent is too large for its memory."""
        results, client = reading(settings), connect(broker_url(settings))
        fleet = Fleet(client)
        while not over.wait(0.05):
            fleet.beat(replace(ME, volume=f"{(settings.data / 'volume.id').read_text()} {settings.data}"))
            for key in client.scan_iter("stinercut:step:*"):
                task = json.loads(str(client.get(key)))["task"]
                if task not in killed:
                    killed.add(task)
                    results.backend.store_result(task, WorkerLostError("signal 9"), "FAILURE")

    name_volume(settings)
    thread = threading.Thread(target=killer)
    thread.start()
    try:
        run, log = run_of_one_step(settings)
    finally:
        over.set()
        thread.join()
    assert len(killed) == SENDS
    assert (run.status, run.tags["dagster/will_retry"]) == (dg.DagsterRunStatus.FAILURE, "false")
    assert f"lost, {SENDS} times" in said_at_failure(log)
