"""The executor of a fleet: Dagster's Celery executor, whose steps survive killed workers and a Redis that restarts.

Lives here: sending steps and watching them. Doesn't: the loop around it (dagster-celery's own), the worker's side
(`celery_app`, `worker_node`), the keys in Redis (`fleet`).

What dagster-celery's own handles of sent steps lack: a step whose worker was killed is sent again within seconds, a
step that Redis forgot is sent again, and where no worker is in reach the run says so, can be cancelled, and fails after
STINERCUT_WORKER_PATIENCE seconds. `decide` holds these decisions.
"""

import logging
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, cast

import dagster as dg
from celery import Celery
from celery.exceptions import TaskRevokedError
from dagster import multiple_process_executor_requirements
from dagster._core.events import EngineEventData
from dagster._core.execution.context.system import PlanOrchestrationContext
from dagster._core.execution.plan.plan import ExecutionPlan
from dagster._core.execution.retries import RetryMode, get_retries_config
from dagster._grpc.types import ExecuteStepArgs
from dagster._serdes import pack_value
from dagster_celery import core_execution_loop
from dagster_celery.executor import CeleryExecutor
from kombu.exceptions import OperationalError

from app.celery_app import MIDDLE, RUN_HEADER, STEP_HEADER, STEP_TASK, reading, sending
from app.fleet import FFMPEG_QUEUE, STEPS_QUEUE, Claim, Fleet, Worker, broker_url, result_url, unreachable
from app.pools import FFMPEG_POOL
from app.volume import name_volume
from app.waiting import Notice
from stinercut.errors import HostNotReady
from stinercut.settings import Settings

TICK = 0.2
"""Seconds between two looks at a run's steps. dagster-celery's own 1.0 would add one to each stage of a jump."""
LOOK_EVERY = 0.5
"""Seconds for which what Redis said of workers and claims is believed."""
HOLDER_GONE = 4.0
"""Seconds without its worker's sign of life (which lasts `fleet.BEAT_LASTS`) after which a step is sent again. They
count only while Redis answers: after it was away, workers get this long to be heard."""
FORGOTTEN = 6.0
"""Seconds after which a step that Redis knows nothing of is sent again: longer than workers take to say what they have
in hand once Redis is back."""
NOBODY_AFTER = 3.0
"""Seconds without any worker before people are told."""
SENDS = 4
"""How often a step is sent before it fails: more lost workers than this are no accident, but this step's doing."""

_MACHINE_ERRORS = frozenset(
    {"WorkerLostError", "OperationalError", "InterfaceError", "ConnectionError", "TimeoutError"}
)
"""What a step may end with without being at fault: its process was killed, or a server was away for a moment."""


class NoWorker(HostNotReady):
    """No worker took a step for as long as the settings allow."""

    code = "NO_WORKER"


class StepLost(HostNotReady):
    """A step was lost again and again with the worker that made it."""

    code = "STEP_LOST"


# ---- the decision ----------------------------------------------------------------------------------------------------


class Verdict(Enum):
    """What becomes of a step that was sent."""

    WAIT = "wait"
    NOBODY = "nobody"
    """Wait, and tell people that no worker is in reach."""
    AGAIN = "again"
    """Send it again."""
    GIVE_UP = "give up"


@dataclass(frozen=True)
class Watched:
    """What is seen of a step that has given nothing yet. All times in seconds; None: it isn't so.

    `holder_gone`: for how long the worker that has it has given no sign of life. `forgotten`: for how long Redis has
    known nothing of it. `stuck`: for how long nothing could go on with it, since no worker takes steps of its queue or
    Redis is away.
    """

    sends: int
    holder_gone: float | None = None
    forgotten: float | None = None
    stuck: float | None = None


def decide(seen: Watched, patience: float) -> Verdict:
    """What becomes of a step. A plain function, so that it can be tried without Redis."""
    if (seen.holder_gone or 0) > HOLDER_GONE or (seen.forgotten or 0) > FORGOTTEN:
        return Verdict.AGAIN if seen.sends < SENDS else Verdict.GIVE_UP
    if seen.stuck is None or seen.stuck < NOBODY_AFTER:
        return Verdict.WAIT
    return Verdict.NOBODY if seen.stuck < patience else Verdict.GIVE_UP


def queue_priority(run_priority: str | None) -> int:
    """Redis' priority (0 first, 9 last) for a run's `dagster/priority` (higher first, 0 without it).

    10 gives 0, -10 gives 9.
    """
    try:
        wanted = int(run_priority or 0)
    except ValueError:
        wanted = 0
    return min(9, max(0, MIDDLE - round(wanted / 2)))


# ---- looking at Redis ------------------------------------------------------------------------------------------------


@dataclass
class Since:
    """For how long something has been so, without a break."""

    began: float | None = None

    def update(self, so: bool, now: float) -> float | None:
        """Note whether it is so now; gives for how long it has been."""
        if not so:
            self.began = None
            return None
        self.began = now if self.began is None else self.began
        return now - self.began


@dataclass
class View:
    """What Redis says of workers and of a run's steps, asked for at most every `LOOK_EVERY`."""

    fleet: Fleet
    run_id: str
    volume: str
    steps: list[str] = field(default_factory=list[str])
    workers: list[Worker] = field(default_factory=list[Worker])
    claims: dict[str, Claim] = field(default_factory=dict[str, Claim])
    number: int = 0
    """Which look this is; it doesn't grow while Redis is away."""
    away: Since = field(default_factory=Since)
    _next: float = 0.0

    def look(self) -> None:
        """Ask, if it is time to."""
        now = time.monotonic()
        if now < self._next:
            return
        try:
            self.fleet.keep_run(self.run_id)
            self.fleet.set_volume(self.volume)
            self.workers = self.fleet.workers()
            self.claims = self.fleet.claims(self.run_id, self.steps)
        except unreachable():
            self.away.update(True, time.monotonic())
        else:
            self.away.update(False, now)
            self.number += 1
        self._next = time.monotonic() + LOOK_EVERY

    @property
    def lost_sight(self) -> bool:
        """Whether Redis is away."""
        return self.away.began is not None

    def takers(self, queue: str) -> list[Worker]:
        """The workers that take steps of this queue now."""
        return [one for one in self.workers if one.queue == queue and one.takes and one.volume == self.volume]


# ---- a sent step -----------------------------------------------------------------------------------------------------


@dataclass
class SentStep:
    """A step on its way; what dagster-celery's loop asks for its end. Stands in place of Celery's AsyncResult."""

    step: str
    queue: str
    view: View
    send: Callable[[str], None]
    """Sends the step as the task with this id; raises OperationalError while Redis is away."""
    results: Celery
    patience: float
    notice: Notice
    log: Callable[[str], None]
    tasks: list[str] = field(default_factory=list[str])
    sends: int = 0
    events: list[str] | None = None
    problem: Exception | None = None
    _gone: Since = field(default_factory=Since)
    _forgotten: Since = field(default_factory=Since)
    _stuck: Since = field(default_factory=Since)
    _sent_at_look: int = 0
    _cancelled: bool = False

    def ready(self) -> bool:
        """Whether it has ended. Does what is needed to get there."""
        if self.events is None and self.problem is None:
            self._advance()
        if self.events is None and self.problem is None:
            return False
        self.notice.over(self.step)
        return True

    def get(self) -> list[str]:
        """The step's events, as they were serialised; raises what it ended with."""
        if self.problem is not None:
            raise self.problem
        return self.events or []

    def revoke(self) -> None:
        """The run is being ended: take the step back from the queue, or interrupt it where it is made."""
        self._cancelled = True
        if self.view.claims.get(self.step, Claim("")).worker is None:
            self.problem = TaskRevokedError("revoked")
        if self.tasks:
            try:
                self.results.control.revoke(self.tasks, terminate=True, signal="SIGINT")
            except (OperationalError, *unreachable()):
                self.problem = TaskRevokedError("revoked while Redis was away")

    # ---- its way -------------------------------------------------------------------------------------------------

    def _advance(self) -> None:
        self.view.look()
        if not self.view.lost_sight:
            try:
                if not self.tasks:
                    self._send()
                elif self._fetch():
                    return
            except (OperationalError, *unreachable()):
                self.view.away.update(True, time.monotonic())
        self._follow(decide(self._watched(), self.patience))

    def _fetch(self) -> bool:
        """Look whether one of the tasks gave something; True when the step has ended."""
        for task in list(self.tasks):
            found: Mapping[str, Any] = self.results.backend.get_task_meta(task)
            match found["status"]:
                case "SUCCESS" if found["result"] is not None:
                    self.events = list(found["result"])
                case "SUCCESS":  # It was dropped: another one of ours makes the step.
                    self.tasks.remove(task)
                case "FAILURE":
                    self._failed(task, found["result"])
                case "REVOKED":
                    self.problem = TaskRevokedError("revoked")
                case _:
                    pass
        return self.events is not None or self.problem is not None

    def _failed(self, task: str, error: Any) -> None:
        kind = type(error).__name__
        if self._cancelled:
            self.problem = TaskRevokedError(f"{kind}: {error}")
        elif kind in _MACHINE_ERRORS and self.sends < SENDS:
            self.tasks.remove(task)
            self.log(f"The step's worker reported {kind}: {_first_line(error)} It is sent again.")
            self._send_again()
        elif kind == "WorkerLostError":
            self.problem = self._lost()
        else:
            self.problem = error if isinstance(error, Exception) else RuntimeError(str(error))

    def _watched(self) -> Watched:
        now = time.monotonic()
        claim = self.view.claims.get(self.step)
        sees = not self.view.lost_sight and self.view.number > self._sent_at_look
        mine = claim is not None and claim.task in self.tasks
        holder = claim.worker if mine and claim is not None else None
        living = {one.name for one in self.view.workers}
        nobody = holder is None and not self.view.takers(self.queue)
        return Watched(
            sends=self.sends,
            holder_gone=self._gone.update(sees and holder is not None and holder not in living, now),
            forgotten=self._forgotten.update(sees and not mine, now),
            stuck=self._stuck.update(self.view.lost_sight or nobody, now),
        )

    def _follow(self, verdict: Verdict) -> None:
        if self._cancelled and verdict is not Verdict.WAIT:
            self.problem = TaskRevokedError("its worker is gone")
        elif verdict is Verdict.AGAIN:
            claim = self.view.claims.get(self.step)
            whose = f"The worker {claim.worker} is gone" if claim and claim.worker else "The step was lost on its way"
            self.log(f"{whose}. It is sent again.")
            self._send_again()
        elif verdict is Verdict.NOBODY:
            self.notice.waits(self.step, self._why())
        elif verdict is Verdict.GIVE_UP:
            self.problem = self._lost() if self._stuck.began is None else self._nobody_came()
        else:
            self.notice.over(self.step)

    def _why(self) -> str:
        if self.view.lost_sight:
            return "Redis does not answer. Work goes on as soon as it is back."
        return f"No worker for {self.queue} is in reach. Work goes on as soon as one is: `stinercut worker`."

    def _nobody_came(self) -> NoWorker:
        return NoWorker(
            f"no worker took this step for {self.patience:.0f} s. {self._why()}",
            advice="Look with `stinercut doctor`, start a worker, then retry; finished parts are kept.",
        )

    def _lost(self) -> StepLost:
        return StepLost(
            f"the worker that made {self.step} was lost, {self.sends} times",
            advice="Is there enough memory (`dmesg` names killed processes)? Retry; finished parts are kept.",
        )

    def _send_again(self) -> None:
        try:
            self._send()
        except (OperationalError, *unreachable()):
            self.view.away.update(True, time.monotonic())

    def _send(self) -> None:
        """Send it. Raises what says that Redis is away; one that was sent but not noted counts as forgotten then."""
        task = uuid.uuid4().hex
        self.view.fleet.clear(self.view.run_id, self.step)
        self.send(task)
        self.tasks.append(task)
        self.sends += 1
        self._sent_at_look = self.view.number
        self._gone, self._forgotten = Since(), Since()
        self.view.fleet.sent(self.view.run_id, self.step, task)


def _first_line(error: Any) -> str:
    return (str(error).strip().splitlines() or [""])[0].rstrip(".") + "."


# ---- the executor ----------------------------------------------------------------------------------------------------


class FleetExecutor(CeleryExecutor):
    """dagster-celery's executor with this fleet's way to send and watch steps."""

    def execute(self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan) -> Any:
        """Run the plan; yields Dagster's events."""
        settings = Settings()
        dispatch = Dispatch.of(settings, plan_context)
        # A run has its process for itself, so nobody else is affected.
        core_execution_loop.TICK_SECONDS = TICK
        try:
            yield from core_execution_loop.core_celery_execution_loop(
                plan_context, execution_plan, step_execution_fn=dispatch.submit
            )
        finally:
            dispatch.end()


@dataclass
class Dispatch:
    """What all steps of one run share."""

    settings: Settings
    view: View
    notice: Notice
    sender: Celery
    results: Celery

    @classmethod
    def of(cls, settings: Settings, context: PlanOrchestrationContext) -> "Dispatch":
        """For this run."""
        run = context.dagster_run
        view = View(Fleet.of(settings), run.run_id, name_volume(settings))

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
        """Send a step; called by dagster-celery's loop when all that it needs is there."""
        queue = queue if queue == FFMPEG_QUEUE or step.pool != FFMPEG_POOL else FFMPEG_QUEUE
        message = {
            "execute_step_args_packed": pack_value(_arguments(context, step.key, known_state)),
            "executable_dict": context.reconstructable_job.to_dict(),
        }
        headers = {RUN_HEADER: context.dagster_run.run_id, STEP_HEADER: step.key}
        priority = queue_priority(context.dagster_run.tags.get("dagster/priority"))

        def send(task: str) -> None:
            self.sender.send_task(
                STEP_TASK, kwargs=message, task_id=task, queue=queue, priority=priority, headers=headers
            )

        def log(sentence: str) -> None:
            context.instance.report_engine_event(
                sentence, context.dagster_run, EngineEventData(), FleetExecutor, step_key=step.key
            )

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
        )
        sent.ready()
        return sent

    def end(self) -> None:
        """Nobody waits for this run's steps any more."""
        self.notice.end()
        try:
            self.view.fleet.forget_run(self.view.run_id, self.view.steps)
        except unreachable():
            logging.getLogger(__name__).warning("Redis is away; what it knows of this run is forgotten in a week.")


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
    """Steps on Celery workers. Where they are is in the environment, not in the run's configuration."""
    settings = Settings()
    return FleetExecutor(
        retries=RetryMode.from_config(cast(Any, context.executor_config["retries"])),
        broker=broker_url(settings),
        backend=result_url(settings),
        config_source={"task_default_queue": STEPS_QUEUE},
    )
