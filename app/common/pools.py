"""The pool of steps that keep a core busy, and how many of them may run at once.

Owns: its name and limit. Not here: setting it (`app.engine.dagster_child`), which steps are in it (`stinercut_assets`).
"""

from __future__ import annotations

from stinercut.settings import Settings

FFMPEG_POOL = "ffmpeg"
"""The pool of all steps that keep a core busy, over all runs."""


def ffmpeg_limit(settings: Settings) -> int | None:
    """How many steps of the pool may run at once, over all runs; None means no limit.

    On one machine it is STINERCUT_WORKERS plus one: a waiting step asks for a place only every second, later every 15
    seconds (Dagster's own figures), and no core should idle meanwhile. In a fleet there is no limit here: each
    machine's worker takes as many steps as it has slots, and the others wait in the queue for a free worker.
    """
    return settings.workers + 1 if settings.executor == "processes" else None
