"""Crash matrix, part 3: what a disk does to a copy. Small file systems in memory that fill up or go away.

    row                         test
    ENOSPC before the copy      test_no_room_for_a_file
    ENOSPC in write             test_the_disk_fills_up_while_a_file_is_written
    ENOSPC in fsync             test_the_disk_is_full_when_a_file_is_synced
    ENOSPC in the database      test_no_room_for_the_journal, test_no_room_for_the_catalog
    destination vanished        test_the_store_is_unmounted_while_a_file_is_copied, test_the_store_is_not_mounted_yet
    bit flip at the destination test_a_bit_flips_on_the_disk_before_the_file_is_verified
    an object gone or damaged   test_an_object_that_was_damaged_is_left_alone_and_said

On file systems that allocate late (NFS, quotas), fsync can fail for lack of room. There is no such file system here, so
this goes through a seam.
"""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.desk import FOLDER, PATIENCE_S, Desk, Gate, wait_for
from support.seams import Instead

from stinercut.storage.store import Store, hash_file

MEGA = 1 << 20
NAME = "GX010002.MP4"


@pytest.fixture
def desk(tmp_path: Path, _migrated_file: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr("detector.copy.copying.CHUNK", 1000)
    monkeypatch.setattr("detector.service.BEGIN_AGAIN_S", 0.1)
    monkeypatch.setattr("detector.copy.destination.LOOK_AGAIN_S", 0.1)
    monkeypatch.setattr("detector.hanging.threads.GRACE_S", 0.1)
    return Desk.at(tmp_path, _migrated_file)


@contextmanager
def disk(place: Path, size: int = 4 * MEGA) -> Iterator[Path]:
    """A disk of that many bytes mounted at `place`; skips where that isn't allowed."""
    place.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", place]
    tried = subprocess.run(command, check=False, capture_output=True)
    if tried.returncode:
        pytest.skip(f"needs the right to mount: {tried.stderr.decode().strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", place], check=False, capture_output=True)


def fill(place: Path) -> Path:
    """Leave no byte on a disk; returns the file that takes them all."""
    filler = place / "filler"
    handle = os.open(filler, os.O_CREAT | os.O_WRONLY)
    try:
        for block in (MEGA, 4096):
            with pytest.raises(OSError, match="No space"):
                write_on(handle, b"x" * block)
    finally:
        os.close(handle)
    return filler


def write_on(handle: int, block: bytes) -> None:
    while True:
        os.write(handle, block)


def store_on(desk: Desk, place: Path) -> None:
    """The store as the hub makes it, on a disk of its own."""
    assert place == desk.settings.store_dir
    Store(place).make()


def test_no_room_for_a_file(desk: Desk) -> None:
    with disk(desk.settings.store_dir) as place, desk.hub(), desk.detector():
        store_on(desk, place)
        card = desk.card("GOPRO", {"GX010001.MP4": 3000, NAME: 5 * MEGA})
        desk.insert(card)
        desk.until("GOPRO", GX010001_MP4="copied", **{NAME: "failed DEST_FULL"})
        desk.hold()
        desk.put(card, NAME, 2 * MEGA)
        desk.insert(card)
        desk.until("GOPRO", insertions=2)
        desk.hold_everything(card)


def test_the_disk_fills_up_while_a_file_is_written(desk: Desk) -> None:
    gate = Gate(at=5000)
    card = desk.card("GOPRO", {NAME: 2 * MEGA})
    with disk(desk.settings.store_dir) as place, desk.hub(), desk.detector(gate):
        store_on(desk, place)
        desk.insert(card)
        assert gate.reached.wait(PATIENCE_S)
        filler = fill(place)
        gate.open.set()
        desk.until("GOPRO", **{NAME: "failed DEST_FULL"})
        desk.hold()
        filler.unlink()
        desk.insert(card)
        desk.until("GOPRO", insertions=2)
        desk.hold_everything(card)


def test_the_disk_is_full_when_a_file_is_synced(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    card = desk.card("GOPRO", {NAME: 50_000})
    with desk.hub(), desk.detector():
        monkeypatch.setattr("detector.copy.verify.os", Instead(os, fsync=full))
        desk.insert(card)
        desk.until("GOPRO", **{NAME: "failed DEST_FULL"})
        desk.hold()
        monkeypatch.setattr("detector.copy.verify.os", os)
        desk.insert(card)
        desk.until("GOPRO", insertions=2)
        desk.hold_everything(card)


def test_no_room_for_the_journal(desk: Desk) -> None:
    """The file is durable and can't be recorded: it is told of, or copied again, once there is room."""
    gate = Gate(at=50_000)
    card = desk.card("GOPRO", {NAME: 50_000})
    with disk(desk.settings.detector_dir, MEGA) as place, desk.hub(), desk.detector(gate):
        desk.insert(card)
        assert gate.reached.wait(PATIENCE_S)
        filler = fill(place)
        gate.open.set()
        wait_for("the copy", lambda: list((desk.settings.store_dir / "objects").glob("*/*")))
        desk.hold()
        filler.unlink()
        desk.until("GOPRO", insertions=2)
        desk.hold_everything(card)


def test_no_room_for_the_catalog(desk: Desk, tmp_path: Path) -> None:
    """The hub can't commit, so it does not acknowledge; the detector comes back until it can."""
    catalog = desk.settings.data / "catalog.db"
    with disk(tmp_path / "database", 2 * MEGA) as place:
        moved = place / "catalog.db"
        moved.write_bytes(catalog.read_bytes())
        catalog.unlink()
        elsewhere = desk.settings.model_copy(update={"database_url": f"sqlite:///{moved}"})
        full = Desk(elsewhere, desk.cards)
        gate = Gate(at=50_000)
        card = full.card("GOPRO", {NAME: 50_000})
        with full.hub(), full.detector(gate):
            full.insert(card)
            assert gate.reached.wait(PATIENCE_S)
            filler = fill(place)
            gate.open.set()
            wait_for("the copy", lambda: list((full.settings.store_dir / "objects").glob("*/*")))
            assert full.states("GOPRO") == {NAME: "requested"}
            full.hold()
            filler.unlink()
            full.until("GOPRO")
            full.hold_everything(card)


def test_the_store_is_unmounted_while_a_file_is_copied(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is written into the folder that it was mounted on."""
    store = desk.settings.store_dir
    (store / "objects").rmdir()
    gate = Gate(at=5000)
    card = desk.card("GOPRO", {"GX010001.MP4": 50_000, NAME: 60_000})
    with disk(store) as place:
        store_on(desk, place)
        with desk.hub(), desk.detector(gate):
            desk.insert(card)
            assert gate.reached.wait(PATIENCE_S)
            subprocess.run(["umount", "-l", store], check=True)
            gate.open.set()
            wait_for("the words", lambda: f"Waiting for the store at {store}" in caplog.text)
            assert "the store is not there any more" in caplog.text
            assert list(store.iterdir()) == [], "the empty mount point was written into"
            assert set(desk.states("GOPRO").values()) == {"requested"}
            with disk(store):
                store_on(desk, store)
                desk.until("GOPRO", insertions=2)
                desk.hold_everything(card)
            assert list(store.iterdir()) == [], "the empty mount point was written into"


def test_the_store_is_not_mounted_yet(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    store, card = desk.settings.store_dir, desk.card("GOPRO", {NAME: 5000})
    (store / "objects").rmdir()
    desk.insert(card)
    with desk.detector():
        wait_for("the words", lambda: f"Waiting for the store at {store}" in caplog.text)
        assert list(store.iterdir()) == []
        assert not desk.settings.detector_dir.exists()
        with disk(store), desk.hub():  # Which makes it.
            desk.until("GOPRO")
            desk.hold_everything(card)


def test_a_bit_flips_on_the_disk_before_the_file_is_verified(desk: Desk) -> None:
    flipped: list[Path] = []

    def flip(done: int) -> None:
        if done == 50_000 and not flipped:
            [part] = (desk.settings.store_dir / "partial").iterdir()
            with part.open("rb+") as file:
                file.seek(12_345)
                byte = file.read(1)[0]
                file.seek(12_345)
                file.write(bytes([byte ^ 4]))
            flipped.append(part)

    card = desk.card("GOPRO", {NAME: 50_000})
    with desk.hub(), desk.detector(flip):
        desk.insert(card)
        desk.until("GOPRO", **{NAME: "failed HASH_MISMATCH"})
        assert flipped
        desk.hold()
        desk.insert(card)
        desk.until("GOPRO", insertions=2)
        desk.hold_everything(card)


def test_an_object_that_was_damaged_is_left_alone_and_said(desk: Desk) -> None:
    card = desk.card("GOPRO", {NAME: 50_000})
    content = hash_file(card / FOLDER / NAME)
    damaged = Store(desk.settings.store_dir).object_path(content)
    damaged.parent.mkdir(parents=True)
    damaged.write_bytes(b"cut short")
    with desk.hub(), desk.detector():
        desk.insert(card)
        desk.until("GOPRO", **{NAME: "failed DEST_IO"})
        assert damaged.read_bytes() == b"cut short"
        damaged.unlink()
        desk.hold()
        desk.insert(card)
        desk.until("GOPRO", insertions=2)
        desk.hold_everything(card)
