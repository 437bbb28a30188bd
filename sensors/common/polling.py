"""How a sensor hears of something soon: it looks again and again within one tick.

Owns: the waiting. Not here: what is looked for.

Dagster's daemon begins a tick of a sensor every five seconds at best, and a tick costs some 30 ms of processor time,
also when it finds nothing (a call to the code server, rows in Dagster's storage). Asking SQLite whether anything was
written costs a hundredth of a millisecond. So a tick that finds nothing goes on asking for a while, and looks when
something was written: news are found within a pause, and at rest there are fewer ticks. `dagster.yaml` gives each
sensor a thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from stinercut.catalog import Catalog
from stinercut.catalog.change_counter import ChangeCounter

LOOK_FOR_S = 24.2
"""How long a tick goes on looking: a bit less than five rounds of Dagster's daemon."""
LOOK_EVERY_S = 0.5

Found = TypeVar("Found")


def wait_for_news(
    catalog: Catalog, look: Callable[[], Found], *, also_when: Callable[[], bool] = lambda: False
) -> Found:
    """What `look` gives as soon as it gives something (that is true), or its last answer when the time is up.

    It looks at once, then whenever something was written to the catalog, or `also_when` says so: what is waited for may
    be in Dagster's storage.
    """
    until = time.monotonic() + LOOK_FOR_S
    with ChangeCounter.at(catalog) as counter:
        counter.is_news()
        found = look()
        while not found and time.monotonic() + LOOK_EVERY_S < until:
            time.sleep(LOOK_EVERY_S)
            if counter.is_news() or also_when():
                found = look()
    return found
