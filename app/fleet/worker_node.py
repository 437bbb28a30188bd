"""One Celery worker of a fleet: `python -m app.fleet.worker_node ffmpeg|steps SLOTS`, as `stinercut worker` starts it.

Owns: its name, its heartbeat, the modules that are loaded before its processes are forked. Not here: what a step does
(`celery_app`), keeping the worker running (`app.processes.supervisor`).

After SIGTERM it takes no more steps, finishes those in hand and ends. If that takes too long, its supervisor kills it,
and the steps go to another worker.
"""

from __future__ import annotations

import importlib
import os
import socket
import sys
import threading
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, cast

from celery import bootsteps, signals
from celery.worker import state

from app.fleet.build import build_here
from app.fleet.celery_app import RUN_HEADER, STEP_HEADER, WORKER_NAME, working
from app.fleet.registry import BEAT_EVERY, Claim, Fleet, Worker, unreachable
from app.fleet.volume import volume_name
from stinercut.clock import machine_clock
from stinercut.errors import StinercutError
from stinercut.settings import Settings
from stinercut.storage.data_folder import keep_private


@dataclass(frozen=True)
class Held:
    """A step that this worker took off the queue and has not ended yet."""

    run_id: str
    step: str
    task: str

    @classmethod
    def of(cls, request: Any) -> Held:
        """The step of one of Celery's requests."""
        headers = request.request_dict
        return cls(headers[RUN_HEADER], headers[STEP_HEADER], request.id)


@dataclass
class WorkerHeartbeat:
    """A worker's heartbeat, from a thread of its own, so that it continues while Celery waits for its connection."""

    fleet: Fleet
    worker: Worker
    ended: threading.Event = field(default_factory=threading.Event)
    last_turn: float = 0.0
    """The last turn of Celery's own loop, by the monotonic clock; Celery takes steps only while the loop turns."""
    ending: bool = False
    held: tuple[Held, ...] = ()
    giving: threading.RLock = field(default_factory=threading.RLock)

    def keep_forks_out(self) -> None:
        """Let no process be forked during a heartbeat.

        The heartbeat's thread may hold a lock just then, such as that of a module it imports. The child would wait for
        that lock forever, with a step in hand.
        """
        release = self.giving.release
        os.register_at_fork(before=self.giving.acquire, after_in_parent=release, after_in_child=release)

    def turn(self) -> None:
        """Note a turn of Celery's loop, and the steps that the worker has in hand."""
        self.last_turn = time.monotonic()
        self.held = tuple(Held.of(request) for request in state.reserved_requests)

    def receive(self, step: Held) -> None:
        """Report a step that was taken off the queue at once, to its run and to any worker that gets it as well."""
        self.held = (*self.held, step)
        self.give()

    def run(self) -> None:
        """Send heartbeats until the end."""
        while not self.ended.wait(BEAT_EVERY):
            self.give()

    def give(self) -> None:
        """Send a heartbeat now. If Redis is away, the next one makes up for it."""
        takes = not self.ending and time.monotonic() - self.last_turn < 3 * BEAT_EVERY
        with self.giving, suppress(*unreachable()):
            self.fleet.beat(replace(self.worker, takes=takes), [step.task for step in self.held])
            # A Redis that lost its data learns again who has which step, before anybody takes the steps for lost.
            for step in self.held:
                self.fleet.receive(step.run_id, step.step, Claim(step.task, self.worker.name))

    def stop(self) -> None:
        """Say goodbye."""
        self.ended.set()
        try:
            self.fleet.leave(self.worker.name)
        except unreachable():
            return


def turning(pulse: WorkerHeartbeat) -> type[bootsteps.StartStopStep]:
    """A "bootstep" of Celery's consumer that notes the turns of its loop; it starts and stops with the consumer."""

    class Turning(bootsteps.StartStopStep):
        requires = ("celery.worker.consumer.tasks:Tasks",)

        def __init__(self, parent: Any, **options: Any) -> None:
            super().__init__(parent, **options)
            self.timer: Any = None

        def start(self, parent: Any) -> None:
            pulse.turn()
            pulse.give()
            self.timer = parent.timer.call_repeatedly(BEAT_EVERY / 2, pulse.turn)

        def stop(self, parent: Any) -> None:
            if self.timer is not None:
                self.timer.cancel()

    return Turning


def main() -> None:
    """Work until SIGTERM."""
    queue, slots = sys.argv[1], int(sys.argv[2])
    settings = Settings()
    keep_private(settings)
    name = f"{queue}-{uuid.uuid4().hex[:8]}@{socket.gethostname()}"
    os.environ[WORKER_NAME] = name
    pulse = WorkerHeartbeat(
        Fleet.of(settings),
        Worker(
            name=name,
            host=socket.gethostname(),
            pid=os.getpid(),
            queue=queue,
            slots=slots,
            takes=False,
            volume=volume_name(settings),
            version=build_here(),
            since=machine_clock().timestamp(),
        ),
    )
    celery = working(settings)
    cast(Any, celery.steps)["consumer"].add(turning(pulse))

    def received(request: Any, **_: Any) -> None:
        pulse.receive(Held.of(request))

    def ending(**_: Any) -> None:
        pulse.ending = True

    signals.task_received.connect(received, weak=False)
    signals.worker_shutting_down.connect(ending, weak=False)
    pulse.keep_forks_out()
    threading.Thread(target=pulse.run, daemon=True).start()
    # Loaded once before the processes are forked, so that each step starts with all definitions loaded.
    importlib.import_module("app.engine.preload")

    argv = ["--quiet", "worker", "--queues", queue, "--concurrency", str(slots), "--hostname", name]
    argv += ["--loglevel", "WARNING", "--pool", "prefork", "--without-gossip", "--without-mingle"]
    try:
        cast(Any, celery).worker_main(argv)
    finally:
        pulse.stop()


if __name__ == "__main__":
    try:
        main()
    except StinercutError as refused:
        sys.exit(refused.sentence())
