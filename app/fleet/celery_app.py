"""Celery's configuration in this fleet: queues, priorities, how steps are acknowledged, and the task for one step.

Owns: the configuration of both ends and the worker's task. Not here: sending and watching steps (`executor`,
`sent_step`), running a worker (`worker_node`). Imported only where the executor is `celery`.
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
"""The environment variable with a worker's name, for its processes."""

RUN_HEADER, STEP_HEADER = "stinercut_run", "stinercut_step"
"""The headers that name a message's run and step, so that a reader needn't unpack the message."""

_CONFIGURATION: dict[str, Any] = {
    "task_queues": [Queue(name, exchange=Exchange(name), routing_key=name) for name in QUEUES],
    "task_default_queue": STEPS_QUEUE,
    "task_create_missing_queues": False,
    # Never pickles: with them, anybody who can write into Redis could run any code on every worker.
    "task_serializer": "json",
    "result_serializer": "json",
    "accept_content": ["json"],
    "result_accept_content": ["json"],
    # A step leaves the queue only when it is done, and a worker takes no more steps than it has processes, so that any
    # worker can take a waiting step.
    "task_acks_late": True,
    "worker_prefetch_multiplier": 1,
    "broker_transport_options": {
        # Seconds after which Redis hands out an unacknowledged step again. Dead workers are noticed far sooner, by
        # their missing heartbeat; this is for a step that was lost in between. A longer step that is handed out a
        # second time, as the same task, is recognised and ignored: by its claim (`take`), or by its lock if it comes to
        # the same worker.
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
    # Ignore a task that was handed out again and waited until the first had ended.
    "worker_deduplicate_successful_tasks": True,
    # A finished step's result waits up to ten minutes for Redis to come back.
    "result_backend_transport_options": {
        "retry_policy": {"max_retries": 600, "interval_start": 0.2, "interval_step": 0.2, "interval_max": 1.0}
    },
    "result_expires": 24 * 3600,
    # Frees memory that a library may have kept.
    "worker_max_tasks_per_child": 100,
    "worker_send_task_events": False,
    "worker_hijack_root_logger": False,
    "worker_redirect_stdouts": False,
    "enable_utc": True,
}


def sending(settings: Settings) -> Celery:
    """Celery at the end that sends steps. It takes no results: Celery's way to wait for them survives no restart."""
    app = Celery("stinercut", broker=broker_url(settings), backend="disabled", set_as_current=False)
    app.conf.update(_CONFIGURATION)
    # The sender tries again by itself, and looks after other steps meanwhile.
    app.conf.update(task_publish_retry=False, broker_connection_timeout=5, broker_connection_retry=False)
    return app


def reading(settings: Settings) -> Celery:
    """Celery at the end that looks up the results of steps."""
    app = Celery("stinercut", broker=broker_url(settings), backend=result_url(settings), set_as_current=False)
    app.conf.update(_CONFIGURATION)
    app.conf.update(result_backend_transport_options={"retry_policy": {"max_retries": 0}})
    return app


def working(settings: Settings) -> Celery:
    """Celery at a worker's end, with the task."""
    app = Celery("stinercut", broker=broker_url(settings), backend=result_url(settings))
    app.conf.update(_CONFIGURATION)
    create_task(app, base=StepTask)
    return app


class StepTask(Task):
    """Makes one step, unless it isn't wanted any more, or a living worker (another or this one) makes it already.

    Returns the step's events as Dagster's executor expects them. Otherwise it ignores the task and writes no result:
    Redis hands a step out again as the same task, so a result of ours would take the place of the other worker's.
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
    """The lock of a step among the processes of this machine.

    It is not on the shared volume: there, the lock of a machine that was switched off would block the worker that takes
    over its step.
    """
    folder = Path(tempfile.gettempdir()) / f"stinercut-steps-{os.getuid()}"
    return folder / f"{run_id}-{hashlib.sha256(step.encode()).hexdigest()[:16]}"


def take(fleet: Fleet, args: ExecuteStepArgs, step: str, me: Claim) -> bool:
    """Claim a step. False if this worker must not make it.

    It must not if another living worker has the step in hand, or nobody waits for the run any more. That the other
    worker lives is not enough: it may have lost the step, and then nobody would ever make it. While Redis is away, the
    answer is yes: the step was handed out, and making it twice does no harm.
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
