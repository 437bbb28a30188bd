"""The executor of a fleet: Dagster's Celery executor, with steps that survive killed workers and a restart of Redis.

Owns: what one run's steps share, and sending them. Not here: the loop around it (dagster-celery's own), watching one
step (`sent_step`), deciding about it (`decisions`), the worker's side (`celery_app`, `worker_node`), the keys in Redis
(`registry`).

dagster-celery does not resend a step that is lost. This executor does: it sends a step again within seconds if its
worker was killed, or if Redis forgot it. If no worker is in reach, the run shows that, can be cancelled, and fails
after STINERCUT_WORKER_PATIENCE seconds.
"""

import logging
import sys
from dataclasses import dataclass
from typing import Any, cast

import dagster as dg
from celery import Celery
from dagster import multiple_process_executor_requirements
from dagster._core.events import DagsterEvent, EngineEventData
from dagster._core.execution.context.system import PlanOrchestrationContext
from dagster._core.execution.plan.objects import StepFailureData
from dagster._core.execution.plan.plan import ExecutionPlan
from dagster._core.execution.retries import RetryMode, get_retries_config
from dagster._grpc.types import ExecuteStepArgs
from dagster._serdes import pack_value, serialize_value
from dagster._utils.error import serializable_error_info_from_exc_info
from dagster_celery import core_execution_loop
from dagster_celery.executor import CeleryExecutor

from app.common.pools import FFMPEG_POOL
from app.fleet.celery_app import RUN_HEADER, STEP_HEADER, STEP_TASK, reading, sending
from app.fleet.decisions import queue_priority
from app.fleet.registry import FFMPEG_QUEUE, STEPS_QUEUE, Fleet, broker_url, result_url, unreachable
from app.fleet.sent_step import SentStep
from app.fleet.view import FleetView
from app.fleet.volume import name_volume
from app.fleet.waiting_notice import Notice
from stinercut.errors import HostNotReady
from stinercut.failures import record_of
from stinercut.pipeline_names import PRIORITY_TAG
from stinercut.settings import Settings

TICK = 0.2
"""Seconds between two looks at a run's steps. dagster-celery's default of 1.0 would add a second to each stage."""


class FleetExecutor(CeleryExecutor):
    """dagster-celery's executor with this fleet's way to send and watch steps."""

    def execute(self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan) -> Any:
        """Run the plan. Yields Dagster's events."""
        settings = Settings()
        dispatch = Dispatch.of(settings, plan_context)
        # A run has its own process, so this affects no other run.
        core_execution_loop.TICK_SECONDS = TICK
        try:
            yield from core_execution_loop.core_celery_execution_loop(
                plan_context, execution_plan, step_execution_fn=dispatch.submit
            )
        finally:
            dispatch.end()


@dataclass
class Dispatch:
    """The parts that all steps of one run share."""

    settings: Settings
    view: FleetView
    notice: Notice
    sender: Celery
    results: Celery

    @classmethod
    def of(cls, settings: Settings, context: PlanOrchestrationContext) -> "Dispatch":
        """The parts for this run."""
        run = context.dagster_run
        view = FleetView(Fleet.of(settings), run.run_id, name_volume(settings))

        def log(sentence: str) -> None:
            context.instance.report_engine_event(sentence, run, EngineEventData(), FleetExecutor)

        return cls(settings, view, Notice.of(settings, run, log), sending(settings), reading(settings))

    def submit(
        self,
        _app: Celery,
        context: PlanOrchestrationContext,
        step: Any,
        queue: str,
        _priority: int,
        known_state: Any,
    ) -> SentStep:
        """Send a step. dagster-celery's loop calls this when all inputs of the step are there."""
        queue = queue if queue == FFMPEG_QUEUE or step.pool != FFMPEG_POOL else FFMPEG_QUEUE
        message = {
            "execute_step_args_packed": pack_value(_arguments(context, step.key, known_state)),
            "executable_dict": context.reconstructable_job.to_dict(),
        }
        headers = {RUN_HEADER: context.dagster_run.run_id, STEP_HEADER: step.key}
        priority = queue_priority(context.dagster_run.tags.get(PRIORITY_TAG))

        def send(task: str) -> None:
            self.sender.send_task(
                STEP_TASK, kwargs=message, task_id=task, queue=queue, priority=priority, headers=headers
            )

        def log(sentence: str) -> None:
            context.instance.report_engine_event(
                sentence, context.dagster_run, EngineEventData(), FleetExecutor, step_key=step.key
            )

        def fail(error: HostNotReady) -> list[str]:
            self.notice.failed(record_of(error).messages())
            return [serialize_value(_failure(context.for_step(step), error))]

        if step.key not in self.view.steps:
            self.view.steps.append(step.key)
        sent = SentStep(
            step=step.key,
            queue=queue,
            view=self.view,
            send=send,
            results=self.results,
            patience=self.settings.worker_patience,
            notice=self.notice,
            log=log,
            fail=fail,
        )
        sent.ready()
        return sent

    def end(self) -> None:
        """End: nobody waits for this run's steps any more."""
        self.notice.end()
        try:
            self.view.fleet.forget_run(self.view.run_id, self.view.steps)
        except unreachable():
            logging.getLogger(__name__).warning("Redis is away; it will forget this run by itself in a week.")


def _failure(step_context: Any, error: HostNotReady) -> DagsterEvent:
    """The event that this step failed, as a worker would have written it."""
    try:
        raise error
    except HostNotReady:  # Dagster describes only an error that was raised.
        described = serializable_error_info_from_exc_info(sys.exc_info())
    return DagsterEvent.step_failure_event(step_context, StepFailureData(described, None), error.sentence())


def _arguments(context: PlanOrchestrationContext, step: str, known_state: Any) -> ExecuteStepArgs:
    return ExecuteStepArgs(
        job_origin=context.reconstructable_job.get_python_origin(),
        run_id=context.dagster_run.run_id,
        step_keys_to_execute=[step],
        instance_ref=context.instance.get_ref(),
        retry_mode=context.executor.retries.for_inner_plan(),
        known_state=known_state,
        print_serialized_events=True,
    )


@dg.executor(
    name="fleet_executor",
    config_schema={"retries": get_retries_config()},
    requirements=multiple_process_executor_requirements(),
)
def fleet_executor(context: dg.InitExecutorContext) -> FleetExecutor:
    """Runs steps on Celery workers. Their addresses are in the environment, not in the run's configuration."""
    settings = Settings()
    return FleetExecutor(
        retries=RetryMode.from_config(cast(Any, context.executor_config["retries"])),
        broker=broker_url(settings),
        backend=result_url(settings),
        config_source={"task_default_queue": STEPS_QUEUE},
    )
