"""`stinercut up` and `stinercut demo` as a person runs them: whole processes, real ports, and nothing left over."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest
from support.ports import own_ports
from support.stacks import Stack, processes_of, until

from app.doctor.machine import port_is_free
from stinercut.errors import HostNotReady
from stinercut.video.probe import probe

pytestmark = pytest.mark.slow


@pytest.fixture
def stack(tmp_path: Path) -> Generator[Stack]:
    stack = Stack(tmp_path / "data")
    stack.start()
    try:
        yield stack
    finally:
        stack.clean()


def test_up_answers_restarts_what_dies_and_ends_what_hangs(stack: Stack) -> None:
    hub, dagster, _ = stack.ports
    assert stack.wait_for("Board:").endswith(f"http://127.0.0.1:{hub}")
    assert stack.wait_for("Dagster:").endswith(f"http://127.0.0.1:{dagster}")
    assert (stack.status(hub, "/healthz"), stack.status(hub, "/"), stack.status(dagster, "/server_info")) == (200,) * 3

    again = [sys.executable, "-m", "app.cli", "up", "--data", str(stack.data)]
    second = subprocess.run(again, capture_output=True, text=True, check=False, timeout=120)
    assert second.returncode == 5
    assert "already running on this data folder" in second.stderr
    assert f"process {stack.process.pid}" in second.stderr

    stack.child("hub").kill()
    stack.wait_for("The hub stopped (signal 9). Started again.")
    until(lambda: not _refused(hub))
    assert stack.status(hub, "/healthz") == 200

    stack.child("app.engine.dagster_child", "code").suspend()  # Hangs: it can't even notice that it is asked to end.
    stack.stop(signal.SIGTERM)
    stack.wait_for("Stopped.")
    assert stack.process.returncode == 0
    assert stack.processes() == []
    for port in stack.ports:
        port_is_free("127.0.0.1", port)


def test_nothing_outlives_an_up_that_was_killed(stack: Stack) -> None:
    stack.wait_for("Board:")
    assert len(stack.processes()) >= 5
    stack.stop(signal.SIGKILL)
    # A dying process gives up its environment a moment before its sockets.
    until(lambda: not stack.processes() and all(_is_free(port) for port in stack.ports))


def _is_free(port: int) -> bool:
    try:
        port_is_free("127.0.0.1", port)
    except HostNotReady:
        return False
    return True


def _refused(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=2).close()
    except OSError:
        return True
    return False


def test_a_port_in_use_is_said_before_anything_starts(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        _, dagster, code = map(str, own_ports(3))
        argv = [sys.executable, "-m", "app.cli", "up", "--data", str(data), "--hub-port", str(port)]
        argv += ["--dagster-port", dagster, "--code-port", code]
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 5
    assert f"hub port: port {port} is in use by " in done.stderr
    assert f"(process {os.getpid()})" in done.stderr
    assert not (data / "logs").exists()


def test_a_demonstration_ends_with_the_films_and_nothing_running(tmp_path: Path) -> None:
    out = tmp_path / "out"
    argv = [sys.executable, "-m", "app.cli", "demo", "--out", str(out), "--jumps", "1", "--clips", "1"]
    argv += ["--seconds", "1", "--size", "320x180"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=220)
    assert done.returncode == 0, done.stdout + done.stderr
    (film,) = out.glob("*.mp4")
    assert json.loads((out / ".stinercut" / "demo.json").read_text()) == [film.name]
    assert probe(film).duration > 3  # The title, the clip's second, the outro.
    assert film.stem in done.stdout
    assert "its film is done" in done.stdout
    assert processes_of(out / ".stinercut" / "data") == []
