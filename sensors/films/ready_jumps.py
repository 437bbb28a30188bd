"""Sensor: starts a jump's film when all files of the jump have arrived, and again when its footage has changed.

Owns: the sensor. Not here: the decision (`sensors.common.film_requests`), when a jump is ready
(`stinercut.jumps.jumps`).
"""

from datetime import date

import dagster as dg

from sensors.common.film_requests import film_run
from sensors.common.polling import wait_for_news
from sensors.common.run_requests import RequestedRun, requests
from stinercut.clock import local_day
from stinercut.errors import StinercutError
from stinercut.jumps import in_progress
from stinercut.jumps import jumps as jump_queries
from stinercut.jumps.jumps import JumpFootage
from stinercut.pipeline_names import JUMP_TAG, PRIORITY_TAG, film_priority
from stinercut_assets.common.jobs import produce_jump
from stinercut_assets.common.partitions import jumps
from stinercut_assets.common.resources import Installation
from stinercut_assets.films.lineage import observe_footage, observe_template


@dg.sensor(
    job=produce_jump,
    minimum_interval_seconds=1,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Requests the film of each jump whose files have all arrived, once for each time that it is wanted.",
)
def ready_jumps(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """One run per jump and turn. The cursor remembers the requested runs, only to end the waiting sooner."""
    installation = Installation()
    asked = frozenset((context.cursor or "").split())

    def is_news() -> bool:
        with installation.catalog.read() as session:
            return any(film_run(jump).run_key not in asked for jump in jump_queries.ready_jumps(session))

    wait_for_news(installation.catalog, is_news)
    # Request all of them, even those requested before: a run key makes only one run, and a lost request is repeated.
    with installation.catalog.read() as session:
        ready = {
            film_run(jump).run_key: jump_queries.footage_of(session, jump.jump_key)
            for jump in jump_queries.ready_jumps(session)
        }
    if not ready:
        return dg.SkipReason("No jump waits for its film.")
    to_do = requests(
        (RequestedRun(footage.jump_key, key) for key, footage in ready.items()),
        context.instance.get_dynamic_partitions(jumps.name or ""),
    )
    observations: list[dg.AssetObservation] = []
    for footage in (footage for key, footage in ready.items() if key not in asked):
        observations.append(_observed(installation, footage))
        try:
            template = installation.template_of(footage.jump_key)
        except StinercutError as refused:
            # This jump's run fails and shows that on the board; the other jumps' films are made.
            context.log.warning(refused.sentence())
        else:
            observations.append(observe_template(footage.jump_key, template.name, template.fingerprint))
    today = local_day(installation.catalog.clock())
    return dg.SensorResult(
        dynamic_partitions_requests=[jumps.build_add_request(list(to_do.new_partitions))]
        if to_do.new_partitions
        else [],
        run_requests=[
            dg.RunRequest(run_key=run.run_key, partition_key=run.partition, tags=_tags(ready[run.run_key], today))
            for run in to_do.runs
        ],
        asset_events=observations,
        cursor=" ".join(ready),
    )


def _observed(installation: Installation, footage: JumpFootage) -> dg.AssetObservation:
    with installation.catalog.read() as session:
        cards = in_progress.cards_of(session, footage.jump_key)
    address = installation.settings.dagster_address
    return observe_footage(footage.jump_key, footage.version, len(footage.clips), cards, address)


def _tags(footage: JumpFootage, today: date) -> dict[str, str]:
    """The tags of a film's run: its priority, and the jump by which a person finds it."""
    return {
        JUMP_TAG: footage.jump_key,
        PRIORITY_TAG: str(film_priority(footage.jump_date, today)),
    }
