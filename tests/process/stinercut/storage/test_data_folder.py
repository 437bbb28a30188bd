"""The data folder is this account's alone, or a group's: folders, files, what processes make in it."""

from __future__ import annotations

import grp
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from support.hubs import detector, running_hub
from typer.testing import CliRunner

from app.cli import cli
from app.common.checks import State
from app.doctor.machine import privacy
from stinercut.errors import BadInput
from stinercut.settings import Settings
from stinercut.storage.data_folder import follow_folder, is_open_to_others, keep_private, umask_for
from stinercut.storage.store import Store, make_read_only

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such rights")


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def made_in(folder: Path) -> tuple[int, int]:
    """The modes of a folder and a file that this process makes there now."""
    (folder / "new").mkdir()
    (folder / "new" / "file").write_text("Anna")
    return mode(folder / "new"), mode(folder / "new" / "file")


def test_a_new_folder_is_ours_alone_with_all_in_it(tmp_path: Path):
    settings = Settings(data=tmp_path / "a" / "data")
    keep_private(settings)
    assert mode(settings.data) == 0o700
    assert made_in(settings.data) == (0o700, 0o600)


def test_a_folder_that_was_open_is_closed(tmp_path: Path):
    settings = Settings(data=tmp_path / "data")
    settings.data.mkdir()
    assert mode(settings.data) == 0o755
    assert [one.state for one in privacy(settings)] == [State.HINT]
    keep_private(settings)
    assert mode(settings.data) == 0o700
    assert [one.state for one in privacy(settings)] == [State.OK]


@pytest.mark.parametrize("chosen", [0o2770, 0o770, 0o750, 0o700])
def test_a_folder_that_a_person_closed_in_another_way_stays(tmp_path: Path, chosen: int):
    settings = Settings(data=tmp_path / "data")
    settings.data.mkdir()
    settings.data.chmod(chosen)
    keep_private(settings)
    assert mode(settings.data) == chosen
    keep = chosen & 0o070
    assert made_in(settings.data)[1] == 0o600 | (keep & 0o060)


def test_a_folder_that_is_everybodys_stays_so_and_doctor_says_it(tmp_path: Path):
    settings = Settings(data=tmp_path / "data")
    settings.data.mkdir()
    settings.data.chmod(0o1777)  # As /tmp is.
    keep_private(settings)
    assert mode(settings.data) == 0o1777
    assert [(one.state, one.advice) for one in privacy(settings)] == [
        (State.HINT, "It is a folder for everybody: choose a folder of its own inside it.")
    ]


def test_a_group_shares_it(tmp_path: Path):
    group = grp.getgrgid(os.getegid()).gr_name
    settings = Settings(data=tmp_path / "data", data_group=group)
    keep_private(settings)
    assert mode(settings.data) == 0o2770
    assert made_in(settings.data) == (0o2770, 0o660)
    assert (settings.data / "new" / "file").stat().st_gid == os.getegid()
    keep_private(Settings(data=tmp_path / "data", data_group=str(os.getegid())))
    assert mode(settings.data) == 0o2770


def test_a_group_that_is_not_there_is_said(tmp_path: Path):
    with pytest.raises(BadInput, match="STINERCUT_DATA_GROUP"):
        keep_private(Settings(data=tmp_path / "data", data_group="no-such-group"))


@pytest.mark.parametrize(("folder", "file"), [(0o700, 0o600), (0o2770, 0o660), (0o755, 0o644)])
def test_a_detector_makes_files_as_open_as_the_hub_made_the_folder(tmp_path: Path, folder: int, file: int):
    tmp_path.chmod(folder)
    follow_folder(tmp_path)
    assert made_in(tmp_path)[1] == file


@pytest.mark.parametrize(("folder", "umask"), [(0o700, 0o077), (0o2770, 0o007), (0o750, 0o027), (0o777, 0o007)])
def test_umask(folder: int, umask: int):
    assert umask_for(folder) == umask


def test_an_object_is_read_only_and_no_more_open_than_it_was(tmp_path: Path):
    for before, after in ((0o600, 0o400), (0o660, 0o440), (0o644, 0o444)):
        file = tmp_path / f"{before:o}"
        file.touch()
        file.chmod(before)
        make_read_only(file)
        assert mode(file) == after


def test_all_that_a_hub_makes_is_closed_to_other_accounts(tmp_path: Path):
    data = tmp_path / "data"
    data.mkdir()
    with running_hub(data) as hub, detector(hub):
        assert httpx.get(f"{hub.url}/nothing").status_code == 404
        assert (Store(hub.settings.store_dir).root / "objects").is_dir()
        found = [data, *(path for path in data.rglob("*") if path.name != "hub.log")]
        assert {path.name for path in found} >= {"data", "catalog.db", "access.log", "objects"}
        assert [path for path in found if path.stat().st_mode & 0o077] == []
    assert not is_open_to_others(data)


@pytest.mark.usefixtures("own_account")
@pytest.mark.parametrize("command", [["card", "insert", "CARD", "--id", "hangar"], ["doctor"]])
def test_what_commands_leave_in_the_folder_is_closed_as_it_is(tmp_path: Path, command: list[str]):
    card, data = tmp_path / "card", tmp_path / "data"
    (card / "DCIM").mkdir(parents=True)
    keep_private(Settings(data=data))
    os.umask(0o022)
    CliRunner().invoke(cli, [*(str(card) if word == "CARD" else word for word in command), "--data", str(data)])
    made = [path for path in data.rglob("*") if path.is_file()]
    assert made, "the detector's note, the trials of encoders"
    assert not [path for path in made if is_open_to_others(path)]
