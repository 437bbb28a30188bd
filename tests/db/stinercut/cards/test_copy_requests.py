"""Which files of a card are asked for, in which order, and what was copied. On SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from support import heard
from support.cataloguing import (
    LARGE,
    SMALL,
    ask,
    copied,
    copy,
    entry,
    failed,
    is_out,
    passenger,
    put_in,
    record,
    states,
)

from stinercut.cards import copy_requests, insertions, unassigned_files
from stinercut.cards.copy_requests import CopyCandidate, plan_requests
from stinercut.catalog import Catalog, events
from stinercut.catalog.models import Insertion, ManifestEntry
from stinercut.errors import BadInput, NotFound
from stinercut.protocol import ErrorCode, FileKind

NINE = datetime(2026, 6, 1, 9, 0)


def wanted(name: str, minute: int, **more: object) -> CopyCandidate:
    fields: dict[str, object] = {"kind": FileKind.VIDEO, "early": False, "jump_key": None, "identified": False, **more}
    return CopyCandidate(file_id=name, name=name, modified=NINE + timedelta(minutes=minute), **fields)  # type: ignore[arg-type]


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
            heard.record_copied(session, wrong)
        assert states(catalog, "in-1") == {"GX010001.MP4": "new"}

    def test_unknown_files_and_insertions(self, catalog: Catalog):
        put_in(catalog, "in-1", [entry("GX010001.MP4")])
        for insertion, file in (("in-1", entry("OTHER.MP4")), ("nobody", entry("GX010001.MP4"))):
            with pytest.raises(NotFound), catalog.write() as session:
                heard.record_copied(session, copied(insertion, file))

    def test_an_error_stays_until_the_card_comes_again(self, catalog: Catalog):
        file = entry("GX010001.MP4")
        put_in(catalog, "in-1", [file])
        ask(catalog, "in-1")
        for _ in range(2):
            with catalog.write() as session:
                heard.record_copy_error(session, failed("in-1", file))
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
            heard.record_copy_error(session, failed("in-1", file))
        assert states(catalog, "in-1") == {"GX010001.MP4": "copied"}

    def test_a_copy_after_an_error_counts(self, catalog: Catalog):
        file = entry("GX010001.MP4")
        put_in(catalog, "in-1", [file])
        with catalog.write() as session:
            heard.record_copy_error(session, failed("in-1", file))
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
                heard.record_copy_error(session, failed("in-1", file, code))
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
            assert copy_requests.open_requests(session, "det") == [("in-1", ["f-GX010001_MP4", "f-GX010002_MP4"])]
            assert copy_requests.open_requests(session, "other") == []
        copy(catalog, "in-1", files[1:])
        with catalog.read() as session:
            assert copy_requests.open_requests(session, "det") == [("in-1", ["f-GX010002_MP4"])]
        with catalog.write() as session:
            heard.record_removed(session, "in-1")
        with catalog.read() as session:
            assert copy_requests.open_requests(session, "det") == []

    def test_large_files_follow_identification(self, catalog: Catalog):
        code, large = entry("GX010001.MP4"), entry("GX010002.MP4", LARGE, minute=1)
        put_in(catalog, "in-1", [code, large])
        assert ask(catalog, "in-1") == [code.file_id]
        copy(catalog, "in-1", [code])
        assert ask(catalog, "in-1") == []
        with catalog.read() as session:
            assert copy_requests.insertions_with_new_files(session, ["det"]) == [("det", "in-1")]
        record(catalog, "in-1", passenger(), [code], [large])
        assert ask(catalog, "in-1") == [large.file_id]
        with catalog.read() as session:
            assert copy_requests.insertions_with_new_files(session, ["det"]) == []

    def test_cards_of_other_detectors_are_not_meant(self, catalog: Catalog):
        put_in(catalog, "in-1", [entry("GX010001.MP4")])
        with catalog.read() as session:
            assert copy_requests.insertions_with_new_files(session, ["other"]) == []
            assert copy_requests.insertions_with_new_files(session, []) == []


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
            heard.record_copy_error(session, failed("in-1", other))
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
            unassigned_files.refresh_identify_key(session, insertions.require_insertion(session, "in-1"))
        assert self.key(catalog) is None

    def test_known_files_that_were_never_placed_are_identified_next_time(self, catalog: Catalog):
        file = entry("GX010001.MP4")
        put_in(catalog, "in-1", [file])
        copy(catalog, "in-1", [file])
        with catalog.write() as session:
            heard.record_removed(session, "in-1")
        put_in(catalog, "in-2", [file])
        assert self.key(catalog, "in-2") is not None
