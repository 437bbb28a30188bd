"""Cards that are pulled, ejected, put in again, or hang while they are copied."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest
from support.detectors import (
    PATIENCE_S,
    Gate,
    Hub,
    content,
    detecting,
    endless,
    gopro_card,
    in_reader,
    serving,
    settings_for,
)

from detector.cards import eject_folder, insert_folder
from detector.service import run
from stinercut.protocol import (
    CopyError,
    ErrorCode,
    FileCopied,
    Progress,
    Removed,
)
from stinercut.store import CHUNK, hash_file


@pytest.fixture
def card(tmp_path: Path) -> Path:
    return gopro_card(tmp_path)


def test_a_card_pulled_while_it_is_copied(tmp_path: Path, card: Path) -> None:
    async def story() -> None:
        hub, gate = Hub(), Gate()
        async with serving(hub) as port:
            settings = settings_for(tmp_path, port)
            async with detecting(settings, gate):
                insert_folder(settings, card)
                insertion, files = await hub.card()
                await hub.ask(insertion, *(entry.file_id for entry in files.values()))
                await asyncio.wait_for(gate.reached.wait(), PATIENCE_S)
                shutil.rmtree(card)
                gate.open.set()
                await hub.next(Removed)
                failed = await hub.next(CopyError)
                assert failed.code is ErrorCode.CARD_REMOVED
                assert "taken out" in failed.detail
                assert "sd:copy_error" not in hub.types()
                assert list((settings.store_dir / "partial").iterdir()) == []
                await hub.ask(insertion, files["GX010001.MP4"].file_id, message_id="too-late")
                assert (await hub.next(CopyError)).code is ErrorCode.STALE_INSERT

    asyncio.run(story())


def test_an_ejected_card_stops_its_copy_and_can_go_in_again(tmp_path: Path, card: Path) -> None:
    endless(content(card, "GX010009.MP4"))

    async def story() -> None:
        hub = Hub()
        async with serving(hub) as port:
            settings = settings_for(tmp_path, port)
            async with detecting(settings):
                insert_folder(settings, card)
                insertion, files = await hub.card()
                await hub.ask(insertion, files["GX010009.MP4"].file_id)
                await hub.next(Progress)
                insert_folder(settings, card)  # Out and in again.
                assert (await hub.next(CopyError)).code is ErrorCode.CARD_REMOVED
                assert (await hub.next(Removed)).insertion_id == insertion
                again, files = await hub.card()
                assert again != insertion
                await hub.ask(again, files["GX010001.MP4"].file_id, message_id="again")
                copied = await hub.next(FileCopied)
                assert copied.content_hash == hash_file(content(card, "GX010001.MP4"))

    asyncio.run(story())


def test_a_read_that_hangs_does_not_hold_up_the_removal(
    tmp_path: Path, card: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in ("detector.offload.REMOVAL_S", "detector.threads.GRACE_S"):
        monkeypatch.setattr(place, 0.2)

    async def story() -> None:
        hub, gate = Hub(), Gate()
        async with serving(hub) as port:
            settings = settings_for(tmp_path, port)
            task = asyncio.create_task(run(settings, on_chunk=gate))
            insert_folder(settings, card)
            insertion, files = await hub.card()
            await hub.ask(insertion, files["GX010001.MP4"].file_id)
            await asyncio.wait_for(gate.reached.wait(), PATIENCE_S)
            eject_folder(settings, card)
            assert (await hub.next(Removed)).insertion_id == insertion
            assert (await hub.next(CopyError)).code is ErrorCode.CARD_REMOVED
            task.cancel()
            await asyncio.wait({task})
            gate.open.set()
            assert task.cancelled()

    asyncio.run(story())


def test_a_hung_read_fails_its_file_and_nothing_else_waits_for_it(
    tmp_path: Path, card: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("detector.threads.GRACE_S", 0.1)
    other = tmp_path / "OTHER"
    shutil.copytree(card, other)

    async def story() -> None:
        hub = Hub()
        async with serving(hub) as port:
            settings = settings_for(tmp_path, port, small_file_limit=CHUNK)
            with in_reader(card, "--hang-at", str(2 * CHUNK), "--in", "GX010001.MP4") as reader:
                task = asyncio.create_task(run(settings, hung_s=1.0))
                insert_folder(settings, reader)
                insertion, files = await hub.card()
                await hub.ask(insertion, *(entry.file_id for entry in files.values()))
                insert_folder(settings, other)
                second, others = await hub.card()
                await hub.ask(second, *(entry.file_id for entry in others.values()), message_id="other")
                for _ in range(4):
                    await hub.next(FileCopied, lambda one: one.insertion_id == second)
                failed = await hub.next(CopyError)
                assert (failed.file_id, failed.code) == (files["GX010001.MP4"].file_id, ErrorCode.SOURCE_IO)
                assert "did not come back" in failed.detail
                for _ in range(3):
                    await hub.next(FileCopied, lambda one: one.insertion_id == insertion)
                eject_folder(settings, reader)
                await hub.next(Removed)
                task.cancel()
                await asyncio.wait({task})
                assert task.cancelled()

    asyncio.run(story())
