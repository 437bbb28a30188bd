"""The same content twice in one jump: it is in the film once, and people see why. On both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest
from support.cataloguing import (
    SMALL,
    ask,
    content_of,
    copied,
    copy,
    entry,
    film,
    passenger,
    put_in,
    ready_jump,
    record,
    row_ids,
)

from stinercut.catalog import Catalog
from stinercut.catalog.row_messages import reason_words
from stinercut.jumps import arriving, film_records, jumps
from stinercut.jumps.duplicates import Place, aliases
from stinercut.protocol import FileEntry
from stinercut.review import decisions, file_groups


class TestTheRule:
    @pytest.mark.parametrize(
        ("places", "expected"),
        [
            ([Place(1, "clip", "a"), Place(2, "clip", "b")], {}),
            ([Place(1, "clip", "a"), Place(2, "clip", "a")], {2: 1}),
            ([Place(2, "clip", "a"), Place(1, "clip", "a"), Place(3, "clip", "a")], {2: 1, 3: 1}),
            ([Place(1, "clip", "a"), Place(2, "left_out", "a")], {1: 2}),
            ([Place(1, "left_out", "a"), Place(2, "left_out", "a")], {}),
            ([Place(1, "clip", "a"), Place(2, "qr", "a"), Place(3, "qr", "a")], {1: 2, 3: 2}),
            ([Place(1, "clip", None), Place(2, "clip", None)], {}),
        ],
        ids=["different", "twice", "found first", "left out", "both left out", "a code", "still on the card"],
    )
    def test_which_file_counts(self, places: list[Place], expected: dict[int, int]):
        assert aliases(places) == expected


def clips_of(catalog: Catalog, key: str) -> list[int]:
    with catalog.read() as session:
        return [clip.card_file_id for clip in jumps.footage_of(session, key).clips]


def state_of(catalog: Catalog, key: str) -> tuple[str, str, str | None]:
    with catalog.read() as session:
        jump = jumps.require_jump(session, key)
        return jump.state, reason_words(jump), jump.wanted_version


def same_as(catalog: Catalog, key: str) -> dict[int, str]:
    with catalog.read() as session:
        return {file.card_file_id: file.same_as for file in file_groups.group(session, key).files if file.same_as}


def second_card(catalog: Catalog, files: list[FileEntry], hours: int = 0) -> list[FileEntry]:
    """A copy of the card, its clock read another way, with all files copied and found to be the same passenger's."""
    again = [
        file.model_copy(update={"file_id": f"g{file.file_id}", "modified": file.modified + timedelta(hours=hours)})
        for file in files
    ]
    put_in(catalog, "in-2", again, "card-2")
    ask(catalog, "in-2")
    copy(catalog, "in-2", again)
    record(catalog, "in-2", passenger(), again[:1], again[1:])
    return again


class TestACardCopiedOntoASecondOne:
    @pytest.mark.parametrize("hours", [0, 2, -2])
    def test_nothing_stands_twice_and_the_film_stays(self, catalog: Catalog, hours: int):
        key, files = ready_jump(catalog)
        with catalog.write() as session:
            version = jumps.take_up(session, key, "run-1").version
            film_records.record_film(session, film(key, version))
        before = clips_of(catalog, key)
        second_card(catalog, files, hours)
        assert clips_of(catalog, key) == before == row_ids(catalog, "in-1", files[1:])
        assert state_of(catalog, key) == ("done", "", version)

    def test_people_see_what_it_repeats(self, catalog: Catalog):
        key, files = ready_jump(catalog)
        again = second_card(catalog, files)
        names = [f"{file.name} of card GOPRO" for file in files]
        assert same_as(catalog, key) == dict(zip(row_ids(catalog, "in-2", again), names, strict=True))

    def test_what_only_repeats_is_not_worked_on_ahead(self, catalog: Catalog):
        key, files = ready_jump(catalog)
        [before] = [one.content_hash for one in self.here(catalog, key)[:1]]
        second_card(catalog, files)
        assert [one.card_file_id for one in self.here(catalog, key)] == row_ids(catalog, "in-1", files[1:])
        assert self.here(catalog, key)[0].content_hash == before

    @staticmethod
    def here(catalog: Catalog, key: str) -> tuple[jumps.FootageFile, ...]:
        with catalog.read() as session:
            return arriving.footage_here(session, key).files

    def test_what_was_left_out_stays_out(self, catalog: Catalog):
        key, files = ready_jump(catalog)
        out = row_ids(catalog, "in-1", files)[1]
        with catalog.write() as session:
            decisions.leave_out(session, "Eva", key, out)
        version = state_of(catalog, key)[2]
        second_card(catalog, files)
        assert state_of(catalog, key)[2] == version
        assert clips_of(catalog, key) == row_ids(catalog, "in-1", files)[2:]
        with catalog.write() as session:
            decisions.put_back(session, "Eva", key, out)
        assert clips_of(catalog, key) == row_ids(catalog, "in-1", files)[1:]

    def test_both_left_out_come_back_together(self, catalog: Catalog):
        key, files = ready_jump(catalog)
        again = second_card(catalog, files)
        one, other = row_ids(catalog, "in-1", files)[1], row_ids(catalog, "in-2", again)[1]
        with catalog.write() as session:
            decisions.leave_out(session, "Eva", key, one)
            decisions.leave_out(session, "Eva", key, other)
        assert clips_of(catalog, key) == row_ids(catalog, "in-1", files)[2:]
        with catalog.write() as session:
            decisions.put_back(session, "Eva", key, other)
        assert clips_of(catalog, key) == row_ids(catalog, "in-1", files)[1:]

    def test_the_copy_counts_where_the_other_one_went_away(self, catalog: Catalog):
        key, files = ready_jump(catalog)
        again = second_card(catalog, files)
        moved = row_ids(catalog, "in-1", files[1:])
        with catalog.write() as session:
            decisions.split(session, "Eva", key, moved)
        assert clips_of(catalog, key) == row_ids(catalog, "in-2", again[1:])


class TestAFileTwiceOnOneCard:
    def test_a_copy_in_another_folder(self, catalog: Catalog):
        code, clip = entry("GX010001.MP4", SMALL + 1, minute=1), entry("GX010002.MP4", SMALL + 2, minute=2)
        again = entry("GX010002.MP4", SMALL + 2, minute=2, folder="DCIM/BACKUP", prefix="b")
        files = [code, clip, again]
        put_in(catalog, "in-1", files)
        ask(catalog, "in-1")
        copy(catalog, "in-1", files)
        assert content_of(clip) == content_of(again) == copied("in-1", again).content_hash
        [key] = record(catalog, "in-1", passenger(), [code], [clip, again])
        assert clips_of(catalog, key) == row_ids(catalog, "in-1", [clip])
        assert same_as(catalog, key) == {row_ids(catalog, "in-1", [again])[0]: "DCIM/100GOPRO/GX010002.MP4"}
        assert state_of(catalog, key)[0] == "ready"
