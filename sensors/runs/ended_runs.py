"""Sensor: turns runs that ended without their result into visible failures, however they ended.

Owns: asking Dagster about the state of runs, and recording the result. Not here: what an end means (`run_ends`).

A run that was cut off and that Dagster is about to start again is no failure: its jump shows that it is being tried
again.
"""

import json
from collections.abc import Iterable, Mapping

import dagster as dg

from sensors.common.film_requests import film_run
from sensors.runs.run_ends import RunEnd, after_failure, being_retried, settled, verdicts
from stinercut.failures import FailureRecord, reason_of
from stinercut.jumps import in_progress
from stinercut.jumps import jumps as jump_queries
from stinercut.jumps.in_progress import InWork
from stinercut.settings import Settings
from stinercut.storage.sweeping import sweep_dead_segments
from stinercut_assets.common.dagster_internals import BULK_ACTION_TERMINAL_STATUSES
from stinercut_assets.common.jobs import identify_card, produce_jump
from stinercut_assets.common.living_runs import forget, lost_runs
from stinercut_assets.common.reporting import failures_in_log
from stinercut_assets.common.resources import Installation

_ENDS = {
    dg.DagsterRunStatus.SUCCESS: RunEnd.SUCCEEDED,
    dg.DagsterRunStatus.FAILURE: RunEnd.FAILED,
    dg.DagsterRunStatus.CANCELED: RunEnd.CANCELED,
}

_HAS_A_PROCESS = (dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED)

_WILL_RETRY, _RETRIED_BY = "dagster/will_retry", "dagster/auto_retry_run_id"
"""The tags that Dagster writes on a run whose process was lost: just after its end, and when its retry begins."""

_CONSIDERED_TO = "EVENT_LOG_CONSUMER_CURSOR-PIPELINE_FAILURE"
"""The name under which the daemon that begins retries stores the last failure that it looked at."""
_BACKFILL = "dagster/backfill"


@dg.sensor(
    jobs=[identify_card, produce_jump],
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Marks jumps and cards as failed when their run ended without a result.",
)
def ended_runs(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Record failures in the catalog. Requests no runs."""
    installation = Installation()
    _end_lost_runs(context, installation.settings)
    with installation.catalog.read() as session:
        jumps = in_progress.unfinished_jumps(session)
        ready = jump_queries.ready_jumps(session)
        cards = in_progress.unfinished_cards(session)
    jumps += [InWork(jump.jump_key, _requested(context, film_run(jump).run_key)) for jump in ready]
    identifying = [InWork(key, _requested(context, key)) for _, key in cards]
    ends = _ends(context, [*jumps, *identifying])
    logged = _logged(context.instance, [*jumps, *identifying], ends)
    failed_jumps, failed_cards = verdicts(jumps, ends, logged), verdicts(identifying, ends, logged)
    finished = settled(jumps, ends)
    retried = being_retried(jumps, ends)
    if failed_jumps or failed_cards or finished or retried:
        run_of = {work.subject: work.run_id or "" for work in (*jumps, *identifying)}
        with installation.catalog.write() as session:
            for jump, failures in failed_jumps.items():
                jump_queries.record_failure(session, jump, run_of[jump], reason_of(failures), failures)
            for jump in finished:
                in_progress.settle(session, jump)
            for key, failures in failed_cards.items():
                in_progress.record_identify_failure(session, key, run_of[key], reason_of(failures))
            for jump in retried:
                in_progress.say_retried(session, jump)
    sweep_dead_segments(installation.store)
    return dg.SkipReason(f"{len(failed_jumps)} jumps and {len(failed_cards)} cards failed since the last look.")


def _end_lost_runs(context: dg.SensorEvaluationContext, settings: Settings) -> None:
    """End runs as failed that Dagster calls started although their process is gone. Dagster then starts them again.

    The code server that began a run reports its end itself within a second. If it hasn't between two looks, it never
    will: another code server runs by now.
    """
    lost = lost_runs(settings)
    seen_before: set[str] = set(json.loads(context.cursor)) if context.cursor else set()
    for run_id in lost:
        run = context.instance.get_run_by_id(run_id)
        if run is not None and run.status in _HAS_A_PROCESS and run_id in seen_before:
            context.instance.report_run_failed(
                run, "Its process is gone: the machine or its code server was restarted."
            )
            forget(settings, run_id)
        elif run is None or run.is_finished:
            forget(settings, run_id)
    context.update_cursor(json.dumps(sorted(lost)))


def _requested(context: dg.SensorEvaluationContext, key: str) -> str | None:
    """The latest run that was requested under this run key, if one was."""
    runs = context.instance.get_runs(dg.RunsFilter(tags={"dagster/run_key": key}), limit=1)
    return runs[0].run_id if runs else None


def _ends(context: dg.SensorEvaluationContext, in_work: Iterable[InWork]) -> dict[str, RunEnd]:
    return {run_id: _end_of(context.instance, run_id) for run_id in {work.run_id for work in in_work if work.run_id}}


def _logged(
    instance: dg.DagsterInstance, in_work: Iterable[InWork], ends: Mapping[str, RunEnd]
) -> dict[str, tuple[FailureRecord, ...]]:
    """The failures in Dagster's log of failed runs whose own steps reported nothing, by the run in work."""
    silent = {work.run_id for work in in_work if work.run_id and not work.failures}
    out: dict[str, tuple[FailureRecord, ...]] = {}
    for run_id in (silent_run for silent_run in silent if ends.get(silent_run) is RunEnd.FAILED):
        run = _last_of(instance, run_id)
        if run is not None:
            out[run_id] = failures_in_log(instance, run.run_id)
    return out


def _end_of(instance: dg.DagsterInstance, run_id: str) -> RunEnd:
    """How a run ended, or its last automatic retry. While Dagster is about to retry, the run is not over."""
    run = _last_of(instance, run_id)
    if run is None:
        return RunEnd.GONE
    if run.status != dg.DagsterRunStatus.FAILURE or not instance.run_retries_enabled:
        return _ENDS.get(run.status, RunEnd.GOING)
    considered = run.run_id not in _to_be_considered(instance)
    # Ask once more: the daemon may have begun the retry meanwhile, and then this failure counts as looked at.
    newest = _last_of(instance, run.run_id)
    if newest is None or newest.run_id != run.run_id:
        return RunEnd.GOING
    over = _backfill_is_over(instance, newest)
    return after_failure(newest.tags.get(_WILL_RETRY), considered=considered, backfill_over=over)


def _last_of(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRun | None:
    """The run, or the last of its automatic retries."""
    run = instance.get_run_by_id(run_id)
    while run is not None and (follower := run.tags.get(_RETRIED_BY)):
        run = instance.get_run_by_id(follower)
    return run


def _to_be_considered(instance: dg.DagsterInstance) -> set[str]:
    """The failed runs that Dagster's retries have not looked at yet."""
    cursor = instance.daemon_cursor_storage.get_cursor_values({_CONSIDERED_TO}).get(_CONSIDERED_TO)
    after = dg.RunStatusChangeRecordsFilter(dg.DagsterEventType.RUN_FAILURE, after_storage_id=int(cursor or 0))
    return {record.run_id for record in instance.fetch_run_status_changes(after, limit=1000).records}


def _backfill_is_over(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    if _BACKFILL not in run.tags:
        return False
    backfill = instance.get_backfill(run.tags[_BACKFILL])
    return backfill is None or backfill.status in BULK_ACTION_TERMINAL_STATUSES
