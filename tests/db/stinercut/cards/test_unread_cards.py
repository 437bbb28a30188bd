"""A film whose card could not be listed whole says so, until it can."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import heard
from support.cataloguing import (
    SMALL_LIMIT,
    ask,
    catalog_in,
    copy,
    entry,
    film,
    inserted,
    list_of,
    passenger,
    put_in,
    record,
)

from hub.board.feed import Feed
from hub.cards.copy_progress import Live
from hub.jumps.views import JumpView, jump_views
from hub.kit.catalog_watch import CatalogWatch
from hub.kit.views import Links
from stinercut.cards import insertions
from stinercut.catalog import Catalog, events
from stinercut.jumps import film_records, jumps
from stinercut.protocol import CardError, ErrorCode, FileEntry

LINKS = Links("http://127.0.0.1:3000", Path("films"))
CODE, CLIP = entry("GX010001.MP4", 1001), entry("GX010002.MP4", 1002, minute=1)


@pytest.fixture
def known(tmp_path: Path) -> Iterator[Catalog]:
    with catalog_in(tmp_path) as opened:
        yield opened


def put_in_partly(catalog: Catalog, insertion: str, files: list[FileEntry], unreadable: int = 2) -> None:
    """A card of which so many folders and files can't be read."""
    said = CardError(insertion_id=insertion, code=ErrorCode.SOURCE_IO, unreadable=unreadable, detail="DCIM/101GOPRO")
    with catalog.write() as session:
        insertions.record_insertion(session, "det", inserted(insertion))
        heard.record_card_error(session, said)
        heard.record_file_list(session, list_of(insertion, files), SMALL_LIMIT)


def made(catalog: Catalog, key: str) -> JumpView:
    """Its film is made; then what the board shows."""
    with catalog.write() as session:
        version = jumps.take_up(session, key, "run-1").version
        film_records.record_film(session, film(key, version))
    return view(catalog, key)


def view(catalog: Catalog, key: str) -> JumpView:
    with catalog.read() as session:
        [found] = jump_views(session, LINKS, [key])
    return found


def completed(catalog: Catalog) -> dict[str, Any]:
    with catalog.read() as session:
        return [one.data for one in events.since(session, 0) if one.type == "pipeline:completed"][-1]


def of_a_part(catalog: Catalog, insertion: str = "in-1", files: list[FileEntry] | None = None) -> str:
    """A jump whose card could not be listed whole; its key."""
    files = files or [CODE, CLIP]
    put_in_partly(catalog, insertion, files)
    ask(catalog, insertion)
    copy(catalog, insertion, files)
    [key] = record(catalog, insertion, passenger(), files[:1], files[1:])
    return key


class TestWhatCouldNotBeListed:
    def test_the_film_is_provisional_until_all_of_the_card_can_be_read(self, known: Catalog) -> None:
        key = of_a_part(known)
        found = made(known, key)
        assert (found.state, found.complete) == ("done", False)
        assert found.film is not None
        assert found.film.provisional
        [missing] = found.missing
        assert (missing.code, missing.jump, missing.decide, missing.first) == ("CARD_NOT_READ", key, "", None)
        assert missing.what == (
            "2 folders and files of card GOPRO could not be read and may hold more of this jump. "
            "Put the card in again, in another reader if you can."
        )
        assert completed(known)["complete"] is False
        assert completed(known)["unread"] == [{"card": "GOPRO", "unreadable": 2}]
        put_in_partly(known, "in-2", [CODE, CLIP], unreadable=1)
        assert not view(known, key).complete
        put_in(known, "in-3", [CODE, CLIP])
        found = view(known, key)
        assert (found.complete, found.missing) == (True, [])
        assert found.film is not None
        assert not found.film.provisional

    def test_it_is_nothing_to_jumps_whose_files_were_all_here_before(self, known: Catalog) -> None:
        put_in(known, "in-1", [CODE, CLIP])
        copy(known, "in-1", [CODE, CLIP])
        [key] = record(known, "in-1", passenger(), [CODE], [CLIP])
        put_in_partly(known, "in-2", [CODE, CLIP])
        assert view(known, key).complete

    def test_a_card_that_gives_no_list_at_all_says_nothing_of_jumps(self, known: Catalog) -> None:
        put_in(known, "in-1", [CODE, CLIP])
        copy(known, "in-1", [CODE, CLIP])
        [key] = record(known, "in-1", passenger(), [CODE], [CLIP])
        silent = CardError(insertion_id="in-2", code=ErrorCode.SOURCE_IO, unreadable=0, detail="no answer")
        with known.write() as session:
            insertions.record_insertion(session, "det", inserted("in-2"))
            heard.record_card_error(session, silent)
        assert view(known, key).complete

    def test_the_tile_follows_when_the_card_is_read_whole(self, known: Catalog) -> None:
        key = of_a_part(known)
        made(known, key)

        async def watch() -> list[dict[str, Any]]:
            feed = Feed(Live(), LINKS, CatalogWatch(known))
            watcher = await feed.join()
            await feed.turn()
            while not watcher.frames.empty():
                watcher.frames.get_nowait()
            put_in(known, "in-2", [CODE, CLIP])
            await feed.turn()
            return [json.loads(watcher.frames.get_nowait() or "{}") for _ in range(watcher.frames.qsize())]

        told = [frame["jump"] for frame in asyncio.run(watch()) if frame["type"] == "jump"]
        assert [(one["jump"], one["complete"]) for one in told] == [(key, True)]
