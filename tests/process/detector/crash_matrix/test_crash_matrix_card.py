"""Crash matrix, part 1: what a card does to a copy. Real detector, real hub, cards that fail as FUSE file systems.

    row                            test
    mount before DCIM exists       test_mounted_before_dcim_exists
    pulled mid-scan                test_pulled_in_the_middle_of_the_scan
    pulled at byte 0, 1, ...       test_pulled_at[<where>]
    reinserted same                test_put_in_again_as_it_was
    reinserted other               test_another_card_in_its_place
    reinserted reformatted         test_put_in_again_reformatted
    short read                     test_reads_that_give_less_than_asked_for
    early EOF, bad block           test_one_file_that_can_not_be_read_whole[<which>]
    file growing                   test_a_file_that_grows_while_it_is_copied
    hung read                      test_a_read_that_hangs
    hung read of a sample          test_a_read_that_hangs_while_a_sample_is_taken
    hung scan                      test_a_scan_that_hangs
    card that can't be listed      test_a_card_that_can_not_be_listed
    folder that can't be listed    test_a_folder_that_can_not_be_listed
    card never written to          test_a_card_that_can_only_be_read, and every row of every part (`Desk.hold`)

Where FUSE or mounts can't be had, a row skips and says so. A chunk is 1000 bytes here, and a partial file is resumed
from 2000 bytes on, so that small files go through the same steps as large ones.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.desk import FOLDER, PATIENCE_S, Desk, Gate, wait_for

SIZE = 50_000
NAME = "GX010002.MP4"


@pytest.fixture
def desk(tmp_path: Path, _migrated_file: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    for name, value in (("CHUNK", 1000), ("KEEP_FROM", 2000), ("CHECKPOINT_BYTES", 7000)):
        monkeypatch.setattr(f"detector.copy.copying.{name}", value)
    for name in ("detector.hanging.threads.GRACE_S", "detector.copy.offload.REMOVAL_S"):
        monkeypatch.setattr(name, 0.1)
    return Desk.at(tmp_path, _migrated_file)


@pytest.fixture
def card(desk: Desk) -> Path:
    """A small file and the one that something happens to."""
    return desk.card("GOPRO", {"GX010001.MP4": 3000, NAME: SIZE})


@contextmanager
def own_mounts(desk: Desk, place: Path) -> Iterator[Path]:
    """A detector with mounts of its own, a new volume at `place` among them; yields that volume as we reach it."""
    script = f'mount -t tmpfs tmpfs {place} && exec {sys.executable} "$@"'
    through = ["unshare", "--mount", "sh", "-c", script, "sh"]
    trial = subprocess.run(
        ["unshare", "--mount", "mount", "-t", "tmpfs", "x", "/mnt"], check=False, capture_output=True
    )
    if trial.returncode:
        pytest.skip(f"needs mount namespaces: {trial.stderr.decode().strip()}")
    with desk.process(through=through, STINERCUT_WATCH_MOUNTS="1") as process:
        inside = Path(f"/proc/{process.pid}/root") / place.relative_to("/")
        wait_for("the volume", lambda: inside.exists() and os.path.ismount(inside))
        yield inside


def test_mounted_before_dcim_exists(desk: Desk) -> None:
    place = Path("/mnt") / f"desk-{os.getpid()}"
    try:
        place.mkdir()
    except OSError as refused:
        pytest.skip(f"needs a folder below /mnt: {refused}")
    try:
        with desk.hub(), own_mounts(desk, place) as volume:
            assert not desk.insertions(place.name)
            # A slow file system shows its folders after the mount. They come at once, as those of a card do.
            made = desk.card("made", {NAME: SIZE})
            shutil.copytree(made, volume / ".made")
            (volume / ".made" / "DCIM").rename(volume / "DCIM")
            desk.until(place.name)
            desk.hold()
            assert [row.content_hash for row in desk.newest(place.name)] == [
                desk.cards.now[made][f"{FOLDER}/{NAME}"][2]
            ]
    finally:
        place.rmdir()


def test_pulled_in_the_middle_of_the_scan(desk: Desk, card: Path) -> None:
    desk.put(card, "DCIM/101GOPRO/GX010003.MP4", 4000)
    with desk.hub(), desk.detector():
        with desk.in_reader(card, "--gone-listing", "101GOPRO") as reader:
            desk.insert(reader)
            wait_for("the card to be gone", lambda: not reader.is_mount() or gone(reader))
            wait_for("the hub to hear of it", lambda: desk.insertions("GOPRO-reader"))
        with desk.in_reader(card) as reader:
            desk.insert(reader)
            desk.until("GOPRO-reader", insertions=2)
            desk.hold_everything(card, label="GOPRO-reader")
    first = desk.insertions("GOPRO-reader")[0]
    assert not [row for row in desk.rows() if row.insertion_id == first], "half a manifest is worse than none"


def gone(reader: Path) -> bool:
    try:
        next(reader.iterdir())
    except OSError:
        return True
    return False


@pytest.mark.parametrize(
    "given",
    [0, 1, SIZE // 2, SIZE - 1, SIZE],
    ids=["byte 0", "byte 1", "the middle", "the last byte", "behind the last byte"],
)
def test_pulled_at(desk: Desk, card: Path, given: int) -> None:
    with desk.hub(), desk.detector():
        with desk.in_reader(card, "--in", NAME, "--gone-at", str(given)) as reader:
            desk.insert(reader)
            desk.until("GOPRO-reader", **{NAME: "new"})
            desk.hold()
        with desk.in_reader(card) as reader:
            desk.insert(reader)
            desk.until("GOPRO-reader", insertions=2)
            desk.hold_everything(card, label="GOPRO-reader")


def test_put_in_again_as_it_was(desk: Desk, card: Path) -> None:
    gate = Gate(at=SIZE // 2)
    with desk.hub(), desk.detector(gate):
        desk.insert(card)
        assert gate.reached.wait(PATIENCE_S)
        desk.insert(card)  # Out and in again, in the middle of its copy.
        gate.open.set()
        desk.until("GOPRO", insertions=2)
        desk.hold_everything(card)
        desk.insert(card)
        desk.until("GOPRO", insertions=3, GX010001_MP4="known", GX010002_MP4="known")
        desk.hold_everything(card)


def test_another_card_in_its_place(desk: Desk, card: Path) -> None:
    """The file that was being copied has the same name, size and time: nothing of the first one's may be in it."""
    gate = Gate(at=SIZE // 2)
    with desk.hub(), desk.detector(gate):
        desk.insert(card)
        assert gate.reached.wait(PATIENCE_S)
        desk.hold()
        away = card.with_name("first")
        card.rename(away)
        desk.cards.now[away] = desk.cards.now.pop(card)
        desk.put(card, "GX010001.MP4", 3000, minutes_ago=10)
        when = desk.cards.now[away][f"{FOLDER}/{NAME}"][1]
        os.utime(desk.put(card, NAME, SIZE), ns=(when, when))
        desk.remember(card)
        desk.insert(card)
        wait_for("the other one", lambda: len(desk.insertions("GOPRO")) == 2)
        gate.open.set()
        desk.until("GOPRO", insertions=2)
        desk.hold_everything(card)
    assert len(list((desk.settings.store_dir / "objects").glob("*/*"))) <= 3


def test_put_in_again_reformatted(desk: Desk, card: Path) -> None:
    """The counter has begun again: the same names and sizes, another content, filmed later."""
    with desk.hub(), desk.detector():
        desk.insert(card)
        desk.until("GOPRO")
        desk.eject(card)
        shutil.rmtree(card)
        for name, size in (("GX010001.MP4", 3000), (NAME, SIZE)):
            desk.put(card, name, size, minutes_ago=20)
        desk.insert(card)
        desk.until("GOPRO", insertions=2, GX010001_MP4="copied", GX010002_MP4="copied")
        desk.hold_everything(card)
    assert len(list((desk.settings.store_dir / "objects").glob("*/*"))) == 4


def test_reads_that_give_less_than_asked_for(desk: Desk, card: Path) -> None:
    with desk.hub(), desk.detector(), desk.in_reader(card, "--in", NAME, "--at-most", "700") as reader:
        desk.insert(reader)
        desk.until("GOPRO-reader")
        desk.hold_everything(card, label="GOPRO-reader")


@pytest.mark.parametrize(
    ("fault", "said"),
    [("--end-at", "failed SOURCE_CHANGED"), ("--fail-at", "failed SOURCE_IO")],
    ids=["early EOF", "bad block"],
)
def test_one_file_that_can_not_be_read_whole(desk: Desk, card: Path, fault: str, said: str) -> None:
    with desk.hub(), desk.detector():
        with desk.in_reader(card, "--in", NAME, fault, str(SIZE // 2)) as reader:
            desk.insert(reader)
            desk.until("GOPRO-reader", GX010001_MP4="copied", **{NAME: said})
            desk.hold()
        with desk.in_reader(card) as reader:
            desk.insert(reader)
            desk.until("GOPRO-reader", insertions=2)
            desk.hold_everything(card, label="GOPRO-reader")


def test_a_file_that_grows_while_it_is_copied(desk: Desk, card: Path) -> None:
    gate = Gate(at=SIZE // 2)
    with desk.hub(), desk.detector(gate):
        desk.insert(card)
        assert gate.reached.wait(PATIENCE_S)
        with (card / FOLDER / NAME).open("ab") as file:
            file.write(b"more")
        desk.remember(card)
        gate.open.set()
        desk.until("GOPRO", GX010001_MP4="copied", **{NAME: "failed SOURCE_CHANGED"})
        desk.hold()
        desk.insert(card)
        desk.until("GOPRO", insertions=2)
        desk.hold_everything(card)


def test_a_read_that_hangs(desk: Desk, card: Path) -> None:
    with desk.hub(), desk.detector(hung_s=0.5):
        with desk.in_reader(card, "--in", NAME, "--hang-at", str(SIZE // 2)) as reader:
            desk.insert(reader)
            desk.until("GOPRO-reader", GX010001_MP4="copied", **{NAME: "failed SOURCE_IO"})
            desk.hold()
        with desk.in_reader(card) as reader:
            desk.insert(reader)
            desk.until("GOPRO-reader", insertions=2)
            desk.hold_everything(card, label="GOPRO-reader")


def test_a_read_that_hangs_while_a_sample_is_taken(desk: Desk, card: Path) -> None:
    """A file that looks like a known one, an hour later: no sample settles it, so it is copied, which hangs too."""
    with desk.hub(), desk.detector(hung_s=0.5):
        with desk.in_reader(card) as reader:
            desk.insert(reader)
            desk.until("GOPRO-reader")
        for place, (_size, when, _content) in desk.cards.now[card].items():
            os.utime(card / place, ns=(when + 3600 * 10**9, when + 3600 * 10**9))
        desk.remember(card)
        with desk.in_reader(card, "--in", NAME, "--hang-at", "0") as reader:
            desk.insert(reader)
            desk.until("GOPRO-reader", insertions=2, **{NAME: "failed SOURCE_IO"})
            desk.hold()
        with desk.in_reader(card) as reader:
            desk.insert(reader)
            desk.until("GOPRO-reader", insertions=3)
            desk.hold_everything(card, label="GOPRO-reader")


def test_a_scan_that_hangs(desk: Desk, card: Path) -> None:
    desk.put(card, "DCIM/101GOPRO/GX010003.MP4", 4000)
    other = desk.card("OTHER", {"GX010007.MP4": 5000})
    with desk.hub(), desk.detector(hung_s=0.5):
        with desk.in_reader(card, "--hang-listing", "101GOPRO") as reader:
            desk.insert(reader)
            wait_for("the hub to hear of it", lambda: desk.insertions("GOPRO-reader"))
            desk.insert(other)
            desk.until("OTHER")
            desk.hold_everything(other)
            shown = until_shown(desk, "unreadable")
            assert "gives no answer" in shown["unread"]["detail"]
            desk.hold()
        with desk.in_reader(card) as reader:
            desk.insert(reader)
            desk.until("GOPRO-reader", insertions=2)
            desk.hold_everything(card, label="GOPRO-reader")
            assert until_shown(desk, "safe")["unread"] is None


def test_a_card_that_can_not_be_listed(desk: Desk, card: Path) -> None:
    """The board says it while the card is in, no more than that it is not done once it is out, nothing when it could be
    read after all."""
    with desk.hub(), desk.detector():
        with desk.in_reader(card, "--fail-listing", card.name) as reader:
            desk.insert(reader)
            shown = until_shown(desk, "unreadable")
            assert (shown["unread"]["code"], shown["unread"]["unreadable"]) == ("SOURCE_IO", 0)
            assert "Input/output error" in shown["unread"]["detail"]
            assert "Put it in again, in another reader" in shown["message"]
            assert not desk.newest("GOPRO-reader")
            desk.eject(reader)
            shown = until_shown(desk, "incomplete")
            assert (shown["unread"], shown["message"][:21]) == (None, "It could not be read.")
        with desk.in_reader(card) as reader:
            desk.insert(reader)
            desk.until("GOPRO-reader", insertions=2)
            desk.hold_everything(card, label="GOPRO-reader")
            assert until_shown(desk, "safe")["unread"] is None


def test_a_folder_that_can_not_be_listed(desk: Desk, card: Path) -> None:
    """What can be read is copied; but nobody is told that the card is safe."""
    desk.put(card, "DCIM/101GOPRO/GX010003.MP4", 4000)
    with desk.hub(), desk.detector():
        with desk.in_reader(card, "--fail-listing", "101GOPRO") as reader:
            desk.insert(reader)
            desk.until("GOPRO-reader", GX010001_MP4="copied", **{NAME: "copied"})
            shown = until_shown(desk, "incomplete")
            assert shown["unread"]["unreadable"] == 1
            assert "DCIM/101GOPRO: Input/output error" in shown["unread"]["detail"]
            desk.hold()
            desk.insert(reader)  # All of what is left is known now. That does not make it safe either.
            desk.until("GOPRO-reader", insertions=2, GX010001_MP4="known", **{NAME: "known"})
            until_shown(desk, "incomplete")
            desk.eject(reader)
            wait_for("it to be out", lambda: shown_of(desk)["removed_at"])
            assert until_shown(desk, "incomplete")["message"].startswith("A folder or file of it could not be read.")
        with desk.in_reader(card) as reader:
            desk.insert(reader)
            desk.until("GOPRO-reader", insertions=3)
            desk.hold_everything(card, label="GOPRO-reader")
            assert until_shown(desk, "safe")["unread"] is None


def shown_of(desk: Desk) -> dict[str, Any]:
    """The card in the reader, as the hub's API shows it; empty before it does."""
    cards = httpx.get(f"http://127.0.0.1:{desk.settings.hub_port}/api/cards").json()["cards"]
    return next((card for card in cards if card["label"] == "GOPRO-reader"), {})


def until_shown(desk: Desk, state: str) -> dict[str, Any]:
    """Wait until the board shows the card in this state."""
    wait_for(f"the card {state}", lambda: shown_of(desk).get("state") == state, lambda: str(shown_of(desk)))
    return shown_of(desk)


def test_a_card_that_can_only_be_read(desk: Desk, card: Path) -> None:
    """The reader is mounted read-only, and knows no message that would write."""
    with desk.hub(), desk.detector(), desk.in_reader(card) as reader:
        desk.insert(reader)
        desk.until("GOPRO-reader")
        with pytest.raises(OSError, match="Read-only"):
            (reader / "marker").touch()
        desk.hold_everything(card, label="GOPRO-reader")
