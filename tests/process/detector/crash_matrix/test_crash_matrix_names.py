"""Crash matrix, part 5: names and clocks that mislead. Nothing new is skipped, nothing known is copied twice.

row                        test
same name in two folders   test_the_same_name_in_two_folders
same name on two cards     test_the_same_name_on_two_cards
same name in two cases     test_the_same_name_in_two_cases
same content twice         test_the_same_content_under_two_names
DST                        test_daylight_saving_changed_between_two_insertions
zone                       test_another_computer_in_another_zone
reset clock                test_a_camera_whose_clock_was_reset
host clock jump            test_the_clock_of_the_host_jumps[<where to>]
`../`, `CON` in names      test_names_that_are_paths_or_devices_elsewhere
symlinks                   test_links_on_a_card_are_not_followed
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

import pytest
from support.desk import FOLDER, Desk

from detector.hanging.watchdog import HUNG_S

NAME = "GX010001.MP4"
SIZE = 4000


@pytest.fixture
def desk(tmp_path: Path, _migrated_file: Path) -> Desk:
    return Desk.at(tmp_path, _migrated_file)


def objects(desk: Desk) -> int:
    return len(list((desk.settings.store_dir / "objects").glob("*/*")))


def set_back(card: Path, desk: Desk, seconds: int) -> None:
    """All of the card's files carry another time, by so many seconds."""
    for place, (_size, when, _content) in desk.cards.now[card].items():
        os.utime(card / place, ns=(when, when + seconds * 10**9))
    desk.remember(card)


def test_the_same_name_in_two_folders(desk: Desk) -> None:
    card = desk.card("GOPRO", {f"DCIM/{folder}/{NAME}": SIZE for folder in ("100GOPRO", "101GOPRO")})
    with desk.hub(), desk.detector():
        for times in (1, 2):
            desk.insert(card)
            desk.until("GOPRO", insertions=times)
            desk.hold_everything(card)
    assert objects(desk) == 2


def test_the_same_name_on_two_cards(desk: Desk) -> None:
    """The same size and time as well, as two cameras that were bought together make them."""
    cards = [desk.card(name, {NAME: SIZE}) for name in ("LEFT", "RIGHT")]
    when = desk.cards.now[cards[0]][f"{FOLDER}/{NAME}"][1]
    os.utime(cards[1] / FOLDER / NAME, ns=(when, when))
    desk.remember(cards[1])
    with desk.hub(), desk.detector():
        for card in cards:
            desk.insert(card)
            desk.until(card.name)
        desk.hold_everything(*cards)
    assert objects(desk) == 2


def test_the_same_name_in_two_cases(desk: Desk) -> None:
    """Two files on a card of ours; one name to Windows, whose cards can't have both."""
    card = desk.card("GOPRO", {NAME: SIZE, NAME.lower(): SIZE})
    with desk.hub(), desk.detector():
        for times in (1, 2):
            desk.insert(card)
            desk.until("GOPRO", insertions=times)
            desk.hold()
    stored = {path.name for path in (desk.settings.store_dir / "objects").glob("*/*")}
    assert stored == {content for _size, _when, content in desk.cards.now[card].values()}


def test_the_same_content_under_two_names(desk: Desk) -> None:
    same = os.urandom(SIZE)
    card = desk.card("GOPRO", {NAME: same, "GX010002.MP4": same, "DCIM/101GOPRO/GX010003.MP4": same})
    with desk.hub(), desk.detector():
        desk.insert(card)
        desk.until("GOPRO")
        desk.hold_everything(card)
    assert objects(desk) == 1


@pytest.mark.parametrize("hours", [1, -1])
def test_daylight_saving_changed_between_two_insertions(desk: Desk, hours: int) -> None:
    card = desk.card("GOPRO", {NAME: SIZE, "GX010002.MP4": SIZE})
    with desk.hub(), desk.detector():
        desk.insert(card)
        desk.until("GOPRO")
        set_back(card, desk, hours * 3600)
        # And one of them is another film by now, of the same size: the shift alone must not make it a known one.
        file = card / FOLDER / NAME
        when = file.stat().st_mtime_ns
        file.write_bytes(os.urandom(SIZE))
        os.utime(file, ns=(when, when))
        desk.remember(card)
        desk.insert(card)
        desk.until("GOPRO", insertions=2, GX010001_MP4="copied", GX010002_MP4="known")
        desk.hold_everything(card)
    assert objects(desk) == 3


def test_another_computer_in_another_zone(desk: Desk) -> None:
    card = desk.card("GOPRO", {NAME: SIZE})
    with desk.hub():
        for times, zone in ((1, "Pacific/Auckland"), (2, "America/New_York"), (3, "Asia/Kathmandu")):
            with desk.process(TZ=zone):
                desk.insert(card)
                desk.until("GOPRO", insertions=times, GX010001_MP4="copied" if times == 1 else "known")
                desk.hold_everything(card)
    assert objects(desk) == 1


def test_a_camera_whose_clock_was_reset(desk: Desk) -> None:
    """To 2016, after each flat battery, and its counter began again: the same name, size and date, another film."""
    card = desk.card("GOPRO", {NAME: SIZE})
    file, reset = card / FOLDER / NAME, datetime(2016, 1, 1, 0, 2).timestamp()
    with desk.hub(), desk.detector():
        for times in (1, 2, 3):
            desk.put(card, NAME, SIZE)
            os.utime(file, (reset, reset))
            desk.remember(card)
            desk.insert(card)
            desk.until("GOPRO", insertions=times, GX010001_MP4="copied")
            desk.hold_everything(card)
        desk.insert(card)
        desk.until("GOPRO", insertions=4, GX010001_MP4="known")
    assert objects(desk) == 3


class Jumped(datetime):
    """A clock that is wrong by `by`."""

    by = timedelta()

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        return datetime.now(tz) + cls.by


@pytest.mark.parametrize(
    "by", [timedelta(days=-400), timedelta(days=900)], ids=["back a year", "ahead of two and a half years"]
)
def test_the_clock_of_the_host_jumps(desk: Desk, monkeypatch: pytest.MonkeyPatch, by: timedelta) -> None:
    """Between two insertions, for detector and hub. Waits are not measured by it, and the newest stays the newest."""
    card = desk.card("GOPRO", {NAME: SIZE})
    # A card that was waited for until it counts as hung would never come.
    with desk.hub(), desk.detector(hung_s=10 * HUNG_S):
        desk.insert(card)
        desk.until("GOPRO")
        monkeypatch.setattr(Jumped, "by", by)
        monkeypatch.setattr("stinercut.clock.datetime", Jumped)
        desk.put(card, "GX010002.MP4", SIZE)
        desk.insert(card)
        desk.until("GOPRO", insertions=2, GX010001_MP4="known", GX010002_MP4="copied")
        desk.hold_everything(card)
        desk.insert(card)
        desk.until("GOPRO", insertions=3, GX010001_MP4="known", GX010002_MP4="known")
        desk.hold_everything(card)
    assert objects(desk) == 2


def test_names_that_are_paths_or_devices_elsewhere(desk: Desk) -> None:
    paths = ("x\\..\\..\\up.MP4", "C:\\x.MP4")
    names = (*paths, "CON.MP4", "nul.MP4", "a:b.MP4", "trailing .MP4", "-rf.MP4", "new\nline.MP4", "u\u0308.MP4")
    card = desk.card("GOPRO", {f"{FOLDER}/{name}": SIZE for name in names})
    outside = {path.name for path in desk.settings.data.parent.iterdir()}
    with desk.hub(), desk.detector():
        for times in (1, 2):
            desk.insert(card)
            desk.until("GOPRO", insertions=times)
            desk.hold_everything(card)
    assert objects(desk) == len(names)
    assert {path.name for path in desk.settings.data.parent.iterdir()} == outside


def test_links_on_a_card_are_not_followed(desk: Desk, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "GX010009.MP4").write_bytes(b"not on the card")
    card = desk.card("GOPRO", {NAME: SIZE})
    (card / FOLDER / "GX010008.MP4").symlink_to(secret / "GX010009.MP4")
    (card / "DCIM" / "102GOPRO").symlink_to(secret)
    with desk.hub(), desk.detector():
        desk.insert(card)
        desk.until("GOPRO")
        desk.hold_everything(card)
    assert list(desk.states("GOPRO")) == [NAME]
