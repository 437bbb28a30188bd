"""A whole `stinercut up` for a test: started, listened to, stopped, and nothing of it left over."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, Queue
from threading import Thread

import psutil

from app.doctor import free_ports


def until(truth: Callable[[], object], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not truth():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.05)


def processes_of(data: Path) -> list[psutil.Process]:
    """All living processes that were given this data folder in their environment."""
    return [one for one in psutil.process_iter() if _has(one, data)]


def _has(process: psutil.Process, data: Path) -> bool:
    try:
        ended = process.status() == psutil.STATUS_ZOMBIE
        return not ended and process.environ().get("STINERCUT_DATA") == str(data)
    except (psutil.Error, OSError):
        return False


@dataclass
class Stack:
    """A `stinercut up` of its own."""

    data: Path
    ports: list[int] = field(default_factory=lambda: free_ports(3))
    lines: Queue[str] = field(default_factory=Queue[str])
    said: list[str] = field(default_factory=list[str])

    def start(self) -> None:
        hub, dagster, code = map(str, self.ports)
        argv = [sys.executable, "-m", "app.cli", "up", "--data", str(self.data)]
        argv += ["--hub-port", hub, "--dagster-port", dagster, "--code-port", code]
        self.process = subprocess.Popen(
            argv,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "STINERCUT_WATCH_MOUNTS": "false"},
            start_new_session=True,
        )
        Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.lines.put(line.rstrip())

    def wait_for(self, words: str, seconds: float = 90) -> str:
        """The next line with these words."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                line = self.lines.get(timeout=max(0.01, deadline - time.monotonic()))
            except Empty:
                raise AssertionError(f"never said {words!r}, only {self.said}") from None
            self.said.append(line)
            if words in line:
                return line

    def processes(self) -> list[psutil.Process]:
        """What it has started. Its own process got the folder as an option, not in the environment."""
        return processes_of(self.data)

    def child(self, *words: str) -> psutil.Process:
        return next(one for one in self.processes() if list(words) == one.cmdline()[2 : 2 + len(words)])

    def status(self, port: int, path: str) -> int:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.status

    def stop(self, number: signal.Signals) -> float:
        """Send a signal and wait for the end; returns how long that took."""
        began = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(timeout=30)
        return time.monotonic() - began

    def clean(self) -> None:
        """End what a failed test left: only processes of this data folder."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for one in self.processes():
            one.kill()
