"""Work on a clip starts when that clip has arrived: what is rendered ahead is found by the film's run."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from sqlalchemy.orm import Session
from support.footage import PLAIN
from support.importing import copy_requested, copy_rest, put_card_in

from app.engine.definitions import defs
from sensors.cards.new_manifests import new_manifests
from sensors.films.arriving_clips import arriving_clips
from sensors.films.ready_jumps import ready_jumps
from stinercut.catalog import Catalog, events, migrate
from stinercut.catalog.models import JumpState
from stinercut.catalog.row_messages import label_of_step
from stinercut.jumps import jumps
from stinercut.language.messages import all_worded
from stinercut.pipeline_names import JUMP_TAG, PRIORITY_TAG
from stinercut.settings import Settings
from stinercut.synthetic.card import make_card


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """An installation in which every video is large: codes come from proxies, clips one after the other."""
    monkeypatch.setenv("STINERCUT_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("STINERCUT_SMALL_FILE_LIMIT", "1")
    monkeypatch.setenv("STINERCUT_TEMPLATE", "plain")
    monkeypatch.setattr("sensors.common.polling.LOOK_FOR_S", 0.0)
    shutil.copytree(PLAIN, tmp_path / "data" / "templates" / "plain")
    settings = Settings()
    migrate(settings.catalog_url)
    return settings


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def tick(sensor: dg.SensorDefinition, instance: dg.DagsterInstance, cursor: str | None = None) -> dg.SensorResult:
    with dg.build_sensor_context(instance=instance, cursor=cursor) as context:
        result = sensor(context)
    if isinstance(result, dg.SkipReason):
        return dg.SensorResult(run_requests=[], cursor=cursor)
    assert isinstance(result, dg.SensorResult)
    for request in result.dynamic_partitions_requests or []:
        assert isinstance(request, dg.AddDynamicPartitionsRequest)
        instance.add_dynamic_partitions(request.partitions_def_name, list(request.partition_keys))
    return result


def run(job: str, request: dg.RunRequest, instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    return defs.resolve_job_def(job).execute_in_process(
        instance=instance, partition_key=request.partition_key, tags=dict(request.tags), raise_on_error=False
    )


def kept(result: dg.ExecuteInProcessResult) -> list[bool]:
    """For each clip whether all of it was in the store already."""
    clips = result.output_for_node("session_clips")
    return [all(part.segment.cached for part in clip.made.parts) for clip in clips]


def told(session: Session, key: str) -> list[float]:
    """How far the jump was after each of its steps, as the events say."""
    found = [one for one in events.since(session, 0) if (one.jump_key, one.type) == (key, "pipeline:step_completed")]
    return [one.data["progress"] for one in found]


def test_clips_are_rendered_while_others_are_copied_and_the_film_finds_them(
    settings: Settings, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    folder = tmp_path / "GOPRO"
    made = make_card(folder, jumps=1, clips=3, seconds=1.0, size=(320, 180), seed=7)
    key, clips = made.jumps[0].payload.jump_key, made.jumps[0].clips
    insertion = put_card_in(settings, folder)
    copy_requested(settings, folder, insertion)
    [asked] = tick(new_manifests, instance).run_requests or []
    assert run("identify_card", asked, instance).success
    catalog = Catalog.open(settings.catalog_url)

    # The name is known, no clip is here: the title is made.
    copied = copy_requested(settings, folder, insertion, most=1)
    nothing_yet = tick(arriving_clips, instance)
    [ahead] = nothing_yet.run_requests or []
    assert ahead.partition_key == key
    assert tick(arriving_clips, instance, nothing_yet.cursor).run_requests == [], "once for each set of clips"

    while not set(copied) & set(clips):
        copied += copy_rest(settings, folder, insertion, most=1)
    first = tick(arriving_clips, instance, nothing_yet.cursor)
    [ahead] = first.run_requests or []
    done = run("render_arrived_clips", ahead, instance)
    assert done.success
    assert len(done.output_for_node("render_clip")) == 1
    with catalog.read() as session:
        assert jumps.require_jump(session, key).state == JumpState.WAITING
        assert {row.step: row.status for row in events.steps_of(session, key)}["title"] == "done"
        # Of all steps of its film, not of those that can be done ahead: files, name, title, three clips, joining.
        assert sorted(told(session, key)) == [pytest.approx(1 / 7, abs=1e-3), pytest.approx(2 / 7, abs=1e-3)]

    # A run is in flight for this jump: the next waits for its end.
    flying = instance.create_run_for_job(defs.resolve_job_def("render_arrived_clips"), tags={JUMP_TAG: key})
    copied += copy_rest(settings, folder, insertion, most=1)
    assert tick(arriving_clips, instance, first.cursor).run_requests == []
    instance.report_run_failed(flying)
    second = tick(arriving_clips, instance, first.cursor)
    assert len(second.run_requests or []) == 1

    copy_rest(settings, folder, insertion)
    assert tick(arriving_clips, instance, second.cursor).run_requests == [], "it waits for nothing any more"
    [film] = tick(ready_jumps, instance).run_requests or []
    result = run("produce_jump", film, instance)
    assert result.success
    assert kept(result) == [True, False, False]
    parts = result.asset_materializations_for_node("title_and_outro")[0].metadata["parts"]
    assert isinstance(parts, dg.TableMetadataValue)
    assert [record.data["kept"] for record in parts.records] == [True, True]
    with catalog.read() as session:
        progress = told(session, key)
        assert progress == sorted(progress), "it never goes back, from the first title to the film"
        assert [one.type for one in events.since(session, 0) if one.jump_key == key][-2:] == [
            "pipeline:step_completed",
            "pipeline:completed",
        ]
        assert [number for number, share in enumerate(progress) if share == 1.0] == [len(progress) - 1]


def test_a_clip_that_cannot_be_rendered_ahead_leaves_the_jump_waiting(
    settings: Settings, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    folder = tmp_path / "GOPRO"
    made = make_card(folder, jumps=1, clips=2, seconds=1.0, size=(320, 180), seed=8)
    first = next(path for path in folder.rglob("*.MP4") if path.name == made.jumps[0].clips[0])
    before = first.stat()
    shutil.copyfile(__file__, first)
    os.utime(first, ns=(before.st_atime_ns, before.st_mtime_ns))
    key = made.jumps[0].payload.jump_key
    insertion = put_card_in(settings, folder)
    copy_requested(settings, folder, insertion)
    [asked] = tick(new_manifests, instance).run_requests or []
    run("identify_card", asked, instance)
    copy_requested(settings, folder, insertion, most=2)
    told = tick(arriving_clips, instance)
    [ahead] = told.run_requests or []
    assert ahead.tags.get(PRIORITY_TAG) is None, "the job's own"
    assert not run("render_arrived_clips", ahead, instance).success
    with Catalog.open(settings.catalog_url).read() as session:
        assert jumps.require_jump(session, key).state == JumpState.WAITING
        failed = [row for row in events.steps_of(session, key) if row.status == "failed"]
    assert [all_worded(label_of_step(row)) for row in failed] == [first.name]
    again = tick(arriving_clips, instance, told.cursor)
    [other] = again.run_requests or []
    assert run("render_arrived_clips", other, instance).success, "the broken one is left alone"
