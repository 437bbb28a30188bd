"""A whole `stinercut up` for a test, alone or as a fleet: started, listened to, killed, and nothing of it left over.

`embedded` and `fleet` give a `SetUp`: the stack and, in a fleet, its PostgreSQL, Redis and workers, each of which can
be killed and started again.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, Queue
from threading import Thread

import psutil

from app.processes.processes import MARK, RUN_NAME, marked
from support.ports import own_ports
from support.process_facts import argv_of, children_of, name_of, parent_pid
from support.servers import PostgresServer, RedisServer


def until(truth: Callable[[], object], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not truth():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.05)


def processes_of(data: Path) -> list[psutil.Process]:
    """All living processes that were given this data folder in their environment."""
    return [one for one in psutil.process_iter() if _has(one, data)]


def _has(process: psutil.Process, data: Path) -> bool:
    try:
        ended = process.status() == psutil.STATUS_ZOMBIE
        return not ended and process.environ().get("STINERCUT_DATA") == str(data)
    except (psutil.Error, OSError):
        return False


def kill_at_once(find: Callable[[], list[psutil.Process]]) -> None:
    """SIGKILL all that is found, while none of it can see another one's end or start anything."""
    for send in (psutil.Process.suspend, psutil.Process.suspend, psutil.Process.kill):
        for one in find():
            try:
                send(one)
            except psutil.Error:
                continue


@dataclass
class Stack:
    """A `stinercut up` of its own."""

    data: Path
    ports: list[int] = field(default_factory=lambda: own_ports(3))
    lines: Queue[str] = field(default_factory=Queue[str])
    said: list[str] = field(default_factory=list[str])
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    options: tuple[str, ...] = ()
    dagster_secret: str = "what-this-test-shows-to-dagster"

    def start(self) -> None:
        hub, dagster, code = map(str, self.ports)
        argv = [sys.executable, "-m", "app.cli", "up", "--data", str(self.data), *self.options]
        argv += ["--hub-port", hub, "--dagster-port", dagster, "--code-port", code]
        self.process = subprocess.Popen(
            argv,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={
                **os.environ,
                "STINERCUT_WATCH_MOUNTS": "false",
                "STINERCUT_DAGSTER_SECRET": self.dagster_secret,
                **self.environment,
            },
            start_new_session=True,
        )
        Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.lines.put(line.rstrip())

    def wait_for(self, words: str, seconds: float = 120) -> str:
        """The next line with these words."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                line = self.lines.get(timeout=max(0.01, deadline - time.monotonic()))
            except Empty:
                raise AssertionError(f"never said {words!r}, only {self.said}") from None
            self.said.append(line)
            if words in line:
                return line

    def processes(self) -> list[psutil.Process]:
        """What it has started. Its own process got the folder as an option, not in the environment."""
        return processes_of(self.data)

    def child(self, *words: str) -> psutil.Process:
        """The process whose command line begins so after `python -m`. One that is just being started again comes."""
        found: list[psutil.Process] = []

        def is_there() -> bool:
            found[:] = [one for one in self.processes() if list(words) == argv_of(one)[2 : 2 + len(words)]]
            return bool(found)

        until(is_there)
        return found[0]

    def status(self, port: int, path: str) -> int:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.status

    def stop(self, number: signal.Signals) -> None:
        """Send a signal and wait for the end."""
        self.process.send_signal(number)
        self.process.wait(timeout=120)

    def lose_power(self) -> None:
        """SIGKILL all of it at once: nobody is left who could say or tidy up anything."""
        mine = psutil.Process(self.process.pid)
        (mark,) = {one.environ()[MARK] for one in self.processes() if parent_pid(one) == mine.pid}
        kill_at_once(lambda: [*([mine] if mine.is_running() else []), *marked(mark)])
        self.process.wait(timeout=120)
        until(lambda: not marked(mark))

    def clean(self) -> None:
        """End what a failed test left: only processes of this data folder."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for one in self.processes():
            one.kill()


# ---- a fleet ---------------------------------------------------------------------------------------------------------

MEMBERS: dict[str, tuple[str, ...]] = {
    "hub": ("hub",),
    "code server": ("app.engine.dagster_child", "code"),
    "webserver": ("app.engine.dagster_child", "webserver"),
    "daemon": ("app.engine.dagster_child", "daemon"),
    "detector": ("detector",),
}
"""The processes of a stack that its supervisor keeps running, and how their command lines begin after `python -m`."""


@dataclass
class FleetWorker:
    """A `stinercut worker` as on a machine of its own."""

    data: Path
    environment: Mapping[str, str]
    slots: int = 1
    said: list[str] = field(default_factory=list[str])
    options: tuple[str, ...] = ()

    def start(self) -> None:
        """Start it; `until_workers` waits for it."""
        argv = [sys.executable, "-m", "app.cli", "worker", "--data", str(self.data), "--slots", str(self.slots)]
        argv += self.options
        self.process = subprocess.Popen(
            argv,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, **self.environment},
            start_new_session=True,
        )
        Thread(target=self._listen, args=(self.process,), daemon=True).start()

    def _listen(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout
        for line in process.stdout:
            self.said.append(line.rstrip())

    def nodes(self) -> list[psutil.Process]:
        """Its Celery nodes: the processes that take steps and give signs of life."""
        started = children_of(psutil.Process(self.process.pid))
        return [one for one in started if "app.fleet.worker_node" in argv_of(one)]

    def everything(self) -> list[psutil.Process]:
        """All its processes, itself first."""
        try:
            mine = psutil.Process(self.process.pid)
        except psutil.Error:
            return []
        return [mine, *children_of(mine, recursive=True)]

    def kill_node(self, queue: str = "ffmpeg") -> None:
        """SIGKILL the node of a queue; its supervisor starts another one."""
        next(one for one in self.nodes() if queue in argv_of(one)).kill()

    def kill(self) -> None:
        """SIGKILL all of it at once, as when its machine is switched off."""
        kill_at_once(self.everything)
        self.process.wait()

    def stop(self, seconds: float = 120) -> None:
        """SIGTERM, and wait for its end."""
        self.process.terminate()
        self.process.wait(seconds)

    def restart(self) -> None:
        """Kill it if it lives, and start it again."""
        if self.process.poll() is None:
            self.kill()
        self.start()


@dataclass
class SetUp:
    """A running installation. `postgres`, `redis` and `workers` are there in a fleet only."""

    stack: Stack
    postgres: PostgresServer | None = None
    redis: RedisServer | None = None
    workers: list[FleetWorker] = field(default_factory=list[FleetWorker])

    @property
    def environment(self) -> dict[str, str]:
        """What a command needs to work on this installation (`stinercut card insert`, `Settings` in a test)."""
        return {**self.stack.environment, "STINERCUT_DATA": str(self.stack.data)}

    def kill(self, member: str) -> None:
        """SIGKILL a member: one of `MEMBERS`, `postgres`, `redis`, `worker 0`, `worker 1`... What belongs to the stack
        is started again by its supervisor; the others wait for `restart`."""
        self._member(member).kill()

    def restart(self, member: str) -> None:
        """Start `postgres`, `redis` or a worker again, killing it first if it lives. `redis` and `postgres` are asked
        to stop."""
        found = self._member(member)
        assert not isinstance(found, psutil.Process), f"{member} is started again by its supervisor"
        found.restart()

    def _member(self, name: str) -> psutil.Process | PostgresServer | RedisServer | FleetWorker:
        if name in MEMBERS:
            return self.stack.child(*MEMBERS[name])
        if name.startswith("worker "):
            return self.workers[int(name.split()[1])]
        found = {"postgres": self.postgres, "redis": self.redis}[name]
        assert found is not None, f"no {name} in this set-up"
        return found

    def run_workers(self) -> list[psutil.Process]:
        """The processes of Dagster's runs that are going on."""
        return [one for one in self.stack.processes() if name_of(one) == RUN_NAME]


@contextmanager
def embedded(data: Path, environment: Mapping[str, str] | None = None) -> Generator[SetUp]:
    """`stinercut up` as on a laptop: SQLite, processes of this machine."""
    stack = Stack(data, environment=environment or {})
    stack.start()
    try:
        stack.wait_for("Dagster:")
        yield SetUp(stack)
    finally:
        stack.clean()


@contextmanager
def servers(*, redis_keeps: bool = True) -> Generator[tuple[PostgresServer, RedisServer, dict[str, str]]]:
    """A PostgreSQL with the databases `catalog` and `dagster`, a Redis, and the environment that leads to them."""
    postgres, redis = PostgresServer(), RedisServer(keeps=redis_keeps)
    try:
        postgres.start()
        redis.start()
        yield (
            postgres,
            redis,
            {
                "STINERCUT_DATABASE_URL": postgres.make("catalog"),
                "STINERCUT_DAGSTER_DATABASE_URL": postgres.make("dagster"),
                "STINERCUT_EXECUTOR": "celery",
                "STINERCUT_BROKER_URL": redis.url,
            },
        )
    finally:
        redis.close()
        postgres.close()


@contextmanager
def fleet(
    data: Path,
    workers: int = 2,
    *,
    redis_keeps: bool = True,
    environment: Mapping[str, str] | None = None,
    first_has: Mapping[str, str] | None = None,
    worker_options: tuple[str, ...] = (),
) -> Generator[SetUp]:
    """PostgreSQL for catalog and Dagster, Celery over Redis, so many workers with one rendering at a time each.

    `environment` is for all, `first_has` for the first worker alone.
    """
    with servers(redis_keeps=redis_keeps) as (postgres, redis, leads):
        given = {**leads, **(environment or {})}
        stack = Stack(data, environment=given, options=("--no-worker",))
        surroundings = [given] * workers
        surroundings[:1] = [{**given, **(first_has or {})}]
        members = [FleetWorker(data, one, options=worker_options) for one in surroundings]
        setup = SetUp(stack, postgres, redis, members)
        stack.start()
        try:
            stack.wait_for("Dagster:")
            for worker in setup.workers:
                worker.start()
            until_workers(setup, workers)
            yield setup
        finally:
            for worker in setup.workers:
                if hasattr(worker, "process"):
                    worker.kill()
            stack.clean()


def until_workers(setup: SetUp, count: int, seconds: float = 120) -> None:
    """Wait until so many workers take steps of both queues."""
    assert setup.redis is not None
    client = setup.redis.client()

    def there() -> bool:
        names = [str(name) for name in client.scan_iter("stinercut:worker:*")]
        found = [text for name in names if (text := client.get(name))]
        return sum('"takes": true' in str(text) for text in found) >= 2 * count

    try:
        until(there, seconds)
    finally:
        client.close()
