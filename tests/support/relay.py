"""A network between detector and hub that misbehaves on purpose.

Owns: `Relay`, which carries bytes and can fall silent without closing anything, and `Frames`, which carries
messages and can double, delay, mix up or add some. Not here: what is expected of either side.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Event, Thread

from websockets.asyncio.client import connect
from websockets.asyncio.connection import Connection
from websockets.asyncio.server import serve
from websockets.exceptions import WebSocketException

PATIENCE_S = 30.0
QUIET_S = 0.05
"""Seconds without a new frame after which frames that were held back for mixing are sent on."""


@contextmanager
def _running(main: Callable[[Callable[[int], None], asyncio.Event], Awaitable[None]]) -> Iterator[int]:
    """Run a server in a loop of its own, in a thread; yields its port."""
    ports: list[int] = []
    begun = Event()
    loops: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    def listening(port: int) -> None:
        ports.append(port)
        begun.set()

    async def life() -> None:
        end = asyncio.Event()
        loops.append((asyncio.get_running_loop(), end))
        await main(listening, end)

    thread = Thread(target=lambda: asyncio.run(life()), daemon=True)
    thread.start()
    assert begun.wait(PATIENCE_S)
    try:
        yield ports[0]
    finally:
        loop, end = loops[0]
        loop.call_soon_threadsafe(end.set)
        thread.join(PATIENCE_S)


@dataclass
class Relay:
    """Carries the bytes of every connection to `port`."""

    port: int
    connections: int = 0
    _silent: set[int] = field(default_factory=set[int])

    def fall_silent(self) -> None:
        """From now on nothing passes on the connections that are open now, without any notice: they are half-open."""
        self._silent = set(range(1, self.connections + 1))

    @contextmanager
    def running(self) -> Iterator[str]:
        """Yields the address for the detector."""
        with _running(self._serve) as port:
            yield f"ws://127.0.0.1:{port}/ws/detector"

    async def _serve(self, listening: Callable[[int], None], end: asyncio.Event) -> None:
        server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        listening(server.sockets[0].getsockname()[1])
        await end.wait()
        server.close()

    async def _carry(self, reading: asyncio.StreamReader, writing: asyncio.StreamWriter) -> None:
        self.connections += 1
        number = self.connections
        try:
            from_hub, to_hub = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            writing.close()
            return
        await asyncio.gather(self._pump(number, reading, to_hub), self._pump(number, from_hub, writing))

    async def _pump(self, number: int, reading: asyncio.StreamReader, writing: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reading.read(65536):
                if number in self._silent:
                    continue
                writing.write(data)
                await writing.drain()
        if number not in self._silent:
            writing.close()


Change = Callable[[list[str]], list[str]]
"""Changes frames that came one after another."""


def as_they_are(frames: list[str]) -> list[str]:
    """A good network."""
    return frames


@dataclass
class Frames:
    """Carries the messages of every connection to `port`, changed by `to_hub` and `to_detector`.

    The detector's messages before its first about a card pass unchanged: an answer can't overtake its cause.
    """

    port: int
    to_hub: Change = as_they_are
    to_detector: Change = as_they_are
    hold: bool = False
    """Whether frames are collected for a moment before they are changed and sent on."""
    carried: list[str] = field(default_factory=list[str])
    """All frames that were sent on, in order."""

    @contextmanager
    def running(self) -> Iterator[str]:
        """Yields the address for the detector."""
        with _running(self._serve) as port:
            yield f"ws://127.0.0.1:{port}/ws/detector"

    async def _serve(self, listening: Callable[[int], None], end: asyncio.Event) -> None:
        async with serve(self._carry, "127.0.0.1", 0, max_size=None) as server:
            listening(next(iter(server.sockets)).getsockname()[1])
            await end.wait()

    async def _carry(self, detector: Connection) -> None:
        with suppress(OSError, WebSocketException):
            async with connect(f"ws://127.0.0.1:{self.port}/ws/detector", proxy=None, max_size=None) as hub:
                pumps = {
                    asyncio.create_task(self._pump(detector, hub, self.to_hub)),
                    asyncio.create_task(self._pump(hub, detector, self.to_detector)),
                }
                try:
                    await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for pump in pumps:
                        pump.cancel()
                    await asyncio.gather(*pumps, return_exceptions=True)

    async def _pump(self, reading: Connection, writing: Connection, change: Change) -> None:
        held: list[str] = []
        while True:
            try:
                async with asyncio.timeout(QUIET_S if held else None):
                    frame = await reading.recv()
                held.append(frame if isinstance(frame, str) else frame.decode())
                if self.hold and not any(f'"{first}"' in held[-1] for first in ("hello", "welcome", "sd:inserted")):
                    continue
            except TimeoutError:
                pass
            going, held = change(held), []
            for one in going:
                self.carried.append(one)
                await writing.send(one)
