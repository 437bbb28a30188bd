"""What becomes of a fleet's steps, and which of them comes first: decisions without Celery and without Redis.

Lives here: `decide`, `queue_priority`, and how a step fails that no worker made. Doesn't: what is seen of a step
(`sent_step`), sending it (`fleet_executor`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from stinercut.errors import HostNotReady

HOLDER_GONE = 4.0
"""Seconds without its worker's sign of life (which lasts `fleet.BEAT_LASTS`) after which a step is sent again. They
count only while Redis answers: after it was away, workers get this long to be heard."""
FORGOTTEN = 6.0
"""Seconds after which a step that Redis knows nothing of is sent again: longer than workers take to say what they have
in hand once Redis is back."""
NOBODY_AFTER = 3.0
"""Seconds without any worker before people are told."""
SENDS = 4
"""How often a step is sent before it fails: more lost workers than this are no accident, but this step's doing."""

MIDDLE = 5
"""The priority of a run without one. In Redis 0 comes first and 9 last."""


class NoWorker(HostNotReady):
    """No worker took a step for as long as the settings allow."""

    code = "NO_WORKER"


class StepLost(HostNotReady):
    """A step was lost again and again with the worker that made it."""

    code = "STEP_LOST"


class Verdict(Enum):
    """What becomes of a step that was sent."""

    WAIT = "wait"
    NOBODY = "nobody"
    """Wait, and tell people that no worker is in reach."""
    AGAIN = "again"
    """Send it again."""
    GIVE_UP = "give up"


@dataclass(frozen=True)
class Watched:
    """What is seen of a step that has given nothing yet. All times in seconds; None: it isn't so.

    `holder_gone`: for how long the worker that has it has given no sign of life. `forgotten`: for how long Redis has
    known nothing of it. `stuck`: for how long nothing could go on with it, since no worker takes steps of its queue or
    Redis is away.
    """

    sends: int
    holder_gone: float | None = None
    forgotten: float | None = None
    stuck: float | None = None


def decide(seen: Watched, patience: float) -> Verdict:
    """What becomes of a step. A plain function, so that it can be tried without Redis."""
    if (seen.holder_gone or 0) > HOLDER_GONE or (seen.forgotten or 0) > FORGOTTEN:
        return Verdict.AGAIN if seen.sends < SENDS else Verdict.GIVE_UP
    if seen.stuck is None or seen.stuck < NOBODY_AFTER:
        return Verdict.WAIT
    return Verdict.NOBODY if seen.stuck < patience else Verdict.GIVE_UP


def queue_priority(run_priority: str | None) -> int:
    """Redis' priority (0 first, 9 last) for a run's `dagster/priority` (higher first, 0 without it).

    10 gives 0, -10 gives 9.
    """
    try:
        wanted = int(run_priority or 0)
    except ValueError:
        wanted = 0
    return min(9, max(0, MIDDLE - round(wanted / 2)))
