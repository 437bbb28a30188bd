"""Polling within a tick: a sensor looks repeatedly, so that it hears of news soon.

Owns: the waiting. Not here: what a sensor looks for.

Dagster's daemon begins a tick of a sensor every five seconds at best, and a tick costs some 30 ms of processor time,
even when it finds nothing (a call to the code server, rows in Dagster's storage). Asking SQLite whether anything was
written costs a hundredth of a millisecond. So a tick that finds nothing keeps asking for a while, and looks when
something was written: it finds news within one pause, and at rest there are fewer ticks. `dagster.yaml` gives each
sensor a thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from stinercut.catalog import Catalog
from stinercut.catalog.change_counter import ChangeCounter

LOOK_FOR_S = 24.2
"""How long a tick keeps looking: a bit less than five rounds of Dagster's daemon."""
LOOK_EVERY_S = 0.5

Found = TypeVar("Found")


def wait_for_news(
    catalog: Catalog, look: Callable[[], Found], *, also_when: Callable[[], bool] = lambda: False
) -> Found:
    """The first true answer of `look`, or its last answer when the time is up.

    Looks at once, then whenever something was written to the catalog or `also_when()` is true: the news may be in
    Dagster's storage.
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
