"""The daemon of Dagster's run queue, which looks as soon as a run is queued in its process.

Owns: waking that daemon. Not here: the queue and its limits (Dagster's, `dagster.yaml`), the tags of runs
(`run_coordinator`).

Dagster looks at the queue when the interval of `dagster.yaml` is over, to the next half second: a card's two runs wait
for a second and a half each. Sensors queue their runs in the daemon's own process, so there it can be told. Runs of
other processes, such as a person's retry, wait for the next look as before.
`tests/process/app/engine/test_run_queue.py` tests what this relies on.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from dagster._core.run_coordinator import QueuedRunCoordinator
from dagster._daemon.daemon import SpanMarker
from dagster._daemon.run_coordinator.queued_run_coordinator_daemon import QueuedRunCoordinatorDaemon
from dagster._utils.error import serializable_error_info_from_exc_info

_BEAT_S = 0.5
"""Seconds after which the loop gives its controller a turn, for heartbeats and for the end."""


def wake_on_new_runs() -> None:
    """Make the queue's daemon of this process look whenever a run is queued here. Call it before the daemon starts."""
    queued = threading.Event()
    submit: Callable[..., Any] = QueuedRunCoordinator.submit_run

    def submit_and_tell(self: QueuedRunCoordinator, context: Any) -> Any:
        try:
            return submit(self, context)
        finally:
            queued.set()

    def core_loop(self: QueuedRunCoordinatorDaemon, context: Any, shutdown_event: threading.Event) -> Iterator[Any]:
        return looks(lambda: self.run_iteration(context), self.interval_seconds, queued)

    QueuedRunCoordinator.submit_run = submit_and_tell
    QueuedRunCoordinatorDaemon.core_loop = core_loop  # pyright: ignore[reportAttributeAccessIssue]


def looks(look: Callable[[], Iterator[Any]], interval: float, queued: threading.Event) -> Iterator[Any]:
    """Look again and again: `interval` seconds after the last look began, or as soon as something is queued.

    Yields what Dagster's own loop yields: marks around each look, an error that a look ended with, None for a turn of
    the controller.
    """
    while True:
        queued.clear()
        again_at = time.monotonic() + interval
        yield SpanMarker.START_SPAN
        try:
            yield from look()
        except Exception:  # As in Dagster's own loop: whatever a look ends with, the next one comes.
            yield serializable_error_info_from_exc_info(sys.exc_info())
        yield SpanMarker.END_SPAN
        while (left := again_at - time.monotonic()) > 0 and not queued.wait(min(left, _BEAT_S)):
            yield None
        yield None
