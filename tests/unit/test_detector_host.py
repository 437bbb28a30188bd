"""Installing a detector on a host of its own: settings file, unit, doctor, the one file for Windows."""

from __future__ import annotations

import ast
import configparser
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grimp
import pytest
from support.hubs import free_port
from websockets.sync.server import ServerConnection, serve

from app.cli import main
from app.commands.detector import detector_settings
from app.detector_cli import main as detector_main
from app.doctor_detector import clock_finding, greet, has_store, look, sees_cards, unmounted
from app.findings import State
from app.host import hub_address, is_private, read_file, settings_file, settings_of, unit, unit_file, write_file
from stinercut.errors import BadInput, HostNotReady
from stinercut.protocol import ErrorCode, Hello, Message, Refused, Welcome, decode, encode
from stinercut.settings import Settings
from stinercut.store import Store

ROOT = Path(__file__).parents[2]
HOST = ROOT / "deploy" / "host"


@pytest.fixture(autouse=True)
def own_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes this account's own files."""
    for name in [name for name in os.environ if name.startswith("STINERCUT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def typed(
    capsys: pytest.CaptureFixture[str], *arguments: object, command: Callable[[list[str]], object] = main
) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command."""
    with pytest.raises(SystemExit) as ended:
        command([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    code = ended.value.code
    return (code if isinstance(code, int) else 0), out, err


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
    assert read_file(path) == {"hub": "ws://hub:8800/ws/detector", "token": 'ž"\\', "data": str(tmp_path / "d")}
    assert 'ž"' not in out


def test_set_up_again_changes_only_what_is_given(capsys: pytest.CaptureFixture[str]) -> None:
    typed(capsys, "detector", "--set-up", "--hub", "ws://a:1", "--token", "one", "--id", "reader-1")
    typed(capsys, "detector", "--set-up", "--token", "two")
    assert read_file(settings_file()) == {"hub": "ws://a:1/ws/detector", "token": "two", "id": "reader-1"}
    assert [path.name for path in settings_file().parent.iterdir()] == ["detector.toml"]


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
    nothing = dict.fromkeys(("hub", "token", "id", "data"))
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


# ------------------------------------------------------------------------------------------------------ the one file


def test_the_one_file_holds_only_what_a_detector_needs() -> None:
    """Static, as PyInstaller looks: imports inside functions count."""
    assert "from app.detector_cli import main" in (HOST / "detector_entry.py").read_text()
    packages = ("app", "sensors", "stinercut_assets", "hub", "detector", "stinercut")
    graph = grimp.build_graph(*packages, include_external_packages=True, cache_dir=None)
    found = graph.find_upstream_modules("app.detector_cli")
    assert {"detector.__main__", "app.doctor_detector", "websockets", "watchfiles"} <= found
    heavy = {"dagster", "cv2", "numpy", "PIL", "sqlalchemy", "psycopg2", "fastapi", "alembic", "uvicorn", "ffmpeg"}
    ours = {name for name in found if re.match(r"(hub|sensors|stinercut_assets)\b|stinercut\.(catalog|media)\b", name)}
    assert (found & heavy, ours) == (set(), set())


POSIX_ONLY = frozenset({"fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty"})
POSIX_NAMES = {
    "os": re.compile(r"O_(NOFOLLOW|NONBLOCK|DIRECTORY|CLOEXEC|D?SYNC)|(?i:posix)_\w+|get(e?uid|e?gid)|fork|statvfs"),
    "signal": re.compile(r"SIG(KILL|HUP|USR[12]|CHLD|PIPE)|pthread_\w+"),
    "select": re.compile(r"e?poll|POLL\w+"),
    "socket": re.compile(r"AF_UNIX|SO_REUSEPORT|socketpair"),
}
"""What these modules lack on Windows, of what somebody might use."""


def _run_at_import(tree: ast.AST) -> Iterator[ast.AST]:
    """All that runs when a module is imported: everything but the bodies of functions and what hangs on a platform."""
    for node in ast.iter_child_nodes(tree):
        is_guarded = isinstance(node, ast.If) and "platform" in ast.unparse(node.test)
        if not is_guarded and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield node
            yield from _run_at_import(node)


def _only_on_posix(source: str) -> list[str]:
    found: list[str] = []
    for node in _run_at_import(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                found += [one.name for one in names if one.name.split(".")[0] in POSIX_ONLY]
            case ast.ImportFrom(module=str(module)) if module.split(".")[0] in POSIX_ONLY:
                found.append(module)
            case ast.Attribute(value=ast.Name(id=name), attr=attr) if name in POSIX_NAMES:
                found += [f"{name}.{attr}"] if POSIX_NAMES[name].fullmatch(attr) else []
            case _:
                pass
    return found


def test_nothing_that_windows_lacks_is_needed_to_import_the_detector() -> None:
    packages = ("app", "sensors", "stinercut_assets", "hub", "detector", "stinercut")
    graph = grimp.build_graph(*packages, cache_dir=None)
    modules = {"app.detector_cli", *graph.find_upstream_modules("app.detector_cli")}
    files = [ROOT.joinpath(*name.split(".")) for name in modules]
    sources = [path.with_suffix(".py") if path.with_suffix(".py").is_file() else path / "__init__.py" for path in files]
    assert len(sources) > 30
    found = {path.name: missing for path in sources if (missing := _only_on_posix(path.read_text(encoding="utf-8")))}
    assert found == {}
    # And that the look finds what it looks for.
    guarded = "def later():\n    import pwd\nif sys.platform != 'win32':\n    import grp\n"
    bad = f"import fcntl\nFLAGS = os.O_NOFOLLOW\n{guarded}"
    assert _only_on_posix(bad) == ["fcntl", "os.O_NOFOLLOW"]


def test_the_detector_imports_where_there_are_no_posix_modules() -> None:
    """In a process of its own that calls itself Windows once everything but our own modules is imported."""
    code = (
        "import sys, types, app.detector_cli, detector.__main__, app.doctor_detector\n"
        "ours = ('app', 'detector', 'stinercut')\n"
        "mine = {name for name in sys.modules if name.split('.')[0] in ours}\n"
        "for name in mine: del sys.modules[name]\n"
        f"sys.modules.update(dict.fromkeys({sorted(POSIX_ONLY)!r}))\n"
        "sys.modules['msvcrt'] = types.ModuleType('msvcrt')\n"
        "sys.platform = 'win32'\n"
        "import app.detector_cli, detector.__main__, app.doctor_detector\n"
        "print(mine == {name for name in sys.modules if name.split('.')[0] in ours}, len(mine))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("True"), done.stdout


def test_the_recipe_names_an_entry_that_is_there() -> None:
    recipe = ast.parse((HOST / "stinercut-detector.spec").read_text())
    names = [node.value for node in ast.walk(recipe) if isinstance(node, ast.Constant)]
    assert "detector_entry.py" in names
    assert (HOST / "detector_entry.py").is_file()
    script = (HOST / "install-windows.ps1").read_text()
    assert script.isascii(), "Windows PowerShell reads a script without a mark in the house's code page"
    assert '-Argument "run"' in script
    assert (script.count("{"), script.count("(")) == (script.count("}"), script.count(")"))
    assert all(not line.endswith(" ") for line in script.splitlines()), "a line goes on only after a bare backtick"


def test_the_one_files_command_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = typed(capsys, "--help", command=detector_main)
    assert (code, "run" in out, "doctor" in out) == (0, True, True)
    assert typed(capsys, "run", "--help", command=detector_main)[0] == 0


# -------------------------------------------------------------------------------------------------------- the doctor


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
        return Welcome(version=1)

    greeting = greet(hub(answer))
    assert greeting.version == 1
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
        greet(Settings(hub_url=f"ws://127.0.0.1:{free_port()}/ws/detector"))


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
    address = hub(lambda _hello: Welcome(version=1)).hub_url
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
    address = hub(lambda _hello: Welcome(version=1)).hub_url
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
