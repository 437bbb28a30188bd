"""Decisions about a fleet's steps, without Celery and Redis: wait, send again or give up, and which step comes first.

Owns: `decide`, `queue_priority`, and how a step fails that no worker made. Not here: observing a step (`sent_step`),
sending it (`executor`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from stinercut.errors import HostNotReady
from stinercut.pipeline_names import (
    BACKFILL_PRIORITY,
    EARLY_PRIORITY,
    IDENTIFY_PRIORITY,
    OLDER_PRIORITY,
    TODAY_PRIORITY,
)

HOLDER_GONE = 4.0
"""Seconds without its worker's heartbeat (which is valid for `registry.BEAT_LASTS`) after which a step is sent again.
They count only while Redis answers: after it was away, workers get this long to be heard."""
FORGOTTEN = 6.0
"""Seconds after which a step that is unknown to Redis is sent again: longer than workers take, once Redis is back, to
report the steps that they have in hand."""
NOBODY_AFTER = 3.0
"""Seconds without any worker before people are told."""
SENDS = 4
"""How often a step is sent before it fails: if more workers are lost over a step, the step is the cause."""

LAST_PLACE = 9
"""Redis' priorities go from 0, which comes first, to this one."""
_LEVELS = (IDENTIFY_PRIORITY, TODAY_PRIORITY, EARLY_PRIORITY, OLDER_PRIORITY, BACKFILL_PRIORITY)
"""The priorities of our runs, highest first. Each has its own place in Redis, with one free place between two."""


class NoWorker(HostNotReady):
    """No worker took a step for as long as the settings allow."""

    code = "NO_WORKER"


class StepLost(HostNotReady):
    """A step was lost repeatedly together with the worker that made it."""

    code = "STEP_LOST"


class StepVerdict(Enum):
    """What to do about a step that was sent."""

    WAIT = "wait"
    NOBODY = "nobody"
    """Wait, and tell people that no worker is in reach."""
    AGAIN = "again"
    """Send it again."""
    GIVE_UP = "give up"


@dataclass(frozen=True)
class Watched:
    """What is known of a step without a result. The times are in seconds; None means that it isn't so.

    `holder_gone`: how long the worker that has it has sent no heartbeat. `forgotten`: how long Redis has not known the
    step. `stuck`: how long nothing could happen to it, because no worker takes steps of its queue or Redis is away.
    """

    sends: int
    holder_gone: float | None = None
    forgotten: float | None = None
    stuck: float | None = None


def decide(seen: Watched, patience: float) -> StepVerdict:
    """What to do about a step. A pure function, so that it can be tested without Redis."""
    if (seen.holder_gone or 0) > HOLDER_GONE or (seen.forgotten or 0) > FORGOTTEN:
        return StepVerdict.AGAIN if seen.sends < SENDS else StepVerdict.GIVE_UP
    if seen.stuck is None or seen.stuck < NOBODY_AFTER:
        return StepVerdict.WAIT
    return StepVerdict.NOBODY if seen.stuck < patience else StepVerdict.GIVE_UP


def queue_priority(run_priority: str | None) -> int:
    """Redis' priority (0 first) for a run's `dagster/priority` (higher first).

    Redis has ten places and Dagster any number, so only the priorities of our jobs have exact places: 10, 5, 3, 1 and 0
    give 0, 2, 4, 6 and 8. Any other number gets the place between its two neighbours.
    """
    try:
        wanted = int(run_priority or BACKFILL_PRIORITY)
    except ValueError:
        wanted = BACKFILL_PRIORITY
    above = sum(level > wanted for level in _LEVELS)
    place = 2 * above if wanted in _LEVELS else 2 * above - 1
    return min(LAST_PLACE, max(0, place))
