"""What came of the last backfill: how many of its films were made, and whether it goes on, ended well or badly.

Owns: that decision, and its view. Not here: asking Dagster (`hub.kit.dagster_client`), starting one (`rerender`).

Dagster's word alone is not enough: a backfill that ended badly may have made most of its films. So films are counted in
the catalog.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from pydantic import BaseModel

from hub.kit.dagster_client import Backfill
from hub.kit.views import MessageView, message_views
from stinercut.jumps.staleness import FilmMade
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message, all_worded

State = Literal["going", "done", "failed", "cancelled"]

_STATES: dict[str, State] = {
    "REQUESTED": "going",
    "COMPLETED": "done",
    "COMPLETED_SUCCESS": "done",
    "CANCELED": "cancelled",
    "CANCELING": "cancelled",
}
"""All of Dagster's other words mean that it failed."""


class BackfillOutcome(BaseModel):
    """The last backfill, whoever asked for it here. `made` of its `films` were made since it was asked for."""

    backfill: str
    state: State
    films: int
    made: int
    outcome: str
    outcome_parts: list[MessageView] = []
    """The same as codes and values."""


def outcome_of(backfill: Backfill, films: Iterable[FilmMade]) -> BackfillOutcome:
    """What came of a backfill, by all films that there are."""
    wanted = frozenset(backfill.partitions)
    made = sum(film.jump_key in wanted and film.made_at > backfill.asked_at for film in films)
    state = _STATES.get(backfill.status, "failed")
    said = [_said(state, made, len(wanted))]
    return BackfillOutcome(
        backfill=backfill.backfill_id,
        state=state,
        films=len(wanted),
        made=made,
        outcome=all_worded(said),
        outcome_parts=message_views(said),
    )


def _said(state: State, made: int, films: int) -> Message:
    match state:
        case "going":
            return Message.of(MessageCode.BACKFILL_GOES_ON, made=made, films=films)
        case "done":
            return Message.of(MessageCode.BACKFILL_DONE, made=made, films=films)
        case "cancelled":
            return Message.of(MessageCode.BACKFILL_CANCELLED, made=made, films=films)
        case "failed":
            return Message.of(MessageCode.BACKFILL_FAILED, made=made, films=films)
