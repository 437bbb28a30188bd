"""Reconnects to a PostgreSQL server that restarts, in all of Dagster's processes.

Owns: making every connection attempt of a process patient. Not here: a connection that is lost in the middle of a
transaction (the step or run fails and is retried).

Why: Dagster tries for some ten seconds. A server that is updated or moved may be away for longer, and each run that
writes an event meanwhile would die with it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from sqlalchemy import Engine, event

PATIENCE = 60.0
"""Seconds that a server may be away after it has answered once: enough for a minor update with its restart."""
PAUSE = 0.5
"""Seconds between two attempts."""

_AWAY = ("refused", "starting up", "shutting down", "recovery mode", "closed the connection", "not yet accepting")
"""Words in errors of PostgreSQL or the system while a server restarts; not in errors of wrong passwords or names."""


@dataclass
class Patience:
    """Connects as SQLAlchemy does, but keeps trying while a server is away that was reached before.

    It doesn't wait for a server that never answered, because the address may be wrong.
    """

    reached: set[str] = field(default_factory=set[str])

    def connect(self, dialect: Any, _record: Any, cargs: Any, cparams: dict[str, Any]) -> Any:
        """Handle SQLAlchemy's event `do_connect`: the connection, or None to leave it to SQLAlchemy."""
        if dialect.name != "postgresql":
            return None
        where = f"{cparams.get('host')}:{cparams.get('port')}"
        deadline = time.monotonic() + (PATIENCE if where in self.reached else 0.0)
        while True:
            try:
                connection = dialect.connect(*cargs, **cparams)
            except dialect.loaded_dbapi.OperationalError as refused:
                if time.monotonic() >= deadline or not is_away(str(refused)):
                    raise
                time.sleep(PAUSE)
            else:
                self.reached.add(where)
                return connection


@lru_cache(maxsize=1)
def wait_for_postgres() -> Patience:
    """Make this process wait for any PostgreSQL server that it has reached before. Takes effect once per process."""
    patience = Patience()
    event.listen(Engine, "do_connect", patience.connect)
    return patience


def is_away(error: str) -> bool:
    """Whether an error means that the server is away for a moment."""
    return any(words in error for words in _AWAY)
