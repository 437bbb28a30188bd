"""Sensor: starts identification of a card once its early files have arrived.

Owns: the sensor. Not here: the requests for runs (`sensors.common.run_requests`), the query
(`stinercut.cards.unassigned_files`).
"""

import dagster as dg

from sensors.common.polling import wait_for_news
from sensors.common.run_requests import RequestedRun, requests
from stinercut.cards import unassigned_files
from stinercut.pipeline_names import CARD_TAG
from stinercut_assets.common.jobs import identify_card
from stinercut_assets.common.partitions import cards
from stinercut_assets.common.resources import Installation


@dg.sensor(
    job=identify_card,
    minimum_interval_seconds=1,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Requests identification for each card whose manifest is complete and whose early files are here.",
)
def new_manifests(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """One run per card and set of files. The cursor remembers the requested runs, only to end the waiting sooner."""
    installation = Installation()
    asked = frozenset((context.cursor or "").split())

    def wanted() -> list[RequestedRun]:
        with installation.catalog.read() as session:
            return [RequestedRun(card, key) for card, _, key in unassigned_files.insertions_to_identify(session)]

    wait_for_news(installation.catalog, lambda: any(run.run_key not in asked for run in wanted()))
    # Request all of them, even those requested before: a run key makes only one run, and a lost request is repeated.
    runs = wanted()
    if not runs:
        return dg.SkipReason("No card waits for identification.")
    to_do = requests(runs, context.instance.get_dynamic_partitions(cards.name or ""))
    return dg.SensorResult(
        dynamic_partitions_requests=[cards.build_add_request(list(to_do.new_partitions))]
        if to_do.new_partitions
        else [],
        run_requests=[
            dg.RunRequest(run_key=run.run_key, partition_key=run.partition, tags={CARD_TAG: run.partition})
            for run in to_do.runs
        ],
        cursor=" ".join(run.run_key for run in to_do.runs),
    )
