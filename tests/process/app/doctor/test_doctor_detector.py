"""`stinercut doctor --detector`: the hub, its token and clock, the store, and the settings of a detector's host."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support.commands import typed
from support.ports import own_port
from websockets.sync.server import ServerConnection, serve

from app.common.checks import State
from app.common.detector_host import settings_file, write_file
from app.detector_cli import main as detector_main
from app.doctor.detector import clock_finding, greet, has_store, look, packages, sees_cards, unmounted
from stinercut.errors import BadInput, HostNotReady, MissingProgram
from stinercut.protocol import SPOKEN, ErrorCode, Hello, Message, Refused, Welcome, decode, encode
from stinercut.settings import Settings
from stinercut.storage.store import Store

pytestmark = pytest.mark.usefixtures("own_account")

Answer = Callable[[Hello], Message]


@pytest.fixture
def hub() -> Iterator[Callable[[Answer], Settings]]:
    """Starts something that answers a hello as told; the settings that lead there."""
    servers: list[tuple[object, threading.Thread]] = []

    def start(answer: Answer) -> Settings:
        def talk(socket: ServerConnection) -> None:
            hello = decode(socket.recv()).body
            assert isinstance(hello, Hello)
            socket.send(encode(answer(hello)))

        server = serve(talk, "127.0.0.1", 0)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        servers.append((server, thread))
        port = server.socket.getsockname()[1]
        return Settings(hub_url=f"ws://127.0.0.1:{port}/ws/detector", detector_id="reader-1", token="secret")

    yield start
    for server, thread in servers:
        server.shutdown()  # type: ignore[attr-defined]
        thread.join(10)


def test_the_hello_shows_the_token_and_disturbs_no_detector(hub: Callable[[Answer], Settings]) -> None:
    heard: list[Hello] = []

    def answer(hello: Hello) -> Message:
        heard.append(hello)
        return Welcome(version=SPOKEN.highest)

    greeting = greet(hub(answer))
    assert greeting.version == SPOKEN.highest
    assert greeting.clock is not None
    assert heard[0].token == "secret"
    assert heard[0].detector_id.startswith("doctor-")


def test_a_refused_token_is_said_with_what_to_do(hub: Callable[[Answer], Settings]) -> None:
    settings = hub(lambda _hello: Refused(code=ErrorCode.BAD_TOKEN, detail="the token is not the hub's"))
    with pytest.raises(BadInput, match="BAD_TOKEN") as caught:
        greet(settings)
    assert "--token" in caught.value.advice


def test_what_is_no_hub_is_said(hub: Callable[[Answer], Settings]) -> None:
    with pytest.raises(HostNotReady, match="no hub"):
        greet(hub(lambda hello: hello))
    with pytest.raises(HostNotReady, match="no hub answers"):
        greet(Settings(hub_url=f"ws://127.0.0.1:{own_port()}/ws/detector"))


def test_clocks_apart_are_a_hint_and_no_problem() -> None:
    noon = datetime(2026, 6, 1, 12, tzinfo=UTC)
    assert clock_finding(noon, noon + timedelta(seconds=3)).state is State.OK
    assert clock_finding(None, noon).state is State.SKIPPED
    behind = clock_finding(noon, noon - timedelta(hours=1))
    assert (behind.state, "3600 s behind" in behind.detail) == (State.HINT, True)
    assert "ahead of" in clock_finding(noon, noon + timedelta(hours=1)).detail


def test_doctor_looks_only_at_what_a_detector_needs(
    capsys: pytest.CaptureFixture[str], hub: Callable[[Answer], Settings], tmp_path: Path
) -> None:
    address = hub(lambda _hello: Welcome(version=SPOKEN.highest)).hub_url
    write_file(settings_file(), {"hub": address, "token": "secret", "data": tmp_path / "data"})
    Store(tmp_path / "data" / "store").make()
    before = sorted((tmp_path / "data").rglob("*"))
    code, out, _ = typed(capsys, "doctor", "--detector", "--json")
    answer = json.loads(out)
    states = {check["check"]: check["state"] for check in answer["checks"]}
    names = ["Python", "packages", "settings file", "data folder", "disk space", "store", "card events", "hub", "clock"]
    assert list(states) == names
    assert (code, answer["ok"], set(states.values())) == (0, True, {"ok"}), out
    assert sorted((tmp_path / "data").rglob("*")) == before
    settings_file().chmod(0o644)
    code, out, _ = typed(capsys, "doctor", command=detector_main)
    assert (code, "chmod 600" in out) == (1, True)


def test_doctor_says_when_the_settings_are_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    settings_file().parent.mkdir(parents=True)
    settings_file().write_text('id = "with space"\n')
    code, out, _ = typed(capsys, "doctor", "--detector")
    assert (code, "STINERCUT_DETECTOR_ID" in out) == (1, True)


@pytest.mark.parametrize("is_there", [False, True], ids=["no folder", "an empty folder"])
def test_a_store_that_no_hub_has_made_is_a_problem(
    capsys: pytest.CaptureFixture[str], hub: Callable[[Answer], Settings], tmp_path: Path, is_there: bool
) -> None:
    """A detector would wait for it and copy nothing."""
    address = hub(lambda _hello: Welcome(version=SPOKEN.highest)).hub_url
    write_file(settings_file(), {"hub": address, "data": tmp_path / "data"})
    if is_there:
        (tmp_path / "data" / "store").mkdir(parents=True)
    code, out, _ = typed(capsys, "doctor", "--detector", "--json")
    found = json.loads(out)
    [wrong] = [check for check in found["checks"] if check["state"] != "ok"]
    assert (code, found["ok"], wrong["check"], wrong["state"]) == (1, False, "store", "problem")
    assert ("no hub has made" if is_there else "is not there") in wrong["detail"]
    assert all(words in wrong["advice"] for words in ("stinercut up", "mount that here", "--data"))
    assert not list((tmp_path / "data").rglob("*.stinercut-trial*"))


def test_a_missing_package_is_said_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.doctor.detector.missing_modules", lambda modules: list(modules)[:1])
    with pytest.raises(MissingProgram, match="not installed: watchfiles") as caught:
        packages()
    assert caught.value.advice == "In the checkout: `pip install -e '.[detector]'`."


def test_a_volume_that_is_not_mounted_is_named(tmp_path: Path) -> None:
    table = tmp_path / "fstab"
    table.write_text(
        f"# <volume> <place>\n/dev/sda1 / ext4 defaults 0 1\n//hub/s {tmp_path}/my\\040share cifs x 0 0\n\nswap none\n"
    )
    assert unmounted(tmp_path / "my share" / "data" / "store", table) == tmp_path / "my share"
    assert unmounted(tmp_path / "elsewhere" / "store", table) is None
    assert unmounted(Path("/proc/store"), table) is None
    assert unmounted(tmp_path / "my share", tmp_path / "none") is None


@pytest.fixture
def plain_account() -> Iterator[Path]:
    """A folder in which even root has no more rights than anybody, for the length of a test."""
    folder, is_root = Path(tempfile.mkdtemp(dir="/tmp")), os.geteuid() == 0
    folder.chmod(0o777)
    if is_root:
        os.seteuid(65534)
    try:
        yield folder
    finally:
        if is_root:
            os.seteuid(0)
        for path in folder.rglob("*"):
            path.chmod(0o755)
        shutil.rmtree(folder)


@pytest.mark.parametrize("which", ["objects", "partial"])
def test_a_store_that_can_not_be_written_is_a_problem(plain_account: Path, which: str) -> None:
    store = plain_account / "store"
    for name in ("objects", "partial"):
        (store / name).mkdir(parents=True)
    assert "takes files" in has_store(store)
    (store / which).chmod(0o555)
    with pytest.raises(HostNotReady, match="can't be written: Permission denied") as caught:
        has_store(store)
    assert "account" in caught.value.advice
    assert not list(store.rglob("*trial*"))


def test_a_store_on_two_volumes_is_a_problem(tmp_path: Path) -> None:
    other = Path("/dev/shm")
    if not other.is_dir() or other.stat().st_dev == tmp_path.stat().st_dev or not os.access(other, os.W_OK):
        pytest.skip("there is no second volume here")
    store = tmp_path / "store"
    for name in ("objects", "partial"):
        (store / name).mkdir(parents=True)
    assert "hard links" in has_store(store)
    (store / "objects").rmdir()
    (store / "objects").symlink_to(other)
    with pytest.raises(HostNotReady, match="different volumes"):
        has_store(store)
    assert list((store / "partial").iterdir()) == []


def test_card_events_can_be_had_or_are_switched_off() -> None:
    assert "not watched" in sees_cards(False)
    assert sees_cards(True)
    found = {finding.check: finding.state for finding in look(lambda: Settings(hub_url="ws://127.0.0.1:1/"))}
    assert (found["card events"], found["hub"]) == (State.OK, State.PROBLEM)
