"""The board's feed: what a page gets first, that nothing is lost on its way, and the beats in between."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session
from support.cataloguing import catalog_in, copy, empty_catalog, entry, passenger, put_in, record

from hub.board.feed import BEAT_EVERY_S, Feed, Watcher
from hub.cards.copy_progress import Live
from hub.kit.catalog_watch import CatalogWatch
from hub.kit.version import version_of
from hub.kit.views import Links
from stinercut.cards import identification
from stinercut.cards.early_files import unread_files
from stinercut.catalog import Catalog, events
from stinercut.catalog.change_counter import ChangeCounter
from stinercut.catalog.models import Jump, JumpState
from stinercut.catalog.row_messages import give_reason
from stinercut.codes.payload import Payload
from stinercut.codes.reading import Reading
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message

LINKS = Links("http://127.0.0.1:3000", Path("films"))
PATIENCE_S = 30


def heard(watcher: Watcher) -> list[dict[str, Any]]:
    """The frames that wait for a browser, taken."""
    frames: list[dict[str, Any]] = []
    while not watcher.frames.empty():
        frames.append(json.loads(watcher.frames.get_nowait() or "null"))
    return frames


def happen(catalog: Catalog, what: str) -> None:
    """Another process writes an event."""
    with catalog.write() as session:
        events.append(session, "test:happened", what=what)


def held_at_its_snapshot(catalog: Catalog) -> tuple[Catalog, threading.Event, threading.Event]:
    """The same catalog; its second reading, the snapshot of who joins first, says when it has read, and waits then."""
    has_read, go_on, readings = threading.Event(), threading.Event(), iter(range(1, 1000))

    class Held(Catalog):
        @contextmanager
        def read(self) -> Generator[Session]:
            with super().read() as session:
                yield session
            if next(readings) == 2:
                has_read.set()
                assert go_on.wait(PATIENCE_S)

    return Held(catalog.engine), has_read, go_on


def test_what_changes_while_the_first_page_joins_is_told(catalog: Catalog) -> None:
    """The watch rests when nobody listens; what happens between a snapshot and its page being known is told."""
    held, has_read, go_on = held_at_its_snapshot(catalog)

    async def scene() -> None:
        watch = CatalogWatch(held)
        feed = Feed(Live(), LINKS, watch)
        joining = asyncio.create_task(feed.join())
        assert await asyncio.to_thread(has_read.wait, PATIENCE_S)
        running = asyncio.create_task(watch.run())
        for _ in range(3):  # The watch gets as far as it can.
            await asyncio.sleep(0)
        happen(catalog, "just now")
        go_on.set()
        watcher = await joining
        async with asyncio.timeout(PATIENCE_S):
            while True:
                frame = json.loads(await watcher.frames.get() or "null")
                if frame["type"] == "event" and frame["event"]["data"] == {"what": "just now"}:
                    break
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(scene())


def test_news_that_can_not_be_told_keeps_none_after_it_back(catalog: Catalog) -> None:
    """Such as what another version wrote: every page begins with a new picture, and hears what comes then."""

    async def scene() -> None:
        watch = CatalogWatch(catalog)
        feed = Feed(Live(), LINKS, watch)
        page = await feed.join()
        with catalog.write() as session:
            events.append(session, "jump:files_moved", jumps=7)
        running = asyncio.create_task(watch.run())
        async with asyncio.timeout(PATIENCE_S):
            while await page.frames.get() is not None:
                pass
            again = await feed.join()
            happen(catalog, "afterwards")
            while not any(frame["type"] == "event" for frame in heard(again)):
                await feed.turn()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(scene())


def test_boards_of_several_languages_get_the_same_frames_each_in_its_words(catalog: Catalog) -> None:
    put_in(catalog, "in-1", [entry("GX010001.MP4")])
    record(catalog, "in-1", passenger(), [entry("GX010001.MP4")], [])

    async def scene() -> None:
        feed = Feed(Live(), LINKS, CatalogWatch(catalog))
        pages = [await feed.join(language) for language in ("en", "de", "de")]
        for page in pages:
            heard(page)
        with catalog.write() as session:
            jump = session.execute(select(Jump)).scalars().one()
            give_reason(jump, Message.of(MessageCode.OLDER_FILM_STAYS))
            events.append(session, "jump:decided", jump_key=jump.jump_key)
        await feed.turn()
        frames = [heard(page) for page in pages]
        assert len({tuple(frame["type"] for frame in each) for each in frames}) == 1
        assert [frame["jump"]["reason"] for each in frames for frame in each if frame["type"] == "jump"] == [
            "The film that was made before is still here.",
            "Der frühere Film ist noch da.",
            "Der frühere Film ist noch da.",
        ]

    asyncio.run(scene())


@pytest.mark.parametrize("day", [date.min, date.max])
def test_a_jump_of_a_day_that_no_clock_reaches_stops_no_board(catalog: Catalog, day: date) -> None:
    put_in(catalog, "in-1", [entry("GX010001.MP4")])
    record(catalog, "in-1", passenger(), [entry("GX010001.MP4")], [])

    async def scene() -> None:
        feed = Feed(Live(), LINKS, CatalogWatch(catalog))
        page = await feed.join()
        with catalog.write() as session:
            jump = session.execute(select(Jump)).scalars().one()
            jump.jump_date = day  # Earlier versions took any.
            events.append(session, "jump:decided", jump_key=jump.jump_key)
        await feed.turn()
        assert "event" in [frame["type"] for frame in heard(page)]

    asyncio.run(scene())


def test_who_comes_after_a_while_without_pages_hears_nothing_old(catalog: Catalog) -> None:
    async def scene() -> None:
        feed = Feed(Live(), LINKS, CatalogWatch(catalog))
        feed.leave(await feed.join())
        happen(catalog, "while nobody watched")
        page = await feed.join()
        happen(catalog, "afterwards")
        await feed.turn()
        told = [frame["event"]["data"]["what"] for frame in heard(page) if frame["type"] == "event"]
        assert told == ["afterwards"]

    asyncio.run(scene())


class TestTheWatchSaysWhenToLook:
    """On SQLite, whose counter tells a change from none."""

    @pytest.fixture
    def here(self, tmp_path: Path) -> Iterator[Catalog]:
        with catalog_in(tmp_path) as catalog:
            yield catalog

    @pytest.fixture
    def looks(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """What is looked at, in order: the counter of changes, and the catalog for the boards."""
        looked: list[str] = []
        is_news, find = ChangeCounter.is_news, Feed._find  # pyright: ignore[reportPrivateUsage]

        def counted(counter: ChangeCounter) -> bool:
            looked.append("counter")
            return is_news(counter)

        def found(feed: Feed, *all_: Any) -> Any:
            looked.append("catalog")
            return find(feed, *all_)

        monkeypatch.setattr(ChangeCounter, "is_news", counted)
        monkeypatch.setattr(Feed, "_find", found)
        return looked

    def scene(self, here: Catalog, looks: list[str], live: Live, act: Callable[[], None]) -> list[dict[str, Any]]:
        """What a page hears of `act`, by a clock that stands still; the catalog is looked at for it once, or ever again
        while something is copied."""

        async def until(what: Callable[[], bool]) -> None:
            async with asyncio.timeout(PATIENCE_S):
                while not what():
                    await asyncio.sleep(0.001)

        async def play() -> list[dict[str, Any]]:
            watch = CatalogWatch(here, look_every_s=0.001)
            feed = Feed(live, LINKS, watch, clock=lambda: 100.0)
            page = await feed.join()
            running = asyncio.create_task(watch.run())
            await until(lambda: looks[-30:] == ["counter"] * 30)
            heard(page)
            before = len(looks)
            act()
            await until(lambda: looks[before:].count("catalog") >= (1 if not live.picture().copying else 5))
            if not live.picture().copying:
                await until(lambda: looks[-30:] == ["counter"] * 30)
                assert looks[before:].count("catalog") == 1
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            return heard(page)

        return asyncio.run(play())

    def test_a_change_is_looked_at_once(self, here: Catalog, looks: list[str]) -> None:
        told = self.scene(here, looks, Live(), lambda: happen(here, "just now"))
        assert [frame["type"] for frame in told] == ["event"]

    def test_a_copy_that_writes_nothing_is_looked_at_again_and_again(self, here: Catalog, looks: list[str]) -> None:
        live = Live()
        self.scene(here, looks, live, lambda: live.progress("det", "in-1", "f", 5))


class TestBeats:
    def test_every_five_seconds(self, catalog: Catalog) -> None:
        async def scene() -> None:
            at = 100.0
            feed = Feed(Live(), LINKS, CatalogWatch(catalog), clock=lambda: at)
            pages = [await feed.join(), await feed.join()]
            said: list[list[str]] = []
            for moment in (100.0, 101.0, 104.9, 100 + BEAT_EVERY_S, 106.0, 110.0):
                at = moment
                await feed.turn()
                told = [[frame["type"] for frame in heard(page) if frame["type"] != "snapshot"] for page in pages]
                assert told[0] == told[1]
                said.append(told[0])
            assert said == [["beat"], [], [], ["beat"], [], ["beat"]]

        asyncio.run(scene())

    def test_none_while_the_catalog_is_away(self, tmp_path: Path) -> None:
        file, elsewhere = tmp_path / "catalog.db", tmp_path / "elsewhere"
        catalog = Catalog.open(empty_catalog(tmp_path))

        async def scene() -> None:
            at = 100.0
            feed = Feed(Live(), LINKS, CatalogWatch(catalog), clock=lambda: at)
            page = await feed.join()
            await feed.turn()
            assert [frame["type"] for frame in heard(page)] == ["snapshot", "beat"]
            catalog.close()
            file.rename(elsewhere)
            file.mkdir()
            at += 2 * BEAT_EVERY_S
            with pytest.raises(OperationalError):
                await feed.turn()
            assert heard(page) == []
            file.rmdir()
            elsewhere.rename(file)
            await feed.turn()
            assert [frame["type"] for frame in heard(page)] == ["beat"]

        asyncio.run(scene())
        catalog.close()


class TestSnapshot:
    def snapshot(self, catalog: Catalog, version: str = "") -> dict[str, Any]:
        async def first() -> dict[str, Any]:
            return heard(await Feed(Live(), LINKS, CatalogWatch(catalog), version).join())[0]

        return asyncio.run(first())

    def test_what_is_not_done_is_in_it_however_old(self, catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("hub.board.feed.JUMPS_IN_SNAPSHOT", 2)
        files = [entry(f"GX01000{n}.MP4", minute=n) for n in range(9)]
        put_in(catalog, "in-1", files)
        states = ["failed", "review", "no_clips", "done", "waiting", "ready", "producing", "done", "done"]
        for n, (file, state) in enumerate(zip(files, states, strict=True)):
            record(catalog, "in-1", passenger(booking=f"B-{n}"), [], [file])
            with catalog.write() as session:
                session.get_one(Jump, f"2026-06-01_B-{n}").state = JumpState(state)
        told = self.snapshot(catalog)
        assert [jump["booking_id"] for jump in told["jumps"]] == [
            "B-8",
            "B-7",
            "B-6",
            "B-5",
            "B-4",
            "B-2",
            "B-1",
            "B-0",
        ]
        assert told["older"] == "2026-06-01_B-7", "the list goes on after the newest, and B-3 is in it"

    def test_where_there_is_no_more(self, catalog: Catalog) -> None:
        assert self.snapshot(catalog)["older"] is None

    def test_it_says_which_hub_and_which_pages_it_is_from(self, catalog: Catalog) -> None:
        assert self.snapshot(catalog, "1.0+abc")["version"] == "1.0+abc"


class TestAnnouncedJumps:
    FILES = (entry("GX010001.MP4"), entry("GX010002.MP4", minute=1))

    def frames(self, catalog: Catalog, *happenings: Callable[[], object]) -> list[list[dict[str, Any]]]:
        """The frames of jumps that a page gets: its snapshot's, then after each happening."""

        async def scene() -> list[list[dict[str, Any]]]:
            feed = Feed(Live(), LINKS, CatalogWatch(catalog))
            watcher = await feed.join()
            [snapshot] = heard(watcher)
            told: list[list[dict[str, Any]]] = [snapshot["jumps"]]
            for happening in happenings:
                await asyncio.to_thread(happening)
                await feed.turn()
                told.append([frame["jump"] for frame in heard(watcher) if frame["type"] == "jump"])
            return told

        return asyncio.run(scene())

    def read_code(self, catalog: Catalog) -> None:
        """The card's code is here and was read; its clip is still to come."""
        copy(catalog, "in-1", self.FILES[:1])
        reading = Reading(payload=passenger(), raw=passenger().text())
        with catalog.write() as session:
            [one] = unread_files(session)
            identification.record_if_unread(session, one.card_id, one.file, reading)

    def identify(self, catalog: Catalog, payload: Payload | None) -> None:
        """The card is identified: its files are this passenger's, or wait for a person."""
        qr = self.FILES[:1] if payload else ()
        record(catalog, "in-1", payload, qr, self.FILES[len(qr) :])
        with catalog.write() as session:
            events.append(session, "card:identified", card_id="card-1", jumps=[])

    def test_a_name_is_told_as_soon_as_its_code_is_read(self, catalog: Catalog) -> None:
        put_in(catalog, "in-1", self.FILES)
        first, [told] = self.frames(catalog, lambda: self.read_code(catalog))
        assert first == []
        assert (told["passenger"], told["state"], told["film"]) == ("Anna Müller", "waiting", None)
        assert [(file["name"], file["role"]) for file in told["files"]] == [("GX010001.MP4", "qr")]
        [[snapshot]] = self.frames(catalog)
        assert snapshot == told

    def test_it_becomes_the_jump_that_it_announced(self, catalog: Catalog) -> None:
        put_in(catalog, "in-1", self.FILES)
        _, [announced], [jump] = self.frames(
            catalog, lambda: self.read_code(catalog), lambda: self.identify(catalog, passenger())
        )
        assert jump["jump"] == announced["jump"]
        assert [file["role"] for file in jump["files"]] == ["qr", "clip"]

    def test_it_goes_where_the_rules_found_no_such_jump(self, catalog: Catalog) -> None:
        put_in(catalog, "in-1", self.FILES)
        _, [announced], told = self.frames(
            catalog, lambda: self.read_code(catalog), lambda: self.identify(catalog, None)
        )
        states = {jump["jump"]: jump["state"] for jump in told}
        assert states.pop(announced["jump"]) == "gone"
        assert list(states.values()) == ["review"]


def test_other_pages_are_another_version(tmp_path: Path) -> None:
    def version(files: dict[str, str]) -> str:
        web = tmp_path / str(len(list(tmp_path.iterdir())))
        for name, text in files.items():
            (web / name).parent.mkdir(parents=True, exist_ok=True)
            (web / name).write_text(text)
        return version_of(web, (file for file in web.rglob("*") if file.is_file()))

    pages = {"index.html": "<p>", "board.js": "1;", "parts/card.js": "2;"}
    first = version(pages)
    assert version(dict(reversed(pages.items()))) == first
    others = [{**pages, "board.js": "3;"}, {"index.html": "<p>", "board.js": "1;"}, {**pages, "new.css": ""}]
    moved = {"index.html": "<p>", "card.js": "1;", "parts/board.js": "2;"}
    assert len({first, *(version(other) for other in (*others, moved))}) == 5
