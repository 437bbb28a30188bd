"""A real hub process on a free port, and talking to it. Ends what it starts."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from websockets.sync.client import ClientConnection, connect

from hub.kit.version import HEALTHY
from stinercut.protocol import Hello, Message, Welcome, decode, encode
from stinercut.settings import Settings
from support.ports import own_port
from support.warm import Forked, fork

PATIENCE_S = 120.0
"""Only how long a test waits before it says that something never came."""


@dataclass
class RunningHub:
    """A hub that answers. `settings` are those it runs with."""

    settings: Settings
    process: subprocess.Popen[bytes] | Forked
    log: Path

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.settings.hub_port}"

    def end(self) -> None:
        """SIGTERM, and wait until it is gone."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE_S)


@contextmanager
def running_hub(data: Path, *, fresh: bool = False, **chosen: Any) -> Iterator[RunningHub]:
    """Start `python -m hub`, wait until it answers, end it afterwards.

    `fresh`: with an interpreter of its own, where its start, its memory or its seconds are what is looked at.
    """
    port = chosen.pop("hub_port", None) or own_port()
    settings = Settings(data=data, hub_port=port, watch_mounts=False, **chosen)
    data.mkdir(parents=True, exist_ok=True)
    log = data / "hub.log"
    environment = os.environ | settings.environment()
    with log.open("ab") as out:
        process = (
            subprocess.Popen([sys.executable, "-m", "hub"], env=environment, stdout=out, stderr=out)
            if fresh
            else fork("-m", "hub", env=environment, stdout=out.fileno())
        )
    hub = RunningHub(settings, process, log)
    try:
        _wait_until_it_answers(hub)
        yield hub
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_until_it_answers(hub: RunningHub) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            if httpx.get(f"{hub.url}/healthz").json() == HEALTHY:
                return
        except httpx.TransportError:
            pass
        if hub.process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"the hub did not start:\n{hub.log.read_text()}")
        time.sleep(0.05)


@dataclass
class Board:
    """A browser's socket, as a program sees it. `frames` holds all that came."""

    socket: ClientConnection
    frames: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    def until(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The next frame that this is true of."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            left = deadline - time.monotonic()
            try:
                frame = json.loads(self.socket.recv(timeout=max(left, 0.01)))
            except TimeoutError:
                raise AssertionError(f"it never came; there were {[one['type'] for one in self.frames]}") from None
            self.frames.append(frame)
            if wanted(frame):
                return frame

    def event(self, kind: str) -> dict[str, Any]:
        """The next event of this type."""
        return self.until(lambda frame: frame["type"] == "event" and frame["event"]["type"] == kind)["event"]


@contextmanager
def board(hub: RunningHub, **options: Any) -> Iterator[Board]:
    """Watch the board."""
    address = f"ws://127.0.0.1:{hub.settings.hub_port}/ws/board"
    with connect(address, max_size=None, proxy=None, **options) as socket_:
        yield Board(socket_)


@dataclass
class Detector:
    """A detector's socket, with a test in the detector's place."""

    socket: ClientConnection
    heard: list[Message] = field(default_factory=list[Message])

    def send(self, body: Message, message_id: str | None = None) -> None:
        """Send a message."""
        self.socket.send(encode(body, message_id))

    def next(self, kind: type[Message]) -> Any:
        """The next message of this kind; what comes before it is kept in `heard`."""
        while True:
            body = decode(self.socket.recv(timeout=PATIENCE_S)).body
            if isinstance(body, kind):
                return body
            self.heard.append(body)


@contextmanager
def detector(hub: RunningHub, detector_id: str = "det", token: str | None = None) -> Iterator[Detector]:
    """Connect and say hello."""
    with raw_detector(hub) as one:
        one.send(Hello(detector_id=detector_id, token=token))
        one.next(Welcome)
        yield one


@contextmanager
def raw_detector(hub: RunningHub, **options: Any) -> Iterator[Detector]:
    """Connect and say nothing yet."""
    address = f"ws://127.0.0.1:{hub.settings.hub_port}/ws/detector"
    with connect(address, proxy=None, **options) as socket_:
        yield Detector(socket_)
