"""Dagster's schedule storage as dagster.yaml names it: the same answers as Dagster's own, to every thread."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.scheduler.instigation import InstigatorType, TickData, TickStatus
from dagster._core.storage.schedules import SqliteScheduleStorage
from support.repository import REPOSITORY

from app.engine.schedule_storage import RestfulSqliteScheduleStorage

HOUSE = REPOSITORY


def test_dagster_uses_it_and_its_own_class_reads_the_same_ticks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dagster.yaml").write_text((HOUSE / "dagster.yaml").read_text())
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        storage = instance.schedule_storage
        assert isinstance(storage, RestfulSqliteScheduleStorage)
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(storage.create_tick, map(_tick, range(40))))
        others = SqliteScheduleStorage.from_local(str(tmp_path)).get_ticks("sensor", "sensor")
        assert sorted(tick.timestamp for tick in others) == [float(at) for at in range(40)]
        assert len(storage.get_ticks("sensor", "sensor")) == 40


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path) -> None:
    storage = RestfulSqliteScheduleStorage.from_local(str(tmp_path))

    def half_a_write() -> None:
        with storage.connect() as connection:
            connection.exec_driver_sql("INSERT INTO secondary_indexes (name) VALUES ('half')")
            raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        half_a_write()
    with storage.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM secondary_indexes WHERE name = 'half'").scalar() == 0


def _tick(at: int) -> TickData:
    return TickData("sensor", "ready_jumps", InstigatorType.SENSOR, TickStatus.SKIPPED, float(at), selector_id="sensor")
