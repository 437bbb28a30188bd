"""The whole detector against a WebSocket server on which a test plays the hub, with folders as cards.

Owns: the played hub, starting and ending a detector, cards to put in, and `offloading`, all of it in one.
Not here: what is expected of either. Tests are coroutines, run by `told`.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import sys
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from contextlib import ExitStack, asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any, ParamSpec, TypeVar

import pytest
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from detector.copy.journal import Journal
from detector.service import run
from detector.sources.cards import insert_folder
from stinercut.protocol import (
    SPOKEN,
    Ack,
    CopyRequest,
    Envelope,
    ErrorCode,
    FileEntry,
    FileList,
    Hello,
    Inserted,
    Message,
    Progress,
    Refused,
    Welcome,
    decode,
    encode,
)
from stinercut.settings import Settings
from stinercut.storage.store import CHUNK, Store
from support.slow_card import NotHere, mounted

M = TypeVar("M", bound=Message)
P = ParamSpec("P")
PATIENCE_S = 120
"""Limits only how long a test waits before it fails because something never came."""


def told(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Makes a test that is a coroutine into one that pytest can call."""

    @functools.wraps(test)
    def to_its_end(*given: P.args, **named: P.kwargs) -> None:
        asyncio.run(test(*given, **named))

    return to_its_end


@dataclass
class Hub:
    """Plays the hub. All messages that came are in `heard`, until a test takes them out."""

    acknowledges: bool = True
    token: str | None = None
    heard: list[Envelope] = field(default_factory=list[Envelope])
    answers: list[Message] = field(default_factory=list[Message])
    """The acks and refusals that came, which `heard` doesn't hold."""
    hellos: list[Hello] = field(default_factory=list[Hello])
    socket: ServerConnection | None = None
    server: Server | None = None
    _more: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def handle(self, socket: ServerConnection) -> None:
        hello = decode(await socket.recv()).body
        assert isinstance(hello, Hello)
        self.hellos.append(hello)
        if hello.token != self.token:
            await socket.send(encode(Refused(code=ErrorCode.BAD_TOKEN, detail="wrong token")))
            await self._notify()
            return
        await socket.send(encode(Welcome(version=SPOKEN.highest)))
        self.socket = socket
        await self._notify()
        try:
            async for frame in socket:
                await self._take(socket, decode(frame))
        except ConnectionClosed:
            pass

    async def _take(self, socket: ServerConnection, envelope: Envelope) -> None:
        if isinstance(envelope.body, Ack | Refused):
            self.answers.append(envelope.body)
        else:
            self.heard.append(envelope)
            if self.acknowledges and not isinstance(envelope.body, Progress):
                await socket.send(encode(Ack(of=envelope.id)))
        await self._notify()

    async def _notify(self) -> None:
        async with self._more:
            self._more.notify_all()

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S), self._more:
            await self._more.wait_for(true)

    async def next(self, kind: type[M], where: Callable[[M], bool] = lambda _message: True) -> M:
        """The first message of a kind, taken out of `heard`."""

        def index() -> int | None:
            bodies = [envelope.body for envelope in self.heard]
            return next((i for i, body in enumerate(bodies) if isinstance(body, kind) and where(body)), None)

        await self.until(lambda: index() is not None)
        found = index()
        assert found is not None
        body = self.heard.pop(found).body
        assert isinstance(body, kind)
        return body

    async def send(self, body: Message, message_id: str | None = None) -> None:
        await self.send_raw(encode(body, message_id))

    async def send_raw(self, frame: str | bytes) -> None:
        assert self.socket is not None
        await self.socket.send(frame)

    async def ask(self, insertion_id: str, *file_ids: str, message_id: str = "ask") -> None:
        """Ask for files, and wait until the detector has recorded the request."""
        await self.send(CopyRequest(insertion_id=insertion_id, file_ids=list(file_ids)), message_id)
        await self.until(lambda: Ack(of=message_id) in self.answers)

    async def card(self) -> tuple[str, dict[str, FileEntry]]:
        """The insertion id and the files by name of the card that went in next."""
        inserted = await self.next(Inserted)
        listing = await self.next(FileList, lambda piece: piece.insertion_id == inserted.insertion_id)
        assert (listing.index, listing.total) == (0, 1)
        return inserted.insertion_id, {entry.name: entry for entry in listing.files}

    def types(self) -> list[str]:
        return [envelope.body.type for envelope in self.heard if not isinstance(envelope.body, Progress)]


@asynccontextmanager
async def serving(hub: Hub, port: int = 0) -> AsyncGenerator[int]:
    async with serve(hub.handle, "127.0.0.1", port) as server:
        hub.server = server
        yield next(iter(server.sockets)).getsockname()[1]


def settings_for(tmp_path: Path, port: int, **more: object) -> Settings:
    """Settings of a detector whose store exists already, as the hub makes it."""
    settings = Settings(data=tmp_path / "data", hub_url=f"ws://127.0.0.1:{port}", watch_mounts=False, **more)  # type: ignore[arg-type]
    Store(settings.store_dir).make()
    return settings


@asynccontextmanager
async def detecting(settings: Settings, on_chunk: Callable[[int], None] = lambda _done: None) -> AsyncGenerator[None]:
    task = asyncio.create_task(run(settings, on_chunk=on_chunk))
    try:
        yield
        assert not task.done(), task
    finally:
        task.cancel()
        await asyncio.wait({task})
    assert task.cancelled(), task.exception()
    assert partials(settings) == []


def partials(settings: Settings) -> list[Path]:
    """The partial files that cannot be resumed."""
    folder = settings.store_dir / "partial"
    with closing(Journal(settings.detector_dir / "journal.db")) as journal:
        known = journal.partial_names()
    return [path for path in folder.iterdir() if path.name not in known] if folder.exists() else []


@asynccontextmanager
async def with_hub(tmp_path: Path, **chosen: object) -> AsyncGenerator[tuple[Hub, Settings]]:
    """A played hub, and settings that lead a detector to it."""
    hub = Hub()
    async with serving(hub) as port:
        yield hub, settings_for(tmp_path, port, **chosen)


@dataclass
class Offloading:
    """A card in a detector that runs, with its files by name, and the hub that has just heard of it."""

    hub: Hub
    settings: Settings
    card: Path
    insertion: str
    files: dict[str, FileEntry]

    def id_of(self, name: str) -> str:
        return self.files[name].file_id

    async def ask(self, *names: str, message_id: str = "ask") -> None:
        """Ask for these files, or for all. Returns once the detector has recorded the request."""
        await self.hub.ask(self.insertion, *(self.id_of(name) for name in names or self.files), message_id=message_id)


async def put_in(hub: Hub, settings: Settings, card: Path) -> Offloading:
    """Put a card in (again) and wait until the hub has its list."""
    insert_folder(settings, card)
    return Offloading(hub, settings, card, *await hub.card())


@asynccontextmanager
async def offloading(
    tmp_path: Path, card: Path, on_chunk: Callable[[int], None] = lambda _done: None, **chosen: object
) -> AsyncGenerator[Offloading]:
    """A hub, a detector, and a card that was put in and listed."""
    async with with_hub(tmp_path, **chosen) as (hub, settings), detecting(settings, on_chunk):
        yield await put_in(hub, settings, card)


@contextmanager
def listening(words: str) -> Generator[asyncio.Event]:
    """An event that is set once these words appear in the detector's log."""
    said = asyncio.Event()

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if words in record.getMessage():
                said.set()

    logger, ear = logging.getLogger("detector"), Ear()
    before = logger.level, logger.disabled
    logger.addHandler(ear)
    logger.setLevel(logging.INFO)
    # A library that sets its own logging up in this process (Dagster does) switches all other loggers off.
    logger.disabled = False
    try:
        yield said
    finally:
        logger.removeHandler(ear)
        logger.level, logger.disabled = before


class Gate:
    """Holds the copying thread after its first chunk until it is opened: a card that is slow for as long as needed."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.reached = asyncio.Event()
        self.open = Event()
        self.seen: list[int] = []

    def __call__(self, done: int) -> None:
        self.seen.append(done)
        self._loop.call_soon_threadsafe(self.reached.set)
        assert self.open.wait(PATIENCE_S)

    async def until_reached(self) -> None:
        await asyncio.wait_for(self.reached.wait(), PATIENCE_S)


def gopro_card(tmp_path: Path) -> Path:
    """Two recordings, one of them large (by the limit that the tests set), with a proxy."""
    folder = tmp_path / "GOPRO" / "DCIM" / "100GOPRO"
    folder.mkdir(parents=True)
    for name, size in (("GX010001.MP4", 3 * CHUNK), ("GX010002.MP4", 2 * CHUNK), ("GX010003.MP4", 1000)):
        (folder / name).write_bytes(os.urandom(size))
    (folder / "GL010001.LRV").write_bytes(os.urandom(500))
    return tmp_path / "GOPRO"


def content(card: Path, name: str) -> Path:
    return card / "DCIM" / "100GOPRO" / name


def endless(file: Path) -> None:
    """A sparse file so large that no disk here copies it before what the test does next is noticed."""
    with file.open("wb") as handle:
        handle.truncate(4_000_000_000)


async def started(settings: Settings) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "detector",
        env=os.environ | settings.environment(),
        stderr=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )


@contextmanager
def in_reader(folder: Path, *options: str) -> Generator[Path]:
    """The folder's content as a card in a bad reader, at a mount point beside it; skips where FUSE can't be had."""
    place = folder.with_name("reader")
    with ExitStack() as stack:
        try:
            stack.enter_context(mounted(folder, place, *options))
        except NotHere as why:
            pytest.skip(f"needs FUSE: {why}")
        yield place


def large(file: Path, size: int) -> Path:
    file.write_bytes(os.urandom(CHUNK) * (size // CHUNK))
    return file
