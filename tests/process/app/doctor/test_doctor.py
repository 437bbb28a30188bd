"""The checks before anything starts, over real sockets, folders and programs."""

from __future__ import annotations

import json
import os
import socket
import socketserver
import stat
import sys
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Thread

import pytest
from support.commands import typed
from support.hubs import running_hub

from app.common.checks import Check, Finding, State, can_write, demand, look_at, missing_modules
from app.common.running_note import running_stack, sole_use
from app.doctor.databases import database_checks
from app.doctor.machine import (
    PARTS,
    ffmpeg_works,
    fonts_found,
    free_ports,
    installed_parts,
    place_checks,
    port_is_free,
    require_all_parts,
    safe_to_listen,
    standing_checks,
    zbar_loads,
)
from stinercut.errors import BadInput, FfmpegFailed, HostNotReady, MissingProgram
from stinercut.settings import Settings

ALL = frozenset(PARTS)


@contextmanager
def listening() -> Generator[int]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def test_a_port_in_use_is_said_with_the_program_that_has_it() -> None:
    with listening() as port:
        with pytest.raises(HostNotReady, match=rf"port {port} is in use by \S+ \(process {os.getpid()}\)") as caught:
            port_is_free("127.0.0.1", port)
        assert "--hub-port" in caught.value.advice
        with pytest.raises(HostNotReady, match="in use"):  # Listening everywhere would collide with it as well.
            port_is_free("0.0.0.0", port)
    assert port_is_free("127.0.0.1", port) == f"{port} is free"


def test_a_port_that_was_just_used_counts_as_free() -> None:
    with listening() as port, socket.create_connection(("127.0.0.1", port)):
        pass  # Its connection lingers in TIME_WAIT.
    port_is_free("127.0.0.1", port)


def test_a_hub_that_nothing_but_itself_started_may_have_its_port(tmp_path: Path) -> None:
    """As in a container of its own, where no `stinercut up` left a note."""
    with running_hub(tmp_path) as hub:
        assert hub_port_of(hub.settings).detail == f"{hub.settings.hub_port}: the hub runs here"
        (refused,) = look_at([one for one in place_checks(hub.settings) if one.name == "hub port"], ALL)
        assert refused.state is State.PROBLEM, "`stinercut up` would start a second one"
    assert hub_port_of(hub.settings).detail == f"{hub.settings.hub_port} is free"


@pytest.mark.usefixtures("own_account")
def test_beside_a_hub_of_its_own_nothing_is_said_of_ports_that_others_have(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_hub(tmp_path) as hub:
        monkeypatch.setenv("STINERCUT_HUB_PORT", str(hub.settings.hub_port))
        _, out, _ = typed(capsys, "doctor", "--json", "--data", hub.settings.data)
    said = {one["check"]: one["detail"] for one in json.loads(out)["checks"]}
    assert said["stack"] == f"its hub runs here, by itself: {hub.settings.hub_address}"
    assert said["hub port"].endswith("the hub runs here")
    assert not said.keys() & {"Dagster port", "code server port"}


class TestDatabases:
    def test_a_server_that_answers(self, postgres_url: str, tmp_path: Path) -> None:
        urls = {"database_url": postgres_url, "dagster_database_url": postgres_url.replace("+psycopg2", "")}
        found = look_at(database_checks(Settings.model_validate({"data": tmp_path, **urls})), ALL)
        assert [one.check for one in found] == ["catalog's database", "Dagster's database"]
        assert {one.state for one in found} == {State.OK}
        assert all("at 127.0.0.1, database postgres" in one.detail for one in found)

    def test_one_that_does_not_and_an_address_that_is_none(self, tmp_path: Path) -> None:
        away = "postgresql://me:geheim@127.0.0.1:1/x"
        given = {"data": tmp_path, "database_url": away, "dagster_database_url": "nonsense"}
        found = look_at(database_checks(Settings.model_validate(given)), ALL)
        assert [one.state for one in found] == [State.PROBLEM, State.PROBLEM]
        assert "does not answer" in found[0].detail
        assert "geheim" not in f"{found}"

    def test_sqlite_is_no_server(self, tmp_path: Path) -> None:
        assert database_checks(Settings(data=tmp_path, database_url=f"sqlite:///{tmp_path}/c.db")) == []


class Stranger(BaseHTTPRequestHandler):
    """A program of somebody else, which is well too."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"status": "ok"}')

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on the terminal."""


class Mumbler(socketserver.StreamRequestHandler):
    """One that speaks no HTTP."""

    def handle(self) -> None:
        self.wfile.write(b"\xff\xfe hello\r\n")


@pytest.mark.parametrize("speaks", [Stranger, Mumbler])
def test_another_program_on_the_hubs_port_is_a_problem(
    tmp_path: Path, speaks: type[socketserver.StreamRequestHandler]
) -> None:
    with socketserver.TCPServer(("127.0.0.1", 0), speaks) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        found = hub_port_of(Settings(data=tmp_path, hub_port=server.server_address[1]))
        server.shutdown()
    assert (found.state, "in use by" in found.detail) == (State.PROBLEM, True)


def hub_port_of(settings: Settings) -> Finding:
    """What `stinercut doctor` says about the hub's port."""
    (found,) = look_at([one for one in standing_checks(settings, is_up=False) if one.name == "hub port"], ALL)
    return found


def test_a_stack_that_is_up_has_its_ports_in_use_as_they_should_be(tmp_path: Path) -> None:
    names = {check.name for check in standing_checks(Settings(data=tmp_path), is_up=True)}
    assert names == {"data folder", "disk space", "encoder", "template"}


def test_no_port_and_no_address() -> None:
    with pytest.raises(BadInput, match="70000 is no port"):
        port_is_free("127.0.0.1", 70_000)
    with pytest.raises(HostNotReady, match=r"can't listen on 192\.0\.2\.1"):
        port_is_free("192.0.2.1", free_ports(1)[0])


def test_free_ports_are_different_and_free() -> None:
    ports = free_ports(5)
    assert len(set(ports)) == 5
    for port in ports:
        port_is_free("127.0.0.1", port)


def test_a_data_folder_is_tried_and_left_as_it_was(tmp_path: Path) -> None:
    can_write(tmp_path / "new" / "deep")
    assert list(tmp_path.iterdir()) == []


def test_a_data_folder_that_is_a_file(tmp_path: Path) -> None:
    file = tmp_path / "data"
    file.write_text("x")
    with pytest.raises(HostNotReady, match="data/below: can't be written: Not a directory") as caught:
        can_write(file / "below")
    assert "--data" in caught.value.advice


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_data_folder_of_somebody_else(tmp_path: Path) -> None:
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    with pytest.raises(HostNotReady, match="Permission denied"):
        can_write(tmp_path)


def test_a_full_disk_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.doctor.machine.NEEDED_SPACE", 1 << 60)
    disk = [check for check in place_checks(Settings(data=tmp_path)) if check.name == "disk space"]
    (finding,) = look_at(disk, ALL)
    assert finding.state is State.PROBLEM
    assert "GB free where" in finding.detail
    assert finding.advice


def test_listening_beyond_this_machine_needs_a_token(tmp_path: Path) -> None:
    safe_to_listen(Settings(data=tmp_path, host="127.0.0.1"))
    with pytest.raises(HostNotReady, match=r"0\.0\.0\.0"):
        safe_to_listen(Settings(data=tmp_path, host="0.0.0.0"))
    safe_to_listen(Settings(data=tmp_path, host="0.0.0.0", token="long and secret"))  # type: ignore[arg-type]


def test_what_films_need_is_here() -> None:
    assert "encodes H.264 and AAC" in ffmpeg_works()
    assert zbar_loads() == "loads"
    assert "Noto fonts" in fonts_found()


def test_no_ffmpeg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (finding,) = look_at([Check("ffmpeg", ffmpeg_works)], ALL)
    assert (finding.state, finding.code) == (State.PROBLEM, "MISSING_PROGRAM")
    assert "apt install ffmpeg" in finding.advice


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a shell script")
def test_an_ffmpeg_without_the_encoders_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ffmpeg", "ffprobe"):
        program = tmp_path / name
        program.write_text(
            "#!/bin/sh\n"
            'case "$*" in *-version*) echo "ffmpeg version 9 small"; exit 0;; esac\n'
            "echo \"Unknown encoder 'libx264'\" >&2; exit 1\n"
        )
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(FfmpegFailed, match="lacks an encoder"):
        ffmpeg_works()


def test_checks_of_parts_that_are_not_installed_are_skipped() -> None:
    def fails() -> str:
        raise MissingProgram("no ffmpeg")

    only_detector = frozenset({"detector"})
    (finding,) = look_at([Check("ffmpeg", fails, frozenset({"media"}))], only_detector)
    assert finding.state is State.SKIPPED
    demand([finding])
    (finding,) = look_at([Check("ffmpeg", fails, frozenset({"media"}))], frozenset({"detector", "media"}))
    assert finding.state is State.PROBLEM


def test_parts_are_judged_by_their_modules() -> None:
    assert installed_parts() == ALL
    assert missing_modules(["json", "no_such_module_here"]) == ["no_such_module_here"]


def test_a_whole_stack_needs_all_parts() -> None:
    require_all_parts(ALL)
    with pytest.raises(MissingProgram, match="missing: hub, media, pipeline") as caught:
        require_all_parts(frozenset({"detector"}))
    assert "pip install -e '.[all]'" in caught.value.advice


def test_demand_tells_all_problems_at_once() -> None:
    port = Finding("hub port", State.PROBLEM, "8800 is in use", "Stop it.", "HOST_NOT_READY")
    ffmpeg = Finding("ffmpeg", State.PROBLEM, "is not installed", "apt install ffmpeg.", "MISSING_PROGRAM")
    good = Finding("Python", State.OK, "3.11")
    demand([good])
    with pytest.raises(HostNotReady, match="hub port: 8800 is in use"):
        demand([good, port])
    with pytest.raises(MissingProgram) as caught:
        demand([port, good, ffmpeg])
    assert all(words in str(caught.value) for words in ("8800 is in use. Stop it.", "apt install ffmpeg."))
    assert "3.11" not in str(caught.value)


def test_one_stack_per_data_folder(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / "data", hub_port=8123)
    assert running_stack(settings) is None
    with sole_use(settings, detector=False):
        found = running_stack(settings)
        assert found is not None
        assert (found.pid, found.detector) == (os.getpid(), False)
        with (
            pytest.raises(HostNotReady, match=rf"already running.*process {os.getpid()}.*:8123"),
            sole_use(settings, detector=True),
        ):
            pass
    assert running_stack(settings) is None
    with sole_use(settings, detector=True):
        pass


def test_a_note_of_a_stack_that_is_gone_does_not_count(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    with sole_use(settings, detector=True):
        note = (tmp_path / "up.json").read_text()
    (tmp_path / "up.json").write_text(note.replace(str(os.getpid()), "1"))  # Another process than the one noted.
    assert running_stack(settings) is None
    (tmp_path / "up.json").write_text("{half a no")
    assert running_stack(settings) is None
