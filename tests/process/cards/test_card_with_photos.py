"""A card of photos, videos and other files through a real hub and a real detector: what is copied, and what is said."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from support import photographs
from support.hub_cards import card_in, import_folder, running_detector
from support.hubs import RunningHub, board, running_hub

from detector.sources.cards import eject_folder, insert_folder
from stinercut.cards import identification, unassigned_files
from stinercut.cards.identification import FileReading
from stinercut.catalog import Catalog
from stinercut.codes.payload import make_payload
from stinercut.codes.reading import Reading, Reason
from stinercut.jumps import jumps
from stinercut.storage.store import Store, hash_file

VIDEOS, PHOTOS = 20, 300
OTHERS = ("DCIM/100GOPRO/notes.txt", "MISC/version.txt", "track.gpx")
FIRST_S = 1_780_000_000
DAY = date(2026, 5, 28)
CODES = {"GX010001.MP4": ("Zoë Wójcik", "B-1"), "GX010011.MP4": ("Anna Müller", "B-2")}


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[RunningHub]:
    with running_hub(tmp_path / "data") as running:
        yield running


def put(card: Path, place: str, content: bytes, second: int) -> None:
    path = card / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (FIRST_S + second, FIRST_S + second))


@pytest.fixture
def card(tmp_path: Path) -> Path:
    """Two jumps, each with a code, nine clips and 150 photos in between; numbers as one camera counts."""
    folder = tmp_path / "GOPRO"
    for number in range(1, VIDEOS + 1):
        put(folder, f"DCIM/100GOPRO/GX01{number:04}.MP4", f"video {number}".encode() * 99, number * 120)
        put(folder, f"DCIM/100GOPRO/GX01{number:04}.THM", b"thumbnail", number * 120)
    small = photographs.jpeg((64, 48))
    for number in range(PHOTOS):
        second = (1 + number // 15) * 120 + 4 + 2 * (number % 15)
        put(folder, f"DCIM/100GOPRO/G{number // 100:03}{number:04}.JPG", small + f"{number}".encode(), second)
    for number, place in enumerate(OTHERS):
        put(folder, place, b"other", number)
    return folder


def identify(hub: RunningHub) -> list[str]:
    """What the run of identification does in a process of its own; jump keys."""
    catalog = Catalog.open(hub.settings.catalog_url)
    with catalog.write() as session:
        [(card, _, _)] = unassigned_files.insertions_to_identify(session)
        readings: list[FileReading] = []
        for file in identification.begin(session, card):
            said = CODES.get(file.name)
            reading = Reading(payload=make_payload(*said, DAY)) if said else Reading(reason=Reason.NO_QR_FOUND)
            identification.record_reading(session, card, file, reading)
            readings.append(FileReading(file, reading))
        found = identification.finish(session, card, readings, timedelta(minutes=45))
    catalog.close()
    return [one.jump_key for one in found]


def test_300_photos_20_videos_and_3_unknown_files(hub: RunningHub, card: Path) -> None:
    with board(hub) as watching, running_detector(hub.settings):
        insert_folder(hub.settings, card)
        # The photos wait as large videos do: until somebody knows whose they are.
        assert "codes" in card_in(watching, "copying", found=320, copied=20)["message"]
        keys = identify(hub)
        view = card_in(watching, "safe", found=320, copied=320)
        assert view["message"] == (
            "All 320 new files are copied and checked. 3 files of other kinds stay on the card: track.gpx, notes.txt,"
            " version.txt. So do 20 camera thumbnails. You can pull it out."
        )
        before = [frame["card"]["message"] for frame in watching.frames if frame["type"] == "card"][:-1]
        assert not [said for said in before if "pull it out" in said]
        store = Store(hub.settings.store_dir)
        imported = import_folder(hub, 1)
        listed = "".join(path.read_text() for path in imported.glob("ascmhl/*.mhl"))
        for file in (card / "DCIM" / "100GOPRO").glob("G*.[JM]P*"):
            content = hash_file(file)
            assert store.require(content, file.stat().st_size).read_bytes() == file.read_bytes()
            assert (imported / "DCIM" / "100GOPRO" / file.name).read_bytes() == file.read_bytes()
            assert re.search(rf"{file.name}</path>\s*<xxh128[^>]*>{content}<", listed), file.name
        assert len(list(imported.glob("DCIM/100GOPRO/*"))) == 320
        assert "other kinds on the card, not copied: 3." in listed
        assert [len(footage.photos) for footage in (footage_of(hub, key) for key in keys)] == [150, 150]


def test_a_card_with_known_videos_and_one_new_photo_is_not_called_safe(hub: RunningHub, card: Path) -> None:
    for photo in card.rglob("*.JPG"):
        photo.unlink()
    with board(hub) as watching, running_detector(hub.settings):
        insert_folder(hub.settings, card)
        card_in(watching, "safe", copied=20, found=20)
        identify(hub)
        eject_folder(hub.settings, card)
        assert "notes.txt" in card_in(watching, "removed")["message"]
        put(card, "DCIM/100GOPRO/GOPR0021.JPG", photographs.jpeg(), 121 * 20)
        insert_folder(hub.settings, card)
        waiting = card_in(watching, "copying", known=20, new=1)
        assert "pull it out" not in waiting["message"]
        [unknown] = identify(hub)
        card_in(watching, "safe", known=20, new=1, copied=1)
    assert "unidentified" in unknown


def footage_of(hub: RunningHub, key: str) -> jumps.JumpFootage:
    catalog = Catalog.open(hub.settings.catalog_url)
    with catalog.read() as session:
        footage = jumps.footage_of(session, key)
    catalog.close()
    return footage
