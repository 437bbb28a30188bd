"""Whether Dagster's daemon gives signs of life: `python -m app.engine.daemon_health`, for health checks.

Owns: reading its newest heartbeat from Dagster's PostgreSQL, and an exit code. Not here: a single part of it that
hangs, over which the daemon ends itself (`DAGSTER_DAEMON_HEARTBEAT_TOLERANCE`).

Dagster's own command for this loads all of Dagster, seconds of a core for each look: on a busy machine it never came to
its end, and a daemon that worked was called unhealthy.
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
"""As docker-compose.yml has it; the same variable sets both."""
CONNECT_S = 5


def require_alive(heartbeats: Iterable[str], now: float, tolerance: float) -> None:
    """Raises HostNotReady where none of these, which Dagster wrote as JSON, is young enough."""
    newest = max((float(json.loads(one)["timestamp"]) for one in heartbeats), default=None)
    if newest is None or now - newest > tolerance:
        last = "there was none" if newest is None else f"the last one was {now - newest:.0f} s ago"
        raise HostNotReady(f"Dagster's daemon gives no sign of life: {last}", advice="Start it again.")


def heartbeats_in(address: str) -> list[str]:
    """What the daemon's parts wrote down last. Raises HostNotReady where PostgreSQL does not say."""
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
    """Look, and end with a sentence where something is wrong."""
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
