"""Going on with what failed, over HTTP: the one action behind the board's button and `stinercut retry`.

Owns: the routes. Not here: what a retry does (`pipeline`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import FastAPI, Request
from pydantic import BaseModel, Field

from hub.cards.copy_progress import Live
from hub.runs.pipeline import Pipeline, RetriedView, RetryView
from stinercut.bounds import JumpKey

MAX_SUBJECTS = 500
"""In one request: each takes Dagster up to two seconds. Without a list, all that failed."""


class RetryRequest(BaseModel):
    """Jumps and cards to go on with; all that failed when there is no list."""

    subjects: Annotated[list[JumpKey], Field(max_length=MAX_SUBJECTS)] | None = None


class Answers(BaseModel):
    """What came of each."""

    retried: list[RetriedView]


def add_retrying(app: FastAPI, parts: Callable[[Request], tuple[Pipeline, Live]]) -> None:
    """Add the routes."""

    # The same action under two names, with one rule: the second is where a jump's other actions are.
    @app.post("/api/pipeline/{subject}/retry", status_code=202)
    @app.post("/api/jumps/{subject}/retry", status_code=202)
    async def retry(request: Request, subject: JumpKey) -> RetryView:
        pipeline, live = parts(request)
        return await pipeline.retry(subject, live.picture())

    @app.post("/api/retry", status_code=202)
    async def retry_all(request: Request, asked: RetryRequest) -> Answers:
        pipeline, live = parts(request)
        return Answers(retried=await pipeline.retry_all(asked.subjects, live.picture()))
