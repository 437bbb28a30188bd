"""Follows a hub's board as a browser does, and waits for what it shows."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from websockets.sync.client import ClientConnection, connect


@dataclass
class Board:
    """The board as it is now: cards and jumps by key, and all events since it was opened."""

    socket: ClientConnection
    cards: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    jumps: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    events: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    def take(self, frame: dict[str, Any]) -> None:
        """Apply a frame."""
        match frame["type"]:
            case "snapshot":
                self.cards = {card["card"]: card for card in frame["cards"]}
                self.jumps = {jump["jump"]: jump for jump in frame["jumps"]}
            case "card":
                self.cards[frame["card"]["card"]] = frame["card"]
            case "jump":
                self.jumps[frame["jump"]["jump"]] = frame["jump"]
            case "event":
                self.events.append(frame["event"])
            case _:
                pass

    def wait(self, what: str, truth: Callable[[], Any], seconds: float = 120) -> Any:
        """Take frames until something is so; returns what `truth` gave. Fails, showing the board, when time is up."""
        deadline = time.monotonic() + seconds
        while not (answer := truth()):
            try:
                self.take(json.loads(self.socket.recv(timeout=max(0.0, deadline - time.monotonic()))))
            except TimeoutError:
                raise AssertionError(f"{what}: not within {seconds} s\n{self.described()}") from None
        return answer

    def described(self) -> str:
        """The board in a few lines, for a failure's message."""
        cards = [f"{card['label']}: {card['state']} {card['message']} {card['files']}" for card in self.cards.values()]
        jumps = [f"{jump['jump']}: {jump['state']} {jump['reason']}" for jump in self.jumps.values()]
        return "\n".join([*cards, *jumps, *(str(event) for event in self.events[-8:])])

    def card_of(self, label: str) -> dict[str, Any] | None:
        """The card with this label."""
        return next((card for card in self.cards.values() if card["label"] == label), None)


@contextmanager
def open_board(port: int) -> Generator[Board]:
    """The board of the hub on that port, with its first snapshot."""
    with connect(f"ws://127.0.0.1:{port}/ws/board", max_size=None, proxy=None) as socket:
        board = Board(socket)
        board.take(json.loads(socket.recv(timeout=120)))
        yield board
