"""The real detector against the real hub: a folder as a card, real sockets, real copies, the real catalog."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import select
from support.hub_cards import card_in, import_folder, running_detector
from support.hubs import RunningHub, board, running_hub

from app.common.checks import State
from app.doctor.detector import hub_findings
from detector.sources.cards import eject_folder, insert_folder
from stinercut.catalog import Catalog, events
from stinercut.catalog.models import CardFile, Insertion
from stinercut.codes.payload import make_payload
from stinercut.jumps import jumps
from stinercut.storage.store import Store, hash_file


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[RunningHub]:
    # 4000 bytes count as small here, so that a test card has large files too.
    with running_hub(tmp_path / "data", small_file_limit=4000) as running:
        yield running


@pytest.fixture
def card(tmp_path: Path) -> Path:
    folder = tmp_path / "GOPRO"
    (folder / "DCIM" / "100GOPRO").mkdir(parents=True)
    for number, size in ((1, 1000), (2, 2000), (3, 9000)):
        add(folder, number, size)
    return folder


def add(card: Path, number: int, size: int) -> Path:
    file = card / "DCIM" / "100GOPRO" / f"GX01000{number}.MP4"
    file.write_bytes(bytes([number]) * size)
    when = 1_780_000_000 + number * 60
    os.utime(file, (when, when))
    return file


def copied_files(hub: RunningHub) -> list[str]:
    catalog = Catalog.open(hub.settings.catalog_url)
    with catalog.read() as session:
        names = [event.data["file"] for event in events.since(session, 0) if event.type == "card:file_copied"]
    catalog.close()
    return names


def test_a_card_its_second_time_and_one_more_file(hub: RunningHub, card: Path):
    with board(hub) as watching, running_detector(hub.settings):
        insert_folder(hub.settings, card)
        # The small files come at once; the large one waits until somebody knows whose it is.
        view = card_in(watching, "copying", copied=2, new=3)
        assert view["connected"]
        assert "codes" in view["message"]
        assert copied_files(hub) == ["GX010001.MP4", "GX010002.MP4"]
        for name in ("GX010001.MP4", "GX010002.MP4"):
            file = card / "DCIM" / "100GOPRO" / name
            stored = Store(hub.settings.store_dir).require(hash_file(file), file.stat().st_size)
            assert stored.read_bytes() == file.read_bytes()
        place_everything(hub)
        assert card_in(watching, "safe", copied=3)["message"].startswith("All 3 new files are copied")
        assert sorted(path.name for path in import_folder(hub, 1).glob("DCIM/*/*")) == [
            f"GX01000{number}.MP4" for number in (1, 2, 3)
        ]
        eject_folder(hub.settings, card)
        card_in(watching, "removed")
        insert_folder(hub.settings, card)
        assert card_in(watching, "safe", known=3, new=0, copied=0)["message"].startswith("Nothing new")
        eject_folder(hub.settings, card)
        card_in(watching, "removed")
        add(card, 4, 1500)
        insert_folder(hub.settings, card)
        card_in(watching, "safe", known=3, new=1, copied=1)
        assert len(list(import_folder(hub, 2).glob("DCIM/*/*"))) == 4
    assert copied_files(hub) == ["GX010001.MP4", "GX010002.MP4", "GX010003.MP4", "GX010004.MP4"]


def test_a_card_after_a_change_of_daylight_saving_and_one_other_film(hub: RunningHub, card: Path):
    with board(hub) as watching, running_detector(hub.settings):
        insert_folder(hub.settings, card)
        card_in(watching, "copying", copied=2, new=3)
        place_everything(hub)
        card_in(watching, "safe", copied=3)
        eject_folder(hub.settings, card)
        card_in(watching, "removed")
        for file in (card / "DCIM" / "100GOPRO").iterdir():
            seen = file.stat()
            os.utime(file, (seen.st_atime + 3600, seen.st_mtime + 3600))
        # The counter restarts: same name and size as before, an hour later to the second, and another film.
        first = card / "DCIM" / "100GOPRO" / "GX010001.MP4"
        seen = first.stat()
        first.write_bytes(b"x" * seen.st_size)
        os.utime(first, (seen.st_atime, seen.st_mtime))
        insert_folder(hub.settings, card)
        card_in(watching, "safe", known=2, new=1, copied=1)
        assert Store(hub.settings.store_dir).require(hash_file(first), seen.st_size).read_bytes() == first.read_bytes()
    assert copied_files(hub) == ["GX010001.MP4", "GX010002.MP4", "GX010003.MP4", "GX010001.MP4"]


def place_everything(hub: RunningHub) -> None:
    """What the identify run does in its own process: all files of the card that is in belong to a jump."""
    catalog = Catalog.open(hub.settings.catalog_url)
    with catalog.write() as session:
        insertion = session.execute(select(Insertion).where(Insertion.removed_at.is_(None))).scalar_one()
        files = tuple(session.execute(select(CardFile.card_file_id).order_by(CardFile.name)).scalars())
        payload = make_payload("Anna Müller", "B-1", insertion.inserted_at.date())
        jumps.record_sessions(session, insertion, [jumps.FoundSession(payload, files[:1], files[1:], None)])
    catalog.close()


def test_a_hub_that_is_away_for_a_while_loses_nothing(tmp_path: Path, card: Path):
    with running_hub(tmp_path / "data") as first:
        settings = first.settings
        with running_detector(settings):
            with board(first) as watching:
                insert_folder(settings, card)
                card_in(watching, "safe", copied=3)
            first.process.kill()
            first.process.wait()
            add(card, 5, 3000)
            eject_folder(settings, card)
            insert_folder(settings, card)
            with running_hub(settings.data, hub_port=settings.hub_port) as second:
                with board(second) as watching:
                    snapshot = watching.until(lambda frame: frame["type"] == "snapshot")
                    done = [one for one in snapshot["cards"] if one["state"] == "safe" and one["files"]["known"] == 3]
                    if not done:
                        card_in(watching, "safe", known=3, copied=1)
                assert copied_files(second)[-1] == "GX010005.MP4"


def test_a_detector_that_is_killed_and_comes_back(hub: RunningHub, card: Path):
    with board(hub) as watching:
        with running_detector(hub.settings) as process:
            insert_folder(hub.settings, card)
            card_in(watching, "copying", copied=2)
            process.send_signal(signal.SIGKILL)
            process.wait()
            away = watching.until(lambda frame: frame["type"] == "card" and not frame["card"]["connected"])
            assert "not connected" in away["card"]["message"]
        with running_detector(hub.settings):
            back = card_in(watching, "copying", known=2, new=1)
            assert back["insertion"] != away["card"]["insertion"]
            place_everything(hub)
            card_in(watching, "safe", copied=1)
    assert copied_files(hub) == ["GX010001.MP4", "GX010002.MP4", "GX010003.MP4"]


def test_the_doctor_of_a_detectors_host_asks_the_real_hub(tmp_path: Path):
    with running_hub(tmp_path / "data", token="the hub's") as hub:
        right = hub.settings
        findings = {finding.check: finding for finding in hub_findings(right)}
        assert {name: one.state for name, one in findings.items()} == {"hub": State.OK, "clock": State.OK}, findings
        wrong = right.model_copy(update={"token": SecretStr("another")})
        [refused] = hub_findings(wrong)
        assert (refused.state, "BAD_TOKEN" in refused.detail) == (State.PROBLEM, True)
