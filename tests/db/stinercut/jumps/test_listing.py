"""Lists of jumps: their order, piece by piece, and finding one; on SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import text
from sqlalchemy.dialects import sqlite
from support.cataloguing import entry, put_in, record

from stinercut.catalog import Catalog
from stinercut.catalog.models import Jump, JumpState
from stinercut.codes.payload import make_payload
from stinercut.errors import NotFound
from stinercut.jumps import listing

FIRST, SECOND = date(2026, 6, 1), date(2026, 6, 2)


def jumps_of(catalog: Catalog, *bookings: tuple[str, str, date]) -> list[str]:
    """A jump for each name, booking and day, recorded in that order. Returns their keys."""
    files = [entry(f"GX01{n:04}.MP4", minute=n) for n in range(len(bookings))]
    put_in(catalog, "in-1", files)
    keys: list[str] = []
    for file, (name, booking, day) in zip(files, bookings, strict=True):
        keys += record(catalog, "in-1", make_payload(name, booking, day), [], [file])
    return keys


def set_state(catalog: Catalog, key: str, state: JumpState) -> None:
    with catalog.write() as session:
        session.get_one(Jump, key).state = state


def found(catalog: Catalog, text: str) -> list[str | None]:
    with catalog.read() as session:
        keys = listing.newest(session, 50, text).keys
        return [session.get_one(Jump, key).booking_id for key in keys]


class TestNewest:
    def test_by_day_then_by_when_they_came_and_each_once_piece_by_piece(self, catalog: Catalog) -> None:
        keys = jumps_of(catalog, *((f"Anna {n}", f"B-{n}", SECOND if n % 2 else FIRST) for n in range(7)))
        # Two that came at once: their keys decide.
        with catalog.write() as session:
            session.get_one(Jump, keys[4]).created_at = session.get_one(Jump, keys[2]).created_at
        expected = [keys[n] for n in (5, 3, 1, 6, 4, 2, 0)]
        for limit in (1, 2, 3, 6, 7, 8):
            pieces: list[str] = []
            before: str | None = None
            with catalog.read() as session:
                while True:
                    page = listing.newest(session, limit, before=before)
                    pieces += page.keys
                    before = page.older
                    if before is None:
                        break
                    assert before == page.keys[-1]
            assert pieces == expected, limit

    def test_what_is_gone_takes_no_others_place_and_still_says_where_the_list_goes_on(self, catalog: Catalog) -> None:
        keys = jumps_of(catalog, *((f"Anna {n}", f"B-{n}", FIRST) for n in range(3)))
        set_state(catalog, keys[1], JumpState.GONE)
        with catalog.read() as session:
            assert listing.newest(session, 1) == listing.JumpPage([keys[2]], keys[2])
            assert listing.newest(session, 1, before=keys[2]) == listing.JumpPage([keys[0]], None)
            assert listing.newest(session, 1, before=keys[1]).keys == [keys[0]]
            with pytest.raises(NotFound):
                listing.newest(session, 1, before="nobody")

    def test_the_order_is_read_from_its_index(self, catalog: Catalog) -> None:
        """With tens of thousands of jumps the board would wait for a sort."""
        if catalog.engine.dialect.name != "sqlite":
            pytest.skip("PostgreSQL plans by what is in the table")
        [last, *_] = jumps_of(catalog, ("Anna", "B-1", FIRST), ("Bob", "B-2", FIRST))
        with catalog.read() as session:
            jump = session.get_one(Jump, last)
            for query in (listing.newest_query(), listing.newest_query(before=jump)):
                statement = query.limit(60).compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True})
                plan = " ".join(str(row[3]) for row in session.execute(text(f"EXPLAIN QUERY PLAN {statement}")))
                assert "ix_jump_newest" in plan
                assert "TEMP B-TREE" not in plan


class TestSearch:
    def test_names_in_every_script_bookings_and_keys(self, catalog: Catalog) -> None:
        jumps_of(
            catalog,
            ("Đorđe Šćepanović", "BK-7", FIRST),
            ("Ελένη", "BK-8", FIRST),
            ("Zoë 100%", "X_9", SECOND),
        )
        assert found(catalog, "šĆEPAN") == ["BK-7"]
        assert found(catalog, "ΕΛΈΝΗ") == ["BK-8"]
        assert found(catalog, "zoe\u0308") == ["X_9"]
        assert found(catalog, "bk-") == ["BK-8", "BK-7"]
        assert found(catalog, "2026-06-01_bk-8") == ["BK-8"]
        assert found(catalog, "2026-06-02") == ["X_9"]
        assert found(catalog, "0%") == ["X_9"]
        assert found(catalog, "x_9") == ["X_9"]
        assert found(catalog, "bk_7") == []
        assert found(catalog, "  ") == ["X_9", "BK-8", "BK-7"]

    def test_piece_by_piece(self, catalog: Catalog) -> None:
        keys = jumps_of(
            catalog, ("Anna", "B-1", FIRST), ("Bob", "B-2", FIRST), ("anna", "B-3", FIRST), ("ANNA", "B-4", SECOND)
        )
        with catalog.read() as session:
            page = listing.newest(session, 2, "anna")
            assert (page.keys, page.older) == ([keys[3], keys[2]], keys[2])
            assert listing.newest(session, 2, "anna", page.older) == listing.JumpPage([keys[0]], None)

    def test_nobodys_jump_is_found_by_its_key(self, catalog: Catalog) -> None:
        file = entry("GX010001.MP4")
        put_in(catalog, "in-1", [file], "card-7")
        [key] = record(catalog, "in-1", None, [], [file], "no code")
        with catalog.read() as session:
            assert listing.newest(session, 9, "Unidentified-CARD-7").keys == [key]
            assert listing.newest(session, 9, "anna").keys == []


def test_what_is_not_done(catalog: Catalog) -> None:
    states = list(JumpState)
    keys = jumps_of(catalog, *((f"Anna {n}", f"B-{n}", FIRST) for n in range(len(states))))
    for key, state in zip(keys, states, strict=True):
        set_state(catalog, key, state)
    wanted = [key for key, state in zip(keys, states, strict=True) if state not in (JumpState.DONE, JumpState.GONE)]
    with catalog.read() as session:
        assert listing.unfinished(session, 50) == wanted[::-1]
        assert listing.unfinished(session, 2) == wanted[:-3:-1]
