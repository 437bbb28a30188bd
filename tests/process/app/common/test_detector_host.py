"""Installing a detector on a host of its own: its settings file and its unit."""

from __future__ import annotations

import configparser
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.commands import typed
from support.repository import REPOSITORY

from app.commands.detector import detector_settings, handed_on
from app.common.detector_host import (
    detector_name,
    hub_address,
    is_private,
    read_file,
    settings_file,
    settings_of,
    unit,
    unit_file,
    write_file,
)
from app.common.running_note import sole_use
from stinercut.errors import BadInput, HostNotReady
from stinercut.settings import Settings

ROOT = REPOSITORY
HOST = ROOT / "deploy" / "host"

pytestmark = pytest.mark.usefixtures("own_account")


@pytest.fixture(autouse=True)
def _a_name_for_this_computer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "Videoräum PC.lan")


# ------------------------------------------------------------------------------------------------------ its own secret


def test_a_token_in_a_file_comes_before_the_settings_file_and_reaches_the_detector(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = tmp_path / "token"
    token.write_text("in the file")
    write_file(settings_file(), {"hub": "ws://hub:8800/ws/detector", "token": "older", "id": "hangar"})
    monkeypatch.setenv("STINERCUT_TOKEN_FILE", str(token))
    monkeypatch.setenv("STINERCUT_QR_KEYS", "1:" + "ab" * 16)
    handed = handed_on(detector_settings({}), dict(os.environ))
    assert "STINERCUT_QR_KEYS" not in handed
    # The detector reads the environment that it is started with, and nothing else.
    for name in set(os.environ) - set(handed):
        monkeypatch.delenv(name)
    for name, value in handed.items():
        monkeypatch.setenv(name, value)
    itself = Settings()
    assert itself.token is not None
    assert (itself.token.get_secret_value(), itself.detector_id) == ("in the file", "hangar")


# ------------------------------------------------------------------------------------------------- the settings file


def test_set_up_writes_a_file_for_its_owner_alone(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        code, out, _ = typed(
            capsys, "detector", "--set-up", "--hub", "hub:8800", "--token", 'ž"\\', "--data", tmp_path / "d"
        )
    finally:
        os.umask(old)
    path = settings_file()
    assert (code, str(path) in out) == (0, True)
    assert path.is_relative_to(tmp_path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert is_private(path)
    assert read_file(path) == {
        "hub": "ws://hub:8800/ws/detector",
        "token": 'ž"\\',
        "id": "Videoraum-PC",
        "data": str(tmp_path / "d"),
    }
    assert "know this detector as Videoraum-PC." in out
    assert 'ž"' not in out


def test_set_up_again_changes_only_what_is_given(capsys: pytest.CaptureFixture[str]) -> None:
    typed(capsys, "detector", "--set-up", "--hub", "ws://a:1", "--token", "one", "--id", "reader-1")
    typed(capsys, "detector", "--set-up", "--token", "two")
    assert read_file(settings_file()) == {"hub": "ws://a:1/ws/detector", "token": "two", "id": "reader-1"}
    assert [path.name for path in settings_file().parent.iterdir()] == ["detector.toml"]


def test_an_older_file_gets_a_name_when_it_is_set_up_again(capsys: pytest.CaptureFixture[str]) -> None:
    write_file(settings_file(), {"hub": "ws://a:1/ws/detector"})
    typed(capsys, "detector", "--set-up", "--token", "two")
    assert read_file(settings_file()) == {"hub": "ws://a:1/ws/detector", "token": "two", "id": "Videoraum-PC"}


@pytest.mark.parametrize(
    ("computer", "name"),
    [
        ("reader_1", "reader_1"),
        ("Jiřího notebook.local", "Jiriho-notebook"),
        ("-(pc)-", "pc"),
        ("a" * 63 + "!" * 9 + "b", "a" * 63),
    ],
)
def test_a_detector_is_called_as_its_computer(computer: str, name: str) -> None:
    assert detector_name(computer) == name
    assert Settings(detector_id=name).detector_id == name


@pytest.mark.parametrize("computer", ["", "飛行場", "localhost.localdomain", "Local", ".lan"])
def test_a_computer_without_a_name_of_its_own_asks_for_one(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, computer: str
) -> None:
    """`local` is what the hub's own detector is called, and two of one name throw each other out."""
    monkeypatch.setattr("socket.gethostname", lambda: computer)
    code, _, err = typed(capsys, "detector", "--set-up", "--hub", "ws://a:1")
    assert (code, repr(computer) in err, "--id" in err) == (BadInput.exit_code, True, True)
    assert not settings_file().exists()
    assert typed(capsys, "detector", "--set-up", "--hub", "ws://a:1", "--id", "reader")[0] == 0


def test_a_token_can_come_from_the_standard_input(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "app.cli", "detector", "--set-up", "--hub", "ws://a:1", "--token", "-"]
    subprocess.run(command, input="from a pipe\n", text=True, check=True, capture_output=True, cwd=ROOT)
    assert read_file(settings_file())["token"] == "from a pipe"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--token", "x"), "the address of the hub is missing"),
        (("--hub", "ftp://a"), "no address of a hub"),
        (("--hub", "ws://a:1", "--id", "with space"), "STINERCUT_DETECTOR_ID"),
        (("--now",), "--install"),
    ],
)
def test_a_set_up_that_could_not_work_is_refused(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    arguments = arguments if "--now" in arguments else ("--set-up", *arguments)
    code, _, err = typed(capsys, "detector", *arguments)
    assert (code, said in err) == (BadInput.exit_code, True), err
    assert not settings_file().exists()


def test_an_option_comes_before_the_environment_and_that_before_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    nothing: dict[str, Any] = dict.fromkeys(("hub", "token", "id", "data"))
    write_file(settings_file(), {"hub": "ws://file:1", "id": "file", "data": tmp_path, "watch_mounts": False})
    settings = detector_settings(nothing)
    assert (settings.hub_url, settings.detector_id, settings.data, settings.watch_mounts) == (
        "ws://file:1/ws/detector",
        "file",
        tmp_path,
        False,
    )
    monkeypatch.setenv("STINERCUT_DETECTOR_ID", "environment")
    monkeypatch.setenv("STINERCUT_HUB_URL", "ws://environment:1/ws/detector")
    assert detector_settings(nothing).detector_id == "environment"
    settings = detector_settings({"id": "option"})
    assert (settings.detector_id, settings.hub_url) == ("option", "ws://environment:1/ws/detector")
    assert settings_of({"id": "file"}, {"STINERCUT_DETECTOR_ID": ""}) == {"detector_id": "file"}


@pytest.mark.parametrize(
    ("text", "said"),
    [("hub = ", "no TOML"), ("speed = 3", "'speed'"), ("token = 7", "text in quotes"), ("\x00", "no TOML")],
)
def test_an_unclear_file_is_named(text: str, said: str) -> None:
    settings_file().parent.mkdir(parents=True)
    settings_file().write_text(text)
    with pytest.raises(BadInput, match=said) as caught:
        read_file(settings_file())
    assert caught.value.file == str(settings_file())


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("hub", "ws://hub/ws/detector"),
        ("hub:8800", "ws://hub:8800/ws/detector"),
        ("http://10.0.0.2:8800/", "ws://10.0.0.2:8800/ws/detector"),
        ("https://hub", "wss://hub/ws/detector"),
        ("ws://[::1]:8800/ws/detector", "ws://[::1]:8800/ws/detector"),
        ("wss://hub/below/ws/detector", "wss://hub/below/ws/detector"),
    ],
)
def test_what_people_type_becomes_the_hubs_address(given: str, address: str) -> None:
    assert hub_address(given) == address


@pytest.mark.parametrize("given", ["", "ws://", "ws://a:99999", "ws://[", "file:///x", "ht!tp", "the hub"])
def test_what_is_no_address_is_refused(given: str) -> None:
    with pytest.raises(BadInput, match="no address of a hub"):
        hub_address(given)


# ---------------------------------------------------------------------------------------------------------- the unit


def test_install_writes_a_unit_and_starts_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    called = stand_in(monkeypatch, tmp_path, "exit 0")
    code, out, _ = typed(capsys, "detector", "--install")
    assert code == 0
    assert unit_file() == tmp_path / "config" / "systemd" / "user" / "stinercut-detector.service"
    assert unit_file().read_text() == unit(sys.executable)
    assert "systemctl --user daemon-reload" in out
    assert "systemctl --user enable --now stinercut-detector.service" in out
    assert not called.exists()


def stand_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ending: str) -> Path:
    """A systemctl that writes down what it was called with; no test may touch the machine's own."""
    folder, called = tmp_path / "bin", tmp_path / "called"
    folder.mkdir()
    (folder / "systemctl").write_text(f'#!/bin/sh\necho "$@" >> {called}\n{ending}\n')
    (folder / "systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return called


def test_systemctl_is_called_when_a_person_asks(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    called = stand_in(monkeypatch, tmp_path, "exit 0")
    code, _, err = typed(capsys, "detector", "--install", "--now")
    assert (code, err) == (0, "")
    assert called.read_text().splitlines() == [
        "--user daemon-reload",
        "--user enable --now stinercut-detector.service",
    ]


def test_a_systemctl_that_fails_is_quoted(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stand_in(monkeypatch, tmp_path, "echo no session bus >&2; exit 1")
    code, _, err = typed(capsys, "detector", "--install", "--now")
    assert (code, "no session bus" in err) == (HostNotReady.exit_code, True)
    assert unit_file().exists()


def test_the_units_command_is_one_that_runs(tmp_path: Path) -> None:
    read = configparser.ConfigParser(interpolation=None)
    read.optionxform = str  # type: ignore[assignment]
    read.read_string(unit(sys.executable))
    assert read["Install"]["WantedBy"] == "default.target"
    program, *arguments = read["Service"]["ExecStart"].split(" ")
    done = subprocess.run(
        [program.strip('"'), *arguments, "--help"], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert (done.returncode, "Watch for cards" in done.stdout) == (0, True), done.stderr
    assert unit('/a "b"/100%/$x').count(r'ExecStart="/a \"b\"/100%%/$$x" ') == 1


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    file = tmp_path / "stinercut-detector.service"
    file.write_text(unit(sys.executable))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(file)], capture_output=True, text=True, check=False
    )
    assert "stinercut-detector" not in done.stderr, done.stderr


def test_the_shipped_unit_is_the_one_that_is_written() -> None:
    assert (HOST / "stinercut-detector.service").read_text() == unit("/opt/stinercut/bin/python")


# ------------------------------------------------------------------------------------------- a folder as a card of its


def test_a_folder_goes_to_the_detector_that_was_set_up_here(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Its notes lie in a folder of its own, in the data folder that its settings file names."""
    card, data = tmp_path / "card", tmp_path / "shared"
    card.mkdir()
    typed(capsys, "detector", "--set-up", "--hub", "ws://a:1", "--id", "hangar", "--data", data)
    code, out, _ = typed(capsys, "card", "insert", card)
    assert (code, len(list((data / "cards" / "hangar").glob("*.json")))) == (0, 1)
    assert f"The detector hangar sees it, at once if it runs (data folder {data})." in out
    assert typed(capsys, "card", "insert", card, "--eject")[0] == 0
    assert list((data / "cards" / "hangar").glob("*.json")) == []


def test_a_folder_goes_to_the_detector_that_is_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card, data = tmp_path / "card", tmp_path / "data"
    card.mkdir()
    typed(capsys, "detector", "--set-up", "--hub", "ws://a:1", "--id", "hangar")
    monkeypatch.setenv("STINERCUT_DETECTOR_ID", "mast")
    assert "The detector mast" in typed(capsys, "card", "insert", card, "--data", data)[1]
    assert "The detector tower" in typed(capsys, "card", "insert", card, "--data", data, "--id", "tower")[1]
    notes = {path.parent.name for path in data.rglob("*.json")}
    assert notes == {"mast", "tower"}


@pytest.mark.parametrize("name", ["local", "hangar"])
def test_a_folder_goes_to_the_detector_of_the_stack_that_runs(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, name: str
) -> None:
    """Whatever else was set up on this computer."""
    card, data = tmp_path / "card", tmp_path / "data"
    card.mkdir()
    typed(capsys, "detector", "--set-up", "--hub", "ws://a:1", "--id", "other", "--data", tmp_path / "elsewhere")
    settings = Settings(data=data, detector_id=name)
    with sole_use(settings, detector=True):
        assert "Watch it on the board" in typed(capsys, "card", "insert", card, "--data", data)[1]
    assert len(list(settings.cards_dir.glob("*.json"))) == 1
    with sole_use(settings, detector=False):
        assert "The detector other sees it" in typed(capsys, "card", "insert", card, "--data", data)[1]
