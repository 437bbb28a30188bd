"""The fleet's executor: its decisions as plain functions, its steps against a real Redis without any worker."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from billiard.exceptions import WorkerLostError
from celery import Celery
from celery.exceptions import TaskRevokedError
from dagster import DagsterRun
from kombu.exceptions import ContentDisallowed
from kombu.serialization import dumps, loads, prepare_accept_content
from pydantic import SecretStr
from support.repository import REPOSITORY
from support.servers import RedisServer

from app.engine.executors import film_executor
from app.fleet.celery_app import STEP_TASK, reading, sending, working
from app.fleet.decisions import (
    FORGOTTEN,
    HOLDER_GONE,
    LAST_PLACE,
    NOBODY_AFTER,
    SENDS,
    NoWorker,
    StepLost,
    StepVerdict,
    Watched,
    decide,
    queue_priority,
)
from app.fleet.registry import BEAT_EVERY, BEAT_LASTS, FFMPEG_QUEUE, Claim, Fleet, Worker, broker_url
from app.fleet.sent_step import SentStep
from app.fleet.view import FleetView
from app.fleet.waiting_notice import STEP, Notice
from stinercut.catalog import Catalog, events, migrate
from stinercut.catalog.row_messages import label_of_step
from stinercut.errors import HostNotReady, MissingProgram
from stinercut.language.messages import all_worded
from stinercut.pipeline_names import (
    BACKFILL_PRIORITY,
    EARLY_PRIORITY,
    IDENTIFY_PRIORITY,
    OLDER_PRIORITY,
    TODAY_PRIORITY,
)
from stinercut.settings import Settings

ROOT = REPOSITORY
JUMP = "2026-11-20_B-1"
ME = Worker("ffmpeg-1@here", "here", 1, FFMPEG_QUEUE, 2, True, "volume /data", "0.1.0", 0.0)


@pytest.mark.parametrize(
    ("seen", "verdict"),
    [
        (Watched(1), StepVerdict.WAIT),
        (Watched(1, stuck=NOBODY_AFTER - 1), StepVerdict.WAIT),
        (Watched(1, stuck=NOBODY_AFTER + 1), StepVerdict.NOBODY),
        (Watched(1, stuck=101), StepVerdict.GIVE_UP),
        (Watched(1, holder_gone=HOLDER_GONE - 1), StepVerdict.WAIT),
        (Watched(1, holder_gone=HOLDER_GONE + 1), StepVerdict.AGAIN),
        (Watched(SENDS, holder_gone=HOLDER_GONE + 1), StepVerdict.GIVE_UP),
        (Watched(1, forgotten=FORGOTTEN - 1), StepVerdict.WAIT),
        (Watched(1, forgotten=FORGOTTEN + 1, stuck=200), StepVerdict.AGAIN),
        (Watched(SENDS, forgotten=FORGOTTEN + 1), StepVerdict.GIVE_UP),
    ],
)
def test_what_becomes_of_a_step(seen: Watched, verdict: StepVerdict) -> None:
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


def test_redis_hands_out_what_comes_first(fleet_settings: Settings, redis: RedisServer) -> None:
    sender = sending(fleet_settings)
    for priority in (BACKFILL_PRIORITY, EARLY_PRIORITY, IDENTIFY_PRIORITY, OLDER_PRIORITY, TODAY_PRIORITY):
        place = queue_priority(str(priority))
        sender.send_task(STEP_TASK, task_id=f"priority-{priority}", queue=FFMPEG_QUEUE, priority=place)
    taken: list[str] = []
    with sender.connection_for_read() as connection, connection.SimpleQueue(sender.amqp.queues[FFMPEG_QUEUE]) as queue:
        for _ in range(5):
            message = queue.get(timeout=120)
            taken.append(message.headers["id"])
            message.ack()
    assert taken == [f"priority-{priority}" for priority in (10, 5, 3, 1, 0)]


@pytest.mark.parametrize("end", [sending, reading, working])
def test_neither_end_reads_pickles(end: Callable[[Settings], Celery], tmp_path: Path) -> None:
    conf = end(Settings(data=tmp_path, broker_url=SecretStr("redis://127.0.0.1:6379/0"))).conf
    _, _, pickled = dumps({"step": "clip"}, serializer="pickle")
    for accepted in (conf.accept_content, conf.result_accept_content):
        with pytest.raises(ContentDisallowed):
            loads(pickled, "application/x-python-serialize", "binary", accept=prepare_accept_content(accepted))
    assert (conf.task_serializer, conf.result_serializer) == ("json", "json")


def test_one_machine_never_loads_celery_or_redis() -> None:
    modules = "app.engine.definitions, app.stack.stack, app.commands.up"
    code = f"import {modules}, sys; print({{'celery', 'redis'}} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"
    assert film_executor(Settings(executor="processes")).name == "film_executor"


def test_a_fleet_without_its_packages_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:

    def the_first(modules: Iterable[str]) -> list[str]:
        return list(modules)[:1]

    monkeypatch.setattr("app.common.checks.missing_modules", the_first)
    with pytest.raises(MissingProgram, match=r"celery is missing.*'\.\[fleet\]'"):
        film_executor(Settings(executor="celery"))


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (None, r"^the address of Redis, where steps wait for workers, is missing\. Set"),
        ("amqp://host", "begins with amqp://"),
    ],
)
def test_a_wrong_broker_is_said(url: str | None, said: str) -> None:
    with pytest.raises(HostNotReady, match=said):
        broker_url(Settings.model_validate({"executor": "celery", "broker_url": url}))


pytestmark = pytest.mark.filterwarnings("ignore:Call to deprecated setex:DeprecationWarning")

# ---- against a real Redis --------------------------------------------------------------------------------------------


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def step(fleet_settings: Settings, said: list[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[SentStep]:
    """A step that was not sent yet, watched less patiently than in earnest."""
    for name in ("HOLDER_GONE", "FORGOTTEN", "NOBODY_AFTER"):
        monkeypatch.setattr(f"app.fleet.decisions.{name}", 0.3)
    monkeypatch.setattr("app.fleet.view.LOOK_EVERY", 0.3)
    migrate(fleet_settings.catalog_url)
    run = DagsterRun("produce_jump", run_id="run-1", tags={"dagster/partition": JUMP})
    sender = sending(fleet_settings)
    notice = Notice.of(fleet_settings, run, said.append)

    def send(task: str) -> None:
        sender.send_task(STEP_TASK, task_id=task, queue=FFMPEG_QUEUE)

    yield SentStep(
        step="render_clip[1]",
        queue=FFMPEG_QUEUE,
        view=FleetView(Fleet.of(fleet_settings), "run-1", ME.volume, ["render_clip[1]"]),
        send=send,
        results=reading(fleet_settings),
        patience=fleet_settings.worker_patience,
        notice=notice,
        log=said.append,
        fail=lambda error: [error.code],
    )
    notice.end()


def until_ready(step: SentStep, seconds: float = 120) -> None:
    """Look as the executor's loop does."""
    deadline = time.monotonic() + seconds
    while not step.ready():
        assert time.monotonic() < deadline, "the step never ended"
        time.sleep(0.05)


def until_true(step: SentStep, truth: object, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not truth():  # type: ignore[operator]
        assert not step.ready()
        assert time.monotonic() < deadline
        time.sleep(0.05)


def board_line(fleet_settings: Settings) -> list[str]:
    catalog = Catalog.open(fleet_settings.catalog_url)
    try:
        with catalog.read() as session:
            return [all_worded(label_of_step(one)) for one in events.steps_of(session, JUMP) if one.step == STEP]
    finally:
        catalog.close()


def store_result(step: SentStep, task: str, result: object, state: str = "SUCCESS") -> None:
    step.results.backend.store_result(task, result, state)


def test_what_a_worker_gives_arrives(step: SentStep) -> None:
    step.patience = 600.0
    step.ready()
    step.view.fleet.beat(ME)
    store_result(step, step.tasks[0], ["an event"])
    until_ready(step)
    assert step.get() == ["an event"]


def test_without_any_worker_people_are_told_and_then_it_fails(
    step: SentStep, fleet_settings: Settings, said: list[str]
) -> None:
    step.patience = 600.0
    until_true(step, lambda: board_line(fleet_settings))
    assert board_line(fleet_settings) == said
    assert "`stinercut worker`" in said[0]
    step.patience = 2.0
    until_ready(step)
    assert step.get() == [NoWorker.code]
    assert str(step.problem) == (
        "no worker took this step for 2 s: none for ffmpeg was in reach. Start one (`stinercut worker`), then try "
        "again; finished parts are kept. `stinercut doctor` says what is missing."
    ), "no promise that it goes on by itself"
    assert board_line(fleet_settings) == []


def test_the_line_goes_away_when_a_worker_comes(step: SentStep, fleet_settings: Settings) -> None:
    step.patience = 600.0
    until_true(step, lambda: board_line(fleet_settings))
    step.view.fleet.beat(ME)
    until_true(step, lambda: not board_line(fleet_settings))


def test_a_worker_of_another_volume_counts_for_nothing(step: SentStep, fleet_settings: Settings) -> None:
    step.patience = 600.0
    step.view.fleet.beat(replace(ME, volume="another /data"))
    until_true(step, lambda: board_line(fleet_settings))


def test_a_step_of_a_dead_worker_is_sent_again_until_it_is_too_often(step: SentStep, said: list[str]) -> None:
    step.patience = 600.0
    step.view.fleet.beat(replace(ME, name="other@there"))
    for number in range(SENDS):
        until_true(step, lambda number=number: step.sends == number + 1)
        step.view.fleet.beat(replace(ME, name="other@there"))
        step.view.fleet.take("run-1", step.step, Claim(step.tasks[-1], f"dead-{number}@here"))
    until_ready(step)
    assert step.get() == [StepLost.code]
    assert f"{SENDS} times" in str(step.problem)
    assert sum("is gone. It is sent again" in sentence for sentence in said) == SENDS - 1


def test_a_step_that_redis_forgot_is_sent_again(step: SentStep, redis: RedisServer) -> None:
    step.patience = 600.0
    step.ready()
    redis.kill()
    until_true(step, lambda: step.view.lost_sight)
    redis.start()
    until_true(step, lambda: step.sends == 2)
    assert redis.client().llen(FFMPEG_QUEUE) + sum(
        redis.client().llen(key) for key in redis.client().scan_iter(f"{FFMPEG_QUEUE}\x06*")
    ) == 1  # fmt: skip


def test_a_redis_that_stays_away_is_said_when_it_fails(step: SentStep, redis: RedisServer) -> None:
    step.patience = 1.0
    step.ready()
    redis.kill()
    until_ready(step)
    assert "Redis did not answer. Start Redis, then try again" in str(step.problem)


def test_a_killed_process_is_no_fault_of_the_step(step: SentStep) -> None:
    step.patience = 600.0
    step.ready()
    step.view.fleet.beat(ME)
    store_result(step, step.tasks[0], WorkerLostError("signal 9"), "FAILURE")
    until_true(step, lambda: step.sends == 2)
    store_result(step, step.tasks[-1], ValueError("its own fault"), "FAILURE")
    until_ready(step)
    with pytest.raises(ValueError, match="its own fault"):
        step.get()


def test_a_step_that_waits_can_be_cancelled_without_any_worker(step: SentStep) -> None:
    step.ready()
    step.revoke()
    assert step.ready()
    with pytest.raises(TaskRevokedError):
        step.get()


def test_a_step_of_a_dead_worker_can_be_cancelled(step: SentStep) -> None:
    step.patience = 600.0
    step.ready()
    step.view.fleet.take("run-1", step.step, Claim(step.tasks[-1], "dead@here"))
    until_true(step, lambda: step.view.claims.get(step.step, Claim("")).worker)
    step.revoke()
    until_ready(step)
    assert step.sends == 1
    with pytest.raises(TaskRevokedError):
        step.get()


# ---- the keys in Redis -----------------------------------------------------------------------------------------------


def test_who_has_a_step_is_kept_until_it_is_free(fleet_settings: Settings) -> None:
    fleet = Fleet.of(fleet_settings)
    fleet.sent("run-1", "a", "task-1")
    fleet.receive("run-1", "a", Claim("task-1", "w-1"))
    fleet.receive("run-1", "a", Claim("task-2", "w-2"))
    fleet.sent("run-1", "a", "task-3")
    assert fleet.claims("run-1", ["a", "b"]) == {"a": Claim("task-1", "w-1")}
    fleet.forget_run("run-1", ["a"])
    assert fleet.claims("run-1", ["a"]) == {}


def test_a_worker_lives_until_it_leaves_or_falls_silent(fleet_settings: Settings, redis: RedisServer) -> None:
    fleet = Fleet.of(fleet_settings)
    fleet.beat(ME)
    fleet.beat(replace(ME, name="b"))
    assert [one.name for one in fleet.workers()] == ["b", ME.name]
    fleet.leave("b")
    assert fleet.workers() == [ME]
    assert 0 < redis.client().pttl(f"stinercut:worker:{ME.name}") <= BEAT_LASTS * 1000
    redis.client().delete(f"stinercut:worker:{ME.name}")
    assert (fleet.workers(), fleet.lives(ME.name)) == ([], False)


def test_what_a_worker_has_in_hand_is_known_as_long_as_it_lives(fleet_settings: Settings) -> None:
    fleet = Fleet.of(fleet_settings)
    assert not fleet.has_in_hand(ME.name, "task-1")
    fleet.beat(ME, ["task-1", "task-2"])
    assert fleet.has_in_hand(ME.name, "task-2")
    fleet.beat(ME, ["task-1"])
    assert not fleet.has_in_hand(ME.name, "task-2")
    fleet.leave(ME.name)
    assert not fleet.has_in_hand(ME.name, "task-1")
