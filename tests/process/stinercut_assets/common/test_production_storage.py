"""The production set-up's storage: catalog and Dagster's instance on a real PostgreSQL, each in its own database."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster_postgres import PostgresEventLogStorage
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from support.importing import copy_requested, put_card_in
from support.repository import REPOSITORY

from app.engine.definitions import defs
from stinercut.catalog import Catalog, migrate
from stinercut.catalog.models import JumpState
from stinercut.jumps import jumps
from stinercut.settings import Settings
from stinercut.synthetic.card import make_card
from stinercut_assets.common.partitions import cards
from stinercut_assets.common.partitions import jumps as jump_partitions

ROOT = REPOSITORY


@pytest.fixture
def instance(tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    """Dagster as `deploy/dagster.yaml` sets it up, and an installation whose catalog is beside it."""
    monkeypatch.setenv("STINERCUT_DATA", str(tmp_path / "data"))
    # The catalog takes the short form too; Dagster hands its own to SQLAlchemy as it is, so it names the driver.
    for setting, name, driver in (
        ("STINERCUT_DATABASE_URL", "it_catalog", "postgresql"),
        ("STINERCUT_DAGSTER_DATABASE_URL", "it_dagster", "postgresql+psycopg2"),
    ):
        server = create_engine(postgres_url, isolation_level="AUTOCOMMIT")
        with server.connect() as connection:
            connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
            connection.execute(text(f"CREATE DATABASE {name}"))
        server.dispose()
        own = make_url(postgres_url).set(database=name, drivername=driver)
        monkeypatch.setenv(setting, own.render_as_string(hide_password=False))
    home = tmp_path / "dagster"
    home.mkdir()
    shutil.copy(ROOT / "deploy" / "dagster.yaml", home / "dagster.yaml")
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    with dg.DagsterInstance.get() as instance:
        yield instance


def test_a_card_is_identified_and_its_jump_taken_up(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    assert isinstance(instance.event_log_storage, PostgresEventLogStorage)
    settings = Settings()
    migrate(settings.catalog_url)
    folder = tmp_path / "GOPRO"
    made = make_card(folder, jumps=1, clips=1, seconds=1.0, size=(640, 360), seed=11)
    insertion = put_card_in(settings, folder)
    copy_requested(settings, folder, insertion)
    key = made.jumps[0].payload.jump_key

    instance.add_dynamic_partitions(cards.name or "", ["card-test"])
    identified = defs.resolve_job_def("identify_card").execute_in_process(instance=instance, partition_key="card-test")
    assert identified.output_for_node("card_sessions") == [key]

    instance.add_dynamic_partitions(jump_partitions.name or "", [key])
    produced = defs.resolve_job_def("produce_jump").execute_in_process(
        instance=instance,
        partition_key=key,
        asset_selection=[dg.AssetKey("imported_files"), dg.AssetKey("qr_identity")],
    )
    assert produced.success
    catalog = Catalog.open(settings.catalog_url)
    with catalog.read() as session:
        jump = jumps.require_jump(session, key)
        assert jump.state == JumpState.PRODUCING
        assert jump.passenger_name == made.jumps[0].payload.passenger_name
    catalog.close()
    assert instance.get_materialized_partitions(dg.AssetKey("qr_identity")) == {key}
