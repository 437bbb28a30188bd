"""What views of cards and jumps share: their base, steps, events, links into Dagster.

Owns: that, and how it is made. Not here: cards (`hub.cards.views`), jumps and films (`hub.jumps.views`), sending
(`hub.board.feed`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select
from sqlalchemy.orm import Session

from stinercut.catalog.models import Event, Step, StepStatus
from stinercut.catalog.row_messages import label_of_step, messages_of_step, worded_data
from stinercut.language.messages import Message, all_worded
from stinercut.pipeline_names import FILM_ASSET


class View(BaseModel):
    """Base of what is sent to browsers."""

    model_config = ConfigDict(frozen=True)


class MessageView(View):
    """One message: `code` names it, `values` are what its words show (a value may be a message, too)."""

    code: str
    values: dict[str, Any]


def message_views(messages: Iterable[Message]) -> list[MessageView]:
    """Messages as browsers get them next to their words."""
    return [MessageView.model_validate(one.as_json()) for one in messages]


RUN_ID: Final = "0b6a1c1e-6f0c-4f0e-9a53-6d1f5f0c9a11"
STEP: Final[dict[str, Any]] = {
    "step": "session_clips",
    "label": "Clips",
    "status": "running",
    "progress": 0.4,
    "seconds": None,
    "message": "2 of 5 clips",
    "position": 2,
}
"""Both for examples of what routes answer."""


def example(value: dict[str, Any]) -> ConfigDict:
    """A model's configuration with this example, for the description of our API. A test takes each by its model."""
    return ConfigDict(json_schema_extra={"examples": [value]})


class StepView(View):
    """A step of making a film or of reading a card."""

    step: str
    label: str
    label_parts: list[MessageView] = []
    """The same as codes and values."""
    status: str
    progress: float
    seconds: float | None
    message: str
    message_parts: list[MessageView] = []
    """The same as codes and values."""
    position: int = 0
    """Its place in their order. A negative one: a line that is shown among the steps and is no work."""


class JumpLinks(View):
    """Pages of Dagster about one jump."""

    run: str | None
    partition: str
    lineage: str


class EventView(View):
    """Something that happened."""

    id: int
    at: datetime
    type: str
    jump: str | None
    card: str | None
    data: dict[str, Any]


LINEAGE = 5
"""Steps from a film up to its card in Dagster's lineage; the page shows one by itself. A test counts them."""


@dataclass(frozen=True)
class Links:
    """Where views lead: Dagster's pages as a browser knows them, and the folder of films, whose files they name."""

    dagster: str
    films: Path

    def run(self, run_id: str | None) -> str | None:
        """The page of one run."""
        return f"{self.dagster}/runs/{quote(run_id)}" if run_id else None

    def jump(self, jump_key: str, run_id: str | None) -> JumpLinks:
        """The pages about one jump."""
        film = f"{self.dagster}/assets/{FILM_ASSET}"
        return JumpLinks(
            run=self.run(run_id),
            partition=f"{film}?view=partitions&partition={quote(jump_key)}",
            lineage=f"{film}?view=lineage&lineageScope=upstream&lineageDepth={LINEAGE}&partition={quote(jump_key)}",
        )

    def card(self, card_id: str) -> str:
        """The page about one card's readings."""
        return f"{self.dagster}/assets/card_sessions?view=partitions&partition={quote(card_id)}"


def event_view(event: Event) -> EventView:
    """An event as browsers see it."""
    return EventView(
        id=event.event_id,
        at=event.at,
        type=event.type,
        jump=event.jump_key,
        card=event.card_id,
        data=worded_data(event),
    )


def step_view(step: Step) -> StepView:
    """A step as browsers see it."""
    label, said = label_of_step(step), messages_of_step(step)
    return StepView(
        step=step.step,
        label=all_worded(label),
        label_parts=message_views(label),
        status=step.status,
        progress=1.0 if step.status == StepStatus.DONE else step.progress,
        seconds=step.seconds,
        message=all_worded(said),
        message_parts=message_views(said),
        position=step.position,
    )


def steps_of(session: Session, subjects: Collection[str]) -> dict[str, list[StepView]]:
    """The steps of jumps and cards, in their order."""
    rows = session.execute(select(Step).where(Step.subject.in_(subjects)).order_by(Step.position, Step.step)).scalars()
    out: dict[str, list[StepView]] = {}
    for row in rows:
        out.setdefault(row.subject, []).append(step_view(row))
    return out
