"""What a machine of a fleet looks at before it works, what `doctor` says of the others, and servers that restart."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, event, text
from sqlalchemy.exc import OperationalError
from support import warm
from support.repository import REPOSITORY
from support.servers import PostgresServer, RedisServer
from support.stacks import FleetWorker, until

from app.common.checks import Finding, State, demand, look_at
from app.common.pools import ffmpeg_limit
from app.doctor.fleet import fleet_checks, fleet_findings, worker_checks, workers_finding
from app.engine.postgres_reconnect import Patience, is_away
from app.fleet.build import PACKAGES, build_here, fingerprint
from app.fleet.registry import FFMPEG_QUEUE, QUEUES, STEPS_QUEUE, Fleet, Worker
from app.fleet.volume import name_volume, volume_name
from app.stack.prepare import announce_volume
from app.stack.worker import NODE, alive_here, as_member, nodes, ready_here
from stinercut.errors import BadInput, HostNotReady
from stinercut.settings import Settings
from stinercut.video.ffmpeg_runner import require_ffmpeg

ROOT = REPOSITORY
FFMPEG = Worker("f@a", "a", 1, FFMPEG_QUEUE, 2, True, "v /data", "0.1.0", 0.0)
STEPS = replace(FFMPEG, name="s@a", queue=STEPS_QUEUE)


def member(folder: Path, redis: RedisServer | None, **more: Any) -> Settings:
    broker = redis.url if redis else "redis://127.0.0.1:1/0"
    given = {"database_url": None, "dagster_database_url": None, "executor": "celery", "broker_url": broker}
    return Settings.model_validate({"data": folder, **given, **more})


def found(findings: list[Finding], check: str) -> Finding:
    return next(one for one in findings if one.check == check)


# ---- the shared volume -----------------------------------------------------------------------------------------------


def test_a_volume_is_named_once_and_by_its_path(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / "data")
    with pytest.raises(HostNotReady, match="no stack has worked on this data folder yet"):
        volume_name(settings)
    names: list[str] = []
    all_there = threading.Barrier(8)

    def start_up() -> None:
        all_there.wait()
        names.append(name_volume(settings))

    threads = [threading.Thread(target=start_up) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert names == [volume_name(settings)] * 8
    assert names[0].endswith(f" {tmp_path / 'data'}")
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["volume.id"]


def test_a_machine_with_another_volume_does_not_work(tmp_path: Path, redis: RedisServer) -> None:
    stack, other = member(tmp_path / "stack", redis), member(tmp_path / "other", redis)
    announce_volume(stack)
    demand(look_at(worker_checks(stack), frozenset()))
    name_volume(other)
    with pytest.raises(HostNotReady, match="not the volume that the stack works on, which is"):
        demand(look_at(worker_checks(other), frozenset()))


# ---- doctor ----------------------------------------------------------------------------------------------------------


def test_nothing_of_a_fleet_is_looked_at_on_one_machine(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, executor="processes")
    assert fleet_checks(settings) == []
    assert fleet_findings(settings) == []


def test_a_redis_that_does_not_answer_is_named_without_its_password(tmp_path: Path) -> None:
    settings = member(tmp_path, None, broker_url="redis://:secret@127.0.0.1:1/0")
    (celery, redis) = look_at(fleet_checks(settings), frozenset())
    assert celery.state is State.OK
    assert redis.state is State.PROBLEM
    assert "127.0.0.1:1/0 does not answer" in redis.detail
    assert "secret" not in redis.detail + redis.advice
    assert fleet_findings(settings) == []


def test_what_will_break_one_day_is_said(tmp_path: Path, redis: RedisServer) -> None:
    findings = fleet_findings(member(tmp_path, redis))
    assert found(findings, "workers").state is State.HINT
    assert "none in reach for ffmpeg and steps" in found(findings, "workers").detail
    assert "forgets all when it restarts" in found(findings, "Redis' memory").detail
    assert "SQLite" in found(findings, "databases").detail
    redis.client().config_set("maxmemory-policy", "allkeys-lru")
    findings = fleet_findings(member(tmp_path, redis, database_url="postgresql://h/c", dagster_database_url="x://y"))
    redis.client().config_set("maxmemory-policy", "noeviction")
    assert "forgets steps when it is full" in found(findings, "Redis' memory").detail
    assert "databases" not in {one.check for one in findings}


@pytest.mark.parametrize(
    ("workers", "state", "words"),
    [
        ([], State.HINT, "none in reach for ffmpeg and steps"),
        ([FFMPEG], State.HINT, "none in reach for steps"),
        ([replace(FFMPEG, takes=False), STEPS], State.HINT, "none in reach for ffmpeg"),
        ([FFMPEG, STEPS], State.OK, "2 films' steps at once on a"),
        ([FFMPEG, STEPS, replace(FFMPEG, host="b", slots=8)], State.OK, "10 films' steps at once on a, b"),
        ([FFMPEG, replace(STEPS, host="b", volume="w /data")], State.PROBLEM, "b sees another volume"),
        ([FFMPEG, replace(STEPS, host="b", version="0.2.0")], State.HINT, "a, this machine: 0.1.0; b: 0.2.0"),
        (
            [replace(FFMPEG, version="0.2.0"), replace(STEPS, version="0.2.0")],
            State.HINT,
            "this machine: 0.1.0; a: 0.2.0",
        ),
    ],
)
def test_who_works_for_a_stack(workers: list[Worker], state: State, words: str) -> None:
    finding = workers_finding(workers, "v /data", "0.1.0")
    assert finding.state is state
    assert words in finding.detail
    assert bool(finding.advice) is (state is not State.OK)


def test_machines_with_other_code_are_told_apart_although_the_version_is_the_same(tmp_path: Path) -> None:
    for package in PACKAGES:
        (tmp_path / package / "templates").mkdir(parents=True)
        (tmp_path / package / "code.py").write_text("one = 1\n")
    before = fingerprint(tmp_path)
    (tmp_path / "app" / "code.pyc").write_bytes(b"compiled")
    (tmp_path / "hub").mkdir()
    (tmp_path / "hub" / "page.py").write_text("no film depends on it\n")
    assert fingerprint(tmp_path) == before
    template = tmp_path / "stinercut" / "templates" / "template.json"
    template.write_text("{}")
    changed = {before, fingerprint(tmp_path)}
    template.rename(template.with_name("other.json"))
    assert len(changed | {fingerprint(tmp_path)}) == 3


def test_a_machine_says_what_it_works_with() -> None:
    version, _, ffmpeg = build_here().partition(", ffmpeg ")
    assert version == f"{metadata.version('stinercut')} (source {fingerprint(ROOT)})"
    assert ffmpeg == require_ffmpeg()


# ---- the nodes -------------------------------------------------------------------------------------------------------


def test_a_worker_has_a_node_for_each_queue(tmp_path: Path) -> None:
    settings = as_member(Settings(data=tmp_path, workers=3))
    both = nodes(settings, tmp_path, {})
    assert settings.executor == "celery"
    assert [child.argv[-2:] for child in both] == [("ffmpeg", "3"), ("steps", "2")]
    assert len({child.log for child in both}) == 2
    assert [child.argv[-2] for child in nodes(settings, tmp_path, {}, ["steps"])] == ["steps"]
    for wrong, said in ((["steps", "films"], "there is no queue films. There are"), ([], "no queue was named. There")):
        with pytest.raises(BadInput, match=said):
            nodes(settings, tmp_path, {}, wrong)


def test_only_one_machine_limits_ffmpeg_over_all_runs() -> None:
    assert ffmpeg_limit(Settings(executor="processes", workers=3)) == 4
    assert ffmpeg_limit(Settings(executor="celery", workers=3)) is None


def check(settings: Settings, *words: str) -> int:
    """What a health check of the worker says, by its exit code."""
    given = {**os.environ, **settings.environment()}
    return warm.run("-m", "app.cli", "worker", "--check", *words, env=given).returncode


def test_a_worker_is_alive_while_redis_is_away_and_only_for_its_own_queues(tmp_path: Path) -> None:
    settings = member(tmp_path, None)
    # A process that looks like a node; nothing else of it is asked for.
    module = tmp_path.joinpath(*NODE.split(".")).with_suffix(".py")
    module.parent.mkdir(parents=True)
    for package in (module.parent, module.parent.parent):
        (package / "__init__.py").touch()
    module.write_text("import time\ntime.sleep(600)\n")
    argv = [sys.executable, "-m", NODE, "ffmpeg", "1"]
    with subprocess.Popen(argv, cwd=tmp_path, env={**os.environ, "STINERCUT_DATA": str(tmp_path)}) as node:
        try:
            until(lambda: alive_here(tmp_path, [FFMPEG_QUEUE]))
            assert not alive_here(tmp_path / "other", [FFMPEG_QUEUE])
            assert check(settings, "--local", "--queues", "ffmpeg") == 0
            assert check(settings, "--local") == 1
            assert check(settings, "--queues", "ffmpeg") == 1, "it is not ready"
        finally:
            node.kill()
    assert not alive_here(tmp_path, [FFMPEG_QUEUE])


def test_a_worker_works_until_it_is_asked_to_end(tmp_path: Path, redis: RedisServer) -> None:
    settings = member(tmp_path, redis)
    announce_volume(settings)
    environment = {"STINERCUT_BROKER_URL": redis.url, "STINERCUT_DATA": str(tmp_path)}
    worker = FleetWorker(tmp_path, environment)
    worker.start()
    try:
        until(lambda: ready_here(settings) and any("Working" in line for line in worker.said))
        assert {one.queue for one in Fleet.of(settings).workers()} == set(QUEUES)
        assert {one.version for one in Fleet.of(settings).workers()} == {build_here()}
        assert check(settings) == check(settings, "--local") == check(settings, "--queues", "ffmpeg") == 0
        everything = worker.everything()
        worker.stop()
        assert worker.process.returncode == 0
        assert worker.said[-1] == "Stopped."
        assert Fleet.of(settings).workers() == [], "they say goodbye"
        assert not [one for one in everything if one.is_running()]
        assert check(settings) == check(settings, "--local") == 1
    finally:
        worker.kill()


# ---- a PostgreSQL that restarts --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "away"),
    [
        ("connection to server at 10.0.0.1, port 5432 failed: Connection refused", True),
        ("FATAL:  the database system is starting up", True),
        ("FATAL:  the database system is shutting down", True),
        ("server closed the connection unexpectedly", True),
        ('FATAL:  password authentication failed for user "stinercut"', False),
        ('FATAL:  database "stinercut" does not exist', False),
    ],
)
def test_only_a_server_that_is_away_is_waited_for(said: str, away: bool) -> None:
    assert is_away(said) is away


def test_a_restart_of_postgresql_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.engine.postgres_reconnect.PAUSE", 0.05)
    server = PostgresServer()
    patience = Patience()
    try:
        server.start()
        engine = create_engine(server.url, pool_pre_ping=True)
        event.listen(engine, "do_connect", patience.connect)
        with engine.connect() as connection:
            assert connection.execute(text("SELECT 1")).scalar_one() == 1
        server.kill()
        back = threading.Timer(0.5, server.start)
        back.start()
        with engine.connect() as connection:
            assert connection.execute(text("SELECT 2")).scalar_one() == 2
        back.join()
        server.stop()
        monkeypatch.setattr("app.engine.postgres_reconnect.PATIENCE", 0.2)
        with pytest.raises(OperationalError):
            engine.connect()
        engine.dispose()
    finally:
        server.close()


def test_a_server_that_never_answered_is_not_waited_for() -> None:
    engine = create_engine("postgresql+psycopg2://nobody@127.0.0.1:1/nothing")
    event.listen(engine, "do_connect", Patience().connect)
    with pytest.raises(OperationalError):
        engine.connect()
