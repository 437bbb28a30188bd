"""Job `tidy_up`: retention of Dagster's runs and garbage collection of segments and partial files, once a night.

Owns: the op job, its schedule, and how a run is forgotten without making the lineage lie. Not here: the retention of
the catalog's events (`hub.app`). A partial copy that waits for its card stays (`stinercut.storage.store`).
"""

import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import dagster as dg

from stinercut.pipeline_names import WORK_TAG
from stinercut_assets.common.dagster_internals import FINISHED_STATUSES, SqliteEventLogStorage
from stinercut_assets.common.resources import Installation
from stinercut_assets.common.retries import retry_policy
from stinercut_assets.upkeep.time_zone import zone_here

AT_ONCE = 100
"""How many runs are looked up at a time."""
UNTOUCHED_S = 6 * 3600.0
"""A partial file that nothing wrote to for this long belongs to nobody: a silent encode is ended before that."""


@dg.op(out=dg.Out(int), retry_policy=retry_policy("forget_runs"))
def forget_runs(context: dg.OpExecutionContext, installation: Installation) -> int:
    """Remove runs that ended longer ago than `STINERCUT_RUNS_KEPT_DAYS`, with their events, logs and outputs."""
    before = installation.catalog.clock() - timedelta(days=installation.settings.runs_kept_days)
    gone = sum(1 for _ in forget_before(context.instance, before))
    context.log.info("%d runs that ended before %s are gone", gone, before)
    return gone


@dg.op(out=dg.Out(int), ins={"after": dg.In(dg.Nothing)}, retry_policy=retry_policy("sweep_leftovers"))
def sweep_leftovers(context: dg.OpExecutionContext, installation: Installation) -> int:
    """Remove partial files that nobody has touched for hours. Segments of killed runs go sooner, see `ended_runs`."""
    from stinercut.storage.store import sweep_partials

    gone = sweep_partials(
        (installation.settings.store_dir, installation.settings.films_dir), UNTOUCHED_S, installation.catalog.clock()
    )
    context.log.info("%d leftovers are gone", gone)
    return gone


@dg.op(out=dg.Out(int), ins={"after": dg.In(dg.Nothing)}, retry_policy=retry_policy("sweep_unused"))
def sweep_unused(context: dg.OpExecutionContext, installation: Installation) -> int:
    """Remove rendered parts that no film used for `STINERCUT_SEGMENTS_KEPT_DAYS`; one that is needed is made again."""
    from stinercut.storage import sweeping

    before = installation.catalog.clock() - timedelta(days=installation.settings.segments_kept_days)
    gone = sweeping.sweep_unused(installation.store, before)
    context.log.info("%d files of parts that no film used for long are gone", gone)
    return gone


@dg.job(
    executor_def=dg.in_process_executor,
    tags={WORK_TAG: "tidy", "dagster/max_runtime": "7200", "dagster/max_retries": "0"},
    description="Forget Dagster's old runs, remove what killed processes left behind and what no film uses any more.",
)
def tidy_up() -> None:
    """Do all of it, one after the other."""
    sweep_unused(after=sweep_leftovers(after=forget_runs()))


every_night = dg.ScheduleDefinition(
    name="every_night",
    job=tidy_up,
    cron_schedule="20 4 * * *",
    # Dagster's default is UTC, which puts this into the afternoon of some dropzones.
    execution_timezone=zone_here(),
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Tidies up when nobody jumps.",
)


def forget_before(instance: dg.DagsterInstance, before: datetime) -> Iterator[str]:
    """Forget the runs that ended before that moment, oldest first. Yields their ids."""
    finished = dg.RunsFilter(statuses=list(FINISHED_STATUSES), updated_before=before)
    while runs := instance.get_runs(finished, limit=AT_ONCE, ascending=True):
        for run in runs:
            _keep_what_it_made(instance, run.run_id)
            instance.compute_log_manager.delete_logs(prefix=[run.run_id])
            shutil.rmtree(Path(instance.storage_directory()) / run.run_id, ignore_errors=True)
            instance.delete_run(run.run_id)
            _remove_its_database(instance, run.run_id)
            yield run.run_id


def _remove_its_database(instance: dg.DagsterInstance, run_id: str) -> None:
    """Remove the file that holds a run's events on SQLite; Dagster only empties it."""
    storage = instance.event_log_storage
    if isinstance(storage, SqliteEventLogStorage):
        file = Path(storage.path_for_shard(run_id))
        for path in (file, *file.parent.glob(f"{file.name}-*")):
            path.unlink(missing_ok=True)


def _keep_what_it_made(instance: dg.DagsterInstance, run_id: str) -> None:
    """Report again, without a run, each materialization of this run that is the latest of its asset and partition.

    The run's events go with it. Without any event Dagster would call an existing film missing; with an event of the
    same data versions it stays as fresh, or as stale, as it is.
    """
    for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION):
        event = entry.dagster_event
        if event is None or event.asset_key is None:
            continue
        made = event.step_materialization_data.materialization
        latest = instance.fetch_materializations(
            dg.AssetRecordsFilter(
                asset_key=event.asset_key, asset_partitions=[made.partition] if made.partition else None
            ),
            limit=1,
        ).records
        if latest and latest[0].run_id == run_id:
            instance.report_runless_asset_event(made)
