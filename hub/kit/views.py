"""The views that cards and jumps share: their base, messages, steps, events, links to Dagster's pages.

Owns: these views and how they are made. Not here: cards (`hub.cards.views`), jumps and films (`hub.jumps.views`),
sending them (`hub.board.feed`).
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
    """The base of all views, which are sent to browsers."""

    model_config = ConfigDict(frozen=True)


class MessageView(View):
    """One message. `code` names it; `values` fill its words (a value may be a message too)."""

    code: str
    values: dict[str, Any]


def message_views(messages: Iterable[Message]) -> list[MessageView]:
    """Messages as browsers get them, in addition to their words."""
    return [MessageView.model_validate(message.as_json()) for message in messages]


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
"""A run and a step for the examples in the API's description."""


def example(value: dict[str, Any]) -> ConfigDict:
    """A model's configuration with this example, for the API's description. A test validates each by its model."""
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
    """Its place in the order of steps. Negative for a line that is shown among the steps but is no work."""


class JumpLinks(View):
    """The addresses of Dagster's pages about one jump."""

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
"""How many steps Dagster's lineage has from a film up to its card; without this its page shows one. A test counts."""


@dataclass(frozen=True)
class Links:
    """Addresses for views: of Dagster's pages as a browser knows them; and the folder of films, to find their files."""

    dagster: str
    films: Path

    def run(self, run_id: str | None) -> str | None:
        """The address of the page of one run."""
        return f"{self.dagster}/runs/{quote(run_id)}" if run_id else None

    def jump(self, jump_key: str, run_id: str | None) -> JumpLinks:
        """The addresses of the pages about one jump."""
        film = f"{self.dagster}/assets/{FILM_ASSET}"
        return JumpLinks(
            run=self.run(run_id),
            partition=f"{film}?view=partitions&partition={quote(jump_key)}",
            lineage=f"{film}?view=lineage&lineageScope=upstream&lineageDepth={LINEAGE}&partition={quote(jump_key)}",
        )

    def card(self, card_id: str) -> str:
        """The address of the page about one card's readings."""
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
    label, messages = label_of_step(step), messages_of_step(step)
    return StepView(
        step=step.step,
        label=all_worded(label),
        label_parts=message_views(label),
        status=step.status,
        progress=1.0 if step.status == StepStatus.DONE else step.progress,
        seconds=step.seconds,
        message=all_worded(messages),
        message_parts=message_views(messages),
        position=step.position,
    )


def steps_of(session: Session, subjects: Collection[str]) -> dict[str, list[StepView]]:
    """The steps of these jumps and cards, in order."""
    rows = session.execute(select(Step).where(Step.subject.in_(subjects)).order_by(Step.position, Step.step)).scalars()
    out: dict[str, list[StepView]] = {}
    for row in rows:
        out.setdefault(row.subject, []).append(step_view(row))
    return out
