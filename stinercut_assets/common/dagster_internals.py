"""Names that Dagster does not export, for assets and sensors: the one place that imports them.

Owns: the imports. Not here: what starts Dagster's processes and runs (`app.engine`) and sends steps to other machines
(`app.fleet`), which live among Dagster's internals and import their own. `tests/pure/house/test_dagster_internals.py`
lists them all: look there when Dagster is updated.
"""

from __future__ import annotations

from dagster._core.execution.backfill import BULK_ACTION_TERMINAL_STATUSES
from dagster._core.scheduler.instigation import InstigatorState, InstigatorStatus
from dagster._core.storage.dagster_run import FINISHED_STATUSES, NOT_FINISHED_STATUSES
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage

__all__ = [
    "BULK_ACTION_TERMINAL_STATUSES",
    "FINISHED_STATUSES",
    "NOT_FINISHED_STATUSES",
    "InstigatorState",
    "InstigatorStatus",
    "SqliteEventLogStorage",
]
