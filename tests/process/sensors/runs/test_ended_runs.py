"""Runs that were cut off, judged with a real Dagster instance: tried again, or a visible failure."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest
from dagster._core.events import DagsterEvent, DagsterEventType
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill
from dagster._daemon.auto_run_reexecution.event_log_consumer import EventLogConsumerDaemon
from support.cataloguing import film
from support.seeding import jump_with

from app.engine.definitions import defs
from sensors.runs.ended_runs import ended_runs
from stinercut.catalog import Catalog, migrate
from stinercut.catalog.events import since
from stinercut.catalog.models import JumpState
from stinercut.catalog.row_messages import reason_words
from stinercut.jumps import film_records, jumps
from stinercut.settings import Settings
from stinercut.storage.store import Store
from stinercut_assets.common.living_runs import alive

pytestmark = pytest.mark.slow

FAILED = DagsterEventType.RUN_FAILURE


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """With run retries as in dagster.yaml, and SQLite, where failures are kept in two places."""
    folder = tmp_path / "dagster"
    folder.mkdir()
    retries = {"run_retries": {"enabled": True, "max_retries": 3, "retry_on_asset_or_op_failure": False}}
    with dg.DagsterInstance.local_temp(str(folder), overrides=retries) as instance:
        look(instance)
        yield instance


@pytest.fixture
def catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Catalog]:
    monkeypatch.setenv("STINERCUT_DATA", str(tmp_path / "data"))
    settings = Settings()
    settings.data.mkdir()
    migrate(settings.catalog_url)
    opened = Catalog.open(settings.catalog_url)
    yield opened
    opened.close()


@pytest.fixture
def jump(catalog: Catalog, tmp_path: Path) -> str:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"a clip")
    return jump_with(catalog, Store(Settings().store_dir), 1, [clip], "Zoë")


def cut_off(instance: dg.DagsterInstance, catalog: Catalog, jump: str, **tags: str) -> dg.DagsterRun:
    """A run that took the jump up and whose process was lost."""
    run = instance.create_run_for_job(defs.resolve_job_def("produce_jump"), tags=tags)
    with catalog.write() as session:
        jumps.take_up(session, jump, run.run_id)
    instance.report_run_failed(run, "Its process was killed.")
    return run


def look(instance: dg.DagsterInstance) -> None:
    """Dagster's retries look at the failures that there are. The runs here come from no code server, so it promises a
    retry and begins none."""
    workspace: Any = SimpleNamespace(instance=instance, create_request_context=lambda: None)
    for _ in EventLogConsumerDaemon().run_iteration(workspace):
        pass


def told(instance: dg.DagsterInstance, catalog: Catalog, jump: str) -> tuple[str, str]:
    """State and reason of the jump after a tick."""
    with dg.build_sensor_context(instance=instance) as context:
        assert isinstance(ended_runs(context), dg.SkipReason)
    with catalog.read() as session:
        found = jumps.require_jump(session, jump)
        return found.state, reason_words(found)


def test_a_run_that_is_about_to_be_begun_again_is_no_failure_and_its_jump_says_so(
    instance: dg.DagsterInstance, catalog: Catalog, jump: str
) -> None:
    lost = cut_off(instance, catalog, jump)
    for _ in range(2):
        state, reason = told(instance, catalog, jump)
        assert state == JumpState.PRODUCING
        assert "being tried again" in reason
    with catalog.read() as session:
        assert [event.type for event in since(session, 0)].count("pipeline:retrying") == 1

    retry = instance.create_run_for_job(defs.resolve_job_def("produce_jump"))
    instance.add_run_tags(lost.run_id, {"dagster/auto_retry_run_id": retry.run_id})
    look(instance)
    assert told(instance, catalog, jump)[0] == JumpState.PRODUCING
    with catalog.write() as session:
        jumps.resume(session, jump, retry.run_id)
    assert told(instance, catalog, jump) == (JumpState.PRODUCING, "")


def test_a_promise_that_dagster_does_not_keep_is_a_visible_failure(
    instance: dg.DagsterInstance, catalog: Catalog, jump: str
) -> None:
    lost = cut_off(instance, catalog, jump)
    look(instance)
    assert instance.get_run_by_id(lost.run_id).tags["dagster/will_retry"] == "true"  # pyright: ignore
    state, reason = told(instance, catalog, jump)
    assert state == JumpState.FAILED
    assert "cut off" in reason


def test_after_the_last_retry_it_is_a_failure_at_once(
    instance: dg.DagsterInstance, catalog: Catalog, jump: str
) -> None:
    cut_off(instance, catalog, jump, **{"dagster/max_retries": "0"})
    assert told(instance, catalog, jump)[0] == JumpState.FAILED


def test_a_run_of_a_cancelled_backfill_is_not_waited_for(
    instance: dg.DagsterInstance, catalog: Catalog, jump: str
) -> None:
    backfill = PartitionBackfill(
        "cancelled", BulkActionStatus.CANCELED, from_failure=False, tags={}, backfill_timestamp=0.0
    )
    instance.add_backfill(backfill)
    cut_off(instance, catalog, jump, **{"dagster/backfill": "cancelled"})
    assert told(instance, catalog, jump)[0] == JumpState.FAILED


def test_a_film_that_was_not_made_again_because_its_run_was_cancelled_is_still_done(
    instance: dg.DagsterInstance, catalog: Catalog, jump: str
) -> None:
    with catalog.write() as session:
        version = jumps.take_up(session, jump, "first").version
        film_records.record_film(session, film(jump, version, "first", name="Zoë"))
    again = instance.create_run_for_job(defs.resolve_job_def("produce_jump"), tags={"dagster/backfill": "again"})
    with catalog.write() as session:
        jumps.resume(session, jump, again.run_id)
    assert told(instance, catalog, jump)[0] == JumpState.PRODUCING
    instance.report_run_canceled(again)
    assert told(instance, catalog, jump) == (JumpState.DONE, "")


def test_a_film_that_could_not_be_made_anew_is_a_failure_and_a_single_asset_that_came_out_well_is_none(
    instance: dg.DagsterInstance, catalog: Catalog, jump: str
) -> None:
    with catalog.write() as session:
        version = jumps.take_up(session, jump, "first").version
        film_records.record_film(session, film(jump, version, "first", name="Zoë"))
    again = instance.create_run_for_job(defs.resolve_job_def("produce_jump"))
    with catalog.write() as session:
        jumps.resume(session, jump, again.run_id)
    instance.report_run_failed(again, "The disk was full.")
    instance.add_run_tags(again.run_id, {"dagster/will_retry": "false"})
    state, reason = told(instance, catalog, jump)
    assert state == JumpState.FAILED
    assert "The film that was made before is still here." in reason

    single = instance.create_run_for_job(defs.resolve_job_def("produce_jump"))
    with catalog.write() as session:
        jumps.resume(session, jump, single.run_id)
    instance.handle_new_event(event_of_success(single))
    assert told(instance, catalog, jump) == (JumpState.DONE, "")


def event_of_success(run: dg.DagsterRun) -> dg.EventLogEntry:
    """What Dagster writes when a run ended well."""
    done = DagsterEvent(event_type_value=DagsterEventType.RUN_SUCCESS.value, job_name=run.job_name)
    return dg.EventLogEntry(None, "info", "done", run.run_id, time.time(), dagster_event=done)


# ---- a process that nobody watches any more --------------------------------------------------------------------------


def looked_at(instance: dg.DagsterInstance, cursor: str | None = None) -> str | None:
    """Let the sensor look; returns the cursor that it leaves."""
    with dg.build_sensor_context(instance=instance, cursor=cursor) as context:
        ended_runs(context)
        return context.cursor


@pytest.fixture
def started(instance: dg.DagsterInstance, catalog: Catalog, jump: str) -> dg.DagsterRun:
    """A run that Dagster calls started."""
    run = instance.create_run_for_job(defs.resolve_job_def("produce_jump"))
    with catalog.write() as session:
        jumps.take_up(session, jump, run.run_id)
    begun = DagsterEvent(event_type_value=DagsterEventType.RUN_START.value, job_name=run.job_name)
    instance.handle_new_event(dg.EventLogEntry(None, "info", "begun", run.run_id, time.time(), dagster_event=begun))
    return run


def word_of_a_killed(run: dg.DagsterRun) -> Path:
    """What a run's process leaves that was killed, on a machine that was started again since."""
    with alive(Settings(), run.run_id):
        (file,) = (Settings().dagster_home / "living-runs").iterdir()
        kept = file.with_suffix(".kept")
        kept.hardlink_to(file)
    return kept.rename(file)


def status(instance: dg.DagsterInstance, run: dg.DagsterRun) -> dg.DagsterRunStatus:
    found = instance.get_run_by_id(run.run_id)
    assert found is not None
    return found.status


def test_a_started_run_whose_process_is_gone_ends_and_is_tried_again(
    instance: dg.DagsterInstance, catalog: Catalog, jump: str, started: dg.DagsterRun
) -> None:
    left = word_of_a_killed(started)
    seen = looked_at(instance)
    assert status(instance, started) == dg.DagsterRunStatus.STARTED, "its own code server may be about to say so"
    looked_at(instance, seen)
    assert status(instance, started) == dg.DagsterRunStatus.FAILURE
    state, reason = told(instance, catalog, jump)
    assert (state, "being tried again" in reason) == (JumpState.PRODUCING, True)
    assert not left.exists()


@pytest.mark.usefixtures("catalog")
def test_so_does_one_whose_process_was_gone_before_it_had_begun(instance: dg.DagsterInstance) -> None:
    run = instance.create_run_for_job(defs.resolve_job_def("produce_jump"))
    starting = DagsterEvent(event_type_value=DagsterEventType.RUN_STARTING.value, job_name=run.job_name)
    instance.handle_new_event(dg.EventLogEntry(None, "info", "begun", run.run_id, time.time(), dagster_event=starting))
    word_of_a_killed(run)
    looked_at(instance, looked_at(instance))
    assert status(instance, run) == dg.DagsterRunStatus.FAILURE


def test_a_started_run_whose_process_lives_goes_on(instance: dg.DagsterInstance, started: dg.DagsterRun) -> None:
    with alive(Settings(), started.run_id):
        looked_at(instance, looked_at(instance))
    assert status(instance, started) == dg.DagsterRunStatus.STARTED
    # Nor does one that says nothing of itself: Dagster's own code server began it.
    looked_at(instance, looked_at(instance))
    assert status(instance, started) == dg.DagsterRunStatus.STARTED


def test_the_word_of_a_run_that_is_over_is_forgotten(instance: dg.DagsterInstance, started: dg.DagsterRun) -> None:
    left = word_of_a_killed(started)
    instance.report_run_failed(started)
    failures = [one for one in instance.all_logs(started.run_id) if one.dagster_event_type == FAILED]
    looked_at(instance, looked_at(instance))
    assert not left.exists()
    assert [one for one in instance.all_logs(started.run_id) if one.dagster_event_type == FAILED] == failures
