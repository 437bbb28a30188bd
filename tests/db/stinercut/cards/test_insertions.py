"""Cards in the catalog: insertions, their file lists, what is new on them. On SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from pydantic import ValidationError
from sqlalchemy import func, select
from support import heard
from support.cataloguing import (
    FILMED_FROM,
    LARGE,
    SMALL,
    SMALL_LIMIT,
    ask,
    copied,
    copy,
    entry,
    inserted,
    is_out,
    list_of,
    put_in,
    states,
)
from support.clocks import filming_day

from hub.cards.copy_progress import ProgressSnapshot
from hub.cards.views import card_views
from stinercut.cards import insertions
from stinercut.catalog import Catalog, events
from stinercut.catalog.models import CardFile, Insertion
from stinercut.errors import BadInput, NotFound
from stinercut.protocol import FileEntry, FileKind

NINE = datetime(2026, 6, 1, 9, 0)


class TestInsertion:
    def test_twice_is_once(self, catalog: Catalog):
        message = inserted("in-1")
        for _ in range(2):
            with catalog.write() as session:
                insertions.record_insertion(session, "det", message)
        with catalog.read() as session:
            assert [event.type for event in events.since(session, 0)] == ["card:inserted"]

    def test_a_card_put_in_again_ends_the_older_insertion(self, catalog: Catalog):
        files = [entry("GX010001.MP4"), entry("GX010002.MP4", minute=1)]
        put_in(catalog, "in-1", files)
        ask(catalog, "in-1")
        with catalog.write() as session:
            insertions.record_insertion(session, "det", inserted("in-2"))
        assert is_out(catalog, "in-1")
        assert set(states(catalog, "in-1").values()) == {"new"}

    @pytest.mark.parametrize("off", [timedelta(hours=-3), timedelta(0), timedelta(days=400)])
    def test_the_newest_one_is_the_one_heard_of_last_whatever_detectors_clocks_say(
        self, catalog: Catalog, off: timedelta
    ):
        first, then = inserted("in-z"), inserted("in-a")
        ahead = first.model_copy(update={"inserted_at": first.inserted_at + timedelta(hours=5)})
        behind = then.model_copy(update={"inserted_at": then.inserted_at + off})
        with catalog.write() as session:
            insertions.record_insertion(session, "one", ahead)
            insertions.record_insertion(session, "another", behind)
        with catalog.read() as session:
            one, another = (session.get_one(Insertion, name).inserted_at for name in ("in-z", "in-a"))
            assert one < another < filming_day() + timedelta(minutes=1)
            [view] = card_views(session, ProgressSnapshot(frozenset({"another"})))
        assert view.connected, "the board shows the card in the reader where it is now"

    def test_the_label_follows_the_card(self, catalog: Catalog):
        with catalog.write() as session:
            insertions.record_insertion(session, "det", inserted("in-1", label="OLD"))
            insertions.record_insertion(session, "det", inserted("in-2", label="NEW"))
        with catalog.read() as session:
            assert session.get_one(Insertion, "in-2").card.label == "NEW"


class TestFileList:
    def test_pieces_in_any_order_and_twice(self, catalog: Catalog):
        pieces = [list_of("in-1", [entry(f"GX01000{n}.MP4", minute=n)], n, 3) for n in range(3)]
        with catalog.write() as session:
            insertions.record_insertion(session, "det", inserted("in-1"))
            done = [heard.record_file_list(session, pieces[n], SMALL_LIMIT) for n in (2, 0, 2, 0, 1, 1)]
        assert done == [False, False, False, False, True, True]
        assert len(states(catalog, "in-1")) == 3
        with catalog.read() as session:
            lists = [event.data for event in events.since(session, 0) if event.type == "card:file_list"]
        assert lists == [{"found": 3, "known": 0, "new": 3}]

    def test_nothing_is_asked_for_before_it_is_complete(self, catalog: Catalog):
        with catalog.write() as session:
            insertions.record_insertion(session, "det", inserted("in-1"))
            heard.record_file_list(session, list_of("in-1", [entry("GX010001.MP4")], 0, 2), SMALL_LIMIT)
        assert ask(catalog, "in-1") == []

    @pytest.mark.parametrize(("index", "total"), [(1, 1), (7, 3), (1, 3)])
    def test_pieces_that_do_not_fit(self, catalog: Catalog, index: int, total: int):
        with catalog.write() as session:
            insertions.record_insertion(session, "det", inserted("in-1"))
            heard.record_file_list(session, list_of("in-1", [], 0, 2), SMALL_LIMIT)
        with pytest.raises(BadInput, match="does not fit"), catalog.write() as session:
            heard.record_file_list(session, list_of("in-1", [], index, total), SMALL_LIMIT)

    def test_one_id_for_two_files(self, catalog: Catalog):
        with catalog.write() as session:
            insertions.record_insertion(session, "det", inserted("in-1"))
        twins = [entry("A.MP4"), entry("B.MP4").model_copy(update={"file_id": "f-A_MP4"})]
        with pytest.raises(BadInput, match="two files with one id"), catalog.write() as session:
            heard.record_file_list(session, list_of("in-1", twins), SMALL_LIMIT)
        assert states(catalog, "in-1") == {}

    def test_of_an_unknown_insertion(self, catalog: Catalog):
        with pytest.raises(NotFound), catalog.write() as session:
            heard.record_file_list(session, list_of("nobody", []), SMALL_LIMIT)

    def test_what_is_no_footage_is_never_asked_for(self, catalog: Catalog):
        put_in(
            catalog,
            "in-1",
            [
                entry("GX010001.MP4"),
                entry("GL010001.LRV", kind=FileKind.PROXY),
                entry("GX010001.THM", kind=FileKind.THUMBNAIL),
                entry("leinfo.sav", kind=FileKind.OTHER),
            ],
        )
        assert ask(catalog, "in-1") == ["f-GX010001_MP4", "f-GL010001_LRV"]
        assert states(catalog, "in-1")["leinfo.sav"] == "skipped"

    def test_many_files(self, catalog: Catalog):
        files = [entry(f"F{n:04d}.MP4", minute=n) for n in range(500)]
        put_in(catalog, "in-1", files)
        assert len(ask(catalog, "in-1")) == 500

    @pytest.mark.parametrize("impossible", [{"size": 2**63}, {"name": "GX\0.MP4"}, {"folder": "DCIM\0"}])
    def test_what_no_card_has_is_refused(self, impossible: dict[str, object]):
        """At the door: no list with such a file reaches the catalog."""
        with pytest.raises(ValidationError):
            FileEntry.model_validate(entry("GX010001.MP4").model_dump() | impossible)

    def test_one_id_in_two_pieces(self, catalog: Catalog):
        one, other = entry("GX010001.MP4"), entry("GX010002.MP4")
        with catalog.write() as session:
            insertions.record_insertion(session, "det", inserted("in-1"))
            heard.record_file_list(session, list_of("in-1", [one], 0, 2), SMALL_LIMIT)
        again = other.model_copy(update={"file_id": one.file_id})
        with pytest.raises(BadInput, match="two files with one id"), catalog.write() as session:
            heard.record_file_list(session, list_of("in-1", [again], 1, 2), SMALL_LIMIT)
        assert states(catalog, "in-1") == {"GX010001.MP4": "new"}

    def test_every_kind_of_name_and_time(self, catalog: Catalog):
        """What is written in one statement comes back as it was, and is the same file when it is seen again."""
        odd = ["ÄÖ ü.MP4", 'it\'s "one".MP4', "back\\slash\\u0000.MP4", "日本 🪂.MP4", "%s :x ? $1.MP4"]
        files = [
            entry(f"F{n}", n).model_copy(update={"name": name, "modified": FILMED_FROM.replace(year=1980 + 20 * n)})
            for n, name in enumerate(odd)
        ]
        put_in(catalog, "in-1", files)
        with catalog.read() as session:
            rows = session.execute(select(CardFile).order_by(CardFile.size)).scalars().all()
        assert [(row.name, row.modified) for row in rows] == [(file.name, file.modified) for file in files]
        put_in(catalog, "in-2", files)
        with catalog.read() as session:
            assert session.execute(select(func.count()).select_from(CardFile)).scalar_one() == len(files)


class TestSeenAgain:
    def test_the_same_card_again_copies_nothing(self, catalog: Catalog):
        files = [entry("GX010001.MP4"), entry("GX010002.MP4", LARGE, minute=1)]
        put_in(catalog, "in-1", files)
        copy(catalog, "in-1", files)
        put_in(catalog, "in-2", files)
        assert set(states(catalog, "in-2").values()) == {"known"}
        assert ask(catalog, "in-2") == []

    def test_one_more_file_is_the_only_new_one(self, catalog: Catalog):
        files = [entry("GX010001.MP4")]
        put_in(catalog, "in-1", files)
        copy(catalog, "in-1", files)
        put_in(catalog, "in-2", [*files, entry("GX010002.MP4", minute=1)])
        assert ask(catalog, "in-2") == ["f-GX010002_MP4"]

    @pytest.mark.parametrize(
        "change",
        [
            {"name": "gx010001.mp4"},
            {"folder": "dcim/100gopro"},
            {"modified": NINE + timedelta(seconds=1)},
        ],
        ids=["case of the name", "case of the folder", "odd second of FAT"],
    )
    def test_still_the_same_file(self, catalog: Catalog, change: dict[str, object]):
        file = entry("GX010001.MP4")
        put_in(catalog, "in-1", [file])
        copy(catalog, "in-1", [file])
        put_in(catalog, "in-2", [file.model_copy(update=change)])
        assert ask(catalog, "in-2") == []

    @pytest.mark.parametrize(
        "change",
        [{"size": SMALL + 1}, {"modified": NINE + timedelta(minutes=50)}, {"name": "GX010009.MP4"}],
        ids=["other size", "other time", "other name"],
    )
    def test_it_is_another_file(self, catalog: Catalog, change: dict[str, object]):
        file = entry("GX010001.MP4")
        put_in(catalog, "in-1", [file])
        copy(catalog, "in-1", [file])
        put_in(catalog, "in-2", [file.model_copy(update=change)])
        assert ask(catalog, "in-2") == [file.file_id]

    def test_the_same_name_on_another_card_is_another_file(self, catalog: Catalog):
        put_in(catalog, "in-1", [entry("GX010001.MP4")])
        copy(catalog, "in-1", [entry("GX010001.MP4")])
        put_in(catalog, "in-2", [entry("GX010001.MP4", minute=7)], card="card-2")
        assert ask(catalog, "in-2") == ["f-GX010001_MP4"]

    def test_what_the_store_has_lost_is_fetched_again(self, catalog: Catalog):
        file = entry("GX010001.MP4")
        put_in(catalog, "in-1", [file])
        copy(catalog, "in-1", [file])
        asked: list[tuple[str, int]] = []

        def is_stored(content_hash: str, size: int) -> bool:
            asked.append((content_hash, size))
            return False

        with catalog.write() as session:
            insertions.record_insertion(session, "det", inserted("in-2"))
            heard.record_file_list(session, list_of("in-2", [file]), SMALL_LIMIT, is_stored)
        assert asked == [(copied("in-1", file).content_hash, SMALL)]
        assert ask(catalog, "in-2") == [file.file_id]
        copy(catalog, "in-2", [file])
        assert states(catalog, "in-2") == {"GX010001.MP4": "copied"}
