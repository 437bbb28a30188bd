"""A film that lacks something says so: what stands right after a passenger's files on a card and waits for a person."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session
from support import heard
from support.cataloguing import ask, copy, entry, failed, film, passenger, put_in, record, row_ids

from hub.board.feed import Feed
from hub.cards.copy_progress import Live, ProgressSnapshot
from hub.cards.views import card_views
from hub.jumps.views import JumpView, jump_views
from hub.kit.catalog_watch import CatalogWatch
from hub.kit.views import Links
from hub.review.views import GroupView, group_views
from stinercut.cards import identification, insertions
from stinercut.cards.early_files import EarlyFile
from stinercut.catalog import Catalog, events
from stinercut.codes.reading import Reading, Reason
from stinercut.jumps import film_records, jumps
from stinercut.language.messages import as_written
from stinercut.protocol import FileEntry, FileKind
from stinercut.recordings.filming_order import CardVideo
from stinercut.recordings.stretches import (
    ENDS_AFTER,
    Neighbours,
    PlacedFile,
    camera_of,
    misdated_after,
    neighbours,
)
from stinercut.review import decisions

LINKS = Links("http://127.0.0.1:3000", Path("films"))
NINE = datetime(2026, 6, 1, 9, 0)


def video(number: int, minute: float | None = None) -> CardVideo:
    when = NINE + timedelta(minutes=number if minute is None else minute)
    name = f"GX01{number:04}.MP4"
    return CardVideo(number, name, "DCIM/100GOPRO", when, 1000 + number, name)


def placed_file(file: CardVideo, what: str) -> PlacedFile:
    return PlacedFile(file, "group" if what in "?!" else what, what in "?!", has_code=what == "!")


def placed(*what: str, minutes: dict[int, float] | None = None) -> dict[int, Neighbours]:
    """Files in the order of filming: a letter is that passenger's; `?` waits, `!` waits and has codes in it."""
    files = [placed_file(video(number, (minutes or {}).get(number)), one) for number, one in enumerate(what)]
    return neighbours(files)


def befores(*what: str) -> list[str | None]:
    return [one.before for one in placed(*what).values()]


class TestTheRule:
    def test_a_clip_that_may_hide_a_code_and_its_second_chapter_stand_after_the_passenger(self):
        assert befores("A", "A", "?", "?") == ["A", "A"]

    def test_up_to_the_next_code(self):
        assert list(placed("A", "?", "B", "?", "?").values()) == [
            Neighbours("A", "B"),
            Neighbours("B", None),
            Neighbours("B", None),
        ]

    def test_between_their_own_files(self):
        assert list(placed("A", "?", "A").values()) == [Neighbours("A", "A")]

    def test_before_any_code_is_nobodys_stretch(self):
        assert list(placed("?", "A").values()) == [Neighbours(None, "A")]

    def test_a_code_that_nobody_could_be_known_by_ends_it(self):
        assert befores("A", "?", "!", "?") == ["A", None, None]

    def test_a_night_ends_it_and_a_long_lunch_does_not(self):
        lunch = ENDS_AFTER.total_seconds() / 60
        assert placed("A", "?", minutes={0: 0, 1: lunch})[1].before == "A"
        assert placed("A", "?", "B", minutes={0: 0, 1: lunch + 1, 2: 3 * lunch})[1] == Neighbours(None, None)

    @given(st.lists(st.sampled_from("AAB??!"), max_size=12), st.randoms())
    def test_whatever_the_card(self, what: list[str], shuffled: Any):
        """A waiting file is whose files come last before it, unless a code came since, however they are given."""
        expected: list[str | None] = []
        owner: str | None = None
        for one in what:
            owner = None if one == "!" else owner if one == "?" else one
            if one in "?!":
                expected.append(owner)
        found = placed(*what)
        assert befores(*what) == expected
        files = [
            PlacedFile(video(n), "x" if one in "?!" else one, one in "?!", one == "!") for n, one in enumerate(what)
        ]
        shuffled.shuffle(files)
        assert neighbours(files) == found

    @pytest.mark.parametrize(
        ("folder", "name", "maker"),
        [
            ("DCIM/100GOPRO", "GX010023.MP4", "GoPro"),
            ("DCIM/100GOPRO", "GOPR0007.JPG", "GoPro"),
            ("DCIM/100MEDIA", "DJI_0003.MP4", "DJI"),
            ("PRIVATE/M4ROOT/CLIP", "C0001.MP4", "Sony"),
            ("DCIM/100CANON", "MVI_0004.MP4", "Canon"),
            ("DCIM/Camera01", "VID_20260601_090000_00_001.mp4", "Insta360"),
            ("DCIM", "film.mp4", ""),
        ],
    )
    def test_the_camera_as_its_names_tell(self, folder: str, name: str, maker: str):
        assert camera_of(folder, name) == maker


YEARS = 60 * 24 * 365 * 10
"""Minutes by which a camera's clock falls back when its battery was out."""


def misdated(*what: str, minutes: dict[int, float]) -> dict[int, str]:
    """As `placed`, by the number of the file: in whose stretch the camera's count puts files with a wrong time."""
    files = [placed_file(video(number, minutes.get(number)), one) for number, one in enumerate(what)]
    return misdated_after(files)


class TestWrongTimes:
    def test_a_clip_whose_clock_fell_back_stands_where_the_count_says(self):
        assert misdated("A", "A", "?", "B", minutes={2: -YEARS}) == {2: "A"}

    def test_so_does_one_whose_clock_ran_ahead(self):
        assert misdated("A", "?", "B", "B", minutes={1: YEARS}) == {1: "A"}

    def test_a_right_time_needs_no_count(self):
        assert misdated("A", "?", "B", "?", minutes={}) == {}

    def test_the_first_clip_of_a_day_is_not_that_of_the_last_passenger_of_the_day_before(self):
        night = 60 * 20
        assert misdated("A", "?", "?", "B", minutes={1: night, 2: -YEARS, 3: night + 2}) == {}

    def test_a_code_that_nobody_could_be_known_by_ends_it_here_too(self):
        assert misdated("A", "!", "?", "B", minutes={2: -YEARS}) == {}

    def test_two_cameras_counts_say_nothing_about_each_other(self):
        other = CardVideo(9002, "C0002.MP4", "M4ROOT/CLIP", NINE - timedelta(days=3650), 1, "C0002")
        assert misdated_after([placed_file(video(1), "A"), placed_file(other, "?")]) == {}


# ---- a card in the catalog -------------------------------------------------------------------------------------------

CARD = [entry(f"GX01000{n}.MP4", 1000 + n, minute=n) for n in range(1, 8)]
"""A code and a clip of Anna's, three files that wait, Bob's code and clip."""


def card_with_a_gap(catalog: Catalog) -> tuple[str, str, str]:
    """Anna's film is made of what is known to be hers; the next files wait; Bob follows. Returns the three keys."""
    put_in(catalog, "in-1", CARD)
    copy(catalog, "in-1", CARD)
    [anna] = record(catalog, "in-1", passenger("Anna Müller", "B-1"), CARD[:1], CARD[1:2])
    why = "GX010003.MP4 could not be read and may hold another passenger's code"
    [group] = record(catalog, "in-1", None, [], CARD[2:5], why)
    [bob] = record(catalog, "in-1", passenger("Bob", "B-2"), CARD[5:6], CARD[6:7])
    return anna, group, bob


def make_film(catalog: Catalog, key: str) -> None:
    with catalog.write() as session:
        version = jumps.take_up(session, key, "run-1").version
        film_records.record_film(session, film(key, version, "run-1"))


def on_board(catalog: Catalog, key: str) -> JumpView:
    with catalog.read() as session:
        [view] = jump_views(session, LINKS, [key])
    return view


def in_review(catalog: Catalog, key: str) -> GroupView:
    with catalog.read() as session:
        [view] = group_views(session, [key])
    return view


def completed(catalog: Catalog) -> dict[str, Any]:
    with catalog.read() as session:
        return [one.data for one in events.since(session, 0) if one.type == "pipeline:completed"][-1]


def names(files: list[FileEntry]) -> list[str]:
    return [file.name for file in files]


class TestTheFilm:
    def test_it_says_what_it_lacks_where_to_decide_and_that_it_is_provisional(self, catalog: Catalog):
        anna, group, bob = card_with_a_gap(catalog)
        make_film(catalog, anna)
        view = on_board(catalog, anna)
        assert (view.state, view.complete) == ("done", False)
        assert view.film is not None
        assert view.film.provisional
        [missing] = view.missing
        assert (missing.jump, missing.decide) == (group, f"/needs-you?jump={group}")
        assert (missing.label, missing.camera, [one.name for one in missing.files]) == (
            "GOPRO",
            "GoPro",
            names(CARD[2:5]),
        )
        assert missing.what == (
            "3 more files of card GOPRO wait for a person: GX010003.MP4, GX010004.MP4, GX010005.MP4."
        )
        assert (completed(catalog)["complete"], completed(catalog)["missing"]) == (False, [{"jump": group, "files": 3}])
        assert on_board(catalog, bob).complete, "what was filmed before his code is not his"

    def test_it_is_complete_when_somebody_has_said_whose_the_rest_is(self, catalog: Catalog):
        anna, group, _ = card_with_a_gap(catalog)
        make_film(catalog, anna)
        with catalog.write() as session:
            decisions.join(session, "Jo", group, anna)
        make_film(catalog, anna)
        view = on_board(catalog, anna)
        assert (view.complete, view.missing, completed(catalog)["complete"]) == (True, [], True)
        assert view.film is not None
        assert not view.film.provisional

    def test_so_it_is_when_they_were_somebody_elses_or_are_left_out(self, catalog: Catalog):
        anna, group, bob = card_with_a_gap(catalog)
        rows = row_ids(catalog, "in-1", CARD[2:5])
        with catalog.write() as session:
            decisions.move(session, "Jo", group, rows[:1], bob)
            decisions.leave_out(session, "Jo", group, rows[1])
        assert [one.name for one in on_board(catalog, bob).missing[0].files] == names(CARD[4:5]), (
            "his come before it now"
        )
        assert on_board(catalog, anna).complete
        with catalog.write() as session:
            decisions.leave_out(session, "Jo", group, rows[2])
        assert on_board(catalog, bob).complete

    def test_a_code_that_names_somebody_ends_what_may_be_hers(self, catalog: Catalog):
        anna, _, _ = card_with_a_gap(catalog)
        rows = row_ids(catalog, "in-1", CARD)
        two = Reading(reason=Reason.TWO_PAYLOADS, detail_parts=as_written("the codes of Cem and Dora"))
        with catalog.write() as session:
            identification.record_reading(session, "card-1", EarlyFile(rows[3], CARD[3].name, "", 0, None), two)
        assert [one.name for one in on_board(catalog, anna).missing[0].files] == names(CARD[2:3])

    def test_another_card_and_another_day_are_nobodys_business(self, catalog: Catalog):
        anna, _, _ = card_with_a_gap(catalog)
        later = [entry("GX020009.MP4", 77, minute=60 * 24)]
        put_in(catalog, "in-2", later)
        copy(catalog, "in-2", later)
        [night] = record(catalog, "in-2", None, [], later, "filmed before any passenger's code")
        other = [entry("GX030001.MP4", 78, minute=3, prefix="o")]
        put_in(catalog, "in-3", other, "card-2")
        copy(catalog, "in-3", other)
        record(catalog, "in-3", None, [], other, "filmed before any passenger's code")
        assert len(on_board(catalog, anna).missing) == 1
        place = in_review(catalog, night).place
        assert place is not None
        assert (place.before, place.after) == (None, None)

    def test_photos_that_wait_are_missing_too(self, catalog: Catalog):
        files = [*CARD[:2], entry("GOPR0003.JPG", 50, minute=3, kind=FileKind.PHOTO)]
        put_in(catalog, "in-1", files)
        copy(catalog, "in-1", files)
        [anna] = record(catalog, "in-1", passenger(), files[:1], files[1:2])
        record(catalog, "in-1", None, [], files[2:], "taken after a long pause")
        assert [one.name for one in on_board(catalog, anna).missing[0].files] == ["GOPR0003.JPG"]


class TestAClockThatFellBack:
    FILES = (*CARD[:2], entry("GX010003.MP4", 1003, minute=-YEARS), *CARD[5:7])

    def card(self, catalog: Catalog) -> tuple[str, str, str]:
        """Anna's second clip says that it was filmed years ago. Returns her jump, its group, Bob's jump."""
        put_in(catalog, "in-1", self.FILES)
        copy(catalog, "in-1", self.FILES)
        [group] = record(catalog, "in-1", None, [], self.FILES[2:3], "filmed before any passenger's code")
        [anna] = record(catalog, "in-1", passenger("Anna Müller", "B-1"), self.FILES[:1], self.FILES[1:2])
        [bob] = record(catalog, "in-1", passenger("Bob", "B-2"), self.FILES[3:4], self.FILES[4:])
        return anna, group, bob

    def test_the_film_says_that_it_lacks_the_clip(self, catalog: Catalog):
        anna, group, bob = self.card(catalog)
        make_film(catalog, anna)
        view = on_board(catalog, anna)
        assert (view.complete, [one.name for one in view.missing[0].files]) == (False, ["GX010003.MP4"])
        assert view.film is not None
        assert view.film.provisional
        assert on_board(catalog, bob).complete
        place = in_review(catalog, group).place
        assert place is not None
        assert place.before is not None
        assert place.before.jump == anna

    def test_it_is_told_when_somebody_has_decided(self, catalog: Catalog):
        anna, group, _ = self.card(catalog)
        [row] = row_ids(catalog, "in-1", self.FILES[2:3])
        told = told_of(catalog, lambda session: decisions.leave_out(session, "Jo", group, row))
        assert [one["complete"] for one in told if one["jump"] == anna] == [True]

    def test_an_insertion_long_before_says_nothing_of_it(self, catalog: Catalog):
        anna, _, _ = self.card(catalog)
        later = [entry("GX010009.MP4", 77, minute=60 * 24 * 30, prefix="l")]
        put_in(catalog, "in-2", later)
        copy(catalog, "in-2", later)
        record(catalog, "in-2", None, [], later, "filmed before any passenger's code")
        assert [one.name for missing in on_board(catalog, anna).missing for one in missing.files] == ["GX010003.MP4"]


class TestItsPhotos:
    FILES = (
        *CARD[:2],
        entry("GOPR0003.JPG", 50, minute=3, kind=FileKind.PHOTO),
        entry("GOPR0004.JPG", 51, minute=4, kind=FileKind.PHOTO),
    )

    def with_photos(self, catalog: Catalog) -> tuple[str, list[int]]:
        """A jump of which all but the last photo are here."""
        put_in(catalog, "in-1", self.FILES)
        rows = row_ids(catalog, "in-1", self.FILES)
        found = jumps.FoundSession(passenger(), (rows[0],), (rows[1],), None, tuple(rows[2:]))
        with catalog.write() as session:
            [key] = jumps.record_sessions(session, insertions.require_insertion(session, "in-1"), [found])
        ask(catalog, "in-1")
        copy(catalog, "in-1", self.FILES[:3])
        return key, rows

    def test_a_film_without_one_that_could_not_be_copied_is_provisional(self, catalog: Catalog) -> None:
        key, rows = self.with_photos(catalog)
        assert on_board(catalog, key).missing == [], "it is still being fetched, and no film is made before"
        with catalog.write() as session:
            heard.record_copy_error(session, failed("in-1", self.FILES[3]))
        make_film(catalog, key)
        view = on_board(catalog, key)
        assert (view.state, view.complete) == ("done", False)
        assert view.film is not None
        assert view.film.provisional
        [missing] = view.missing
        assert (missing.code, missing.jump, [one.file_id for one in missing.files]) == (
            "PHOTOS_NOT_COPIED",
            key,
            rows[3:],
        )
        assert missing.what == (
            "1 photo of card GOPRO is not copied: GOPR0004.JPG. Put the card in again, or leave it out."
        )
        assert completed(catalog)["missing"] == [{"jump": key, "files": 1}]
        with catalog.write() as session:
            decisions.leave_out(session, "Jo", key, rows[3])
        assert on_board(catalog, key).complete

    def test_so_is_one_whose_card_was_pulled_out_before(self, catalog: Catalog) -> None:
        key, _ = self.with_photos(catalog)
        with catalog.write() as session:
            heard.record_removed(session, "in-1")
        make_film(catalog, key)
        assert not on_board(catalog, key).complete
        again = [file.model_copy(update={"file_id": f"again-{n}"}) for n, file in enumerate(self.FILES)]
        put_in(catalog, "in-2", again)
        ask(catalog, "in-2")
        copy(catalog, "in-2", again[3:])
        view = on_board(catalog, key)
        assert (view.state, view.complete) == ("ready", True), "its film is made again, with that photo"


class TestTheGroup:
    def test_it_names_card_camera_times_and_neighbours(self, catalog: Catalog):
        anna, group, bob = card_with_a_gap(catalog)
        place = in_review(catalog, group).place
        assert place is not None
        assert (place.card, place.label, place.camera) == ("card-1", "GOPRO", "GoPro")
        assert (place.first, place.last) == (CARD[2].modified, CARD[4].modified)
        assert place.before is not None
        assert place.after is not None
        assert (place.before.jump, place.before.passenger, place.after.jump) == (anna, "Anna Müller", bob)
        assert on_board(catalog, group).place == place
        assert not on_board(catalog, group).complete
        assert in_review(catalog, anna).place is None

    def test_its_card_says_how_many_of_its_files_have_no_passenger(self, catalog: Catalog):
        _, group, _ = card_with_a_gap(catalog)

        def unknown() -> int:
            with catalog.read() as session:
                [view] = card_views(session, ProgressSnapshot(), ["card-1"])
            return view.without_passenger

        assert unknown() == 3
        with catalog.write() as session:
            decisions.leave_out(session, "Jo", group, row_ids(catalog, "in-1", CARD[2:3])[0])
        assert unknown() == 2


def told_of(catalog: Catalog, decide: Callable[[Session], object]) -> list[dict[str, Any]]:
    """The jumps that a page hears of when a person decides."""
    return [frame["jump"] for frame in frames_after(catalog, decide) if frame["type"] == "jump"]


def frames_after(catalog: Catalog, decide: Callable[[Session], object]) -> list[dict[str, Any]]:
    """What a page hears when a person decides."""

    async def watch() -> list[dict[str, Any]]:
        feed = Feed(Live(), LINKS, CatalogWatch(catalog))
        watcher = await feed.join()
        await feed.turn()
        while not watcher.frames.empty():
            watcher.frames.get_nowait()
        with catalog.write() as session:
            decide(session)
        await feed.turn()
        frames: list[dict[str, Any]] = []
        while not watcher.frames.empty():
            frames.append(json.loads(watcher.frames.get_nowait() or "{}"))
        return frames

    return asyncio.run(watch())


def test_a_decision_is_told_to_whoever_looks_at_the_jump_beside_it(catalog: Catalog) -> None:
    """Nothing of Anna's own changes when her neighbours become somebody else's jump; her tile does."""
    anna, group, _ = card_with_a_gap(catalog)
    frames = frames_after(catalog, lambda session: decisions.assign(session, "Jo", group, passenger("Cem", "B-3")))
    told = {frame["jump"]["jump"]: frame["jump"] for frame in frames if frame["type"] == "jump"}
    assert told[anna]["complete"]
    assert [frame["card"]["without_passenger"] for frame in frames if frame["type"] == "card"] == [0]
