"""What the hub's board says, as a command follows it: `/ws/board`, its frames, and sentences about what changed.

Owns: following the socket, the state that its frames add up to, the words for a terminal. Not here: how it is
drawn (`commands.demo`), what is made of it (`demo`).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Iterator
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue

_LARGEST_FRAME = 64 << 20
"""Bytes. A snapshot holds all cards and jumps; only this machine's own hub is listened to."""


class BoardModel(BaseModel):
    """Base of what the board shows; fields that this command has no use for are passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class BoardCopy(BoardModel):
    """A file on its way from the card. Sizes in bytes."""

    name: str
    size: int
    done: int


class BoardCard(BoardModel):
    """A card in or once in."""

    card: str
    label: str
    insertion: str | None = None
    state: str
    message: str = ""
    files: dict[str, int] = Field(default_factory=dict[str, int])
    bytes: dict[str, int] = Field(default_factory=dict[str, int])
    copying: tuple[BoardCopy, ...] = ()


class BoardStep(BoardModel):
    """A step of a jump's film. `progress` from 0 to 1, `seconds` once it is done."""

    step: str
    label: str
    status: str
    progress: float = 0.0
    seconds: float | None = None
    message: str = ""


class FilmCheck(BoardModel):
    """One thing a film was checked for."""

    name: str
    passed: bool
    detail: str = ""


class BoardFilm(BoardModel):
    """A published film. `seconds` is its length, `size` its bytes, `made_in` the seconds of the run."""

    url: str
    seconds: float
    size: int
    made_in: float | None = None
    checks: tuple[FilmCheck, ...] = ()


class BoardJump(BoardModel):
    """A jump and how far its film is."""

    jump: str
    passenger: str | None = None
    state: str
    reason: str = ""
    steps: tuple[BoardStep, ...] = ()
    progress: float = 0.0
    film: BoardFilm | None = None

    @property
    def settled(self) -> bool:
        """Whether nothing more happens to it by itself."""
        return self.state in ("done", "failed", "review", "no_clips")


class Board:
    """Everything the frames so far add up to."""

    def __init__(self) -> None:
        self.cards: dict[str, BoardCard] = {}
        self.jumps: dict[str, BoardJump] = {}
        self.changes = 0
        """How often anything at all has changed, also what needs no sentence."""
        self._last_event = 0

    def take(self, frame: dict[str, Any]) -> list[str]:
        """Take in one frame; returns what changed, in sentences. Empty when nothing did."""
        kind = frame.get("type")
        if kind == "snapshot":
            cards = [sentence for card in frame["cards"] for sentence in self._card(BoardCard.model_validate(card))]
            return cards + [line for jump in frame["jumps"] for line in self._jump(BoardJump.model_validate(jump))]
        if kind == "card":
            return list(self._card(BoardCard.model_validate(frame["card"])))
        if kind == "jump":
            return list(self._jump(BoardJump.model_validate(frame["jump"])))
        return list(self._event(frame["event"])) if kind == "event" else []

    def _card(self, card: BoardCard) -> Iterator[str]:
        before = self.cards.get(card.card)
        self.cards[card.card] = card
        self.changes += card != before
        if before is None or before.insertion != card.insertion:
            yield f"Card {card.label} is in."
        elif before.state != card.state and card.message:
            yield f"Card {card.label}: {card.message}"

    def _jump(self, jump: BoardJump) -> Iterator[str]:
        before = self.jumps.get(jump.jump)
        self.jumps[jump.jump] = jump
        self.changes += jump != before
        who = f"{jump.jump} ({jump.passenger})" if jump.passenger else jump.jump
        known = {step.step: step for step in before.steps} if before else {}
        for step in jump.steps:
            earlier = known.get(step.step)
            if earlier is None or (earlier.status, earlier.message) != (step.status, step.message):
                yield from _about_step(who, step, jump.progress)
        if before is None or (before.state, before.reason) != (jump.state, jump.reason):
            yield _about_state(who, jump)

    def _event(self, event: dict[str, Any]) -> Iterator[str]:
        number = int(event.get("id", 0))
        if number <= self._last_event:  # A hub that was started again may repeat itself.
            return
        self._last_event = number
        self.changes += 1
        yield from about_event(str(event.get("type")), event.get("data") or {})


_STATES = {
    "waiting": "waits for its files",
    "ready": "has all its files",
    "producing": "its film is being made",
    "done": "its film is done",
    "no_clips": "a code was filmed, and nothing after it",
}


def _about_state(who: str, jump: BoardJump) -> str:
    if jump.state == "failed":
        return f"{who}: FAILED. {jump.reason}"
    if jump.state == "review":
        return f"{who}: waits for a person. {jump.reason}"
    return f"{who}: {_STATES.get(jump.state, jump.state)}"


def _about_step(who: str, step: BoardStep, whole: float) -> Iterator[str]:
    if step.status == "running":
        yield f"{who}: {step.label} ..."
    elif step.status == "done":
        took = f" in {step.seconds:.1f} s" if step.seconds is not None else ""
        yield f"{who}: {step.label} done{took} ({whole:.0%} of the film)"
    elif step.status == "failed":
        yield f"{who}: {step.label} FAILED. {step.message}"


def about_event(kind: str, data: dict[str, JsonValue]) -> Iterator[str]:
    """What an event means, for those that no change of a card or jump tells as well."""
    file = data.get("file") or "a file"
    if kind == "card:file_copied":
        yield f"Copied {file}"
    elif kind == "card:copy_error":
        yield f"Could not copy {file}: {data.get('detail') or data.get('code')}"
    elif kind == "pipeline:qr_decoded":
        yield f"Read {file}: {data.get('passenger')} (booking {data.get('booking')})"
    elif kind == "pipeline:invalid_qr":
        yield f"Could not take the code in {file}: {data.get('detail') or 'it is no passenger code'}"
    lost = data.get("lost_decoders")
    if isinstance(lost, list) and lost and kind != "pipeline:invalid_qr":
        yield f"{file}: {data.get('detail') or f'{lost[0]} failed over it'}"


async def follow(url: str) -> AsyncGenerator[dict[str, Any]]:
    """The frames of a hub's board, without end: a lost connection is made again, and begins with a new snapshot."""
    from websockets.asyncio.client import connect
    from websockets.exceptions import WebSocketException

    while True:
        try:
            async with connect(url, max_size=_LARGEST_FRAME, proxy=None) as socket:
                async for frame in socket:
                    yield json.loads(frame)
        except (OSError, WebSocketException):
            await asyncio.sleep(0.3)
