"""Sensor: all files of a jump are here, so its film can be made (and again when its footage has changed)."""

import dagster as dg

from sensors.decisions import Wanted, requests
from stinercut.catalog import jumps as jump_queries
from stinercut.store import key_of
from stinercut_assets.jobs import JUMP_TAG, produce_jump
from stinercut_assets.lineage import observe_footage, observe_template
from stinercut_assets.partitions import jumps
from stinercut_assets.resources import Installation


@dg.sensor(
    job=produce_jump,
    minimum_interval_seconds=1,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Requests the film of each jump whose files have all arrived, once per version of its footage.",
)
def ready_jumps(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """One run per jump and version."""
    installation = Installation()
    with installation.catalog.read() as session:
        ready = [jump_queries.footage_of(session, jump) for jump, _ in jump_queries.ready_jumps(session)]
    if not ready:
        return dg.SkipReason("No jump waits for its film.")
    asked = requests(
        (Wanted(footage.jump_key, run_key(footage.jump_key, footage.version)) for footage in ready),
        context.instance.get_dynamic_partitions(jumps.name or ""),
    )
    observations: list[dg.AssetObservation] = []
    for footage in ready:
        template = installation.template_of(footage.jump_key)
        observations += [
            observe_footage(footage.jump_key, footage.version, len(footage.clips)),
            observe_template(footage.jump_key, template.fingerprint, template.name),
        ]
    return dg.SensorResult(
        dynamic_partitions_requests=[jumps.build_add_request(list(asked.new_partitions))]
        if asked.new_partitions
        else [],
        run_requests=[
            dg.RunRequest(run_key=run.run_key, partition_key=run.partition, tags={JUMP_TAG: run.partition})
            for run in asked.runs
        ],
        asset_events=observations,
    )


def run_key(jump_key: str, version: str) -> str:
    """The name under which the run for this version of a jump is requested once."""
    return key_of(jump_key, version)
