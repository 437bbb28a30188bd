"""A step that was sent to a worker, watched until it has ended.

Owns: sending it again, fetching its result, telling people that it waits. Not here: the decisions about it
(`decisions`), reading Redis (`view`), the loop that asks for its end (dagster-celery's, `executor`).
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from celery import Celery
from celery.exceptions import TaskRevokedError
from kombu.exceptions import OperationalError

from app.fleet.decisions import SENDS, NoWorker, StepLost, StepVerdict, Watched, decide
from app.fleet.registry import Claim, unreachable
from app.fleet.view import FleetView, Since
from app.fleet.waiting_notice import Notice
from stinercut.errors import HostNotReady
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message

_MACHINE_ERRORS = frozenset(
    {"WorkerLostError", "OperationalError", "InterfaceError", "ConnectionError", "TimeoutError"}
)
"""Errors for which the step is not to blame: its process was killed, or a server was away for a moment."""


@dataclass
class SentStep:
    """A step that was sent. It replaces Celery's AsyncResult, which dagster-celery's loop asks for a step's end."""

    step: str
    queue: str
    view: FleetView
    send: Callable[[str], None]
    """Sends the step as the task with this id. Raises OperationalError while Redis is away."""
    results: Celery
    patience: float
    notice: Notice
    log: Callable[[str], None]
    fail: Callable[[HostNotReady], list[str]]
    """Fails the step with this error. Returns the serialised events of the failure."""
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
        """Whether it has ended. Each call also does the next thing that is needed for that."""
        if self.events is None and self.problem is None:
            self._advance()
        if self.events is None and self.problem is None:
            return False
        self.notice.over(self.step)
        return True

    def get(self) -> list[str]:
        """The step's serialised events. Raises the error that the step ended with.

        A step that no worker made fails like any other step. If its error were raised, the run would break, and Dagster
        would start it again by itself: three times the patience, and three times as many lost workers.
        """
        if isinstance(self.problem, (NoWorker, StepLost)):
            return self.fail(self.problem)
        if self.problem is not None:
            raise self.problem
        return self.events or []

    def revoke(self) -> None:
        """End the step with its run: take it back from the queue, or interrupt it on its worker."""
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
        """Look for a result of one of the tasks. True when the step has ended."""
        for task in list(self.tasks):
            meta: Mapping[str, Any] = self.results.backend.get_task_meta(task)
            match meta["status"]:
                case "SUCCESS":
                    self.events = list(meta["result"])
                case "FAILURE":
                    self._failed(task, meta["result"])
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
        living = {worker.name for worker in self.view.workers}
        nobody = holder is None and not self.view.takers(self.queue)
        return Watched(
            sends=self.sends,
            holder_gone=self._gone.update(sees and holder is not None and holder not in living, now),
            forgotten=self._forgotten.update(sees and not mine, now),
            stuck=self._stuck.update(self.view.lost_sight or nobody, now),
        )

    def _follow(self, verdict: StepVerdict) -> None:
        if self._cancelled and verdict is not StepVerdict.WAIT:
            self.problem = TaskRevokedError("its worker is gone")
        elif verdict is StepVerdict.AGAIN:
            claim = self.view.claims.get(self.step)
            whose = f"The worker {claim.worker} is gone" if claim and claim.worker else "The step was lost on its way"
            self.log(f"{whose}. It is sent again.")
            self._send_again()
        elif verdict is StepVerdict.NOBODY:
            self.notice.waits(self.step, self._why())
        elif verdict is StepVerdict.GIVE_UP:
            self.problem = self._lost() if self._stuck.began is None else self._nobody_came()
        else:
            self.notice.over(self.step)

    def _why(self) -> Message:
        if self.view.lost_sight:
            return Message.of(MessageCode.REDIS_AWAY)
        return Message.of(MessageCode.NO_WORKER_IN_REACH, queue=self.queue)

    def _nobody_came(self) -> NoWorker:
        seconds = round(self.patience)
        if self.view.lost_sight:
            away = Message.of(MessageCode.REDIS_STAYED_AWAY, seconds=seconds)
            return NoWorker(away, advice=Message.of(MessageCode.START_REDIS))
        nobody = Message.of(MessageCode.NO_WORKER_CAME, seconds=seconds, queue=self.queue)
        return NoWorker(nobody, advice=Message.of(MessageCode.START_WORKER))

    def _lost(self) -> StepLost:
        return StepLost(
            Message.of(MessageCode.WORKER_LOST, step=self.step, times=self.sends),
            advice=Message.of(MessageCode.ENOUGH_MEMORY),
        )

    def _send_again(self) -> None:
        try:
            self._send()
        except (OperationalError, *unreachable()):
            self.view.away.update(True, time.monotonic())

    def _send(self) -> None:
        """Send the step. Raises if Redis is away; a step that was sent but not noted then counts as forgotten."""
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
