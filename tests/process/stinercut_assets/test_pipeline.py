"""The Dagster jobs and sensors on a real card made by code, in this process: from imported files to films."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote

import dagster as dg
import opentimelineio
import pytest
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
from dagster._core.loader import LoadingContextForTest
from support.footage import PLAIN
from support.importing import copy_requested, put_card_in

from app.engine.definitions import defs
from sensors.cards.new_manifests import new_manifests
from sensors.films.ready_jumps import ready_jumps
from sensors.runs.ended_runs import ended_runs
from stinercut.catalog import Catalog, events, migrate
from stinercut.catalog.models import JumpState, StepStatus
from stinercut.catalog.row_messages import label_of_step, reason_words
from stinercut.codes.payload import make_payload
from stinercut.errors import BadTemplate, UnreadableVideo
from stinercut.films.publishing.outputs_note import published_with
from stinercut.jumps import film_records, jumps
from stinercut.language.messages import all_worded
from stinercut.review import decisions, file_groups
from stinercut.runs.failure_rows import failures_of_jump, failures_of_steps
from stinercut.runs.remedies import Remedy, RemedyKind, remedies
from stinercut.settings import Settings
from stinercut.storage.store import Store
from stinercut.synthetic.card import CardMade, make_card
from stinercut.video.probe import probe
from stinercut_assets.films.lineage import observe_footage

otio = cast("Any", opentimelineio)


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, CardMade]:
    """A card with two jumps of two short clips and two photos each."""
    folder = tmp_path_factory.mktemp("card") / "GOPRO"
    return folder, make_card(folder, jumps=2, clips=2, seconds=1.0, size=(640, 360), seed=7, photos=2)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """An installation of its own, with a migrated catalog."""
    monkeypatch.setenv("STINERCUT_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("STINERCUT_TEMPLATE", "plain")  # The bundled one costs ten times as long at 1080p.
    shutil.copytree(PLAIN, tmp_path / "data" / "templates" / "plain")
    monkeypatch.setattr("sensors.common.polling.LOOK_FOR_S", 0.0)  # One look a tick: nothing comes from elsewhere here.
    settings = Settings()
    migrate(settings.catalog_url)
    return settings


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def tick(sensor: dg.SensorDefinition, instance: dg.DagsterInstance) -> dg.SensorResult | dg.SkipReason:
    """One evaluation, with its partitions and observations applied as the daemon would."""
    with dg.build_sensor_context(instance=instance) as context:
        result = sensor(context)
    assert isinstance(result, dg.SensorResult | dg.SkipReason)
    if isinstance(result, dg.SensorResult):
        for request in result.dynamic_partitions_requests or []:
            assert isinstance(request, dg.AddDynamicPartitionsRequest)
            instance.add_dynamic_partitions(request.partitions_def_name, list(request.partition_keys))
        for event in result.asset_events or []:
            instance.report_runless_asset_event(event)
    return result


def run(
    job: str,
    partition: str,
    instance: dg.DagsterInstance,
    *,
    assets: list[str] | None = None,
    raise_on_error: bool = True,
) -> dg.ExecuteInProcessResult:
    """Run a job (or some of its assets) for a partition in this process."""
    return defs.resolve_job_def(job).execute_in_process(
        instance=instance,
        partition_key=partition,
        raise_on_error=raise_on_error,
        asset_selection=[dg.AssetKey(name) for name in assets] if assets else None,
    )


def identify(settings: Settings, folder: Path, instance: dg.DagsterInstance) -> list[str]:
    """Put the card in, let the sensor ask and the job run; returns the keys of the jumps found."""
    insertion = put_card_in(settings, folder)
    copy_requested(settings, folder, insertion)
    asked = tick(new_manifests, instance)
    assert isinstance(asked, dg.SensorResult)
    assert asked.run_requests
    assert len(asked.run_requests) == 1
    result = run("identify_card", str(asked.run_requests[0].partition_key), instance)
    copy_requested(settings, folder, insertion)
    return list(result.output_for_node("card_sessions"))


def film_clips(settings: Settings, key: str) -> list[int]:
    """Card file ids of a jump's clips, in the order of the film."""
    with Catalog.open(settings.catalog_url).read() as session:
        return [clip.card_file_id for clip in jumps.footage_of(session, key).clips]


def cut_short(video: Path) -> None:
    """Truncate a video as a camera leaves it that lost power, with the time it was filmed."""
    before = video.stat()
    with video.open("rb+") as handle:
        handle.truncate(before.st_size // 3)
    os.utime(video, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_a_card_becomes_films_with_the_right_names(
    card: tuple[Path, CardMade], settings: Settings, instance: dg.DagsterInstance
) -> None:
    folder, made = card
    found = identify(settings, folder, instance)
    assert found == [jump.payload.jump_key for jump in made.jumps]
    assert isinstance(tick(new_manifests, instance), dg.SkipReason), "one set of files is identified once"

    asked = tick(ready_jumps, instance)
    assert isinstance(asked, dg.SensorResult)
    assert [request.partition_key for request in asked.run_requests or []] == found
    catalog = Catalog.open(settings.catalog_url)
    for jump in made.jumps[:1]:
        key = jump.payload.jump_key
        result = run("produce_jump", key, instance)
        checks = result.get_asset_check_evaluations()
        assert {check.check_name for check in checks} >= {"duration_is_sum", "right_name", "decodes_to_the_end"}
        assert [(check.check_name, check.description) for check in checks if not check.passed] == []
        with catalog.read() as session:
            film = film_records.latest_film(session, key)
            assert film is not None
            assert film.passenger_name == jump.payload.passenger_name
            assert jumps.require_jump(session, key).state == JumpState.DONE
            assert all(step.status == "done" for step in events.steps_of(session, key))
            told = [event for event in events.since(session, 0) if event.jump_key == key][-3:]
        assert [(event.type, event.data.get("step")) for event in told] == [
            ("pipeline:step_completed", f"clip:{film_clips(settings, key)[-1]}"),
            ("pipeline:step_completed", "film"),
            ("pipeline:completed", None),
        ]
        assert told[1].data["progress"] == 1.0 > told[0].data["progress"]
        path = settings.films_dir / film.file_name
        seen = probe(path)
        assert (seen.width, seen.height) == (320, 180)
        assert seen.duration == pytest.approx(film.seconds, abs=0.05)
        assert path.with_name("poster.jpg").is_file()
        timeline = otio.adapters.read_from_string(path.with_suffix(".otio").read_text(), "otio_json")
        urls = [clip.media_reference.target_url for clip in timeline.find_clips()]
        beside = {path.parent / unquote(url) for url in urls}
        assert {file.parent for file in beside} == {path.with_name("clips")}
        assert all(file.is_file() for file in beside)
        [photos] = published_with(path, film.outputs).photos
        assert film.outputs == [photo.relative_to(path.parent).as_posix() for photo in photos.photos]
        assert [photo.name for photo in photos.photos] == [name.replace(".JPG", ".jpg") for name in jump.photos]
    assert isinstance(tick(ended_runs, instance), dg.SkipReason)

    # The same card again: nothing is copied, nothing is identified, no film is asked for but the one still waiting.
    again = put_card_in(settings, folder)
    assert copy_requested(settings, folder, again) == []
    assert isinstance(tick(new_manifests, instance), dg.SkipReason)


def test_what_goes_wrong_beside_a_film_keeps_it_from_nothing(
    card: tuple[Path, CardMade], settings: Settings, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("a bug")

    for name in ("hand_over", "clear", "jpeg_still"):
        monkeypatch.setattr(f"stinercut.films.publish.{name}", broken)
    key = identify(settings, card[0], instance)[0]
    tick(ready_jumps, instance)
    result = run("produce_jump", key, instance)
    with Catalog.open(settings.catalog_url).read() as session:
        assert film_records.latest_film(session, key) is not None
        assert jumps.require_jump(session, key).state == JumpState.DONE
    said = result.asset_materializations_for_node("rendered_video")[0].metadata["went wrong"].value
    assert isinstance(said, str)
    assert [line.partition(":")[0] for line in said.splitlines()] == [
        "Its picture",
        "Its timeline",
        "Clearing what its template dropped",
        "Its stills",
    ]


def test_a_large_truncated_clip_stops_its_film_and_leaving_it_out_brings_the_film(
    card: tuple[Path, CardMade],
    settings: Settings,
    instance: dg.DagsterInstance,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # With this limit every video is large: codes are read from the proxies, the videos are fetched jump by jump.
    monkeypatch.setenv("STINERCUT_SMALL_FILE_LIMIT", "1")
    settings = Settings()
    folder = tmp_path / "GOPRO"
    shutil.copytree(card[0], folder)
    jump = card[1].jumps[0]
    broken = next(path for path in folder.rglob("*.MP4") if path.name == jump.clips[-1])
    cut_short(broken)
    key = identify(settings, folder, instance)[0]
    tick(ready_jumps, instance)
    failed = run("produce_jump", key, instance, raise_on_error=False)
    assert not failed.success
    catalog = Catalog.open(settings.catalog_url)
    tick(ended_runs, instance)
    with catalog.read() as session:
        record = jumps.require_jump(session, key)
        assert record.state == JumpState.FAILED
        assert broken.name in reason_words(record)
        assert "leave the clip out" in reason_words(record)
        assert film_records.latest_film(session, key) is None
        damaged = next(file for file in record.files if file.file.name == broken.name)
        [failure] = failures_of_jump(record)
        assert (failure.code, failure.file, failure.files) == (
            UnreadableVideo.code,
            broken.name,
            (damaged.card_file_id,),
        )
        assert remedies([failure], [damaged.card_file_id]) == [
            Remedy(RemedyKind.LEAVE_OUT, (damaged.card_file_id,)),
        ]
    assert not (settings.films_dir / key).exists()

    with catalog.write() as session:
        jumps.leave_out(session, key, damaged.card_file_id)
    asked = tick(ready_jumps, instance)
    assert isinstance(asked, dg.SensorResult)
    assert key in [request.partition_key for request in asked.run_requests or []]
    assert run("produce_jump", key, instance).success
    with catalog.read() as session:
        assert jumps.require_jump(session, key).state == JumpState.DONE


def test_a_small_truncated_clip_may_have_been_a_code_so_it_waits_for_a_person(
    card: tuple[Path, CardMade], settings: Settings, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    folder = tmp_path / "GOPRO"
    shutil.copytree(card[0], folder)
    first, second = card[1].jumps
    for photo in folder.rglob("*.JPG"):
        photo.unlink()
    broken = next(path for path in folder.rglob("*.MP4") if path.name == first.clips[-1])
    cut_short(broken)
    found = identify(settings, folder, instance)
    assert found[0] == first.payload.jump_key
    assert found[2] == second.payload.jump_key
    with Catalog.open(settings.catalog_url).read() as session:
        waiting = jumps.require_jump(session, found[1])
        assert waiting.state == JumpState.REVIEW
        assert broken.name in reason_words(waiting)
        assert [file.file.name for file in waiting.files] == [broken.name]

    # The film of what is known to be theirs says so, everywhere; and the next one lacks nothing.
    tick(ready_jumps, instance)
    made = run("produce_jump", found[0], instance)
    provisional = made.asset_materializations_for_node("rendered_video")[0].metadata["provisional"].value
    assert f"1 more file of card GOPRO waits for a person: {broken.name}." == provisional
    assert film_told(settings) == (False, [{"jump": found[1], "files": 1}])
    with Catalog.open(settings.catalog_url).write() as session:
        decisions.leave_out(session, "Kim", found[1], waiting.files[0].card_file_id)
        jumps.resume(session, found[0], "again")
    again = run("produce_jump", found[0], instance)
    assert "provisional" not in again.asset_materializations_for_node("rendered_video")[0].metadata
    assert film_told(settings) == (True, [])


def film_told(settings: Settings) -> tuple[bool, list[dict[str, Any]]]:
    """What the last event of a finished film says of what it lacks."""
    with Catalog.open(settings.catalog_url).read() as session:
        told = [event.data for event in events.since(session, 0) if event.type == "pipeline:completed"][-1]
    return told["complete"], told["missing"]


def test_a_person_says_whose_a_jump_is_and_its_film_carries_that_name(
    card: tuple[Path, CardMade], settings: Settings, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    folder = tmp_path / "GOPRO"
    shutil.copytree(card[0], folder)
    jump = card[1].jumps[0]
    # Only a clip is left on the card, as after the film of the code was deleted: nobody is known for it.
    for file in (*folder.rglob("*.MP4"), *folder.rglob("*.JPG")):
        if file.name not in jump.clips[:1]:
            file.unlink()
    [group] = identify(settings, folder, instance)
    catalog = Catalog.open(settings.catalog_url)
    payload = make_payload("Đorđe Šćepanović", "B-77", jump.payload.jump_date)
    with catalog.write() as session:
        assert file_groups.waiting(session) == [group]
        key = decisions.assign(session, "Kim", group, payload)
    asked = tick(ready_jumps, instance)
    assert isinstance(asked, dg.SensorResult)
    assert [request.partition_key for request in asked.run_requests or []] == [key]
    result = run("produce_jump", key, instance)
    assert all(check.passed for check in result.get_asset_check_evaluations())
    told = result.asset_materializations_for_node("qr_identity")[0].metadata
    assert (told["decided_by"].value, told["source"].value) == ("Kim", "a person")
    with catalog.read() as session:
        film = film_records.latest_film(session, key)
        assert film is not None
        assert (film.passenger_name, film.jump_key) == ("Đorđe Šćepanović", payload.jump_key)
        assert jumps.require_jump(session, group).state == JumpState.GONE

    # A correction of the name afterwards hides that film and asks for exactly one more.
    with catalog.write() as session:
        decisions.assign(session, "Kim", key, payload.model_copy(update={"passenger_name": "Đorđa"}), "Đorđa")
        assert film_records.latest_film(session, key) is None
    again = tick(ready_jumps, instance)
    assert isinstance(again, dg.SensorResult)
    assert [request.partition_key for request in again.run_requests or []] == [key]


def test_footage_that_vanished_from_the_store_is_a_failure_that_says_so(
    card: tuple[Path, CardMade], settings: Settings, instance: dg.DagsterInstance
) -> None:
    key = identify(settings, card[0], instance)[0]
    tick(ready_jumps, instance)
    with Catalog.open(settings.catalog_url).read() as session:
        clip = jumps.footage_of(session, key).clips[0]
    Store(settings.store_dir).object_path(clip.content_hash).unlink()
    assert not run("produce_jump", key, instance, raise_on_error=False).success
    tick(ended_runs, instance)
    with Catalog.open(settings.catalog_url).read() as session:
        record = jumps.require_jump(session, key)
        assert record.state == JumpState.FAILED
        assert clip.name in reason_words(record)
        assert "missing from the store" in reason_words(record)


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (UnreadableVideo("the video is cut short", file="GX010002.MP4"), "UNREADABLE_VIDEO", "GX010002.MP4: the video"),
        (KeyError("a bug"), "UNEXPECTED", "nobody had thought of"),
    ],
)
def test_a_failure_that_only_dagster_knows_of_is_said_in_words(  # noqa: PLR0917
    card: tuple[Path, CardMade],
    settings: Settings,
    instance: dg.DagsterInstance,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    code: str,
    said: str,
) -> None:
    def broken(*_: object) -> None:
        raise error

    monkeypatch.setenv("STINERCUT_RETRIES", "0")
    monkeypatch.setattr("stinercut_assets.films.session_clips.production_so_far", broken)  # Between two reported steps.
    key = identify(settings, card[0], instance)[0]
    tick(ready_jumps, instance)
    assert not run("produce_jump", key, instance, raise_on_error=False).success
    tick(ended_runs, instance)
    with Catalog.open(settings.catalog_url).read() as session:
        record = jumps.require_jump(session, key)
        assert record.state == JumpState.FAILED
        [failure] = failures_of_jump(record)
    assert (failure.code, "KeyError" in reason_words(record)) == (code, False)
    assert said in reason_words(record)


def test_a_template_that_is_not_there_is_said_on_the_board(
    card: tuple[Path, CardMade], settings: Settings, instance: dg.DagsterInstance
) -> None:
    folder, _ = card
    jump = identify(settings, folder, instance)[0]
    shutil.rmtree(settings.templates_dir / "plain")
    tick(ready_jumps, instance)  # It doesn't keep other jumps from their films.
    result = run("produce_jump", jump, instance, assets=["imported_files"], raise_on_error=False)
    assert not result.success
    with Catalog.open(settings.catalog_url).read() as session:
        [said] = failures_of_steps(session, jump)
        shown = {all_worded(label_of_step(step)): step.status for step in events.steps_of(session, jump)}
    assert said.code == BadTemplate.code
    assert "plain" in said.sentence()
    # The files are well; what fails is named.
    assert (shown["Check the files"], shown["Read the template"]) == (StepStatus.DONE, StepStatus.FAILED)


def test_a_run_of_a_single_asset_is_found_by_its_tags_and_has_its_longest_time(
    card: tuple[Path, CardMade], settings: Settings, instance: dg.DagsterInstance
) -> None:
    jump = identify(settings, card[0], instance)[0]
    tick(ready_jumps, instance)
    whole = run("produce_jump", jump, instance, assets=["imported_files"])
    alone = run("produce_jump", jump, instance, assets=["qr_identity"])

    def tags(result: dg.ExecuteInProcessResult) -> dict[str, str]:
        found = instance.get_run_by_id(result.run_id)
        assert found
        ours = ("stinercut/", "dagster/max_runtime")
        return {name: said for name, said in found.tags.items() if name.startswith(ours)}

    assert tags(alone) == tags(whole)
    assert {"stinercut/jump", "stinercut/booking", "stinercut/card", "stinercut/template"} <= tags(alone).keys()


def test_a_run_that_was_killed_before_it_began_is_a_visible_failure(
    card: tuple[Path, CardMade], settings: Settings, instance: dg.DagsterInstance
) -> None:
    key = identify(settings, card[0], instance)[0]
    asked = tick(ready_jumps, instance)
    assert isinstance(asked, dg.SensorResult)
    assert asked.run_requests
    lost = instance.create_run_for_job(
        defs.resolve_job_def("produce_jump"), tags={"dagster/run_key": str(asked.run_requests[0].run_key)}
    )
    instance.report_run_failed(lost)
    tick(ended_runs, instance)
    with Catalog.open(settings.catalog_url).read() as session:
        record = jumps.require_jump(session, key)
        assert record.state == JumpState.FAILED
        assert "cut off" in reason_words(record)


def test_a_new_data_version_makes_exactly_that_jump_stale(
    card: tuple[Path, CardMade], settings: Settings, instance: dg.DagsterInstance
) -> None:
    first, second = identify(settings, card[0], instance)
    tick(ready_jumps, instance)
    for key in (first, second):
        assert run("produce_jump", key, instance, assets=["imported_files"]).success
    files = dg.AssetKey("imported_files")

    def status(key: str) -> StaleStatus:
        graph = defs.resolve_asset_graph()
        return CachingStaleStatusResolver(instance, graph, LoadingContextForTest(instance)).get_status(files, key)

    # The jumps hang on their card in the lineage, and what is read on it later makes none of them stale.
    assert dg.AssetKey("card_sessions") in defs.resolve_asset_graph().get_ancestor_asset_keys(files)
    instance.report_runless_asset_event(
        dg.AssetMaterialization("card_sessions", partition="a-card", tags={"dagster/data_version": "anew"})
    )
    assert (status(first), status(second)) == (StaleStatus.FRESH, StaleStatus.FRESH)
    instance.report_runless_asset_event(observe_footage(first, "another", 3))
    assert (status(first), status(second)) == (StaleStatus.STALE, StaleStatus.FRESH)

    # Which card it was stands in the observation, with the way to it.
    seen = instance.fetch_observations(
        dg.AssetRecordsFilter(asset_key=dg.AssetKey("footage"), asset_partitions=[second]), limit=1
    ).records[0]
    assert seen.asset_observation
    (label,) = [name for name in seen.asset_observation.metadata if name.startswith("card ")]
    [asked] = instance.get_dynamic_partitions("cards")
    assert asked in label
    assert f"/assets/card_sessions?view=partitions&partition={asked}" in str(
        seen.asset_observation.metadata[label].value
    )
