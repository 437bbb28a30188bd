"""The processes of a fleet's worker: one Celery node per queue, kept running until it is asked to end.

Owns: the nodes' command lines and slots, the checks before they start, and whether they run. Not here: a node itself
(`app.fleet.worker_node`), keeping the nodes running (`app.processes.supervisor`).
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import psutil

from app.common.checks import demand, look_at
from app.doctor.fleet import worker_checks
from app.doctor.machine import installed_parts, machine_checks
from app.fleet.registry import FFMPEG_QUEUE, QUEUES, STEPS_QUEUE, Fleet, unreachable
from app.processes.children import Child, Policy
from app.processes.signals import run_until_asked
from app.processes.supervisor import Say, Supervisor
from app.stack.dagster_home import project_root
from app.stack.environment import environment, with_its_secrets
from stinercut.errors import BadInput
from stinercut.settings import Settings

STEPS_SLOTS = 2
"""Processes for steps that keep no core busy: they mostly wait for files and rows."""

NODE = "app.fleet.worker_node"
NAMES = {FFMPEG_QUEUE: "the film worker", STEPS_QUEUE: "the step worker"}


def run_worker(  # noqa: PLR0913 - each is a choice of its own
    settings: Settings,
    say: Say,
    work: Callable[[Supervisor], Awaitable[None]],
    *,
    queues: Sequence[str] = QUEUES,
    grace: float = 60.0,
    stdout: bool = False,
) -> None:
    """Work until asked to end; steps in work then get `grace` seconds.

    `settings` are those of `as_member`. Raises HostNotReady, MissingProgram, BadInput.
    """
    demand(look_at([*machine_checks(), *worker_checks(settings)], installed_parts()))
    env = environment(settings, os.environ)
    members = [with_its_secrets(node) for node in nodes(settings, project_root(), env, queues)]
    if stdout:
        members = [replace(member, log=None) for member in members]
    supervisor = Supervisor(members, say, Policy(grace=grace, ask_deeper=False))
    run_until_asked(supervisor.run(work))


def as_member(settings: Settings) -> Settings:
    """The settings of a machine that works for a fleet: a worker needs Celery, whatever executor is set."""
    return settings.model_copy(update={"executor": "celery"})


def nodes(settings: Settings, root: Path, env: Mapping[str, str], queues: Sequence[str] = QUEUES) -> list[Child]:
    """One Celery node for each of these queues. Raises BadInput for an unknown queue, and without any queue."""
    strange = [queue for queue in queues if queue not in QUEUES]
    if strange or not queues:
        what = f"there is no queue {', '.join(strange)}" if strange else "no queue was named"
        raise BadInput(what, advice=f"There are {' and '.join(QUEUES)}.")
    slots = {FFMPEG_QUEUE: settings.workers, STEPS_QUEUE: STEPS_SLOTS}
    return [
        Child(
            NAMES[queue],
            (sys.executable, "-m", NODE, queue, str(slots[queue])),
            env,
            # On the shared volume, where each machine needs a file of its own.
            settings.logs_dir / f"worker-{socket.gethostname()}-{queue}.log",
            root,
        )
        for queue in dict.fromkeys(queues)
    ]


def ready_here(settings: Settings, queues: Sequence[str] = QUEUES) -> bool:
    """Whether workers of this host take steps of all these queues now."""
    try:
        workers = Fleet.of(settings).workers()
    except unreachable():
        return False
    here = [worker for worker in workers if worker.host == socket.gethostname() and worker.takes]
    return set(queues) <= {worker.queue for worker in here}


def alive_here(data: Path, queues: Sequence[str] = QUEUES) -> bool:
    """Whether nodes for all these queues run on this host, with this data folder. Asks only this host, not Redis."""
    return set(queues) <= {queue for process in psutil.process_iter() if (queue := _queue_of(process, data))}


def _queue_of(process: psutil.Process, data: Path) -> str | None:
    """The queue that this process works for; None if it is no worker's process, or has ended."""
    try:
        words = process.cmdline()
        if words[1:3] != ["-m", NODE] or process.status() == psutil.STATUS_ZOMBIE:
            return None
        return words[3] if process.environ().get("STINERCUT_DATA") == str(data) else None
    except (psutil.Error, OSError):
        return None
