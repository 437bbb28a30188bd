"""Waiting for a PostgreSQL server that restarts, in all of Dagster's processes.

Owns: making every connection attempt of a process patient. Not here: what is lost in the middle of a transaction
(the step or run fails and is retried).

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
"""Seconds for which a server that answered before may be away: a minor update and its restart fit in."""
PAUSE = 0.5
"""Seconds between two attempts."""

_AWAY = ("refused", "starting up", "shutting down", "recovery mode", "closed the connection", "not yet accepting")
"""What PostgreSQL or the system says while a server restarts. Wrong passwords and names are not among it."""


@dataclass
class Patience:
    """Connects like SQLAlchemy, again and again while a server is away that was reached before.

    Nobody waits for a server that never answered: its address may be wrong.
    """

    reached: set[str] = field(default_factory=set[str])

    def connect(self, dialect: Any, _record: Any, cargs: Any, cparams: dict[str, Any]) -> Any:
        """SQLAlchemy's event `do_connect`: gives the connection, or None where it isn't ours to make."""
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
    """From now on this process waits for a PostgreSQL server that it has reached before. Does so once."""
    patience = Patience()
    event.listen(Engine, "do_connect", patience.connect)
    return patience


def is_away(said: str) -> bool:
    """Whether an error says that the server is away for a moment."""
    return any(words in said for words in _AWAY)
