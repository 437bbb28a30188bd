"""Where the time comes from: a clock that is handed in.

Owns: what a clock is, the machine's own one, the local day of a moment. Not here: clocks that stand or run elsewhere,
which only tests have (`tests/support/clocks.py`); seconds between two points of one process (`time.monotonic`).

Rules and queries take a moment, or ask the clock they were given; only edges read the machine's. `test_house.py` names
those edges.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime

Clock = Callable[[], datetime]
"""Tells the present moment, with a zone."""


def machine_clock() -> datetime:
    """The present moment by this machine's clock, in UTC."""
    return datetime.now(UTC)


def local_day(moment: datetime) -> date:
    """The day that a moment with a zone falls on here: codes and cameras hold the days of this place."""
    return moment.astimezone().date()
