"""The early reader: codes of a card are read as its files arrive, and its asset records what they mean."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest
from sqlalchemy import select
from support.identifying import identified
from support.importing import copy_requested, put_card_in
from support.stacks import until

from app.codes.early_reader import EarlyReader
from stinercut.cards.early_files import early_reader_lock
from stinercut.catalog import Catalog, migrate
from stinercut.catalog.models import Event, QrReading
from stinercut.settings import Settings
from stinercut.storage import locks
from stinercut.storage.store import Store
from stinercut.synthetic.card import CardMade, make_card

PATIENCE_S = 120


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> CardMade:
    """A card of two jumps with a clip each."""
    return make_card(tmp_path_factory.mktemp("early") / "CARD", 2, 1, 1.0, (480, 270), seed=3)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("STINERCUT_DATA", str(tmp_path / "data"))
    found = Settings()
    migrate(found.catalog_url)
    return found


def read_in(settings: Settings) -> set[int]:
    """Card file ids of what was read so far."""
    with Catalog.open(settings.catalog_url).read() as session:
        return set(session.execute(select(QrReading.card_file_id)).scalars())


def reader_of(settings: Settings) -> EarlyReader:
    return EarlyReader(Catalog.open(settings.catalog_url), Store(settings.store_dir), settings.key_ring, at_once=2)


def run_until(reader: EarlyReader, is_done: Callable[[], bool]) -> None:
    """Let it read until that is so."""

    async def both() -> None:
        reading = asyncio.create_task(reader.run())
        async with asyncio.timeout(PATIENCE_S):
            while not await asyncio.to_thread(is_done):
                assert not reading.done()
                await asyncio.sleep(0.05)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)

    asyncio.run(both())


def test_codes_are_read_before_the_card_is_identified(settings: Settings, card: CardMade) -> None:
    """And identification then runs no step for a file: it records what was read."""
    copy_requested(settings, card.folder, put_card_in(settings, card.folder))
    run_until(reader_of(settings), lambda: len(read_in(settings)) == 4)
    with Catalog.open(settings.catalog_url).read() as session:
        decoded = session.execute(select(Event.jump_key).where(Event.type == "pipeline:qr_decoded")).scalars().all()
    keys = [jump.payload.jump_key for jump in card.jumps]
    assert sorted(str(key) for key in decoded) == sorted(keys)
    with dg.DagsterInstance.ephemeral() as instance:
        assert sorted(identified(instance)[0]) == sorted(keys)
        [run] = instance.get_run_records()
        steps = {step.step_key for step in instance.get_run_step_stats(run.dagster_run.run_id)}
        [made] = instance.fetch_materializations(dg.AssetKey("card_sessions"), limit=9).records
    assert not [step for step in steps if "read_code" in step], steps
    assert made.asset_materialization is not None
    assert made.asset_materialization.metadata["codes_read"].value == 2
    assert made.asset_materialization.metadata["without_code"].value == 2


def test_a_file_that_the_store_has_lost_keeps_nobody_waiting(settings: Settings, card: CardMade) -> None:
    copy_requested(settings, card.folder, put_card_in(settings, card.folder))
    lost = min((path for path in settings.store_dir.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)
    lost.chmod(0o600)
    lost.unlink()
    run_until(reader_of(settings), lambda: len(read_in(settings)) == 3)


def test_as_a_process_it_is_seen_while_it_runs(settings: Settings, card: CardMade) -> None:
    """It reads what comes after it was started, and a killed one is not waited for."""
    process = subprocess.Popen([sys.executable, "-m", "app.codes.early_reader"], stderr=subprocess.PIPE)
    try:
        lock = early_reader_lock(settings.data)
        until(lambda: locks.is_held(lock), PATIENCE_S)
        copy_requested(settings, card.folder, put_card_in(settings, card.folder))
        until(lambda: len(read_in(settings)) == 4, PATIENCE_S)
        process.kill()
        process.wait()
        assert not locks.is_held(lock)
    finally:
        process.kill()
        process.communicate()


def test_it_ends_when_it_is_asked_to(settings: Settings) -> None:
    process = subprocess.Popen([sys.executable, "-m", "app.codes.early_reader"], stderr=subprocess.PIPE)
    try:
        until(lambda: locks.is_held(early_reader_lock(settings.data)), PATIENCE_S)
        process.terminate()
        assert process.wait(PATIENCE_S) == 0
    finally:
        process.kill()
        process.communicate()
