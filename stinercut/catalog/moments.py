"""The present moment, by the clock with which a catalog was opened.

Owns: passing the clock to queries and to the defaults of `..._at` columns. Not here: the clocks (`stinercut.clock`).

The clock is an execution option of the engine, so every session and every statement can reach it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.engine import ExecutionContext
from sqlalchemy.orm import Session

from stinercut.clock import Clock, machine_clock

_CLOCK = "stinercut_clock"


def clock_option(clock: Clock) -> dict[str, Any]:
    """The execution option of an engine whose sessions use that clock."""
    return {_CLOCK: clock}


def now_in(session: Session) -> datetime:
    """The present moment for this session's transaction, in UTC."""
    return _clock_of(session.connection())()


def column_now(context: ExecutionContext) -> datetime:
    """The present moment for a row that is written: the default of every `..._at` column."""
    return _clock_of(context.root_connection)()


def _clock_of(connection: Connection) -> Clock:
    # Engines that others make, such as Alembic and tests, lack our option.
    clock: Clock = connection.get_execution_options().get(_CLOCK, machine_clock)
    return clock
