"""Celery as this fleet uses it: queues, priorities, how steps are acknowledged, and the task that makes one step.

Owns: both ends' configuration and the worker's task. Not here: sending and watching steps (`executor`, `sent_step`),
running a worker (`worker_node`). Imported only where the executor is `celery_app`.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import Any, cast

from celery import Celery, Task
from celery.exceptions import Ignore
from dagster import DagsterInstance, DagsterRunStatus
from dagster._grpc.types import ExecuteStepArgs
from dagster._serdes import unpack_value
from dagster_celery.config import TASK_EXECUTE_PLAN_NAME
from dagster_celery.tasks import create_task
from kombu.entity import Exchange, Queue

from app.fleet.registry import QUEUES, STEPS_QUEUE, Claim, Fleet, broker_url, result_url, unreachable
from stinercut.settings import Settings
from stinercut.storage.locks import held_if_free

STEP_TASK = TASK_EXECUTE_PLAN_NAME
WORKER_NAME = "STINERCUT_WORKER_NAME"
"""Environment variable by which a worker's processes know its name."""

RUN_HEADER, STEP_HEADER = "stinercut_run", "stinercut_step"
"""What a message says outside, so that it needn't be opened to know whose it is."""

_CONFIGURATION: dict[str, Any] = {
    "task_queues": [Queue(name, exchange=Exchange(name), routing_key=name) for name in QUEUES],
    "task_default_queue": STEPS_QUEUE,
    "task_create_missing_queues": False,
    # Never pickles: whoever can write into Redis would run anything on every worker.
    "task_serializer": "json",
    "result_serializer": "json",
    "accept_content": ["json"],
    "result_accept_content": ["json"],
    # A step is off the queue when it is done, and a worker takes no more than it has processes for: what waits can go
    # to any worker.
    "task_acks_late": True,
    "worker_prefetch_multiplier": 1,
    "broker_transport_options": {
        # After so many seconds Redis hands out again what nobody acknowledged. Dead workers are noticed far sooner, by
        # their missing sign of life; this is for a step that was lost in between. A longer step that is handed out a
        # second time, as the same task, is recognised and ignored: by its claim (`take`), or by its lock where it
        # comes to the same worker.
        "visibility_timeout": 3600,
        "queue_order_strategy": "priority",
        "priority_steps": list(range(10)),
        "socket_keepalive": True,
        "socket_timeout": 30,
        "socket_connect_timeout": 5,
        "retry_on_timeout": True,
    },
    "broker_connection_retry_on_startup": True,
    "broker_connection_max_retries": None,
    "worker_cancel_long_running_tasks_on_connection_loss": False,
    # One that was handed out again and waited until the first had ended.
    "worker_deduplicate_successful_tasks": True,
    # A finished step's result waits for ten minutes until Redis is back.
    "result_backend_transport_options": {
        "retry_policy": {"max_retries": 600, "interval_start": 0.2, "interval_step": 0.2, "interval_max": 1.0}
    },
    "result_expires": 24 * 3600,
    # Frees what a library may have kept.
    "worker_max_tasks_per_child": 100,
    "worker_send_task_events": False,
    "worker_hijack_root_logger": False,
    "worker_redirect_stdouts": False,
    "enable_utc": True,
}


def sending(settings: Settings) -> Celery:
    """The end that sends steps. It doesn't ask for results: Celery's way to wait for them doesn't survive a restart."""
    app = Celery("stinercut", broker=broker_url(settings), backend="disabled", set_as_current=False)
    app.conf.update(_CONFIGURATION)
    # Whoever sends tries again itself, and looks at other steps meanwhile.
    app.conf.update(task_publish_retry=False, broker_connection_timeout=5, broker_connection_retry=False)
    return app


def reading(settings: Settings) -> Celery:
    """The end that looks up what steps gave."""
    app = Celery("stinercut", broker=broker_url(settings), backend=result_url(settings), set_as_current=False)
    app.conf.update(_CONFIGURATION)
    app.conf.update(result_backend_transport_options={"retry_policy": {"max_retries": 0}})
    return app


def working(settings: Settings) -> Celery:
    """A worker's end, with the task in it."""
    app = Celery("stinercut", broker=broker_url(settings), backend=result_url(settings))
    app.conf.update(_CONFIGURATION)
    create_task(app, base=StepTask)
    return app


class StepTask(Task):
    """Makes one step, unless it isn't wanted any more or is being made: by another living worker, or by this one.

    Gives the step's events as Dagster's executor expects them. A step that it doesn't make it ignores, without a word:
    Redis hands a step out again as the task that it was, and what we said of it would stand where the other worker
    leaves what the step gave.
    """

    abstract = True

    def __call__(self, execute_step_args_packed: dict[str, Any], executable_dict: dict[str, Any]) -> Any:
        args = unpack_value(cast(Any, execute_step_args_packed), as_type=ExecuteStepArgs)
        step = (args.step_keys_to_execute or [""])[0]
        me = Claim(str(self.request.id), os.environ.get(WORKER_NAME))
        with held_if_free(step_lock(args.run_id, step)) as mine:
            if not mine or not take(Fleet.of(Settings()), args, step, me):
                raise Ignore
            return self.run(execute_step_args_packed=execute_step_args_packed, executable_dict=executable_dict)


def step_lock(run_id: str, step: str) -> Path:
    """The lock of a step among the processes of this machine. Not on the shared volume: there the lock of a machine
    that was switched off would stand in the way of the worker that takes its step over."""
    folder = Path(tempfile.gettempdir()) / f"stinercut-steps-{os.getuid()}"
    return folder / f"{run_id}-{hashlib.sha256(step.encode()).hexdigest()[:16]}"


def take(fleet: Fleet, args: ExecuteStepArgs, step: str, me: Claim) -> bool:
    """Claim a step; False when it isn't to be made.

    It isn't when another worker has it in hand. That the other one lives is not enough: it may have lost what it made,
    and nobody would ever make the step then. Redis being away is no reason to refuse: the step was handed out, and
    making it twice harms nobody.
    """
    try:
        claim = fleet.claims(args.run_id, [step]).get(step)
        if claim and claim.worker not in (None, me.worker) and fleet.has_in_hand(claim.worker, claim.task):
            return False
        if not fleet.run_is_kept(args.run_id) and not _is_going(args):
            return False
        fleet.take(args.run_id, step, me)
    except unreachable():
        return True
    return True


def _is_going(args: ExecuteStepArgs) -> bool:
    if args.instance_ref is None:
        return False
    with DagsterInstance.from_ref(args.instance_ref) as instance:
        run = instance.get_run_by_id(args.run_id)
        return run is not None and run.status in (DagsterRunStatus.STARTED, DagsterRunStatus.STARTING)
