"""Migrations from the first tables on, and moving a catalog to another database."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import JSON, Connection, MetaData, create_engine, func, insert, select, text
from support.cataloguing import empty_catalog, film, listed, passenger, ready_jump
from support.clocks import NOON
from typer.testing import CliRunner

from app.cli import cli
from app.commands.catalog import ends
from app.common.running_note import sole_use
from stinercut import catalog as catalog_package
from stinercut.catalog import Catalog, events, migrate
from stinercut.catalog.database_copy import move
from stinercut.catalog.models import Base
from stinercut.errors import BadInput, HostNotReady
from stinercut.jumps import bookings, jumps
from stinercut.review import file_groups
from stinercut.settings import Settings

MIGRATIONS = Path(catalog_package.__file__).parent / "migrations"
REVISIONS = [one.revision for one in reversed(list(ScriptDirectory(str(MIGRATIONS)).walk_revisions()))]


def empty_postgres(server: str) -> str:
    """URL of a new, empty database."""
    name = f"moving_{uuid4().hex[:8]}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return server.rsplit("/", 1)[0] + f"/{name}"


@pytest.fixture(params=["sqlite", "postgresql"])
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without any table."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'old.db'}"
    return empty_postgres(request.getfixturevalue("postgres_url"))


def migrate_to(connection: Connection, revision: str, *, down: bool = False) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    (command.downgrade if down else command.upgrade)(config, revision)


def rows_of(connection: Connection) -> dict[str, int]:
    found = MetaData()
    found.reflect(connection)
    return {
        table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
        for table in found.sorted_tables
        if table.name != "alembic_version"
    }


def fill_first_tables(connection: Connection) -> None:
    """A card with one file, a jump, an event and a step, as the first version wrote them."""
    found = MetaData()
    found.reflect(connection)
    given: dict[str, dict[str, Any]] = {
        "card": {"card_id": "card-1"},
        "insertion": {"insertion_id": "in-1", "card_id": "card-1"},
        "card_file": {"card_file_id": 7, "card_id": "card-1"},
        "imported_file": {"card_file_id": 7},
        "jump": {"jump_key": "2026-11-20_B-1", "card_id": "card-1"},
        "jump_file": {"card_file_id": 7, "jump_key": "2026-11-20_B-1"},
        "event": {"type": "pipeline:started", "data": {}},
        "step": {"subject": "2026-11-20_B-1", "step": "film"},
    }
    for name, known in given.items():
        table = found.tables[name]
        row = {column.name: _something(column) for column in table.columns if not column.nullable}
        if name == "event":
            row.pop("event_id")
        connection.execute(insert(table), [row | known])


def _something(column: Any) -> Any:
    """A value that a column which must have one takes."""
    if isinstance(column.type, JSON):
        return []
    kind = column.type.python_type
    if kind.__name__ in ("datetime", "date"):
        return NOON if kind.__name__ == "datetime" else NOON.date()
    return kind("1") if kind is not bool else True


class TestMigrations:
    def test_each_step_from_the_first_tables_keeps_what_is_there(self, new_url: str) -> None:
        engine = create_engine(new_url)
        with engine.connect() as connection:
            with connection.begin():
                migrate_to(connection, REVISIONS[0])
            with connection.begin():
                fill_first_tables(connection)
            before = rows_of(connection)
            connection.rollback()
            assert sum(before.values()) == 8
            for revision in REVISIONS[1:]:
                with connection.begin():
                    migrate_to(connection, revision)
                after = rows_of(connection)
                assert {name: after[name] for name in before} == before, revision
                connection.rollback()
            assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
        engine.dispose()
        # What the first version wrote reads like what this one writes.
        opened = Catalog.open(new_url)
        with opened.read() as session:
            assert jumps.require_jump(session, "2026-11-20_B-1").card_id == "card-1"
            assert [event.type for event in events.since(session, 0)] == ["pipeline:started"]
        opened.close()

    def test_decisions_of_before_know_the_jump_that_they_took_files_from(self, new_url: str) -> None:
        engine = create_engine(new_url)
        with engine.connect() as connection:
            with connection.begin():
                migrate_to(connection, "0006")
            found = MetaData()
            found.reflect(connection, only=["jump", "decision"])
            connection.rollback()
            kept: list[dict[str, Any]] = [
                {"jump_key": "b", "what": "moved", "before": {"jump": "a", "files": [1]}},
                {"jump_key": "b", "what": "left_out", "before": {"jump": "b", "role": "clip"}},
                {"jump_key": "b", "what": "template", "before": {"template": None}},
            ]
            with connection.begin():
                for name in ("jump", "decision"):
                    table = found.tables[name]
                    row = {column.name: _something(column) for column in table.columns if not column.nullable}
                    row.pop("decision_id", None)
                    given = [{"jump_key": key} for key in ("a", "b")] if name == "jump" else kept
                    connection.execute(insert(table), [row | one for one in given])
            with connection.begin():
                migrate_to(connection, "head")
        engine.dispose()
        opened = Catalog.open(new_url)
        with opened.read() as session:
            told = file_groups.decisions_on(session, ["a", "b"])
        assert [(one.what, one.from_jump) for one in told["a"]] == [("moved", "a")]
        assert [(one.what, one.from_jump) for one in told["b"]] == [
            ("template", None),
            ("left_out", None),
            ("moved", "a"),
        ]
        opened.close()

    def test_each_step_leads_back_to_the_first_tables(self, new_url: str) -> None:
        engine = create_engine(new_url)
        with engine.connect() as connection:
            with connection.begin():
                migrate_to(connection, REVISIONS[0])
            first = set(rows_of(connection))
            connection.rollback()
            with connection.begin():
                migrate_to(connection, "head")
            with connection.begin():
                migrate_to(connection, REVISIONS[0], down=True)
            assert set(rows_of(connection)) == first
        engine.dispose()


@pytest.fixture
def filled(tmp_path: Path) -> Settings:
    """An installation whose SQLite catalog holds a card, a jump with its film, and a booking."""
    settings = Settings(data=tmp_path / "data", database_url=None)
    empty_catalog(settings.data)
    catalog = Catalog.open(settings.catalog_url)
    jump, _ = ready_jump(catalog)
    with catalog.write() as session:
        session.add(film(jump, "version-1"))
        bookings.import_list(session, listed(passenger("Žofie Müller", "B-77")))
    catalog.close()
    return settings


def everything(url: str) -> dict[str, list[dict[str, Any]]]:
    """All rows of all tables, as the catalog's types give them."""
    opened = Catalog.open(url)
    with opened.read() as session:
        found = {
            table.name: [dict(row) for row in session.execute(select(table).order_by(*table.primary_key)).mappings()]
            for table in Base.metadata.sorted_tables
        }
    opened.close()
    return found


def test_a_file_that_is_no_catalog_is_said(tmp_path: Path) -> None:
    (tmp_path / "catalog.db").write_text("these are no tables, and too many letters for a header")
    with pytest.raises(HostNotReady, match=r"catalog can't be opened: file is not a database"):
        migrate(f"sqlite:///{tmp_path / 'catalog.db'}")


def test_a_catalog_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'catalog.db'}"
    migrate(url)
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(HostNotReady, match="newer version of Stinercut"):
        migrate(url)


class TestMoving:
    def test_everything_arrives_and_counting_goes_on(self, filled: Settings, postgres_url: str) -> None:
        target = empty_postgres(postgres_url)
        before = everything(filled.catalog_url)
        said = CliRunner().invoke(cli, ["catalog", "move", "--to", target, "--data", str(filled.data), "--json"])
        assert said.exit_code == 0, said.output
        assert json.loads(said.stdout) == {name: len(rows) for name, rows in before.items()}
        assert everything(target) == before == everything(filled.catalog_url)
        opened = Catalog.open(target)
        with opened.write() as session:
            last = events.last_id(session)
            events.append(session, "card:inserted")
            assert events.last_id(session) == last + 1
        ready_jump(opened, insertion="in-2", card="card-2")
        opened.close()

    @pytest.mark.usefixtures("own_account")
    def test_into_the_database_of_the_settings(
        self, filled: Settings, postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        target, before = empty_postgres(postgres_url), everything(filled.catalog_url)
        with pytest.raises(BadInput, match="the target is missing"):
            ends(filled, None, None)
        monkeypatch.setenv("STINERCUT_DATABASE_URL", target)
        said = CliRunner().invoke(cli, ["catalog", "move", "--data", str(filled.data)])
        assert said.exit_code == 0, said.output
        assert "set STINERCUT_DATABASE_URL" not in said.output
        assert everything(target) == before
        there = Settings()
        assert ends(there, "sqlite:///x.db", None) == ("sqlite:///x.db", target)
        assert ends(there, None, "sqlite:///y.db") == (target, "sqlite:///y.db")

    def test_back_to_sqlite(self, filled: Settings, postgres_url: str, tmp_path: Path) -> None:
        server, back = empty_postgres(postgres_url), f"sqlite:///{tmp_path / 'back.db'}"
        move(filled.catalog_url, server)
        move(server, back)
        assert everything(back) == everything(filled.catalog_url)

    def test_a_catalog_that_is_there_is_left_alone(self, filled: Settings, postgres_url: str) -> None:
        target = empty_postgres(postgres_url)
        move(filled.catalog_url, target)
        there = everything(target)
        with pytest.raises(BadInput, match="holds a catalog already"):
            move(filled.catalog_url, target)
        assert everything(target) == there
        with pytest.raises(BadInput, match="already there"):
            move(target, target)

    @pytest.mark.parametrize("url", ["nonsense", "postgersql://u:secret@host/x"])
    def test_what_is_no_address_is_refused_without_saying_it(self, filled: Settings, url: str) -> None:
        with pytest.raises(BadInput, match="address") as refused:
            move(filled.catalog_url, url)
        assert "secret" not in str(refused.value)

    @pytest.mark.parametrize("kind", ["mysql", "mssql+pyodbc"])
    def test_another_database_than_ours_is_refused_before_its_driver_is_missed(
        self, filled: Settings, kind: str
    ) -> None:
        with pytest.raises(BadInput, match=f"SQLite or PostgreSQL.* one of {kind.partition('+')[0]}") as refused:
            move(filled.catalog_url, f"{kind}://u:secret@host/x")
        assert "secret" not in str(refused.value)

    def test_not_under_a_running_stack(self, filled: Settings, tmp_path: Path) -> None:
        with sole_use(filled, detector=False):
            words = ["catalog", "move", "--to", f"sqlite:///{tmp_path / 'x.db'}", "--data", str(filled.data)]
            refused = CliRunner().invoke(cli, words)
        assert "is running on this data folder" in str(refused.exception)
        assert not (tmp_path / "x.db").exists()
