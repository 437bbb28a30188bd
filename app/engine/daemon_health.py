"""The health check of Dagster's daemon: `python -m app.engine.daemon_health`.

Owns: reading the daemon's newest heartbeat from Dagster's PostgreSQL, and an exit code. Not here: a single part of the
daemon that hangs; the daemon then ends itself (`DAGSTER_DAEMON_HEARTBEAT_TOLERANCE`).

Dagster's own command for this loads all of Dagster, which costs seconds of a core at each check. On a busy machine it
never finished, and a working daemon was called unhealthy.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable

from stinercut.clock import Clock, machine_clock
from stinercut.errors import HostNotReady, StinercutError
from stinercut.settings import Settings

TOLERANCE_S = 300.0
"""The same as in docker-compose.yml; the same variable sets both."""
CONNECT_S = 5


def require_alive(heartbeats: Iterable[str], now: float, tolerance: float) -> None:
    """Raise HostNotReady unless one of these heartbeats, which Dagster wrote as JSON, is young enough."""
    newest = max((float(json.loads(heartbeat)["timestamp"]) for heartbeat in heartbeats), default=None)
    if newest is None or now - newest > tolerance:
        last = "there was none" if newest is None else f"the last one was {now - newest:.0f} s ago"
        raise HostNotReady(f"Dagster's daemon gives no sign of life: {last}", advice="Start it again.")


def heartbeats_in(address: str) -> list[str]:
    """The latest heartbeats of the daemon's parts. Raises HostNotReady if PostgreSQL does not answer."""
    from sqlalchemy import create_engine, text
    from sqlalchemy.exc import DatabaseError

    engine = create_engine(address, connect_args={"connect_timeout": CONNECT_S})
    try:
        with engine.connect() as connection:
            return list(connection.execute(text("SELECT body FROM daemon_heartbeats")).scalars())
    except DatabaseError as refused:
        why = " ".join(str(refused.orig).split())
        raise HostNotReady(f"Dagster's database does not answer: {why}", advice="Start the server.") from None
    finally:
        engine.dispose()


def main(clock: Clock = machine_clock) -> None:
    """Check the daemon; if something is wrong, end with a sentence."""
    try:
        address = Settings().dagster_database_url
        if not address:
            raise HostNotReady("Dagster has no PostgreSQL here", advice="Set STINERCUT_DAGSTER_DATABASE_URL.")
        tolerance = float(os.environ.get("DAGSTER_DAEMON_HEARTBEAT_TOLERANCE") or TOLERANCE_S)
        require_alive(heartbeats_in(address), clock().timestamp(), tolerance)
    except StinercutError as refused:
        sys.exit(refused.sentence())


if __name__ == "__main__":
    main()
