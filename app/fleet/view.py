"""What one run sees of its fleet: which workers live and who has its steps, asked of Redis now and then.

Owns: looking, and for how long something has been so. Not here: the keys (`registry`), what follows from what is seen
(`decisions`).
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from app.fleet.registry import Claim, Fleet, Worker, unreachable

LOOK_EVERY = 0.5
"""Seconds for which what Redis said of workers and claims is believed."""


@dataclass
class Since:
    """For how long something has been so, without a break."""

    began: float | None = None

    def update(self, so: bool, now: float) -> float | None:
        """Note whether it is so now; gives for how long it has been."""
        if not so:
            self.began = None
            return None
        self.began = now if self.began is None else self.began
        return now - self.began


@dataclass
class FleetView:
    """What Redis says of workers and of a run's steps, asked for at most every `LOOK_EVERY`."""

    fleet: Fleet
    run_id: str
    volume: str
    steps: list[str] = field(default_factory=list[str])
    workers: list[Worker] = field(default_factory=list[Worker])
    claims: dict[str, Claim] = field(default_factory=dict[str, Claim])
    number: int = 0
    """Which look this is; it doesn't grow while Redis is away."""
    away: Since = field(default_factory=Since)
    _next: float = 0.0

    def look(self) -> None:
        """Ask, if it is time to."""
        now = time.monotonic()
        if now < self._next:
            return
        try:
            self.fleet.keep_run(self.run_id)
            self.fleet.set_volume(self.volume)
            self.workers = self.fleet.workers()
            self.claims = self.fleet.claims(self.run_id, self.steps)
        except unreachable():
            self.away.update(True, time.monotonic())
        else:
            self.away.update(False, now)
            self.number += 1
        self._next = time.monotonic() + LOOK_EVERY

    @property
    def lost_sight(self) -> bool:
        """Whether Redis is away."""
        return self.away.began is not None

    def takers(self, queue: str) -> list[Worker]:
        """The workers that take steps of this queue now."""
        return [one for one in self.workers if one.queue == queue and one.takes and one.volume == self.volume]
