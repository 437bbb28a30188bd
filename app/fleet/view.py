"""One run's view of its fleet: which workers live and who has the run's steps, read from Redis now and then.

Owns: looking, and how long something has been so. Not here: the keys (`registry`), decisions from the view
(`decisions`).
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from app.fleet.registry import Claim, Fleet, Worker, unreachable

LOOK_EVERY = 0.5
"""Seconds for which an answer of Redis about workers and claims counts as current."""


@dataclass
class Since:
    """How long something has been so, without a break."""

    began: float | None = None

    def update(self, so: bool, now: float) -> float | None:
        """Note whether it is so now. Returns how long it has been so; None if it isn't."""
        if not so:
            self.began = None
            return None
        self.began = now if self.began is None else self.began
        return now - self.began


@dataclass
class FleetView:
    """The workers and a run's claims as Redis has them, read at most every `LOOK_EVERY` seconds."""

    fleet: Fleet
    run_id: str
    volume: str
    steps: list[str] = field(default_factory=list[str])
    workers: list[Worker] = field(default_factory=list[Worker])
    claims: dict[str, Claim] = field(default_factory=dict[str, Claim])
    number: int = 0
    """The number of looks so far; it doesn't grow while Redis is away."""
    away: Since = field(default_factory=Since)
    _next: float = 0.0

    def look(self) -> None:
        """Ask Redis, if it is time to."""
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
        return [
            worker for worker in self.workers if worker.queue == queue and worker.takes and worker.volume == self.volume
        ]
