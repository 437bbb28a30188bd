"""One jump's or card's way through the pipeline: its progress, and retrying it after a failure.

Owns: joining what the catalog knows with Dagster's runs, and deciding whether a retry makes sense. Not here: the
GraphQL (`hub.kit.dagster_client`), the views of cards and jumps (`hub.cards.views`, `hub.jumps.views`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal
from weakref import WeakValueDictionary

from hub.cards.copy_progress import ProgressSnapshot
from hub.cards.views import CardView, card_views
from hub.jumps.views import JumpView, jump_views
from hub.kit.dagster_client import FAILED, IN_FLIGHT, Dagster, PipelineRun
from hub.kit.views import RUN_ID, STEP, Links, MessageView, StepView, View, example, message_views, steps_of
from stinercut.catalog import Catalog
from stinercut.catalog.models import JumpState
from stinercut.clock import local_day
from stinercut.errors import Conflict, HostNotReady, NotFound, StinercutError
from stinercut.failures import messages_for_pages
from stinercut.jumps import in_progress, jumps
from stinercut.language.messages import Message, all_worded, from_json
from stinercut.language.refusal_codes import RefusalCode
from stinercut.pipeline_names import (
    AHEAD_JOB,
    CARD_JOB,
    CARD_TAG,
    FILM_JOB,
    JUMP_TAG,
    PRIORITY_TAG,
    WORK_TAG,
    film_priority,
)


class RunView(View):
    """A run of Dagster."""

    run_id: str
    job: str
    status: str
    started: datetime | None
    ended: datetime | None
    dagster_url: str | None


class PipelineView(View):
    """How far a jump or card is. `runs_problem` tells why `runs` may be incomplete."""

    model_config = example(
        {
            "id": "2026-06-01_B-1",
            "kind": "jump",
            "status": "failed",
            "reason": "GX010001.MP4 can't be read.",
            "reason_parts": [],
            "failed": True,
            "progress": 0.4,
            "steps": [STEP],
            "runs": [
                {
                    "run_id": RUN_ID,
                    "job": "produce_jump",
                    "status": "FAILURE",
                    "started": "2026-06-01T11:02:00Z",
                    "ended": "2026-06-01T11:03:10Z",
                    "dagster_url": f"http://127.0.0.1:3000/runs/{RUN_ID}",
                }
            ],
            "runs_problem": "",
            "runs_problem_parts": [],
            "links": {"run": f"http://127.0.0.1:3000/runs/{RUN_ID}"},
        }
    )

    id: str
    kind: Literal["jump", "card"]
    status: str
    reason: str
    reason_parts: list[MessageView]
    """The same as codes and values."""
    failed: bool
    """Whether its run failed, so that a retry makes sense."""
    progress: float
    steps: list[StepView]
    runs: list[RunView]
    runs_problem: str
    runs_problem_parts: list[MessageView]
    """The same as codes and values."""
    links: dict[str, str | None]


class RetryView(View):
    """A retry that was started: a run that resumes another one (`resumes`), or starts from nothing (None)."""

    model_config = example({"run_id": RUN_ID, "resumes": None})

    run_id: str
    resumes: str | None


class RetriedView(View):
    """The result of retrying one jump or card: a run, or the problem that prevented it."""

    id: str
    run_id: str | None
    problem: str
    problem_parts: list[MessageView]
    """The same as codes and values."""
    code: str


BEGINS_WITHIN = timedelta(minutes=2)
"""After a run was cut off, Dagster starts its retry within seconds. If it takes longer, the promise was broken."""

_NOTHING_FAILED = Message.of(RefusalCode.NOTHING_FAILED)
_WAITS = Message.of(RefusalCode.WAITS_FOR_ITS_TURN)
_GOES_ON = {
    "QUEUED": _WAITS,
    "NOT_STARTED": _WAITS,
    "MANAGED": _WAITS,
    "STARTING": Message.of(RefusalCode.IS_BEGINNING),
    "SUSPENDED": Message.of(RefusalCode.WAS_SUSPENDED),
    "CANCELING": Message.of(RefusalCode.BEING_CANCELLED),
}
"""The meaning of Dagster's statuses of a run in flight; any other means that it is being worked on."""

AT_ONCE = 4
"""How many retries are launched at the same time."""


@dataclass(frozen=True)
class Stand:
    """How a jump or card stands in the catalog.

    `state` and `run_id` are a jump's: its state, and the run that works on it or did last. `failed` counts even if
    Dagster has forgotten the run, or calls it a success.
    """

    state: str | None
    run_id: str | None
    failed: bool


def run_to_resume(runs: Sequence[PipelineRun], stand: Stand, moment: datetime) -> PipelineRun | None:
    """The run to resume; None to start from nothing. Raises Conflict when there is nothing to do. Runs: newest first.

    A failed run is resumed if it is the one that took up the jump as it is now: any other has the footage of another
    version. It is resumed only once: the next assets may be unable to read what its finished assets left, as after a
    power cut or an update. Starting from nothing costs little, since rendered parts are kept.
    """
    jump_state = stand.state
    runs = [run for run in runs if run.job != AHEAD_JOB]
    flying = next((run for run in runs if run.status in IN_FLIGHT), None)
    if flying is not None:
        why = _GOES_ON.get(flying.status, Message.of(RefusalCode.BEING_WORKED_ON))
        raise Conflict(why, advice=Message.of(RefusalCode.WAIT_FOR_END))
    if runs and _is_about_to_retry(runs[0], moment):
        soon = Message.of(RefusalCode.ABOUT_TO_BE_RETRIED)
        raise Conflict(soon, advice=Message.of(RefusalCode.WAIT_A_MINUTE))
    if jump_state in (JumpState.READY, JumpState.WAITING):
        soon = Message.of(RefusalCode.ABOUT_TO_BE_MADE)
        raise Conflict(soon, advice=Message.of(RefusalCode.WAIT_IT_STARTS))
    if jump_state not in (None, JumpState.FAILED, JumpState.PRODUCING):
        raise Conflict(_NOTHING_FAILED)
    if runs and runs[0].status in FAILED:
        took_it_up = jump_state is None or runs[0].run_id == stand.run_id
        return runs[0] if took_it_up and runs[0].resumes is None else None
    if stand.failed or jump_state == JumpState.FAILED:
        return None
    raise Conflict(_NOTHING_FAILED if runs else Message.of(RefusalCode.NOTHING_BEGUN))


def _is_about_to_retry(run: PipelineRun, moment: datetime) -> bool:
    return run.will_retry and (run.ended is None or moment - run.ended < BEGINS_WITHIN)


@dataclass(frozen=True)
class Pipeline:
    """The progress of single jumps and cards, and retrying them."""

    catalog: Catalog
    dagster: Dagster
    links: Links
    _retrying: WeakValueDictionary[str, asyncio.Lock] = field(
        default_factory=WeakValueDictionary[str, asyncio.Lock], init=False
    )

    async def view(self, subject: str, picture: ProgressSnapshot) -> PipelineView:
        """How far a jump or card is. Raises NotFound. If Dagster does not answer, its runs are left out."""
        known = await asyncio.to_thread(self._known, subject, picture)
        problem: tuple[Message, ...] = ()
        try:
            runs = await self.dagster.at_a_glance().runs_of(subject)
        except StinercutError as silent:
            runs, problem = [], messages_for_pages(silent)
        found = {
            "runs": [self._run_view(run) for run in runs],
            "runs_problem": all_worded(problem),
            "runs_problem_parts": message_views(problem),
        }
        return known.model_copy(update=found)

    async def retry(self, subject: str, picture: ProgressSnapshot) -> RetryView:
        """Retry a jump or card that failed. Raises NotFound, Conflict, HostNotReady or DagsterRefused."""
        known = await asyncio.to_thread(self._known, subject, picture)
        # Two taps on the button at once must not make two runs.
        lock = self._retrying.setdefault(subject, asyncio.Lock())
        async with lock:
            runs = await self.dagster.runs_of(subject)
            parent = run_to_resume(runs, await asyncio.to_thread(self._stand, known), self.catalog.clock())
            tags = await asyncio.to_thread(self._tags, known)
            if parent is not None:
                run_id = await self.dagster.retry(parent.run_id, tags)
            else:
                # As the sensors do. A job has the tags of all its runs itself; identification also its priority.
                job = CARD_JOB if known.kind == "card" else FILM_JOB
                run_id = await self.dagster.launch(job, known.id, tags)
            if known.kind == "jump":
                await asyncio.to_thread(self._resumed, subject, run_id)
        return RetryView(run_id=run_id, resumes=parent.run_id if parent else None)

    async def retry_all(self, subjects: Sequence[str] | None, picture: ProgressSnapshot) -> list[RetriedView]:
        """Retry these jumps and cards, or all that failed. Returns a result for each, in the same order.

        Works on a few at a time, since launching a run takes Dagster up to two seconds. Raises HostNotReady if it
        answers for none of them.
        """
        if subjects is None:
            subjects = await asyncio.to_thread(self._failed)
        places = asyncio.Semaphore(AT_ONCE)

        async def retried(subject: str) -> RetriedView:
            async with places:
                return await self._retried(subject, picture)

        answers = await asyncio.gather(*(retried(subject) for subject in dict.fromkeys(subjects)))
        if answers and all(answer.code == HostNotReady.code for answer in answers):
            raise HostNotReady(tuple(from_json(part.model_dump()) for part in answers[0].problem_parts))
        return answers

    async def _retried(self, subject: str, picture: ProgressSnapshot) -> RetriedView:
        try:
            begun = await self.retry(subject, picture)
            return RetriedView(id=subject, run_id=begun.run_id, problem="", problem_parts=[], code="")
        except StinercutError as refused:
            said = messages_for_pages(refused)
            return RetriedView(
                id=subject,
                run_id=None,
                problem=all_worded(said),
                problem_parts=message_views(said),
                code=refused.code,
            )

    def _stand(self, known: PipelineView) -> Stand:
        if known.kind == "card":
            return Stand(None, None, known.failed)
        with self.catalog.read() as session:
            jump = jumps.require_jump(session, known.id)
            return Stand(jump.state, jump.run_id, jump.state == JumpState.FAILED)

    def _tags(self, known: PipelineView) -> dict[str, str]:
        """The tags to find a run of this jump or card by, and its priority.

        A person waits for it, so it counts as a film's run even if it resumes a run of a backfill.
        """
        if known.kind == "card":
            return {CARD_TAG: known.id}
        with self.catalog.read() as session:
            jump_date = jumps.require_jump(session, known.id).jump_date
        today = local_day(self.catalog.clock())  # The same day as in the sensor.
        return {JUMP_TAG: known.id, PRIORITY_TAG: str(film_priority(jump_date, today)), WORK_TAG: "film"}

    def _failed(self) -> list[str]:
        with self.catalog.read() as session:
            return in_progress.failed_subjects(session)

    def _resumed(self, jump_key: str, run_id: str) -> None:
        with self.catalog.write() as session:
            jump = jumps.require_jump(session, jump_key)
            # The run may have started, or even ended, by now; then it has recorded its state itself.
            if jump.run_id != run_id and jump.state in (JumpState.FAILED, JumpState.PRODUCING):
                jumps.resume(session, jump_key, run_id)

    def _known(self, subject: str, picture: ProgressSnapshot) -> PipelineView:
        with self.catalog.read() as session:
            views = jump_views(session, self.links, [subject])
            if views:
                return _of_jump(views[0])
            cards = card_views(session, picture, [subject])
            if cards:
                return self._of_card(cards[0], steps_of(session, [subject]).get(subject, []))
        raise NotFound(Message.of(RefusalCode.NO_JUMP_OR_CARD_KNOWN, subject=subject))

    def _of_card(self, card: CardView, steps: list[StepView]) -> PipelineView:
        is_done = card.state in ("safe", "removed", "empty")
        share = card.bytes.done / card.bytes.total if card.bytes.total else 0.0
        return PipelineView(
            id=card.card,
            kind="card",
            status=card.state,
            reason=card.message,
            reason_parts=card.message_parts,
            failed=bool(card.problem),
            progress=1.0 if is_done else round(share, 4),
            steps=steps,
            runs=[],
            runs_problem="",
            runs_problem_parts=[],
            links={"partition": self.links.card(card.card)},
        )

    def _run_view(self, run: PipelineRun) -> RunView:
        return RunView(
            run_id=run.run_id,
            job=run.job,
            status=run.status,
            started=run.started,
            ended=run.ended,
            dagster_url=self.links.run(run.run_id),
        )


def _of_jump(jump: JumpView) -> PipelineView:
    return PipelineView(
        id=jump.jump,
        kind="jump",
        status=jump.state,
        reason=jump.reason,
        reason_parts=jump.reason_parts,
        failed=jump.state == JumpState.FAILED,
        progress=jump.progress,
        steps=jump.steps,
        runs=[],
        runs_problem="",
        runs_problem_parts=[],
        links=jump.links.model_dump(),
    )
