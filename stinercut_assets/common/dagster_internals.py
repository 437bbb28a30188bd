"""The one place that imports names of Dagster that it does not export, for assets and sensors.

Owns: the imports. Not here: the code that starts Dagster's processes and runs (`app.engine`) or sends steps to other
machines (`app.fleet`); it lives among Dagster's internals and imports its own.
`tests/pure/house/test_dagster_internals.py` lists them all: look there when you update Dagster.
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
