"""Clocks of the tests' own, so that no test depends on the day it is run.

Owns: a clock that runs from a moment of ours on, one that stands, and how a whole test run is put on another day. Not
here: when footage was filmed (`cataloguing.FILMED_FROM`).
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import time_machine

NOON = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
"""Of the day that the tests' cards were filmed on (`cataloguing.FILMED_FROM`)."""


@dataclass(frozen=True)
class RunningClock:
    """Shows `start` when it is made, and goes on as fast as any other."""

    start: datetime = NOON
    _began: float = field(default_factory=time.monotonic)

    def __call__(self) -> datetime:
        """The present moment by this clock."""
        return self.start + timedelta(seconds=time.monotonic() - self._began)


@dataclass
class StandingClock:
    """Shows `moment` until it is put forward."""

    moment: datetime = NOON

    def __call__(self) -> datetime:
        """The present moment by this clock."""
        return self.moment


filming_day = RunningClock()
"""The clock of tests whose cards were filmed on that day; all of them share it, so that what came later is later."""


def moved_clock(when: str) -> time_machine.travel:
    """Puts Python's own clock in this process elsewhere; it goes on running. `when`: `+395` for so many days ahead, or
    a local time such as `2028-02-29T23:30`. Other processes and the times of files stay as they are."""
    if when.startswith("+"):
        there = datetime.now(UTC) + timedelta(days=float(when))
    else:
        there = datetime.fromisoformat(when).astimezone(UTC)
    return time_machine.travel(there, tick=True)
