"""From a card to verified copies: order, progress, what is asked for again, what is left of a card."""

from __future__ import annotations

import asyncio
import logging
import os
import re
from pathlib import Path

import pytest
from support.detectors import (
    PATIENCE_S,
    Gate,
    Hub,
    content,
    detecting,
    gopro_card,
    in_reader,
    large,
    serving,
    settings_for,
)

from detector.cards import eject_folder, insert_folder
from detector.resume import KEEP_FROM
from stinercut.protocol import (
    CopyError,
    ErrorCode,
    FileCopied,
    FileKind,
    FileList,
    Inserted,
    Progress,
    Removed,
)
from stinercut.store import CHUNK, Store, hash_file


@pytest.fixture
def card(tmp_path: Path) -> Path:
    return gopro_card(tmp_path)


def test_from_insertion_to_verified_copies(tmp_path: Path, card: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "detector")

    async def story() -> None:
        hub = Hub()
        async with serving(hub) as port:
            settings = settings_for(tmp_path, port)
            async with detecting(settings):
                insert_folder(settings, card)
                inserted = await hub.next(Inserted)
                assert (inserted.card.label, inserted.card.kind) == ("GOPRO", "folder")
                assert inserted.inserted_at.tzinfo is not None
                listing = await hub.next(FileList)
                files = {entry.name: entry for entry in listing.files}
                assert files["GL010001.LRV"].kind is FileKind.PROXY
                assert files["GL010001.LRV"].main_file_id == files["GX010001.MP4"].file_id
                await hub.ask(inserted.insertion_id, *(entry.file_id for entry in files.values()))
                for entry in files.values():
                    copied = await hub.next(FileCopied, lambda one, entry=entry: one.file_id == entry.file_id)
                    assert copied.content_hash == hash_file(content(card, entry.name))
                    stored = Store(settings.store_dir).require(copied.content_hash, copied.size)
                    assert stored.read_bytes() == content(card, entry.name).read_bytes()
                eject_folder(settings, card)
                assert await hub.next(Removed) == Removed(insertion_id=inserted.insertion_id)

    asyncio.run(story())
    assert "Card GOPRO is in: 4 files, 3 videos" in caplog.text
    assert re.search(r"GX010003\.MP4 copied and verified \(1\.0 kB in \d+\.\d s\)", caplog.text)
    assert "Card GOPRO is out" in caplog.text


def test_small_files_asked_for_later_pre_empt_the_large_one_in_flight(tmp_path: Path, card: Path) -> None:
    async def story() -> None:
        hub, gate = Hub(), Gate()
        async with serving(hub) as port:
            settings = settings_for(tmp_path, port, small_file_limit=CHUNK)
            async with detecting(settings, gate):
                insert_folder(settings, card)
                insertion, files = await hub.card()
                await hub.ask(insertion, files["GX010001.MP4"].file_id, files["GX010002.MP4"].file_id)
                await asyncio.wait_for(gate.reached.wait(), PATIENCE_S)
                await hub.ask(
                    insertion, files["GX010003.MP4"].file_id, files["GL010001.LRV"].file_id, message_id="later"
                )
                gate.open.set()
                for _ in range(4):
                    await hub.next(FileCopied)
                assert gate.seen == [CHUNK, 1000, 500, 2 * CHUNK, 3 * CHUNK, CHUNK, 2 * CHUNK]

    asyncio.run(story())


def test_progress_comes_with_each_file(tmp_path: Path, card: Path) -> None:
    async def story() -> None:
        hub = Hub()
        async with serving(hub) as port:
            settings = settings_for(tmp_path, port)
            async with detecting(settings):
                insert_folder(settings, card)
                insertion, files = await hub.card()
                wanted = files["GX010001.MP4"]
                await hub.ask(insertion, wanted.file_id)
                await hub.next(FileCopied)
                last = await hub.next(Progress, lambda one: one.bytes_done == wanted.size)
                assert (last.insertion_id, last.file_id) == (insertion, wanted.file_id)

    asyncio.run(story())


def test_a_source_cut_short_fails_alone(tmp_path: Path, card: Path) -> None:
    async def story() -> None:
        hub, gate = Hub(), Gate()
        async with serving(hub) as port:
            settings = settings_for(tmp_path, port)
            async with detecting(settings, gate):
                insert_folder(settings, card)
                insertion, files = await hub.card()
                await hub.ask(insertion, files["GX010001.MP4"].file_id, files["GX010003.MP4"].file_id)
                await asyncio.wait_for(gate.reached.wait(), PATIENCE_S)
                os.truncate(content(card, "GX010001.MP4"), CHUNK + 1)
                gate.open.set()
                failed = await hub.next(CopyError)
                assert (failed.file_id, failed.code) == (files["GX010001.MP4"].file_id, ErrorCode.SOURCE_CHANGED)
                assert (await hub.next(FileCopied)).file_id == files["GX010003.MP4"].file_id

    asyncio.run(story())


def test_an_empty_card_sends_an_empty_list(tmp_path: Path) -> None:
    (tmp_path / "EMPTY").mkdir()

    async def story() -> None:
        hub = Hub()
        async with serving(hub) as port:
            settings = settings_for(tmp_path, port)
            async with detecting(settings):
                insert_folder(settings, tmp_path / "EMPTY")
                _insertion, files = await hub.card()
                assert files == {}

    asyncio.run(story())


def test_a_lost_object_is_fetched_again_and_a_kept_one_only_reported(tmp_path: Path, card: Path) -> None:
    async def story() -> None:
        hub = Hub()
        async with serving(hub) as port:
            settings = settings_for(tmp_path, port)
            async with detecting(settings):
                insert_folder(settings, card)
                insertion, files = await hub.card()
                wanted = files["GX010003.MP4"].file_id
                await hub.ask(insertion, wanted)
                copied = await hub.next(FileCopied)
                stored = Store(settings.store_dir).object_path(copied.content_hash)
                before = stored.stat().st_ino
                await hub.ask(insertion, wanted, message_id="again")
                assert await hub.next(FileCopied) == copied
                assert stored.stat().st_ino == before
                stored.unlink()
                await hub.ask(insertion, wanted, message_id="lost")
                assert await hub.next(FileCopied) == copied
                assert hash_file(stored) == copied.content_hash

    asyncio.run(story())


def test_a_bad_block_fails_its_file_and_another_reader_reads_only_the_rest(tmp_path: Path, card: Path) -> None:
    whole = large(content(card, "GX010009.MP4"), KEEP_FROM + 10 * CHUNK)
    bad, count = str(KEEP_FROM + 4 * CHUNK), tmp_path / "count"

    async def story() -> None:
        hub = Hub()
        async with serving(hub) as port:
            settings = settings_for(tmp_path, port)
            async with detecting(settings):
                with in_reader(card, "--fail-at", bad, "--in", "GX010009.MP4") as reader:
                    insert_folder(settings, reader)
                    insertion, files = await hub.card()
                    await hub.ask(insertion, *(entry.file_id for entry in files.values()))
                    failed = await hub.next(CopyError)
                    assert (failed.file_id, failed.code) == (files["GX010009.MP4"].file_id, ErrorCode.SOURCE_IO)
                    for _ in range(4):
                        await hub.next(FileCopied)
                    eject_folder(settings, reader)
                    await hub.next(Removed)
                with in_reader(card, "--count", str(count)) as reader:
                    insert_folder(settings, reader)
                    insertion, files = await hub.card()
                    await hub.ask(insertion, files["GX010009.MP4"].file_id, message_id="again")
                    assert (await hub.next(FileCopied)).content_hash == hash_file(whole)
                    assert int(count.read_text()) < KEEP_FROM
            assert list((settings.store_dir / "partial").iterdir()) == []

    asyncio.run(story())
