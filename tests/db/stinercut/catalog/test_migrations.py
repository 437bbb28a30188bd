"""A catalog that is in use is brought up to date with all that is in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, select, text
from sqlalchemy.engine import make_url
from support.cataloguing import entry, put_in, states

import stinercut.catalog.migrations
from hub.cards.copy_progress import ProgressSnapshot
from hub.cards.views import card_views
from hub.kit.views import steps_of
from stinercut.cards import unassigned_files
from stinercut.catalog import Catalog, migrate
from stinercut.catalog.models import Booking, CardFile, Jump
from stinercut.catalog.row_messages import reason_words
from stinercut.protocol import FileKind

BEFORE_PHOTOS = "0009"
ROWS = (
    "INSERT INTO card (card_id, label, kind, first_seen_at) VALUES ('card-1', 'GOPRO', 'volume', '2026-06-01 10:00')",
    "INSERT INTO insertion (insertion_id, card_id, detector_id, inserted_at, listed_at, removed_at, chunks_seen,"
    " chunks_total, unreadable) VALUES ('old', 'card-1', 'det', '2026-06-01 10:00', '2026-06-01 10:00',"
    " '2026-06-01 11:00', '[0]', 1, 0)",
    "INSERT INTO card_file (card_file_id, card_id, folder, name, size, modified, kind, recording, chapter) VALUES"
    " (101, 'card-1', 'DCIM/100GOPRO', 'GX010001.MP4', 1000, '2026-06-01 09:01:00.000000', 'video', 'r1', 1),"
    " (102, 'card-1', 'DCIM/100GOPRO', 'GOPR0002.JPG', 2000, '2026-06-01 09:02:00.000000', 'other', 'r2', 1),"
    " (103, 'card-1', 'DCIM/100GOPRO', 'notes.txt', 3, '2026-06-01 09:03:00.000000', 'other', 'r3', 1),"
    " (104, 'card-1', 'DCIM/100GOPRO', 'notajpg', 4, '2026-06-01 09:04:00.000000', 'other', 'r4', 1)",
    "INSERT INTO manifest_entry (insertion_id, file_id, card_file_id, early, state, changed_at) VALUES"
    " ('old', 'f1', 101, true, 'copied', '2026-06-01 10:00'), ('old', 'f2', 102, false, 'skipped', '2026-06-01 10:00'),"
    " ('old', 'f3', 103, false, 'skipped', '2026-06-01 10:00')",
    "INSERT INTO imported_file (card_file_id, content_hash, size, imported_at) VALUES"
    " (101, 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 1000, '2026-06-01 10:00')",
    "INSERT INTO jump (jump_key, jump_date, card_id, state, reason, turn, created_at, changed_at) VALUES"
    " ('2026-06-01_unidentified-card-1-1', '2026-06-01', 'card-1', 'review', 'filmed before any passenger''s code', 0,"
    " '2026-06-01 10:00', '2026-06-01 10:00')",
    "INSERT INTO step (subject, step, label, position, status, progress, message, changed_at) VALUES"
    " ('card-1', 'code:101', 'Clip {1}', 0, 'failed', 0.5, 'it {broke}', '2026-06-01 10:00')",
    "INSERT INTO booking (jump_key, jump_date, booking_id, passenger_name, imported_at) VALUES"
    " ('2026-06-01_B-1', '2026-06-01', 'B-1', 'Anna', '2026-06-01 10:00')",
)


@pytest.fixture
def url(catalog_url: str) -> Iterator[str]:
    """The address of a database that has nothing in it yet, of each kind."""
    where = make_url(catalog_url)
    name = where.database or ""
    if where.get_backend_name() == "sqlite":
        yield where.set(database=f"{name}.old").render_as_string(hide_password=False)
        return
    engine = create_engine(where.set(database="postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("DROP DATABASE IF EXISTS before_photos"))
        connection.execute(text("CREATE DATABASE before_photos"))
    engine.dispose()
    yield where.set(database="before_photos").render_as_string(hide_password=False)


def filled(url: str) -> None:
    """A catalog as the release before photos left it."""
    config = Config()
    config.set_main_option("script_location", next(iter(stinercut.catalog.migrations.__path__)))
    engine = create_engine(url)
    with engine.connect() as connection, connection.begin():
        config.attributes["connection"] = connection
        command.upgrade(config, BEFORE_PHOTOS)
        for row in ROWS:
            connection.execute(text(row))
    engine.dispose()


def test_photos_that_were_listed_before_are_asked_for_when_their_card_is_in_again(url: str) -> None:
    filled(url)
    for _ in range(2):
        migrate(url)
    catalog = Catalog.open(url)
    with catalog.read() as session:
        kinds = dict(session.execute(select(CardFile.name, CardFile.kind)).tuples().all())
        assert kinds == {"GX010001.MP4": "video", "GOPR0002.JPG": "photo", "notes.txt": "other", "notajpg": "other"}
        booking = session.get_one(Booking, "2026-06-01_B-1")
        assert (booking.passenger_name, booking.email, booking.phone) == ("Anna", None, None)
        jump = session.get_one(Jump, "2026-06-01_unidentified-card-1-1")
        assert (reason_words(jump), jump.reason_parts) == ("filmed before any passenger's code", None)
        [step] = steps_of(session, ["card-1"])["card-1"]
        assert (step.label, step.message) == ("Clip {1}", "it {broke}")
        [card] = card_views(session, ProgressSnapshot(), ["card-1"])
        assert "2 files of other kinds stayed on the card: GOPR0002.JPG, notes.txt" in card.message
    again = [
        entry("GX010001.MP4", 1000, minute=1),
        entry("GOPR0002.JPG", 2000, minute=2, kind=FileKind.PHOTO),
        entry("notes.txt", 3, minute=3, kind=FileKind.OTHER),
    ]
    put_in(catalog, "in-2", again)
    assert states(catalog, "in-2") == {"GX010001.MP4": "known", "GOPR0002.JPG": "new", "notes.txt": "skipped"}
    with catalog.read() as session:
        assert sorted(unassigned_files.loose_files(session, "in-2")) == [101, 102]
    catalog.close()
