"""Opening the catalog, its transactions, its outbox. On SQLite and PostgreSQL."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError
from support.cataloguing import entry, inserted, put_in
from support.clocks import filming_day

from stinercut.cards import insertions
from stinercut.catalog import Catalog, engine, events, migrate
from stinercut.catalog.models import Base, CardFile, Event, Insertion
from stinercut.errors import HostNotReady

NINE = datetime(2026, 6, 1, 9, 0)


class TestMigration:
    def test_models_and_migrations_agree(self, catalog: Catalog):
        with catalog.engine.connect() as connection:
            assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []

    def test_many_processes_may_migrate_at_once(self, tmp_path: Path):
        url = f"sqlite:///{tmp_path / 'new' / 'catalog.db'}"
        with ThreadPoolExecutor(6) as pool:
            list(pool.map(migrate, [url] * 6))
        with Catalog.open(url).read() as session:
            assert events.last_id(session) == 0

    def test_postgres_migrates_once_though_asked_by_many(self, postgres_url: str):
        import psycopg2

        connection = psycopg2.connect(postgres_url.replace("+psycopg2", ""))
        connection.autocommit = True
        connection.cursor().execute("CREATE DATABASE many_migrations")
        connection.close()
        url = postgres_url.rsplit("/", 1)[0] + "/many_migrations"
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(migrate, [url] * 4))
        opened = Catalog.open(url)
        with opened.read() as session:
            assert events.last_id(session) == 0
        opened.close()

    def test_a_folder_that_is_a_file_is_said_without_a_password(self, tmp_path: Path):
        with pytest.raises(HostNotReady, match="the catalog can't be opened") as refused:
            migrate("postgresql+psycopg2://anna:secret@127.0.0.1:1/catalog")
        assert "secret" not in refused.value.sentence()

    def test_a_database_that_cannot_be_made(self, tmp_path: Path):
        (tmp_path / "catalog.db").mkdir()
        with pytest.raises(HostNotReady, match="can't be opened"):
            migrate(f"sqlite:///{tmp_path / 'catalog.db'}")


class TestTransactions:
    def test_an_error_leaves_nothing(self, catalog: Catalog):
        def half() -> None:
            with catalog.write() as session:
                insertions.record_insertion(session, "det", inserted("in-1"))
                raise RuntimeError

        with pytest.raises(RuntimeError):
            half()
        with catalog.read() as session:
            assert session.get(Insertion, "in-1") is None
            assert events.last_id(session) == 0

    def test_a_reader_sees_one_state(self, catalog: Catalog):
        with catalog.read() as session:
            assert events.last_id(session) == 0
            with catalog.write() as other:
                events.append(other, "card:inserted")
            assert events.last_id(session) == 0
        with catalog.read() as session:
            assert events.last_id(session) > 0

    def test_writers_go_one_after_another_so_events_commit_in_order(self, catalog: Catalog):
        inside, both_ever_inside = threading.Lock(), threading.Event()

        def write(number: int) -> None:
            with catalog.write() as session:
                if not inside.acquire(blocking=False):
                    both_ever_inside.set()
                    return
                try:
                    for _ in range(3):
                        events.append(session, "card:inserted", number=number)
                finally:
                    inside.release()

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(write, range(24)))
        assert not both_ever_inside.is_set()
        with catalog.read() as session:
            numbers = [event.data["number"] for event in events.since(session, 0)]
        assert len(numbers) == 72
        assert all(len(set(numbers[start : start + 3])) == 1 for start in range(0, 72, 3))

    def test_a_writer_whose_machine_is_gone_is_not_waited_for(
        self, monkeypatch: pytest.MonkeyPatch, migrated_database: str
    ):
        """It says nothing more, and neither does the network. PostgreSQL alone: SQLite's lock ends with its process."""
        monkeypatch.setattr(engine, "WRITER_SILENT_S", 0.2)
        gone, other = Catalog.open(migrated_database), Catalog.open(migrated_database)

        def silent() -> None:
            with gone.write() as session:
                events.append(session, "card:inserted")
                session.flush()
                with other.write() as theirs:  # Waits until the server has ended the first one.
                    assert events.last_id(theirs) == 0

        with pytest.raises(DBAPIError):
            silent()
        with other.read() as session:
            assert events.last_id(session) == 0
        gone.close()
        other.close()


class TestOutbox:
    def test_old_events_go_but_never_the_newest(self, catalog: Catalog):
        with catalog.write() as session:
            for _ in range(3):
                events.append(session, "card:inserted")
        later = filming_day() + timedelta(days=1)
        with catalog.write() as session:
            assert events.forget(session, later) == 2
            newest = events.last_id(session)
            events.append(session, "card:removed")
            assert events.last_id(session) > newest
        with catalog.read() as session:
            assert session.execute(select(func.count()).select_from(Event)).scalar_one() == 2

    def test_steps_tell_that_they_reported(self, catalog: Catalog):
        start = filming_day() - timedelta(seconds=1)
        with catalog.write() as session:
            events.report_step(session, events.StepReport("jump", "a", "A", events.StepStatus.RUNNING))
        with catalog.read() as session:
            first = events.steps_reported_since(session, start)
        with catalog.write() as session:
            events.report_step(session, events.StepReport("jump", "a", "A", events.StepStatus.DONE, 1.0))
        with catalog.read() as session:
            second = events.steps_reported_since(session, start)
            assert events.steps_reported_since(session, filming_day() + timedelta(minutes=1)) == {}
        assert first.keys() == second.keys() == {"jump"}
        assert first != second
        assert first["jump"][0].tzinfo is not None

    def test_moments_keep_their_zone(self, catalog: Catalog):
        put_in(catalog, "in-1", [entry("GX010001.MP4")])
        with catalog.read() as session:
            at = session.get_one(Insertion, "in-1").inserted_at
            wall_clock = session.execute(select(CardFile.modified)).scalar_one()
        assert abs(at - filming_day()) < timedelta(minutes=1)
        assert wall_clock == NINE
