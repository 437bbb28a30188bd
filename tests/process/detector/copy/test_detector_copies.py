"""From a card to verified copies: order, progress, what is asked for again, what is left of a card."""

from __future__ import annotations

import logging
import os
import re
from pathlib import Path

import pytest
from support.detectors import (
    Gate,
    content,
    detecting,
    gopro_card,
    in_reader,
    large,
    offloading,
    put_in,
    told,
    with_hub,
)

from detector.copy.resume import KEEP_FROM
from detector.sources.cards import eject_folder, insert_folder
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
from stinercut.storage.store import CHUNK, Store, hash_file


@told
async def test_from_insertion_to_verified_copies(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "detector")
    card = gopro_card(tmp_path)
    async with with_hub(tmp_path) as (hub, settings), detecting(settings):
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
    assert "Card GOPRO is in: 4 files, 3 videos" in caplog.text
    assert re.search(r"GX010003\.MP4 copied and verified \(1\.0 kB in \d+\.\d s\)", caplog.text)
    assert "Card GOPRO is out" in caplog.text


@told
async def test_small_files_asked_for_later_pre_empt_the_large_one_in_flight(tmp_path: Path) -> None:
    gate = Gate()
    async with offloading(tmp_path, gopro_card(tmp_path), gate, small_file_limit=CHUNK) as at:
        await at.ask("GX010001.MP4", "GX010002.MP4")
        await gate.until_reached()
        await at.ask("GX010003.MP4", "GL010001.LRV", message_id="later")
        gate.open.set()
        for _ in range(4):
            await at.hub.next(FileCopied)
        assert gate.seen == [CHUNK, 1000, 500, 2 * CHUNK, 3 * CHUNK, CHUNK, 2 * CHUNK]


@told
async def test_progress_comes_with_each_file(tmp_path: Path) -> None:
    async with offloading(tmp_path, gopro_card(tmp_path)) as at:
        wanted = at.files["GX010001.MP4"]
        await at.ask(wanted.name)
        await at.hub.next(FileCopied)
        last = await at.hub.next(Progress, lambda one: one.bytes_done == wanted.size)
        assert (last.insertion_id, last.file_id) == (at.insertion, wanted.file_id)


@told
async def test_a_source_cut_short_fails_alone(tmp_path: Path) -> None:
    gate = Gate()
    async with offloading(tmp_path, gopro_card(tmp_path), gate) as at:
        await at.ask("GX010001.MP4", "GX010003.MP4")
        await gate.until_reached()
        os.truncate(content(at.card, "GX010001.MP4"), CHUNK + 1)
        gate.open.set()
        failed = await at.hub.next(CopyError)
        assert (failed.file_id, failed.code) == (at.id_of("GX010001.MP4"), ErrorCode.SOURCE_CHANGED)
        assert (await at.hub.next(FileCopied)).file_id == at.id_of("GX010003.MP4")


@told
async def test_an_empty_card_sends_an_empty_list(tmp_path: Path) -> None:
    (tmp_path / "EMPTY").mkdir()
    async with offloading(tmp_path, tmp_path / "EMPTY") as at:
        assert at.files == {}


@told
async def test_a_lost_object_is_fetched_again_and_a_kept_one_only_reported(tmp_path: Path) -> None:
    async with offloading(tmp_path, gopro_card(tmp_path)) as at:
        await at.ask("GX010003.MP4")
        copied = await at.hub.next(FileCopied)
        stored = Store(at.settings.store_dir).object_path(copied.content_hash)
        before = stored.stat().st_ino
        await at.ask("GX010003.MP4", message_id="again")
        assert await at.hub.next(FileCopied) == copied
        assert stored.stat().st_ino == before
        stored.unlink()
        await at.ask("GX010003.MP4", message_id="lost")
        assert await at.hub.next(FileCopied) == copied
        assert hash_file(stored) == copied.content_hash


@told
async def test_a_bad_block_fails_its_file_and_another_reader_reads_only_the_rest(tmp_path: Path) -> None:
    card, name = gopro_card(tmp_path), "GX010009.MP4"
    whole = large(content(card, name), KEEP_FROM + 10 * CHUNK)
    bad, count = str(KEEP_FROM + 4 * CHUNK), tmp_path / "count"
    async with with_hub(tmp_path) as (hub, settings):
        async with detecting(settings):
            with in_reader(card, "--fail-at", bad, "--in", name) as reader:
                at = await put_in(hub, settings, reader)
                await at.ask()
                failed = await hub.next(CopyError)
                assert (failed.file_id, failed.code) == (at.id_of(name), ErrorCode.SOURCE_IO)
                for _ in range(4):
                    await hub.next(FileCopied)
                eject_folder(settings, reader)
                await hub.next(Removed)
            with in_reader(card, "--count", str(count)) as reader:
                at = await put_in(hub, settings, reader)
                await at.ask(name, message_id="again")
                assert (await hub.next(FileCopied)).content_hash == hash_file(whole)
                assert int(count.read_text()) < KEEP_FROM
        assert list((settings.store_dir / "partial").iterdir()) == []
