"""Cards in the catalog: what is new, what is asked for, what was copied. On SQLite and PostgreSQL."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import func, select
from support.cataloguing import (
    FILMED_FROM,
    LARGE,
    SMALL,
    SMALL_LIMIT,
    ask,
    copied,
    copy,
    entry,
    failed,
    inserted,
    is_out,
    list_of,
    passenger,
    put_in,
    record,
    states,
)

from stinercut.catalog import Catalog, asking, copies, events, insertions, loose, manifests, migrate
from stinercut.catalog.asking import Wanted, plan_requests
from stinercut.catalog.models import Base, CardFile, Event, Insertion, ManifestEntry
from stinercut.errors import BadInput, HostNotReady, NotFound
from stinercut.protocol import ErrorCode, FileKind

NINE = datetime(2026, 6, 1, 9, 0)


def wanted(name: str, minute: int, **more: object) -> Wanted:
    fields: dict[str, object] = {"kind": FileKind.VIDEO, "early": False, "jump_key": None, "identified": False, **more}
    return Wanted(file_id=name, name=name, modified=NINE + timedelta(minutes=minute), **fields)  # type: ignore[arg-type]


class TestPlan:
    def test_small_first_then_proxies_then_jumps_passengers_first(self):
        files = [
            wanted("anna-2", 12, jump_key="anna", identified=True),
            wanted("stray", 1, jump_key="nobody"),
            wanted("ben-1", 20, jump_key="ben", identified=True),
            wanted("anna-1", 11, jump_key="anna", identified=True),
            wanted("proxy", 5, kind=FileKind.PROXY, early=True),
            wanted("code-b", 19, early=True),
            wanted("code-a", 10, early=True, jump_key="anna", identified=True),
        ]
        assert plan_requests(files) == ["code-a", "code-b", "proxy", "anna-1", "anna-2", "ben-1", "stray"]

    def test_a_large_file_of_no_jump_waits(self):
        assert plan_requests([wanted("large", 1)]) == []

    def test_nothing_gives_nothing(self):
        assert plan_requests([]) == []


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
            done = [manifests.record_file_list(session, pieces[n], SMALL_LIMIT) for n in (2, 0, 2, 0, 1, 1)]
        assert done == [False, False, False, False, True, True]
        assert len(states(catalog, "in-1")) == 3
        with catalog.read() as session:
            lists = [event.data for event in events.since(session, 0) if event.type == "card:file_list"]
        assert lists == [{"found": 3, "known": 0, "new": 3}]

    def test_nothing_is_asked_for_before_it_is_complete(self, catalog: Catalog):
        with catalog.write() as session:
            insertions.record_insertion(session, "det", inserted("in-1"))
            manifests.record_file_list(session, list_of("in-1", [entry("GX010001.MP4")], 0, 2), SMALL_LIMIT)
        assert ask(catalog, "in-1") == []

    @pytest.mark.parametrize(("index", "total"), [(1, 1), (7, 3), (1, 3)])
    def test_pieces_that_do_not_fit(self, catalog: Catalog, index: int, total: int):
        with catalog.write() as session:
            insertions.record_insertion(session, "det", inserted("in-1"))
            manifests.record_file_list(session, list_of("in-1", [], 0, 2), SMALL_LIMIT)
        with pytest.raises(BadInput, match="does not fit"), catalog.write() as session:
            manifests.record_file_list(session, list_of("in-1", [], index, total), SMALL_LIMIT)

    def test_one_id_for_two_files(self, catalog: Catalog):
        with catalog.write() as session:
            insertions.record_insertion(session, "det", inserted("in-1"))
        twins = [entry("A.MP4"), entry("B.MP4").model_copy(update={"file_id": "f-A_MP4"})]
        with pytest.raises(BadInput, match="two files with one id"), catalog.write() as session:
            manifests.record_file_list(session, list_of("in-1", twins), SMALL_LIMIT)
        assert states(catalog, "in-1") == {}

    def test_of_an_unknown_insertion(self, catalog: Catalog):
        with pytest.raises(NotFound), catalog.write() as session:
            manifests.record_file_list(session, list_of("nobody", []), SMALL_LIMIT)

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
    def test_what_no_card_has_is_refused(self, catalog: Catalog, impossible: dict[str, object]):
        with catalog.write() as session:
            insertions.record_insertion(session, "det", inserted("in-1"))
        file = entry("GX010001.MP4").model_copy(update=impossible)
        with pytest.raises(BadInput, match="no card has"), catalog.write() as session:
            manifests.record_file_list(session, list_of("in-1", [file]), SMALL_LIMIT)
        assert states(catalog, "in-1") == {}

    def test_one_id_in_two_pieces(self, catalog: Catalog):
        one, other = entry("GX010001.MP4"), entry("GX010002.MP4")
        with catalog.write() as session:
            insertions.record_insertion(session, "det", inserted("in-1"))
            manifests.record_file_list(session, list_of("in-1", [one], 0, 2), SMALL_LIMIT)
        again = other.model_copy(update={"file_id": one.file_id})
        with pytest.raises(BadInput, match="two files with one id"), catalog.write() as session:
            manifests.record_file_list(session, list_of("in-1", [again], 1, 2), SMALL_LIMIT)
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
            manifests.record_file_list(session, list_of("in-2", [file]), SMALL_LIMIT, is_stored)
        assert asked == [(copied("in-1", file).content_hash, SMALL)]
        assert ask(catalog, "in-2") == [file.file_id]
        copy(catalog, "in-2", [file])
        assert states(catalog, "in-2") == {"GX010001.MP4": "copied"}


class TestCopying:
    def test_copied_twice_is_once(self, catalog: Catalog):
        file = entry("GX010001.MP4")
        put_in(catalog, "in-1", [file])
        copy(catalog, "in-1", [file, file])
        with catalog.read() as session:
            assert [event.type for event in events.since(session, 0)].count("card:file_copied") == 1

    def test_another_size_than_the_manifest_says_is_refused(self, catalog: Catalog):
        file = entry("GX010001.MP4")
        put_in(catalog, "in-1", [file])
        wrong = copied("in-1", file).model_copy(update={"size": SMALL - 1})
        with pytest.raises(BadInput, match="bytes were copied"), catalog.write() as session:
            copies.record_copied(session, wrong)
        assert states(catalog, "in-1") == {"GX010001.MP4": "new"}

    def test_unknown_files_and_insertions(self, catalog: Catalog):
        put_in(catalog, "in-1", [entry("GX010001.MP4")])
        for insertion, file in (("in-1", entry("OTHER.MP4")), ("nobody", entry("GX010001.MP4"))):
            with pytest.raises(NotFound), catalog.write() as session:
                copies.record_copied(session, copied(insertion, file))

    def test_an_error_stays_until_the_card_comes_again(self, catalog: Catalog):
        file = entry("GX010001.MP4")
        put_in(catalog, "in-1", [file])
        ask(catalog, "in-1")
        for _ in range(2):
            with catalog.write() as session:
                copies.record_copy_error(session, failed("in-1", file))
        assert states(catalog, "in-1") == {"GX010001.MP4": "failed"}
        assert ask(catalog, "in-1") == []
        with catalog.read() as session:
            assert [event.type for event in events.since(session, 0)].count("card:copy_error") == 1
        put_in(catalog, "in-2", [file])
        assert ask(catalog, "in-2") == [file.file_id]

    def test_an_error_after_the_copy_changes_nothing(self, catalog: Catalog):
        file = entry("GX010001.MP4")
        put_in(catalog, "in-1", [file])
        copy(catalog, "in-1", [file])
        with catalog.write() as session:
            copies.record_copy_error(session, failed("in-1", file))
        assert states(catalog, "in-1") == {"GX010001.MP4": "copied"}

    def test_a_copy_after_an_error_counts(self, catalog: Catalog):
        file = entry("GX010001.MP4")
        put_in(catalog, "in-1", [file])
        with catalog.write() as session:
            copies.record_copy_error(session, failed("in-1", file))
        copy(catalog, "in-1", [file])
        with catalog.read() as session:
            row = session.get_one(ManifestEntry, ("in-1", file.file_id))
            assert (row.state, row.error_code, row.error_detail) == ("copied", None, None)

    @pytest.mark.parametrize("code", [ErrorCode.CARD_REMOVED, ErrorCode.STALE_INSERT])
    def test_a_pulled_card_is_a_wait_and_not_asked_again(self, catalog: Catalog, code: ErrorCode):
        files = [entry("GX010001.MP4"), entry("GX010002.MP4", minute=1)]
        put_in(catalog, "in-1", files)
        ask(catalog, "in-1")
        for file in files:
            with catalog.write() as session:
                copies.record_copy_error(session, failed("in-1", file, code))
        assert set(states(catalog, "in-1").values()) == {"new"}
        assert is_out(catalog, "in-1")
        assert ask(catalog, "in-1") == []
        with catalog.read() as session:
            types = [event.type for event in events.since(session, 0)]
        assert types.count("card:removed") == 1
        assert "card:copy_error" not in types


class TestRequests:
    def test_asked_once_and_listed_until_answered(self, catalog: Catalog):
        files = [entry("GX010002.MP4", minute=2), entry("GX010001.MP4", minute=1)]
        put_in(catalog, "in-1", files)
        assert ask(catalog, "in-1") == ["f-GX010001_MP4", "f-GX010002_MP4"]
        assert ask(catalog, "in-1") == []
        with catalog.read() as session:
            assert asking.open_requests(session, "det") == [("in-1", ["f-GX010001_MP4", "f-GX010002_MP4"])]
            assert asking.open_requests(session, "other") == []
        copy(catalog, "in-1", files[1:])
        with catalog.read() as session:
            assert asking.open_requests(session, "det") == [("in-1", ["f-GX010002_MP4"])]
        with catalog.write() as session:
            insertions.record_removed(session, "in-1")
        with catalog.read() as session:
            assert asking.open_requests(session, "det") == []

    def test_large_files_follow_identification(self, catalog: Catalog):
        code, large = entry("GX010001.MP4"), entry("GX010002.MP4", LARGE, minute=1)
        put_in(catalog, "in-1", [code, large])
        assert ask(catalog, "in-1") == [code.file_id]
        copy(catalog, "in-1", [code])
        assert ask(catalog, "in-1") == []
        with catalog.read() as session:
            assert asking.insertions_with_new_files(session, ["det"]) == [("det", "in-1")]
        record(catalog, "in-1", passenger(), [code], [large])
        assert ask(catalog, "in-1") == [large.file_id]
        with catalog.read() as session:
            assert asking.insertions_with_new_files(session, ["det"]) == []

    def test_cards_of_other_detectors_are_not_meant(self, catalog: Catalog):
        put_in(catalog, "in-1", [entry("GX010001.MP4")])
        with catalog.read() as session:
            assert asking.insertions_with_new_files(session, ["other"]) == []
            assert asking.insertions_with_new_files(session, []) == []


class TestIdentifyKey:
    def key(self, catalog: Catalog, insertion: str = "in-1") -> str | None:
        with catalog.read() as session:
            return session.get_one(Insertion, insertion).identify_key

    def test_set_once_the_small_files_are_here(self, catalog: Catalog):
        code, large = entry("GX010001.MP4"), entry("GX010002.MP4", LARGE, minute=1)
        put_in(catalog, "in-1", [code, large])
        assert self.key(catalog) is None
        copy(catalog, "in-1", [code])
        assert self.key(catalog) is not None

    def test_a_small_file_that_fails_is_not_waited_for(self, catalog: Catalog):
        code, other = entry("GX010001.MP4"), entry("GX010002.MP4", minute=1)
        put_in(catalog, "in-1", [code, other])
        copy(catalog, "in-1", [code])
        with catalog.write() as session:
            copies.record_copy_error(session, failed("in-1", other))
        assert self.key(catalog) is not None

    def test_only_large_files_need_no_wait(self, catalog: Catalog):
        put_in(catalog, "in-1", [entry("GX010001.MP4", LARGE)])
        assert self.key(catalog) is not None

    def test_all_placed_means_nothing_to_do(self, catalog: Catalog):
        file = entry("GX010001.MP4")
        put_in(catalog, "in-1", [file])
        copy(catalog, "in-1", [file])
        record(catalog, "in-1", passenger(), [file], [])
        with catalog.write() as session:
            loose.refresh_identify_key(session, insertions.require_insertion(session, "in-1"))
        assert self.key(catalog) is None

    def test_known_files_that_were_never_placed_are_identified_next_time(self, catalog: Catalog):
        file = entry("GX010001.MP4")
        put_in(catalog, "in-1", [file])
        copy(catalog, "in-1", [file])
        with catalog.write() as session:
            insertions.record_removed(session, "in-1")
        put_in(catalog, "in-2", [file])
        assert self.key(catalog, "in-2") is not None


class TestOutbox:
    def test_old_events_go_but_never_the_newest(self, catalog: Catalog):
        with catalog.write() as session:
            for _ in range(3):
                events.append(session, "card:inserted")
        later = datetime.now(UTC) + timedelta(days=1)
        with catalog.write() as session:
            assert events.forget(session, later) == 2
            newest = events.last_id(session)
            events.append(session, "card:removed")
            assert events.last_id(session) > newest
        with catalog.read() as session:
            assert session.execute(select(func.count()).select_from(Event)).scalar_one() == 2

    def test_steps_tell_that_they_reported(self, catalog: Catalog):
        start = datetime.now(UTC) - timedelta(seconds=1)
        with catalog.write() as session:
            events.report_step(session, events.StepReport("jump", "a", "A", events.StepStatus.RUNNING))
        with catalog.read() as session:
            first = events.steps_reported_since(session, start)
        with catalog.write() as session:
            events.report_step(session, events.StepReport("jump", "a", "A", events.StepStatus.DONE, 1.0))
        with catalog.read() as session:
            second = events.steps_reported_since(session, start)
            assert events.steps_reported_since(session, datetime.now(UTC) + timedelta(minutes=1)) == {}
        assert first.keys() == second.keys() == {"jump"}
        assert first != second
        assert first["jump"][0].tzinfo is not None

    def test_moments_keep_their_zone(self, catalog: Catalog):
        put_in(catalog, "in-1", [entry("GX010001.MP4")])
        with catalog.read() as session:
            at = session.get_one(Insertion, "in-1").inserted_at
            wall_clock = session.execute(select(CardFile.modified)).scalar_one()
        assert abs(at - datetime.now(UTC)) < timedelta(minutes=1)
        assert wall_clock == NINE
