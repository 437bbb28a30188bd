"""Sensor: starts rendering a jump's clips that have arrived while its other files are still copied.

Owns: the sensor. Not here: the decision (`sensors.common.film_requests`), the query (`stinercut.jumps.arriving`).
"""

import json

import dagster as dg

from sensors.common.film_requests import ahead
from sensors.common.polling import wait_for_news
from sensors.common.run_requests import requests
from stinercut.jumps import arriving
from stinercut.jumps.arriving import Arriving
from stinercut.pipeline_names import JUMP_TAG
from stinercut_assets.common.dagster_internals import NOT_FINISHED_STATUSES
from stinercut_assets.common.partitions import jumps
from stinercut_assets.common.resources import Installation
from stinercut_assets.films.arrived_clips import render_arrived_clips


@dg.sensor(
    job=render_arrived_clips,
    minimum_interval_seconds=1,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Renders ahead: the title once the name is known, each clip once it is here, one run a jump at a time.",
)
def arriving_clips(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """One run per jump and set of clips. The cursor remembers, by jump, the version that was requested last."""
    installation = Installation()
    asked: dict[str, str] = json.loads(context.cursor or "{}")

    held_up: set[str] = set()

    def unasked() -> list[Arriving]:
        with installation.catalog.read() as session:
            jumps_here = arriving.arriving_jumps(session)
        new = [jump for jump in jumps_here if asked.get(jump.jump_key) != jump.version]
        busy = _busy(context.instance) if new else frozenset[str]()
        held_up.clear()
        held_up.update(busy.intersection(jump.jump_key for jump in new))
        return [jump for jump in new if jump.jump_key not in busy]

    # The catalog doesn't know when a run ends, so while a run holds a jump up, look each time.
    new = wait_for_news(installation.catalog, unasked, also_when=lambda: bool(held_up))
    if not new:
        return dg.SkipReason("Nothing that could be rendered ahead has arrived.")
    with installation.catalog.read() as session:
        waiting = {jump.jump_key for jump in arriving.arriving_jumps(session)}
    wanted, cursor = ahead(new, asked, waiting)
    known = context.instance.get_dynamic_partitions(jumps.name or "")
    to_do = requests(wanted, known)
    return dg.SensorResult(
        dynamic_partitions_requests=[jumps.build_add_request(list(to_do.new_partitions))]
        if to_do.new_partitions
        else [],
        run_requests=[
            dg.RunRequest(run_key=run.run_key, partition_key=run.partition, tags={JUMP_TAG: run.partition})
            for run in to_do.runs
        ],
        cursor=json.dumps(cursor),
    )


def _busy(instance: dg.DagsterInstance) -> frozenset[str]:
    """The jumps on which a run works ahead now."""
    runs = instance.get_runs(
        dg.RunsFilter(job_name=render_arrived_clips.name, statuses=list(NOT_FINISHED_STATUSES)), limit=1000
    )
    return frozenset(run.tags.get(JUMP_TAG, "") for run in runs)
