"""The board for a terminal: the state that the hub's frames add up to, and sentences about its changes.

Owns: that state and the sentences. Not here: the frames (`hub.board.feed`, with the views of `hub`), following the
socket (`app.common.hub_client`), drawing the board (`app.commands.demo`), judging it (`demo`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hub.board.feed import CardFrame, EventFrame, JumpFrame, Snapshot
from hub.cards.views import CardView
from hub.jumps.views import JumpView
from hub.kit.views import EventView, StepView
from stinercut.catalog.models import JumpState

_SETTLED = (JumpState.DONE, JumpState.FAILED, JumpState.REVIEW, JumpState.NO_CLIPS)


def is_jump_settled(jump: JumpView) -> bool:
    """Whether nothing more happens to this jump by itself."""
    return jump.state in _SETTLED


class Board:
    """The state that all frames so far add up to."""

    def __init__(self) -> None:
        self.cards: dict[str, CardView] = {}
        self.jumps: dict[str, JumpView] = {}
        self.changes = 0
        """How often anything has changed, including changes without a sentence."""
        self._last_event = 0

    def take(self, frame: dict[str, Any]) -> list[str]:
        """Take in one frame. Returns its changes in sentences; empty if nothing changed."""
        kind = frame.get("type")
        if kind == "snapshot":
            everything = Snapshot.model_validate(frame)
            cards = [sentence for card in everything.cards for sentence in self._card(card)]
            return cards + [sentence for jump in everything.jumps for sentence in self._jump(jump)]
        if kind == "card":
            return list(self._card(CardFrame.model_validate(frame).card))
        if kind == "jump":
            return list(self._jump(JumpFrame.model_validate(frame).jump))
        return list(self._event(EventFrame.model_validate(frame).event)) if kind == "event" else []

    def _card(self, card: CardView) -> Iterator[str]:
        before = self.cards.get(card.card)
        self.cards[card.card] = card
        self.changes += card != before
        if before is None or before.insertion != card.insertion:
            yield f"Card {card.label} is in."
        elif before.state != card.state and card.message:
            yield f"Card {card.label}: {card.message}"

    def _jump(self, jump: JumpView) -> Iterator[str]:
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

    def _event(self, event: EventView) -> Iterator[str]:
        if event.id <= self._last_event:  # A restarted hub may repeat events.
            return
        self._last_event = event.id
        self.changes += 1
        yield from about_event(event.type, event.data)


_STATES = {
    "waiting": "waits for its files",
    "ready": "has all its files",
    "producing": "its film is being made",
    "done": "its film is done",
    "no_clips": "a code was filmed, and nothing after it",
}


def _about_state(who: str, jump: JumpView) -> str:
    if jump.state == "failed":
        return f"{who}: FAILED. {jump.reason}"
    if jump.state == "review":
        return f"{who}: waits for a person. {jump.reason}"
    return f"{who}: {_STATES.get(jump.state, jump.state)}"


def _about_step(who: str, step: StepView, whole: float) -> Iterator[str]:
    if step.status == "running":
        yield f"{who}: {step.label} ..."
    elif step.status == "done":
        took = f" in {step.seconds:.1f} s" if step.seconds is not None else ""
        yield f"{who}: {step.label} done{took} ({whole:.0%} of the film)"
    elif step.status == "failed":
        yield f"{who}: {step.label} FAILED. {step.message}"


def about_event(kind: str, data: dict[str, Any]) -> Iterator[str]:
    """Sentences about an event, for events that no change of a card or jump shows."""
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
