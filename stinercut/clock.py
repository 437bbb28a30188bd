"""Clocks: the time comes from a clock that is passed in.

Owns: the type of a clock, the machine's own clock, the local day of a moment. Not here: clocks that stand still or
differ, which only tests have (`tests/support/clocks.py`); seconds between two points of one process (`time.monotonic`).

Rules and queries take a moment, or ask the clock that they were given. Only edges read the machine's clock;
`test_house.py` lists these edges.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime

Clock = Callable[[], datetime]
"""Gives the present moment, with a zone."""


def machine_clock() -> datetime:
    """The present moment by this machine's clock, in UTC."""
    return datetime.now(UTC)


def local_day(moment: datetime) -> date:
    """The local day of a moment with a zone: codes and cameras hold local days."""
    return moment.astimezone().date()
