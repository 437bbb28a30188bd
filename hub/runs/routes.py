"""The pipeline over HTTP: progress of a jump or card, retries, switched-off sensors, the door to Dagster's pages.

Owns: these routes. Not here: what a retry does (`pipeline`), what is switched off (`automation`), who is let into
Dagster's pages (`dagster_door`).
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field

from hub.cards.copy_progress import Live
from hub.kit.parts import part
from hub.kit.passes import DOOR, LONGEST
from hub.kit.views import RUN_ID, example
from hub.runs.automation import AutomationView, AutomationWatch, StartedView
from hub.runs.dagster_door import DagsterDoor
from hub.runs.pipeline import Pipeline, PipelineView, RetriedView, RetryView
from stinercut.bounds import JumpKey

router = APIRouter(tags=["runs"])

PipelinePart = Annotated[Pipeline, Depends(part(Pipeline))]
LivePart = Annotated[Live, Depends(part(Live))]
WatchPart = Annotated[AutomationWatch, Depends(part(AutomationWatch))]

MAX_SUBJECTS = 500
"""The most subjects in one request: each takes Dagster up to two seconds. Without a list, all that failed."""


class RetryRequest(BaseModel):
    """The jumps and cards to retry; without a list, all that failed."""

    model_config = example({"subjects": ["2026-06-01_B-1"]})

    subjects: Annotated[list[JumpKey], Field(max_length=MAX_SUBJECTS)] | None = None


class Answers(BaseModel):
    """The result of each retry."""

    model_config = example(
        {"retried": [{"id": "2026-06-01_B-1", "run_id": RUN_ID, "problem": "", "problem_parts": [], "code": ""}]}
    )

    retried: list[RetriedView]


@router.get("/api/pipeline/{subject}", summary="How far a jump or card is")
async def pipeline(pipeline: PipelinePart, live: LivePart, subject: JumpKey) -> PipelineView:
    """The steps of a jump or card, and Dagster's runs of it."""
    return await pipeline.view(subject, live.picture())


# The same action under two names, with one rule: the second is where a jump's other actions are.
@router.post("/api/pipeline/{subject}/retry", status_code=202, summary="Retry a jump or card that failed")
@router.post("/api/jumps/{subject}/retry", status_code=202, name="retry_jump", summary="Retry a jump that failed")
async def retry(pipeline: PipelinePart, live: LivePart, subject: JumpKey) -> RetryView:
    """Starts a run that resumes the failed one, or starts from nothing."""
    return await pipeline.retry(subject, live.picture())


@router.post("/api/retry", status_code=202, summary="Retry many jumps and cards, or all that failed")
async def retry_all(pipeline: PipelinePart, live: LivePart, asked: RetryRequest) -> Answers:
    """Gives a result for each, in the same order."""
    return Answers(retried=await pipeline.retry_all(asked.subjects, live.picture()))


@router.get("/api/automation", summary="Sensors and schedules that are switched off")
async def automation(watch: WatchPart) -> AutomationView:
    """Empty if all run."""
    return await watch.view()


@router.post("/api/automation/start", summary="Start all that is switched off")
async def start(watch: WatchPart) -> StartedView:
    """Gives the names of those that run again."""
    return await watch.start()


@router.get(DOOR, summary="Into Dagster's pages")
async def door(
    request: Request,
    dagster: Annotated[DagsterDoor, Depends(part(DagsterDoor))],
    to: Annotated[str, Query(max_length=LONGEST)] = "/",
) -> RedirectResponse:
    """Sends a browser on, with a ticket for the guard there."""
    return dagster.answer(request.headers, to)
