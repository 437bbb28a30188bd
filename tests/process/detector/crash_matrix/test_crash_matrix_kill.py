"""Crash matrix, part 2: either side is killed, after each step of a copy. Real processes, real SIGKILL.

    row                                       test
    SIGKILL of the detector after each step   test_the_detector_killed_once_it_had[<step>]
    published but not recorded                test_the_detector_killed_once_it_had[published but not recorded]
    SIGKILL again and again                   test_the_detector_killed_after_every_step_of_one_copy
    hub dies before or after its ack          test_the_hub_killed[<moment>-<message>]

What is lost by a power cut is more than by a kill: the steps are in the order that makes up for that (docs/offload.md).
"""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from support.desk import HERE, Desk
from support.dying_detector import STEPS
from support.dying_hub import MOMENTS

DIES, HUB_DIES = str(HERE / "dying_detector.py"), str(HERE / "dying_hub.py")
PATIENCE_S = 120


@pytest.fixture
def desk(tmp_path: Path, _migrated_file: Path) -> Desk:
    return Desk.at(tmp_path, _migrated_file)


def killed(desk: Desk, *command: str) -> None:
    """Run a process until it has killed itself."""
    with desk.process(*command, PYTHONPATH=str(HERE.parent)) as process:
        assert process.wait(PATIENCE_S) == -signal.SIGKILL


@pytest.mark.parametrize("step", STEPS)
def test_the_detector_killed_once_it_had(desk: Desk, step: str) -> None:
    card = desk.card("GOPRO", {"GX010001.MP4": 3_000_000, "GX010002.MP4": 2000})
    desk.insert(card)
    with desk.hub():
        killed(desk, DIES, step)
        desk.hold()
        with desk.detector():
            desk.until("GOPRO", insertions=2)
            desk.hold_everything(card)
            desk.eject(card)


def test_the_detector_killed_after_every_step_of_one_copy(desk: Desk) -> None:
    card = desk.card("GOPRO", {"GX010001.MP4": 2000})
    desk.insert(card)
    with desk.hub():
        for step in ("part created", "verified", "linked"):
            killed(desk, DIES, step)
            desk.hold()
        with desk.detector():
            desk.until("GOPRO", insertions=4)
            desk.hold_everything(card)


@pytest.mark.parametrize(
    ("moment", "kind"),
    [*((moment, "sd:file_copied") for moment in MOMENTS), (MOMENTS[1], "sd:file_list")],
)
def test_the_hub_killed(desk: Desk, moment: str, kind: str) -> None:
    card = desk.card("GOPRO", {"GX010001.MP4": 3000, "GX010002.MP4": 2000})
    desk.insert(card)
    with desk.detector():
        killed(desk, HUB_DIES, moment, kind)
        desk.hold()
        with desk.hub():
            desk.until("GOPRO")
            desk.hold_everything(card)
    assert len(desk.insertions("GOPRO")) == 1
