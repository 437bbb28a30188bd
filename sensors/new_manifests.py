"""Sensor: a card's early files are here, so its jumps can be told apart."""

import dagster as dg

from sensors.decisions import Wanted, requests
from stinercut.catalog import jumps as jump_queries
from stinercut_assets.jobs import CARD_TAG, identify_card
from stinercut_assets.partitions import cards
from stinercut_assets.resources import Installation


@dg.sensor(
    job=identify_card,
    minimum_interval_seconds=1,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Requests identification for each card whose manifest is complete and whose early files are here.",
)
def new_manifests(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """One run per card and set of files."""
    installation = Installation()
    with installation.catalog.read() as session:
        waiting = jump_queries.insertions_to_identify(session)
    if not waiting:
        return dg.SkipReason("No card waits for identification.")
    wanted = [Wanted(card, key) for card, _, key in waiting]
    asked = requests(wanted, context.instance.get_dynamic_partitions(cards.name or ""))
    return dg.SensorResult(
        dynamic_partitions_requests=[cards.build_add_request(list(asked.new_partitions))]
        if asked.new_partitions
        else [],
        run_requests=[
            dg.RunRequest(run_key=run.run_key, partition_key=run.partition, tags={CARD_TAG: run.partition})
            for run in asked.runs
        ],
    )
