"""Notices reads that never return, leaves their threads behind and counts them.

Owns: how long a card has been silent, and giving work up when it is silent for too long. Not here: what is read
(`detector.copy.copying`), what a hung file means for its card (`detector.copy.offload`). Nothing can end a read that
hangs in the kernel: its thread stays until the card answers or the process ends. So the number of such threads is
limited.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event, Lock
from types import TracebackType
from typing import TypeVar

from detector.hanging.threads import in_thread

T = TypeVar("T")

HUNG_S = 30.0
"""A card that is silent for this long counts as hung. Linux gives up a USB command after 30 s and tries again."""
MOST_LEFT_BEHIND = 16
"""How many threads may hang at once, over all cards of a detector."""


class Hung(Exception):
    """The card didn't answer in time, or too many threads hang already."""


class CardHeartbeat:
    """Tells since when a thread waits for its card. Used as `with pulse:` around everything that touches the card."""

    def __init__(self) -> None:
        self._since: float | None = None

    def __enter__(self) -> None:
        self._since = time.monotonic()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._since = None

    def beat(self) -> None:
        """Note that the card has answered, and that the thread asks it again at once."""
        self._since = time.monotonic()

    def silent_for(self) -> float:
        """Seconds that the thread has waited for the card; 0 while it doesn't wait."""
        since = self._since
        return 0.0 if since is None else time.monotonic() - since


@dataclass
class Watchdog:
    """Runs the work of all cards of one detector."""

    hung_s: float = HUNG_S
    most: int = MOST_LEFT_BEHIND
    _lock: Lock = field(default_factory=Lock)
    _left_behind: set[int] = field(default_factory=set[int])
    _ended: set[int] = field(default_factory=set[int])
    _begun: int = 0

    @property
    def left_behind(self) -> int:
        """How many threads hang now."""
        with self._lock:
            return len(self._left_behind)

    async def run(self, work: Callable[[], T], pulse: CardHeartbeat, give_up: Event) -> T:
        """The result of `work()`, run in a thread that shows by `pulse` when it waits for a card.

        Sets `give_up` when nobody waits for the work any more: from then on the work must only end. Raises Hung.
        """
        if self.left_behind >= self.most:
            raise Hung
        self._begun += 1
        number = self._begun

        def counted() -> T:
            try:
                return work()
            finally:
                with self._lock:
                    self._ended.add(number)
                    self._left_behind.discard(number)

        task = asyncio.ensure_future(in_thread(counted, give_up))
        try:
            while True:
                done, _ = await asyncio.wait({task}, timeout=self.hung_s / 4)
                if done:
                    return task.result()
                if pulse.silent_for() >= self.hung_s:
                    raise Hung
        finally:
            give_up.set()
            if not task.done():
                task.cancel()
                await asyncio.wait({task})
            with self._lock:
                if number not in self._ended:
                    self._left_behind.add(number)
                self._ended.discard(number)
