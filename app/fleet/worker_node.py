"""One Celery worker of a fleet: `python -m app.fleet.worker_node ffmpeg|steps SLOTS`, as `stinercut worker` starts it.

Owns: its name, its sign of life, what is loaded before its processes are forked. Not here: what a step does
(`celery_app`), keeping it running (`app.processes.supervisor`).

SIGTERM: it takes no more steps, ends those in hand and ends. Whoever started it kills it when that takes too long; the
steps then go to another worker.
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
    """A worker's signs of life, from a thread of their own: they go on while Celery waits for its connection."""

    fleet: Fleet
    worker: Worker
    ended: threading.Event = field(default_factory=threading.Event)
    last_turn: float = 0.0
    """When Celery's own loop last went round, by the monotonic clock: only then are steps taken."""
    ending: bool = False
    held: tuple[Held, ...] = ()
    giving: threading.RLock = field(default_factory=threading.RLock)

    def keep_forks_out(self) -> None:
        """No process is forked amid a sign of life: what its thread holds then, such as the lock of a module that it
        imports, the child would wait for for ever, with a step in hand.
        """
        release = self.giving.release
        os.register_at_fork(before=self.giving.acquire, after_in_parent=release, after_in_child=release)

    def turn(self) -> None:
        """Celery's loop went round, and has these steps in hand."""
        self.last_turn = time.monotonic()
        self.held = tuple(Held.of(request) for request in state.reserved_requests)

    def receive(self, one: Held) -> None:
        """A step has been taken off the queue: whoever watches it, and whoever gets it as well, knows at once."""
        self.held = (*self.held, one)
        self.give()

    def run(self) -> None:
        """Give signs of life until the end."""
        while not self.ended.wait(BEAT_EVERY):
            self.give()

    def give(self) -> None:
        """Give one now. Redis being away is for the next one."""
        takes = not self.ending and time.monotonic() - self.last_turn < 3 * BEAT_EVERY
        with self.giving, suppress(*unreachable()):
            self.fleet.beat(replace(self.worker, takes=takes), [one.task for one in self.held])
            # A Redis that lost its memory hears again who has what, before anybody takes it for lost.
            for one in self.held:
                self.fleet.receive(one.run_id, one.step, Claim(one.task, self.worker.name))

    def stop(self) -> None:
        """Say goodbye."""
        self.ended.set()
        try:
            self.fleet.leave(self.worker.name)
        except unreachable():
            return


def turning(pulse: WorkerHeartbeat) -> type[bootsteps.StartStopStep]:
    """A step of Celery's consumer that notes that its loop goes round; it begins and stops with it."""

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
    # Loaded once, before the processes are forked: each step begins with all definitions at hand.
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
