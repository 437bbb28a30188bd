"""The tests' own clocks, so that no test depends on the day on which it runs.

Owns: a clock that runs from a moment of ours on, one that stands, and how a whole test run is put on another day. Not
here: when footage was filmed (`cataloguing.FILMED_FROM`).
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import time_machine

NOON = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
"""A moment of the day on which the tests' cards were filmed (`cataloguing.FILMED_FROM`)."""


@dataclass(frozen=True)
class RunningClock:
    """Shows `start` when it is made, and runs as fast as any other clock."""

    start: datetime = NOON
    _began: float = field(default_factory=time.monotonic)

    def __call__(self) -> datetime:
        """The present moment by this clock."""
        return self.start + timedelta(seconds=time.monotonic() - self._began)


@dataclass
class StandingClock:
    """Shows `moment` until it is moved forward."""

    moment: datetime = NOON

    def __call__(self) -> datetime:
        """The present moment by this clock."""
        return self.moment


filming_day = RunningClock()
"""The clock of tests whose cards were filmed on that day; all share it, so that later events have later times."""


def moved_clock(when: str) -> time_machine.travel:
    """Puts Python's own clock in this process elsewhere; it goes on running. `when`: `+395` for so many days ahead, or
    a local time such as `2028-02-29T23:30`. Other processes and the times of files stay as they are."""
    if when.startswith("+"):
        there = datetime.now(UTC) + timedelta(days=float(when))
    else:
        there = datetime.fromisoformat(when).astimezone(UTC)
    return time_machine.travel(there, tick=True)
