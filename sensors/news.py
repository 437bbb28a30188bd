"""How a sensor hears of something soon: it looks again and again within one tick.

Lives here: the waiting. Doesn't: what is looked for.

Dagster's daemon begins a tick of a sensor every five seconds at best, and a tick costs 20 ms of processor time even
when it finds nothing (a call to the code server, rows in Dagster's storage). A look at the catalog costs less than one.
So a tick that finds nothing goes on looking for a while: news are found within a look's pause, and at rest there are
fewer ticks. `dagster.yaml` gives each sensor a thread of its own for that.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

LOOK_FOR_S = 9.2
"""How long a tick goes on looking: a bit less than two rounds of Dagster's daemon."""
LOOK_EVERY_S = 0.4

Found = TypeVar("Found")


def wait_for_news(look: Callable[[], Found], look_for: float | None = None, every: float = LOOK_EVERY_S) -> Found:
    """What `look` gives as soon as it gives something (that is true), or its last answer when the time is up.

    `look_for` in seconds; None takes LOOK_FOR_S.
    """
    until = time.monotonic() + (LOOK_FOR_S if look_for is None else look_for)
    while not (found := look()) and time.monotonic() + every < until:
        time.sleep(every)
    return found
