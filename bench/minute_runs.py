"""What Dagster wrote down of an installation: its runs with their steps, and its sensors' ticks, as JSON on stdout.

    DAGSTER_HOME=... python bench/minute_runs.py

Owns: asking Dagster. Not here: what follows from it (`bench/minute_spans.py`). A program of its own, since an
instance takes its settings from the environment of its process.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import dagster as dg
from dagster import DagsterEventType

OF_RUNS = {
    DagsterEventType.PIPELINE_ENQUEUED: "enqueued",
    DagsterEventType.PIPELINE_DEQUEUED: "dequeued",
    DagsterEventType.PIPELINE_START: "started",
    DagsterEventType.PIPELINE_SUCCESS: "ended",
    DagsterEventType.PIPELINE_FAILURE: "ended",
    DagsterEventType.PIPELINE_CANCELED: "ended",
}
OF_STEPS = {
    DagsterEventType.STEP_WORKER_STARTING: "asked",
    DagsterEventType.STEP_START: "started",
    DagsterEventType.STEP_SUCCESS: "ended",
    DagsterEventType.STEP_FAILURE: "ended",
}


def run_of(instance: dg.DagsterInstance, record: dg.RunRecord) -> dict[str, Any]:
    """A run's moments and those of its steps, in seconds since 1970."""
    run = record.dagster_run
    moments: dict[str, float] = {"created": record.create_timestamp.timestamp()}
    steps: dict[str, dict[str, float]] = {}
    for entry in instance.all_logs(run.run_id, of_type={*OF_RUNS, *OF_STEPS}):
        kind = entry.get_dagster_event().event_type
        if kind in OF_RUNS:
            moments[OF_RUNS[kind]] = entry.timestamp
        elif entry.step_key:
            steps.setdefault(entry.step_key, {})[OF_STEPS[kind]] = entry.timestamp
    return {"job": run.job_name, "partition": run.tags.get("dagster/partition"), "moments": moments, "steps": steps}


def ticks_of(instance: dg.DagsterInstance) -> list[dict[str, Any]]:
    """Sensors' ticks that requested runs."""
    return [
        {"sensor": state.instigator_name, "began": tick.timestamp, "ended": tick.end_timestamp, "runs": tick.run_ids}
        for state in instance.all_instigator_state()
        for tick in instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=500)
        if tick.run_ids
    ]


def main() -> None:
    """Print all of it."""
    with dg.DagsterInstance.get() as instance:
        runs = [run_of(instance, record) for record in instance.get_run_records()]
        json.dump({"runs": runs, "ticks": ticks_of(instance)}, sys.stdout)


if __name__ == "__main__":
    main()
