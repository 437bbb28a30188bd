"""New files get their places; what is somebody's there is never lost, whenever the machine goes off."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from stinercut.films.publishing.placing import Arrival, ours_in, place

NAMES = ("zoe-photos/01.jpg", "zoe-photos/02.jpg", "zoe-phone.mp4", "zoe.mp4")
SETS = ("zoe-photos",)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "films"
    made.mkdir()
    return made


def publish(folder: Path, content: str, names: tuple[str, ...] = NAMES, sets: tuple[str, ...] = SETS) -> list[str]:
    """Place files of that content; returns the names of what was kept."""
    coming = folder.parent / "coming"
    shutil.rmtree(coming, ignore_errors=True)
    coming.mkdir()
    for number, name in enumerate(names):
        (coming / str(number)).write_text(f"{content} {name}")
    arrivals = [Arrival(coming / str(number), name) for number, name in enumerate(names)]
    return [path.relative_to(folder).as_posix() for path in place(folder, arrivals, sets)]


def files(folder: Path) -> dict[str, str]:
    """What lies there: names and texts."""
    paths = [path for path in folder.rglob("[!.]*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_text() for path in paths}


def made(content: str, names: tuple[str, ...] = NAMES) -> dict[str, str]:
    return {name: f"{content} {name}" for name in names}


def test_what_is_ours_is_replaced(folder: Path) -> None:
    assert publish(folder, "old") == []
    assert publish(folder, "new") == []
    assert files(folder) == made("new")
    assert set(ours_in(folder)) == set(NAMES)


def test_a_set_loses_what_does_not_come_again_and_nothing_else_goes(folder: Path) -> None:
    publish(folder, "old")
    assert publish(folder, "new", ("zoe-photos/01.jpg", "zoe.mp4")) == []
    assert files(folder) == made("new", ("zoe-photos/01.jpg", "zoe.mp4")) | made("old", ("zoe-phone.mp4",))
    assert publish(folder, "other", ("max.mp4",), ()) == []
    assert set(ours_in(folder)) == {"zoe-photos/01.jpg", "zoe-phone.mp4", "zoe.mp4", "max.mp4"}


def test_what_somebody_changed_or_added_is_kept(folder: Path) -> None:
    publish(folder, "old")
    (folder / "zoe-photos" / "02.jpg").write_text("retouched")
    (folder / "zoe-photos" / "07.jpg").write_text("added")
    (folder / "zoe-photos" / "01 (kept).jpg").write_text("kept once")
    (folder / "zoe.mp4").write_text("cut by hand")
    assert publish(folder, "new") == ["zoe-photos/02 (kept).jpg", "zoe (kept).mp4"]
    (folder / "zoe.mp4").write_text("cut again")
    assert publish(folder, "newer") == ["zoe (kept 2).mp4"]
    assert files(folder) == made("newer") | {
        "zoe-photos/02 (kept).jpg": "retouched",
        "zoe-photos/07.jpg": "added",
        "zoe-photos/01 (kept).jpg": "kept once",
        "zoe (kept).mp4": "cut by hand",
        "zoe (kept 2).mp4": "cut again",
    }


def test_without_a_note_everything_is_somebodys(folder: Path) -> None:
    (folder / "zoe-photos").mkdir()
    (folder / "zoe-photos" / "0123.jpg").write_text("of a camera")
    (folder / "zoe-photos" / "01.jpg").write_text("of a camera")
    assert publish(folder, "new") == ["zoe-photos/01 (kept).jpg"]
    assert files(folder) == made("new") | dict.fromkeys(
        ("zoe-photos/0123.jpg", "zoe-photos/01 (kept).jpg"), "of a camera"
    )


def test_files_links_and_folders_in_the_way_are_kept(folder: Path, tmp_path: Path) -> None:
    (folder / "zoe-photos").write_text("a file where the folder is to be")
    (folder / "zoe-phone.mp4").mkdir()
    (folder / "zoe-phone.mp4" / "x").write_text("in a folder")
    outside = tmp_path / "outside.mp4"
    outside.write_text("outside")
    (folder / "zoe.mp4").symlink_to(outside)
    assert publish(folder, "new") == ["zoe-photos (kept)", "zoe-phone (kept).mp4", "zoe (kept).mp4"]
    assert (folder / "zoe (kept).mp4").is_symlink()
    assert outside.read_text() == "outside"
    assert files(folder).items() >= made("new").items()
    shutil.rmtree(folder / "zoe-photos")
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "01.jpg").write_text("elsewhere")
    (folder / "zoe-photos").symlink_to(tmp_path / "pictures")
    assert publish(folder, "newer") == ["zoe-photos (kept 2)"]
    assert (tmp_path / "pictures" / "01.jpg").read_text() == "elsewhere"


def test_another_name_of_the_same_file_is_no_loss(folder: Path, tmp_path: Path) -> None:
    footage = tmp_path / "footage"
    footage.write_text("filmed")
    (folder / "zoe.mp4").hardlink_to(footage)
    link = tmp_path / "link"
    link.hardlink_to(footage)
    assert place(folder, [Arrival(link, "zoe.mp4")]) == []
    assert files(folder) == {"zoe.mp4": "filmed"}


@pytest.mark.skipif(sys.platform == "win32", reason="forks")
@pytest.mark.parametrize("power", ["killed", "refused"])
def test_whatever_dies_at_any_step_nothing_is_lost_and_the_next_try_is_right(folder: Path, power: str) -> None:
    steps = 0
    while True:
        shutil.rmtree(folder)
        folder.mkdir()
        publish(folder, "old")
        (folder / "zoe-photos" / "02.jpg").write_text("retouched")
        (folder / "zoe-photos" / "07.jpg").write_text("added")
        (folder / "zoe-phone.mp4").write_text("cut by hand")
        ended_well = _ends_at(steps, folder, lambda: publish(folder, "new"), killed=power == "killed")
        there = files(folder)
        assert {"retouched", "added", "cut by hand"} <= set(there.values()), steps
        assert there["zoe.mp4"] in ("old zoe.mp4", "new zoe.mp4"), steps
        again = publish(folder, "newer")
        assert len(again) == sum(1 for one in there if there[one] in ("retouched", "cut by hand") and "kept" not in one)
        assert files(folder) == made("newer") | {
            "zoe-photos/02 (kept).jpg": "retouched",
            "zoe-photos/07.jpg": "added",
            "zoe-phone (kept).mp4": "cut by hand",
        }, steps
        if ended_well:
            break
        steps += 1
    assert steps > 8, "it died at each of them"


def _ends_at(step: int, folder: Path, work: Callable[[], object], *, killed: bool) -> bool:
    """Do that in another process, which dies at its nth change to the folder, or is refused all from then on; whether
    it was done.
    """
    child = os.fork()
    if not child:
        left = step

        def count(event: str, words: tuple[object, ...]) -> None:
            nonlocal left
            if event not in ("os.rename", "os.remove", "os.mkdir", "os.link") or str(folder) not in str(words):
                return
            if left == 0 and killed:
                os.kill(os.getpid(), signal.SIGKILL)
            left -= 1
            if left < 0:
                raise OSError("the disk is full")

        sys.addaudithook(count)
        try:
            work()
            os._exit(0)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    return status == 0
