"""Old runs are forgotten and the lineage stays true; what killed processes left goes, what is being written stays."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
from dagster._core.loader import LoadingContextForTest
from support.cataloguing import ready_jump

from sensors.films.overdue_films import overdue_films
from stinercut.catalog import Catalog, migrate
from stinercut.settings import Settings
from stinercut.storage.store import Store, sweep_partials
from stinercut.storage.sweeping import sweep_dead_segments, sweep_unused
from stinercut_assets.upkeep.tidying import every_night, forget_before, tidy_up
from stinercut_assets.upkeep.time_zone import zone_of

DAY = dg.StaticPartitionsDefinition(["a", "b"])
SOURCE = dg.AssetSpec("source", partitions_def=DAY)
WRITER = """
import sys, time
from pathlib import Path
from stinercut.storage.store import Store
store = Store(Path(sys.argv[1]))
with store.alone(sys.argv[2]), store.deriving(sys.argv[2], ".mp4") as path:
    path.write_bytes(b"half")
    print(path, flush=True)
    time.sleep(600)
"""


@dg.asset(partitions_def=DAY, deps=[SOURCE])
def film() -> dg.Output[int]:
    return dg.Output(1, data_version=dg.DataVersion("v1"))


def observed(instance: dg.DagsterInstance, version: str) -> None:
    instance.report_runless_asset_event(
        dg.AssetObservation("source", partition="a", tags={"dagster/data_version": version})
    )


def test_a_forgotten_run_leaves_nothing_but_the_truth_about_what_it_made(tmp_path: Path) -> None:
    defs = dg.Definitions([SOURCE, film], jobs=[dg.define_asset_job("make", [film])])
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        observed(instance, "1")
        runs = [defs.resolve_job_def("make").execute_in_process(instance=instance, partition_key=key) for key in "aab"]
        ids = [one.run_id for one in runs]
        before = datetime.now(UTC) + timedelta(seconds=1)
        assert list(forget_before(instance, before - timedelta(days=1))) == []
        assert list(forget_before(instance, before)) == ids
        assert instance.get_runs() == []
        assert [path for name in ids for path in tmp_path.rglob(f"*{name}*")] == []
        assert set(instance.get_materialized_partitions(film.key)) == {"a", "b"}
        stale = CachingStaleStatusResolver(instance, defs.resolve_asset_graph(), LoadingContextForTest(instance))
        assert stale.get_status(film.key, "a") == StaleStatus.FRESH
        observed(instance, "2")
        stale = CachingStaleStatusResolver(instance, defs.resolve_asset_graph(), LoadingContextForTest(instance))
        assert stale.get_status(film.key, "a") == StaleStatus.STALE


def test_the_nightly_job_runs_in_this_installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from app.engine.definitions import defs

    monkeypatch.setenv("STINERCUT_DATA", str(tmp_path / "data"))
    store = Store(Settings().store_dir)
    unused = store.derived_path("ab" * 16, ".mp4")
    unused.parent.mkdir(parents=True)
    unused.write_bytes(b"a part")
    os.utime(unused, (0, 0))
    leftover, scratch, fresh = store.partial_path("segment"), store.partial_path("folder"), store.partial_path("fresh")
    leftover.write_bytes(b"half")
    scratch.mkdir()
    (scratch / "sky.png").write_bytes(b"half")
    fresh.write_bytes(b"half")
    for path in (leftover, scratch / "sky.png", scratch):
        os.utime(path, (time.time() - 7 * 3600,) * 2)
    os.utime(fresh, (time.time(),) * 2)
    with dg.DagsterInstance.ephemeral() as instance:
        assert defs.resolve_job_def(tidy_up.name).execute_in_process(instance=instance).success
    assert [path.name for path in fresh.parent.iterdir()] == ["fresh"]
    assert not unused.exists()
    assert every_night.job_name == tidy_up.name


HOURS = timedelta(hours=1)


@pytest.mark.parametrize(
    ("said", "link", "offset", "zone"),
    [
        ("Europe/Prague", "America/Denver", 0, "Europe/Prague"),
        (":/usr/share/zoneinfo/Europe/Prague", "America/Denver", 0, "Europe/Prague"),
        ("", "America/Denver", 0, "America/Denver"),
        ("CET-1CEST,M3.5.0,M10.5.0/3", "America/Denver", 2, "Etc/GMT-2"),
        ("", "none", -7, "Etc/GMT+7"),
        ("", "America", -7, "Etc/GMT+7"),
        ("", "", 5.5, "Etc/GMT-6"),
        ("", "", 0, "UTC"),
    ],
)
def test_the_zone_of_the_machines_clock_has_a_name(
    tmp_path: Path, said: str, link: str, offset: float, zone: str
) -> None:
    place = tmp_path / "localtime"
    if link:
        place.symlink_to(tmp_path / "zoneinfo" / link)
    assert zone_of(said, place, offset * HOURS) == zone


def test_it_is_night_where_the_machine_is() -> None:
    """In a process of its own: Dagster fixes a schedule's zone when it is defined."""
    ask = (
        "from stinercut_assets.upkeep.tidying import every_night as it; print(it.execution_timezone, it.cron_schedule)"
    )
    environment = os.environ | {"TZ": "Pacific/Auckland"}
    done = subprocess.run([sys.executable, "-c", ask], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "Pacific/Auckland 20 4 * * *\n"


def written(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def test_a_folder_that_is_written_into_is_no_leftover(tmp_path: Path) -> None:
    scratch = Store(tmp_path).partial_path("folder")
    scratch.mkdir()
    (scratch / "sky.png").write_bytes(b"now")
    os.utime(scratch, (0, 0))
    assert sweep_partials([tmp_path], 60, written(scratch / "sky.png")) == 0
    assert scratch.is_dir()


def test_half_a_segment_goes_when_its_writer_was_killed_and_not_before(tmp_path: Path) -> None:
    key = "0123456789abcdef" * 2
    argv = [sys.executable, "-c", WRITER, str(tmp_path), key]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout
        half = Path(writer.stdout.readline().strip())
        other = half.with_name("a card's file.part")
        other.write_bytes(b"the detector goes on with it")
        assert sweep_dead_segments(Store(tmp_path)) == 0
        assert half.exists()
        writer.kill()
        writer.wait()
        assert sweep_dead_segments(Store(tmp_path)) == 1
    assert [path.name for path in half.parent.iterdir()] == [other.name]
    assert list((tmp_path / "locks").iterdir()) == []


def test_parts_that_no_film_used_for_long_go_and_those_in_use_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path)
    paths = {name: store.derived_path("ab" * 16, name) for name in ("old.mp4", "old.wav", "old.json", "used.mp4")}
    paths["footage"] = store.object_path("cd" * 16)
    for path in paths.values():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
        os.utime(path, (0, 0))
    assert store.used(paths["used.mp4"])
    assert not store.used(paths["used.mp4"], store.derived_path("ef" * 16, ".mp4"))
    an_hour_ago = written(paths["used.mp4"]) - timedelta(hours=1)
    assert sweep_unused(store, an_hour_ago) == 2
    assert {name for name, path in paths.items() if path.exists()} == {"old.json", "used.mp4", "footage"}
    rename = Path.rename
    os.utime(paths["used.mp4"], (0, 0))

    def used_just_before(path: Path, target: Path) -> Path:
        store.used(path)
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", used_just_before)
    assert sweep_unused(store, an_hour_ago) == 0
    assert paths["used.mp4"].exists(), "a film began to use it between the look and the removal"
    assert list((tmp_path / "partial").iterdir()) == []


def test_a_film_that_is_overdue_is_said_once_and_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STINERCUT_DATA", str(tmp_path / "data"))
    migrate(Settings().catalog_url)
    catalog = Catalog.open(Settings().catalog_url)
    key, _ = ready_jump(catalog)
    with dg.DagsterInstance.ephemeral() as instance:

        def tick(cursor: str | None) -> tuple[str | None, list[dg.AssetCheckEvaluation]]:
            with dg.build_sensor_context(instance=instance, cursor=cursor) as context:
                said = overdue_films(context)
            if isinstance(said, dg.SkipReason):
                return cursor, []
            assert isinstance(said, dg.SensorResult)
            return said.cursor, [one for one in said.asset_events if isinstance(one, dg.AssetCheckEvaluation)]

        cursor, [said] = tick(None)
        assert not said.passed
        assert key in str(said.description)
        assert tick(cursor) == (cursor, [])
        monkeypatch.setenv("STINERCUT_FILM_DUE_MINUTES", str(100 * 365 * 24 * 60))
        _, [said] = tick(cursor)
        assert said.passed
    catalog.close()
