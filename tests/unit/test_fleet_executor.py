"""The fleet's executor: its decisions as plain functions, its steps against a real Redis without any worker."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest
import yaml
from billiard.exceptions import WorkerLostError
from celery.app.trace import build_tracer
from celery.exceptions import TaskRevokedError
from dagster import DagsterRun
from dagster._grpc.types import ExecuteStepArgs
from dagster._serdes import pack_value
from support.servers import RedisServer

from app.celery_app import STEP_TASK, WORKER_NAME, reading, sending, take, working
from app.executors import film_executor
from app.fleet import BEAT_EVERY, BEAT_LASTS, FFMPEG_QUEUE, Claim, Fleet, Worker, broker_url, connect
from app.fleet_decisions import (
    FORGOTTEN,
    HOLDER_GONE,
    LAST_PLACE,
    NOBODY_AFTER,
    SENDS,
    NoWorker,
    StepLost,
    Verdict,
    Watched,
    decide,
    queue_priority,
)
from app.fleet_executor import fleet_executor
from app.fleet_view import View
from app.sent_step import SentStep
from app.volume import name_volume
from app.waiting import STEP, Notice
from stinercut.catalog import Catalog, events, migrate
from stinercut.catalog.models import Step, StepStatus
from stinercut.errors import HostNotReady, MissingProgram
from stinercut.settings import Settings
from stinercut_assets.jobs import (
    BACKFILL_PRIORITY,
    EARLY_PRIORITY,
    IDENTIFY_PRIORITY,
    OLDER_PRIORITY,
    TODAY_PRIORITY,
)

ROOT = Path(__file__).parents[2]
JUMP = "2026-11-20_B-1"
ME = Worker("ffmpeg-1@here", "here", 1, FFMPEG_QUEUE, 2, True, "volume /data", "0.1.0", 0.0)


@pytest.mark.parametrize(
    ("seen", "verdict"),
    [
        (Watched(1), Verdict.WAIT),
        (Watched(1, stuck=NOBODY_AFTER - 1), Verdict.WAIT),
        (Watched(1, stuck=NOBODY_AFTER + 1), Verdict.NOBODY),
        (Watched(1, stuck=101), Verdict.GIVE_UP),
        (Watched(1, holder_gone=HOLDER_GONE - 1), Verdict.WAIT),
        (Watched(1, holder_gone=HOLDER_GONE + 1), Verdict.AGAIN),
        (Watched(SENDS, holder_gone=HOLDER_GONE + 1), Verdict.GIVE_UP),
        (Watched(1, forgotten=FORGOTTEN - 1), Verdict.WAIT),
        (Watched(1, forgotten=FORGOTTEN + 1, stuck=200), Verdict.AGAIN),
        (Watched(SENDS, forgotten=FORGOTTEN + 1), Verdict.GIVE_UP),
    ],
)
def test_what_becomes_of_a_step(seen: Watched, verdict: Verdict) -> None:
    assert decide(seen, patience=100) is verdict


def test_workers_speak_up_before_their_steps_count_as_forgotten() -> None:
    assert 2 * BEAT_EVERY < FORGOTTEN
    assert 3 * BEAT_EVERY < BEAT_LASTS


def test_what_comes_first_in_dagster_comes_first_in_redis() -> None:
    ours = [IDENTIFY_PRIORITY, TODAY_PRIORITY, EARLY_PRIORITY, OLDER_PRIORITY, BACKFILL_PRIORITY]
    places = [queue_priority(str(priority)) for priority in ours]
    assert sorted(set(places)) == places, "each kind of work before the next, never beside it"
    assert places[0] == 0
    assert places[-1] < LAST_PLACE, "there is room below a backfill"


def test_any_other_priority_finds_its_place() -> None:
    places = [queue_priority(str(priority)) for priority in range(99, -99, -1)]
    assert sorted(places) == places
    assert set(places) <= set(range(LAST_PLACE + 1))
    assert queue_priority("4") not in {queue_priority(str(TODAY_PRIORITY)), queue_priority(str(EARLY_PRIORITY))}
    assert {queue_priority(given) for given in (None, "", "nonsense")} == {queue_priority(str(BACKFILL_PRIORITY))}


def test_redis_hands_out_what_comes_first(settings: Settings, server: RedisServer) -> None:
    sender = sending(settings)
    for priority in (BACKFILL_PRIORITY, EARLY_PRIORITY, IDENTIFY_PRIORITY, OLDER_PRIORITY, TODAY_PRIORITY):
        place = queue_priority(str(priority))
        sender.send_task(STEP_TASK, task_id=f"priority-{priority}", queue=FFMPEG_QUEUE, priority=place)
    taken: list[str] = []
    with sender.connection_for_read() as connection, connection.SimpleQueue(sender.amqp.queues[FFMPEG_QUEUE]) as queue:
        for _ in range(5):
            message = queue.get(timeout=5)
            taken.append(message.headers["id"])
            message.ack()
    assert taken == [f"priority-{priority}" for priority in (10, 5, 3, 1, 0)]


def test_one_machine_never_loads_celery_or_redis() -> None:
    code = "import app.definitions, app.stack, app.commands.up, sys; print({'celery', 'redis'} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"
    assert film_executor(Settings(executor="processes")).name == "film_executor"


def test_a_fleet_without_its_packages_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.findings.missing_modules", lambda modules: list(modules)[:1])
    with pytest.raises(MissingProgram, match="celery is missing"):
        film_executor(Settings(executor="celery"))


@pytest.mark.parametrize(
    ("url", "said"), [(None, "nothing says where steps wait"), ("amqp://host", "begins with amqp://")]
)
def test_a_wrong_broker_is_said(url: str | None, said: str) -> None:
    with pytest.raises(HostNotReady, match=said):
        broker_url(Settings.model_validate({"executor": "celery", "broker_url": url}))


pytestmark = pytest.mark.filterwarnings("ignore:Call to deprecated setex:DeprecationWarning")

# ---- against a real Redis --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    server = RedisServer(keeps=False)
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture
def settings(server: RedisServer, tmp_path: Path) -> Settings:
    """An installation whose Redis is empty."""
    if not server.answers():
        server.start()
    server.client().flushall()
    return Settings.model_validate(
        {"data": tmp_path, "executor": "celery", "broker_url": server.url, "worker_patience": 1.0, "database_url": None}
    )


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def step(settings: Settings, said: list[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[SentStep]:
    """A step that was not sent yet, watched less patiently than in earnest."""
    for name in ("HOLDER_GONE", "FORGOTTEN", "NOBODY_AFTER"):
        monkeypatch.setattr(f"app.fleet_decisions.{name}", 0.3)
    monkeypatch.setattr("app.fleet_view.LOOK_EVERY", 0.3)
    migrate(settings.catalog_url)
    run = DagsterRun("produce_jump", run_id="run-1", tags={"dagster/partition": JUMP})
    sender = sending(settings)
    notice = Notice.of(settings, run, said.append)
    yield SentStep(
        step="render_clip[1]",
        queue=FFMPEG_QUEUE,
        view=View(Fleet.of(settings), "run-1", ME.volume, ["render_clip[1]"]),
        send=lambda task: sender.send_task(STEP_TASK, task_id=task, queue=FFMPEG_QUEUE) and None,
        results=reading(settings),
        patience=settings.worker_patience,
        notice=notice,
        log=said.append,
        fail=lambda error: [error.code],
    )
    notice.end()


def until_ready(step: SentStep, seconds: float) -> None:
    """Look as the executor's loop does."""
    deadline = time.monotonic() + seconds
    while not step.ready():
        assert time.monotonic() < deadline, "the step never ended"
        time.sleep(0.05)


def until_true(step: SentStep, truth: object, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not truth():  # type: ignore[operator]
        assert not step.ready()
        assert time.monotonic() < deadline
        time.sleep(0.05)


def board_steps(settings: Settings) -> list[Step]:
    """What the board says of workers, among the steps of the jump."""
    catalog = Catalog.open(settings.catalog_url)
    try:
        with catalog.read() as session:
            return [one for one in events.steps_of(session, JUMP) if one.step == STEP]
    finally:
        catalog.close()


def board_line(settings: Settings) -> list[str]:
    return [one.label for one in board_steps(settings)]


def store_result(step: SentStep, task: str, result: object, state: str = "SUCCESS") -> None:
    step.results.backend.store_result(task, result, state)


def test_what_a_worker_gives_arrives(step: SentStep) -> None:
    step.ready()
    step.view.fleet.beat(ME)
    store_result(step, step.tasks[0], ["an event"])
    until_ready(step, 5)
    assert step.get() == ["an event"]


def test_without_any_worker_people_are_told_and_then_it_fails(
    step: SentStep, settings: Settings, said: list[str]
) -> None:
    step.patience = 2.0
    until_true(step, lambda: board_line(settings), 10)
    assert board_line(settings) == said
    assert "`stinercut worker`" in said[0]
    until_ready(step, 10)
    assert step.get() == [NoWorker.code]
    assert "no worker took this step for 2 s" in str(step.problem)
    assert board_line(settings) == []


def test_the_line_goes_away_when_a_worker_comes(step: SentStep, settings: Settings) -> None:
    step.patience = 60.0
    until_true(step, lambda: board_line(settings), 10)
    step.view.fleet.beat(ME)
    until_true(step, lambda: not board_line(settings), 5)


def test_a_worker_of_another_volume_counts_for_nothing(step: SentStep, settings: Settings) -> None:
    step.patience = 60.0
    step.view.fleet.beat(replace(ME, volume="another /data"))
    until_true(step, lambda: board_line(settings), 10)


def test_a_step_of_a_dead_worker_is_sent_again_until_it_is_too_often(step: SentStep, said: list[str]) -> None:
    step.view.fleet.beat(replace(ME, name="other@there"))
    for number in range(SENDS):
        until_true(step, lambda number=number: step.sends == number + 1, 15)
        step.view.fleet.beat(replace(ME, name="other@there"))
        step.view.fleet.take("run-1", step.step, Claim(step.tasks[-1], f"dead-{number}@here"))
    until_ready(step, 15)
    assert step.get() == [StepLost.code]
    assert f"{SENDS} times" in str(step.problem)
    assert sum("is gone. It is sent again" in sentence for sentence in said) == SENDS - 1


def test_a_step_that_redis_forgot_is_sent_again(step: SentStep, server: RedisServer) -> None:
    step.patience = 60.0
    step.ready()
    server.kill()
    until_true(step, lambda: step.view.lost_sight, 5)
    server.start()
    until_true(step, lambda: step.sends == 2, 15)
    assert server.client().llen(FFMPEG_QUEUE) + sum(
        server.client().llen(key) for key in server.client().scan_iter(f"{FFMPEG_QUEUE}\x06*")
    ) == 1  # fmt: skip


def test_a_killed_process_is_no_fault_of_the_step(step: SentStep) -> None:
    step.ready()
    step.view.fleet.beat(ME)
    store_result(step, step.tasks[0], WorkerLostError("signal 9"), "FAILURE")
    until_true(step, lambda: step.sends == 2, 5)
    store_result(step, step.tasks[-1], ValueError("its own fault"), "FAILURE")
    until_ready(step, 5)
    with pytest.raises(ValueError, match="its own fault"):
        step.get()


def test_a_step_that_waits_can_be_cancelled_without_any_worker(step: SentStep) -> None:
    step.ready()
    step.revoke()
    assert step.ready()
    with pytest.raises(TaskRevokedError):
        step.get()


def test_a_step_of_a_dead_worker_can_be_cancelled(step: SentStep) -> None:
    step.ready()
    step.view.fleet.take("run-1", step.step, Claim(step.tasks[-1], "dead@here"))
    until_true(step, lambda: step.view.claims.get(step.step, Claim("")).worker, 5)
    step.revoke()
    until_ready(step, 5)
    assert step.sends == 1
    with pytest.raises(TaskRevokedError):
        step.get()


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


def test_a_step_handed_out_twice_leaves_the_place_of_its_result_alone(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv(WORKER_NAME, ME.name)
    fleet, app = Fleet.of(settings), working(settings)
    args = ExecuteStepArgs(dg.reconstructable(one_step).get_python_origin(), "run-1", ["never_made"], instance_ref=None)
    message = {"execute_step_args_packed": pack_value(args), "executable_dict": {}}
    make = build_tracer(STEP_TASK, app.tasks[STEP_TASK], app=app)

    def hand_out() -> str:
        make("task-1", (), message, {"id": "task-1", "delivery_info": {}})
        return str(app.backend.get_task_meta("task-1")["status"])

    fleet.keep_run("run-1")
    fleet.take("run-1", "never_made", HIS)
    fleet.beat(HE, ["task-1"])
    assert hand_out() == "PENDING"
    fleet.leave(HE.name)
    assert hand_out() == "FAILURE", "it is made now, as far as this test can make it"


# ---- a whole run -----------------------------------------------------------------------------------------------------


@dg.op
def never_made() -> None:
    raise AssertionError("there is no worker here")


@dg.job(executor_def=fleet_executor)
def one_step() -> None:
    never_made()


@pytest.fixture
def environment(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    migrate(settings.catalog_url)


def run_of_one_step(folder: Path) -> tuple[dg.DagsterRun, list[dg.EventLogEntry]]:
    """Run the job with Dagster set up as everywhere; gives the run and its log."""
    set_up = yaml.safe_load((ROOT / "dagster.yaml").read_text())
    tags = {"dagster/partition": JUMP, "dagster/priority": "5"}
    with dg.DagsterInstance.local_temp(str(folder), overrides={"run_retries": set_up["run_retries"]}) as instance:
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


@pytest.mark.usefixtures("environment")
def test_without_a_worker_a_run_fails_after_the_patience_and_not_four_times(tmp_path: Path, settings: Settings) -> None:
    """Dagster begins a run anew whose loop broke, and leaves one alone of which a step failed."""
    began = time.monotonic()
    run, log = run_of_one_step(tmp_path / "dagster")
    assert time.monotonic() - began < settings.worker_patience + 10
    assert (run.status, run.tags["dagster/will_retry"]) == (dg.DagsterRunStatus.FAILURE, "false")
    assert "no worker took this step for 1 s" in said_at_failure(log)
    assert "dagster/max_retries" not in run.tags, "a person's retry has all tries of a run again"
    (line,) = board_steps(settings)
    assert line.status == StepStatus.FAILED
    assert "no worker took this step" in line.message


@pytest.mark.usefixtures("environment")
def test_a_step_that_kills_its_workers_kills_four_and_no_more(tmp_path: Path, settings: Settings) -> None:
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
        run, log = run_of_one_step(tmp_path / "dagster")
    finally:
        over.set()
        thread.join()
    assert len(killed) == SENDS
    assert (run.status, run.tags["dagster/will_retry"]) == (dg.DagsterRunStatus.FAILURE, "false")
    assert f"lost, {SENDS} times" in said_at_failure(log)


def test_who_has_a_step_is_kept_until_it_is_free(settings: Settings) -> None:
    fleet = Fleet.of(settings)
    fleet.sent("run-1", "a", "task-1")
    fleet.receive("run-1", "a", Claim("task-1", "w-1"))
    fleet.receive("run-1", "a", Claim("task-2", "w-2"))
    fleet.sent("run-1", "a", "task-3")
    assert fleet.claims("run-1", ["a", "b"]) == {"a": Claim("task-1", "w-1")}
    fleet.forget_run("run-1", ["a"])
    assert fleet.claims("run-1", ["a"]) == {}


def test_a_worker_lives_until_it_leaves_or_falls_silent(settings: Settings, server: RedisServer) -> None:
    fleet = Fleet.of(settings)
    fleet.beat(ME)
    fleet.beat(replace(ME, name="b"))
    assert [one.name for one in fleet.workers()] == ["b", ME.name]
    fleet.leave("b")
    assert fleet.workers() == [ME]
    assert 0 < server.client().pttl(f"stinercut:worker:{ME.name}") <= BEAT_LASTS * 1000
    server.client().delete(f"stinercut:worker:{ME.name}")
    assert (fleet.workers(), fleet.lives(ME.name)) == ([], False)


def test_what_a_worker_has_in_hand_is_known_as_long_as_it_lives(settings: Settings) -> None:
    fleet = Fleet.of(settings)
    assert not fleet.has_in_hand(ME.name, "task-1")
    fleet.beat(ME, ["task-1", "task-2"])
    assert fleet.has_in_hand(ME.name, "task-2")
    fleet.beat(ME, ["task-1"])
    assert not fleet.has_in_hand(ME.name, "task-2")
    fleet.leave(ME.name)
    assert not fleet.has_in_hand(ME.name, "task-1")
