"""The detector as a process and over several lives: signals, kills, restarts, one at a time."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest
from support.detectors import (
    PATIENCE_S,
    Gate,
    content,
    detecting,
    endless,
    gopro_card,
    in_reader,
    large,
    partials,
    put_in,
    settings_for,
    started,
    told,
    with_hub,
)

from detector.copy.resume import CHECKPOINT_BYTES
from detector.service import run
from detector.sources.cards import eject_folder, insert_folder
from stinercut.errors import HostNotReady
from stinercut.protocol import (
    FileCopied,
    Progress,
    Removed,
)
from stinercut.storage.store import CHUNK, Store, hash_file


@told
async def test_a_detector_started_again_goes_on_where_it_was(tmp_path: Path) -> None:
    gate, card = Gate(), gopro_card(tmp_path)
    async with with_hub(tmp_path) as (hub, settings):
        async with detecting(settings, gate):
            at = await put_in(hub, settings, card)
            await at.ask("GX010001.MP4", "GX010002.MP4")
            await gate.until_reached()
            asyncio.get_running_loop().call_later(0.1, gate.open.set)  # Let the thread see that it is to stop.
        leftover = Store(settings.store_dir).partial_path(f"offload-{settings.detector_id}.dead.part")
        leftover.write_bytes(b"half a file")
        content(card, "GX010002.MP4").write_bytes(b"another file by now")
        async with detecting(settings):
            assert (await hub.next(Removed)).insertion_id == at.insertion
            again, files = await hub.card()
            assert again != at.insertion
            copied = await hub.next(FileCopied)
            assert (copied.insertion_id, copied.file_id) == (again, files["GX010001.MP4"].file_id)
            assert not leftover.exists()
            eject_folder(settings, card)
            await hub.next(Removed)
            assert hub.types() == []


@told
async def test_a_second_detector_on_the_same_data_is_refused(tmp_path: Path) -> None:
    async with with_hub(tmp_path) as (hub, settings), detecting(settings):
        await hub.until(lambda: hub.socket is not None)
        with pytest.raises(HostNotReady, match="another detector"):
            await run(settings)


@told
async def test_detectors_with_names_of_their_own_share_a_data_folder(tmp_path: Path) -> None:
    """A reader on another computer, beside the hub's own: each has its own journal, and sees its own cards."""
    async with (
        with_hub(tmp_path) as (_, own),
        with_hub(tmp_path, detector_id="hangar") as (hangars_hub, hangar),
        detecting(own),
        detecting(hangar),
    ):
        at = await put_in(hangars_hub, hangar, gopro_card(tmp_path))
        await at.ask("GX010001.MP4")
        copied = await hangars_hub.next(FileCopied)
        assert Store(own.store_dir).object_path(copied.content_hash).exists()
        assert list(own.cards_dir.glob("*.json")) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@told
async def test_a_signal_in_the_middle_of_a_copy_ends_the_process_and_leaves_nothing_useless_behind(
    tmp_path: Path, number: signal.Signals
) -> None:
    card = tmp_path / "GOPRO"
    card.mkdir()
    endless(card / "GX010001.MP4")
    async with with_hub(tmp_path) as (hub, settings):
        insert_folder(settings, card)
        process = await started(settings)
        insertion, files = await hub.card()
        await hub.ask(insertion, files["GX010001.MP4"].file_id)
        await hub.next(Progress)
        process.send_signal(number)
        _out, said = await asyncio.wait_for(process.communicate(), PATIENCE_S)
        assert process.returncode == 0, said.decode()
        assert b"Traceback" not in said
        assert b"Card GOPRO is in: 1 files, 1 videos" in said
        assert partials(settings) == []
        assert list((settings.store_dir / "objects").iterdir()) == []
        assert hub.socket is not None
        await asyncio.wait_for(hub.socket.wait_closed(), PATIENCE_S)
        with_room_again = await started(settings)  # Its journal is free again.
        await hub.card()
        with_room_again.kill()
        await with_room_again.communicate()
        restarted = await started(settings)  # And after SIGKILL as well.
        await hub.card()
        restarted.terminate()
        await restarted.communicate()
        assert restarted.returncode == 0
        assert partials(settings) == []


@told
async def test_a_hub_address_that_is_none_ends_the_process_with_words(tmp_path: Path) -> None:
    process = await started(settings_for(tmp_path, 1).model_copy(update={"hub_url": "http://hub"}))
    _out, said = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    assert process.returncode == 3
    assert b"STINERCUT_HUB_URL" in said
    assert b"Traceback" not in said


@told
async def test_after_sigkill_only_the_rest_is_read(tmp_path: Path) -> None:
    (tmp_path / "GOPRO").mkdir()
    size = 140 * CHUNK
    whole = large(tmp_path / "GOPRO" / "GX010001.MP4", size)
    count = tmp_path / "count"
    async with with_hub(tmp_path) as (hub, settings):
        with in_reader(tmp_path / "GOPRO", "--rate", "60e6", "--count", str(count)) as card:
            insert_folder(settings, card)
            process = await started(settings)
            insertion, files = await hub.card()
            await hub.ask(insertion, files["GX010001.MP4"].file_id)
            await hub.next(Progress, lambda one: one.bytes_done > CHECKPOINT_BYTES + CHUNK)
            process.kill()
            await process.communicate()
            first_time = int(count.read_text())
            assert first_time < size
            assert list((settings.store_dir / "objects").iterdir()) == []
            again = await started(settings)
            copied = await hub.next(FileCopied)
            assert (copied.content_hash, copied.size) == (hash_file(whole), size)
            assert int(count.read_text()) - first_time < size - CHECKPOINT_BYTES + 8 * CHUNK
            again.terminate()
            await again.communicate()
        assert list((settings.store_dir / "partial").iterdir()) == []
