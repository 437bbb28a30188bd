"""Sensor: starts identification of a card once its early files have arrived and were read.

Owns: the sensor. Not here: the requests for runs (`sensors.common.run_requests`), the decision
(`stinercut.cards.unassigned_files`).
"""

import dagster as dg

from sensors.common.polling import wait_for_news
from sensors.common.run_requests import RequestedRun, requests
from stinercut.cards.early_files import early_reader_lock
from stinercut.cards.unassigned_files import ready_cards
from stinercut.pipeline_names import CARD_TAG
from stinercut.storage import locks
from stinercut_assets.common.jobs import identify_card
from stinercut_assets.common.partitions import cards
from stinercut_assets.common.resources import Installation


@dg.sensor(
    job=identify_card,
    minimum_interval_seconds=1,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Requests identification for each card whose manifest is complete and whose early files are here, read "
    "ahead where somebody does that.",
)
def new_manifests(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """One run per card and set of files. The cursor remembers the requested runs, only to end the waiting sooner."""
    installation = Installation()
    asked = frozenset((context.cursor or "").split())
    waits = False

    def wanted() -> list[RequestedRun]:
        nonlocal waits
        is_read_ahead = locks.is_held(early_reader_lock(installation.settings.data))
        with installation.catalog.read() as session:
            found = ready_cards(session, installation.settings.key_ring, is_read_ahead=is_read_ahead)
        waits = found.waiting
        return [RequestedRun(card, key) for card, key in found.cards]

    # While files are being read, it looks again and again: whoever reads them may have been killed.
    wait_for_news(
        installation.catalog, lambda: any(run.run_key not in asked for run in wanted()), also_when=lambda: waits
    )
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
