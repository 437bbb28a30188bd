"""Cards that are pulled, ejected, put in again, or hang while they are copied."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest
from support.detectors import (
    Gate,
    content,
    endless,
    gopro_card,
    in_reader,
    offloading,
    put_in,
    told,
    with_hub,
)

from detector.service import run
from detector.sources.cards import eject_folder
from stinercut.protocol import (
    CopyError,
    ErrorCode,
    FileCopied,
    Progress,
    Removed,
)
from stinercut.storage.store import CHUNK, hash_file


@told
async def test_a_card_pulled_while_it_is_copied(tmp_path: Path) -> None:
    gate = Gate()
    async with offloading(tmp_path, gopro_card(tmp_path), gate) as at:
        await at.ask()
        await gate.until_reached()
        shutil.rmtree(at.card)
        gate.open.set()
        await at.hub.next(Removed)
        failed = await at.hub.next(CopyError)
        assert failed.code is ErrorCode.CARD_REMOVED
        assert "taken out" in failed.detail
        assert "sd:copy_error" not in at.hub.types()
        assert list((at.settings.store_dir / "partial").iterdir()) == []
        await at.ask("GX010001.MP4", message_id="too-late")
        assert (await at.hub.next(CopyError)).code is ErrorCode.STALE_INSERT


@told
async def test_an_ejected_card_stops_its_copy_and_can_go_in_again(tmp_path: Path) -> None:
    card = gopro_card(tmp_path)
    endless(content(card, "GX010009.MP4"))
    async with offloading(tmp_path, card) as at:
        await at.ask("GX010009.MP4")
        await at.hub.next(Progress)
        again = await put_in(at.hub, at.settings, card)  # Out and in again.
        assert (await at.hub.next(CopyError)).code is ErrorCode.CARD_REMOVED
        assert (await at.hub.next(Removed)).insertion_id == at.insertion
        assert again.insertion != at.insertion
        await again.ask("GX010001.MP4", message_id="again")
        copied = await at.hub.next(FileCopied)
        assert copied.content_hash == hash_file(content(card, "GX010001.MP4"))


@told
async def test_a_read_that_hangs_does_not_hold_up_the_removal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for place in ("detector.copy.offload.REMOVAL_S", "detector.hanging.threads.GRACE_S"):
        monkeypatch.setattr(place, 0.2)
    gate, card = Gate(), gopro_card(tmp_path)
    async with with_hub(tmp_path) as (hub, settings):
        task = asyncio.create_task(run(settings, on_chunk=gate))
        at = await put_in(hub, settings, card)
        await at.ask("GX010001.MP4")
        await gate.until_reached()
        eject_folder(settings, card)
        assert (await hub.next(Removed)).insertion_id == at.insertion
        assert (await hub.next(CopyError)).code is ErrorCode.CARD_REMOVED
        task.cancel()
        await asyncio.wait({task})
        gate.open.set()
        assert task.cancelled()


@told
async def test_a_hung_read_fails_its_file_and_nothing_else_waits_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("detector.hanging.threads.GRACE_S", 0.1)
    card = gopro_card(tmp_path)
    shutil.copytree(card, tmp_path / "OTHER")
    async with with_hub(tmp_path, small_file_limit=CHUNK) as (hub, settings):
        with in_reader(card, "--hang-at", str(2 * CHUNK), "--in", "GX010001.MP4") as reader:
            task = asyncio.create_task(run(settings, hung_s=1.0))
            at = await put_in(hub, settings, reader)
            await at.ask()
            other = await put_in(hub, settings, tmp_path / "OTHER")
            await other.ask(message_id="other")
            for _ in range(4):
                await hub.next(FileCopied, lambda one: one.insertion_id == other.insertion)
            failed = await hub.next(CopyError)
            assert (failed.file_id, failed.code) == (at.id_of("GX010001.MP4"), ErrorCode.SOURCE_IO)
            assert "did not come back" in failed.detail
            for _ in range(3):
                await hub.next(FileCopied, lambda one: one.insertion_id == at.insertion)
            eject_folder(settings, reader)
            await hub.next(Removed)
            task.cancel()
            await asyncio.wait({task})
            assert task.cancelled()
