"""The whole detector against a real WebSocket server that plays the hub, with real folders as cards."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import TypeVar

import pytest
from support.slow_card import NotHere, mounted
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from detector.cards import eject_folder, insert_folder
from detector.journal import Journal
from detector.resume import CHECKPOINT_BYTES, KEEP_FROM
from detector.service import run
from stinercut.errors import HostNotReady
from stinercut.protocol import (
    Ack,
    CopyError,
    CopyRequest,
    Envelope,
    ErrorCode,
    FileCopied,
    FileEntry,
    FileKind,
    FileList,
    Hello,
    Inserted,
    Message,
    Progress,
    Refused,
    Removed,
    Welcome,
    decode,
    encode,
)
from stinercut.protocol.messages import MAX_FRAME_BYTES
from stinercut.settings import Settings
from stinercut.store import CHUNK, Store, hash_file

M = TypeVar("M", bound=Message)
PATIENCE_S = 20
"""Only how long a test waits before it says that something never came."""


@dataclass
class Hub:
    """Plays the hub. Everything that came lies in `heard`; what isn't asked for yet stays there."""

    acknowledges: bool = True
    token: str | None = None
    heard: list[Envelope] = field(default_factory=list[Envelope])
    answers: list[Message] = field(default_factory=list[Message])
    """What `heard` doesn't hold: acks and refusals."""
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
        await socket.send(encode(Welcome(version=1)))
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
        """Ask for files and wait until the detector has it written down."""
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
async def serving(hub: Hub, port: int = 0) -> AsyncIterator[int]:
    async with serve(hub.handle, "127.0.0.1", port) as server:
        hub.server = server
        yield next(iter(server.sockets)).getsockname()[1]


def settings_for(tmp_path: Path, port: int, **more: object) -> Settings:
    return Settings(data=tmp_path / "data", hub_url=f"ws://127.0.0.1:{port}", watch_mounts=False, **more)  # type: ignore[arg-type]


@asynccontextmanager
async def detecting(settings: Settings, on_chunk: Callable[[int], None] = lambda _done: None) -> AsyncIterator[None]:
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
    """The partial files that nobody can go on with."""
    folder = settings.store_dir / "partial"
    with closing(Journal(settings.detector_dir / "journal.db")) as journal:
        known = journal.partial_names()
    return [path for path in folder.iterdir() if path.name not in known] if folder.exists() else []


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


@pytest.fixture
def card(tmp_path: Path) -> Path:
    """Two recordings, one of them large (by the limit that the tests set), with a proxy."""
    folder = tmp_path / "GOPRO" / "DCIM" / "100GOPRO"
    folder.mkdir(parents=True)
    for name, size in (("GX010001.MP4", 3 * CHUNK), ("GX010002.MP4", 2 * CHUNK), ("GX010003.MP4", 1000)):
        (folder / name).write_bytes(os.urandom(size))
    (folder / "GL010001.LRV").write_bytes(os.urandom(500))
    return tmp_path / "GOPRO"


def content(card: Path, name: str) -> Path:
    return card / "DCIM" / "100GOPRO" / name


def test_from_insertion_to_verified_copies(tmp_path: Path, card: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "detector")

    async def story() -> None:
        hub = Hub()
        async with serving(hub) as port:
            settings = settings_for(tmp_path, port)
            async with detecting(settings):
                insert_folder(settings, card)
                inserted = await hub.next(Inserted)
                assert (inserted.card.label, inserted.card.kind) == ("GOPRO", "folder")
                assert inserted.inserted_at.tzinfo is not None
                listing = await hub.next(FileList)
                files = {entry.name: entry for entry in listing.files}
                assert files["GL010001.LRV"].kind is FileKind.PROXY
                assert files["GL010001.LRV"].main_file_id == files["GX010001.MP4"].file_id
                await hub.ask(inserted.insertion_id, *(entry.file_id for entry in files.values()))
                for entry in files.values():
                    copied = await hub.next(FileCopied, lambda one, entry=entry: one.file_id == entry.file_id)
                    assert copied.content_hash == hash_file(content(card, entry.name))
                    stored = Store(settings.store_dir).require(copied.content_hash, copied.size)
                    assert stored.read_bytes() == content(card, entry.name).read_bytes()
                eject_folder(settings, card)
                assert await hub.next(Removed) == Removed(insertion_id=inserted.insertion_id)

    asyncio.run(story())
    assert "Card GOPRO is in: 4 files, 3 videos" in caplog.text
    assert "GX010003.MP4 copied and verified (1.0 kB in 0.0 s)" in caplog.text
    assert "Card GOPRO is out" in caplog.text


def test_small_files_asked_for_later_pre_empt_the_large_one_in_flight(tmp_path: Path, card: Path) -> None:
    async def story() -> None:
        hub, gate = Hub(), Gate()
        async with serving(hub) as port:
            settings = settings_for(tmp_path, port, small_file_limit=CHUNK)
            async with detecting(settings, gate):
                insert_folder(settings, card)
                insertion, files = await hub.card()
                await hub.ask(insertion, files["GX010001.MP4"].file_id, files["GX010002.MP4"].file_id)
                await asyncio.wait_for(gate.reached.wait(), PATIENCE_S)
                await hub.ask(
                    insertion, files["GX010003.MP4"].file_id, files["GL010001.LRV"].file_id, message_id="later"
                )
                gate.open.set()
                for _ in range(4):
                    await hub.next(FileCopied)
                assert gate.seen == [CHUNK, 1000, 500, 2 * CHUNK, 3 * CHUNK, CHUNK, 2 * CHUNK]

    asyncio.run(story())


def test_progress_comes_with_each_file(tmp_path: Path, card: Path) -> None:
    async def story() -> None:
        hub = Hub()
        async with serving(hub) as port:
            settings = settings_for(tmp_path, port)
            async with detecting(settings):
                insert_folder(settings, card)
                insertion, files = await hub.card()
                wanted = files["GX010001.MP4"]
                await hub.ask(insertion, wanted.file_id)
                await hub.next(FileCopied)
                last = await hub.next(Progress, lambda one: one.bytes_done == wanted.size)
                assert (last.insertion_id, last.file_id) == (insertion, wanted.file_id)

    asyncio.run(story())


def test_a_card_pulled_while_it_is_copied(tmp_path: Path, card: Path) -> None:
    async def story() -> None:
        hub, gate = Hub(), Gate()
        async with serving(hub) as port:
            settings = settings_for(tmp_path, port)
            async with detecting(settings, gate):
                insert_folder(settings, card)
                insertion, files = await hub.card()
                await hub.ask(insertion, *(entry.file_id for entry in files.values()))
                await asyncio.wait_for(gate.reached.wait(), PATIENCE_S)
                shutil.rmtree(card)
                gate.open.set()
                await hub.next(Removed)
                failed = await hub.next(CopyError)
                assert failed.code is ErrorCode.CARD_REMOVED
                assert "taken out" in failed.detail
                assert "sd:copy_error" not in hub.types()
                assert list((settings.store_dir / "partial").iterdir()) == []
                await hub.ask(insertion, files["GX010001.MP4"].file_id, message_id="too-late")
                assert (await hub.next(CopyError)).code is ErrorCode.STALE_INSERT

    asyncio.run(story())


def endless(file: Path) -> None:
    """A sparse file so large that no disk here copies it before what the test does next is noticed."""
    with file.open("wb") as handle:
        handle.truncate(4_000_000_000)


def test_an_ejected_card_stops_its_copy_and_can_go_in_again(tmp_path: Path, card: Path) -> None:
    endless(content(card, "GX010009.MP4"))

    async def story() -> None:
        hub = Hub()
        async with serving(hub) as port:
            settings = settings_for(tmp_path, port)
            async with detecting(settings):
                insert_folder(settings, card)
                insertion, files = await hub.card()
                await hub.ask(insertion, files["GX010009.MP4"].file_id)
                await hub.next(Progress)
                insert_folder(settings, card)  # Out and in again.
                assert (await hub.next(CopyError)).code is ErrorCode.CARD_REMOVED
                assert (await hub.next(Removed)).insertion_id == insertion
                again, files = await hub.card()
                assert again != insertion
                await hub.ask(again, files["GX010001.MP4"].file_id, message_id="again")
                copied = await hub.next(FileCopied)
                assert copied.content_hash == hash_file(content(card, "GX010001.MP4"))

    asyncio.run(story())


def test_a_read_that_hangs_does_not_hold_up_the_removal(
    tmp_path: Path, card: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in ("detector.offload.REMOVAL_S", "detector.threads.GRACE_S"):
        monkeypatch.setattr(place, 0.2)

    async def story() -> None:
        hub, gate = Hub(), Gate()
        async with serving(hub) as port:
            settings = settings_for(tmp_path, port)
            task = asyncio.create_task(run(settings, on_chunk=gate))
            insert_folder(settings, card)
            insertion, files = await hub.card()
            await hub.ask(insertion, files["GX010001.MP4"].file_id)
            await asyncio.wait_for(gate.reached.wait(), PATIENCE_S)
            eject_folder(settings, card)
            assert (await hub.next(Removed)).insertion_id == insertion
            assert (await hub.next(CopyError)).code is ErrorCode.CARD_REMOVED
            task.cancel()
            await asyncio.wait({task})
            gate.open.set()
            assert task.cancelled()

    asyncio.run(story())


def test_a_source_cut_short_fails_alone(tmp_path: Path, card: Path) -> None:
    async def story() -> None:
        hub, gate = Hub(), Gate()
        async with serving(hub) as port:
            settings = settings_for(tmp_path, port)
            async with detecting(settings, gate):
                insert_folder(settings, card)
                insertion, files = await hub.card()
                await hub.ask(insertion, files["GX010001.MP4"].file_id, files["GX010003.MP4"].file_id)
                await asyncio.wait_for(gate.reached.wait(), PATIENCE_S)
                os.truncate(content(card, "GX010001.MP4"), CHUNK + 1)
                gate.open.set()
                failed = await hub.next(CopyError)
                assert (failed.file_id, failed.code) == (files["GX010001.MP4"].file_id, ErrorCode.SOURCE_CHANGED)
                assert (await hub.next(FileCopied)).file_id == files["GX010003.MP4"].file_id

    asyncio.run(story())


def test_what_was_not_acknowledged_comes_again_with_the_same_id(tmp_path: Path, card: Path) -> None:
    async def story() -> None:
        hub = Hub(acknowledges=False)
        async with serving(hub) as port:
            settings = settings_for(tmp_path, port)
            async with detecting(settings):
                insert_folder(settings, card)
                await hub.until(lambda: len(hub.heard) == 2)
                first = list(hub.heard)
                assert hub.socket is not None
                hub.socket.transport.abort()
                await hub.until(lambda: len(hub.heard) == 4)
                assert hub.heard[2:] == first
                assert [envelope.body.type for envelope in first] == ["sd:inserted", "sd:file_list"]
                await hub.send(Ack(of=first[0].id))
                await hub.send(Refused(of=first[1].id, code=ErrorCode.BAD_MESSAGE, detail="no use"))
                eject_folder(settings, card)
                await hub.until(lambda: len(hub.heard) == 5)
                hub.socket.transport.abort()
                await hub.until(lambda: len(hub.heard) == 6)
                assert hub.heard[5] == hub.heard[4]
                assert isinstance(hub.heard[5].body, Removed)

    asyncio.run(story())


def test_a_copy_that_ends_without_a_hub_is_reported_when_it_is_back(tmp_path: Path, card: Path) -> None:
    async def story() -> None:
        hub, gate = Hub(), Gate()
        async with serving(hub) as port:
            settings = settings_for(tmp_path, port)
            detector = detecting(settings, gate)
            await detector.__aenter__()
            insert_folder(settings, card)
            insertion, files = await hub.card()
            await hub.ask(insertion, files["GX010001.MP4"].file_id)
            await asyncio.wait_for(gate.reached.wait(), PATIENCE_S)
        gate.open.set()
        back = Hub()
        async with serving(back, port):
            copied = await back.next(FileCopied)
            assert (copied.insertion_id, copied.file_id) == (insertion, files["GX010001.MP4"].file_id)
            assert "sd:inserted" not in back.types()
            await detector.__aexit__(None, None, None)

    asyncio.run(story())


def test_a_detector_started_again_goes_on_where_it_was(tmp_path: Path, card: Path) -> None:
    async def story() -> None:
        hub, gate = Hub(), Gate()
        async with serving(hub) as port:
            settings = settings_for(tmp_path, port)
            async with detecting(settings, gate):
                insert_folder(settings, card)
                insertion, files = await hub.card()
                await hub.ask(insertion, files["GX010001.MP4"].file_id, files["GX010002.MP4"].file_id)
                await asyncio.wait_for(gate.reached.wait(), PATIENCE_S)
                asyncio.get_running_loop().call_later(0.1, gate.open.set)  # Let the thread see that it is to stop.
            leftover = Store(settings.store_dir).partial_path(f"offload-{settings.detector_id}.dead.part")
            leftover.write_bytes(b"half a file")
            content(card, "GX010002.MP4").write_bytes(b"another file by now")
            async with detecting(settings):
                assert (await hub.next(Removed)).insertion_id == insertion
                again, files = await hub.card()
                assert again != insertion
                copied = await hub.next(FileCopied)
                assert (copied.insertion_id, copied.file_id) == (again, files["GX010001.MP4"].file_id)
                assert not leftover.exists()
                eject_folder(settings, card)
                await hub.next(Removed)
                assert hub.types() == []

    asyncio.run(story())


def test_an_empty_card_sends_an_empty_list(tmp_path: Path) -> None:
    (tmp_path / "EMPTY").mkdir()

    async def story() -> None:
        hub = Hub()
        async with serving(hub) as port:
            settings = settings_for(tmp_path, port)
            async with detecting(settings):
                insert_folder(settings, tmp_path / "EMPTY")
                _insertion, files = await hub.card()
                assert files == {}

    asyncio.run(story())


def test_a_lost_object_is_fetched_again_and_a_kept_one_only_reported(tmp_path: Path, card: Path) -> None:
    async def story() -> None:
        hub = Hub()
        async with serving(hub) as port:
            settings = settings_for(tmp_path, port)
            async with detecting(settings):
                insert_folder(settings, card)
                insertion, files = await hub.card()
                wanted = files["GX010003.MP4"].file_id
                await hub.ask(insertion, wanted)
                copied = await hub.next(FileCopied)
                stored = Store(settings.store_dir).object_path(copied.content_hash)
                before = stored.stat().st_ino
                await hub.ask(insertion, wanted, message_id="again")
                assert await hub.next(FileCopied) == copied
                assert stored.stat().st_ino == before
                stored.unlink()
                await hub.ask(insertion, wanted, message_id="lost")
                assert await hub.next(FileCopied) == copied
                assert hash_file(stored) == copied.content_hash

    asyncio.run(story())


def test_only_ids_can_be_asked_for(tmp_path: Path, card: Path) -> None:
    """Paths are refused as no message; unknown ids are answered one by one; the detector goes on."""
    secret = tmp_path / "secret.mp4"
    secret.write_bytes(b"not on the card")

    async def story() -> None:
        hub = Hub()
        async with serving(hub) as port:
            settings = settings_for(tmp_path, port)
            async with detecting(settings):
                insert_folder(settings, card)
                insertion, files = await hub.card()
                for path in ("../secret.mp4", str(secret), "DCIM/100GOPRO/GX010001.MP4", "", "a" * 65, "x\\u0000"):
                    number = len(hub.answers)
                    body = f'{{"type":"sd:copy_request","insertion_id":"{insertion}","file_ids":["{path}"]}}'
                    await hub.send_raw(f'{{"id":"bad{number}","body":{body}}}')
                    await hub.until(lambda number=number: len(hub.answers) > number)
                    refusal = hub.answers[-1]
                    assert isinstance(refusal, Refused)
                    assert (refusal.of, refusal.code) == (f"bad{number}", ErrorCode.BAD_MESSAGE)
                await hub.ask(insertion, "secret", message_id="unknown-file")
                assert (await hub.next(CopyError)).code is ErrorCode.UNKNOWN_ID
                await hub.ask("nobody", files["GX010003.MP4"].file_id, message_id="unknown-insertion")
                assert (await hub.next(CopyError)).code is ErrorCode.UNKNOWN_ID
                await hub.ask(insertion, files["GX010003.MP4"].file_id, message_id="good")
                await hub.next(FileCopied)

    asyncio.run(story())
    assert not Store(tmp_path / "data" / "store").object_path(hash_file(secret)).exists()


def test_what_is_no_message_is_refused_and_does_no_harm(tmp_path: Path, card: Path) -> None:
    async def story() -> None:
        hub = Hub()
        async with serving(hub) as port:
            settings = settings_for(tmp_path, port)
            async with detecting(settings):
                insert_folder(settings, card)
                insertion, files = await hub.card()
                for frame in ("", "null", "[" * 100_000, b"\xff\xfe", '{"id": 5}', encode(Welcome(version=1))):
                    number = len(hub.answers)
                    await hub.send_raw(frame)
                    await hub.until(lambda number=number: len(hub.answers) > number)
                    assert isinstance(hub.answers[-1], Refused)
                await hub.send_raw("x" * (MAX_FRAME_BYTES + 1))  # Closes this connection; another one is made.
                await hub.until(lambda: len(hub.hellos) == 2)
                await hub.until(lambda: hub.socket is not None and hub.socket.close_code is None)
                await hub.ask(insertion, files["GX010003.MP4"].file_id)
                await hub.next(FileCopied)

    asyncio.run(story())


class Listening(logging.Handler):
    """Sets an event once the log says something."""

    def __init__(self, words: str) -> None:
        super().__init__()
        self._words = words
        self.said = asyncio.Event()

    def emit(self, record: logging.LogRecord) -> None:
        if self._words in record.getMessage():
            self.said.set()


def test_the_token_is_shown_and_a_refusal_is_said(tmp_path: Path) -> None:
    async def story() -> None:
        hub, log = Hub(token="secret"), Listening("wrong token")
        logging.getLogger("detector").addHandler(log)
        async with serving(hub) as port:
            async with detecting(settings_for(tmp_path, port, token="secret", detector_id="reader-1")):
                await hub.until(lambda: hub.socket is not None)
            async with detecting(settings_for(tmp_path, port, token="guess")):
                await asyncio.wait_for(log.said.wait(), PATIENCE_S)
        logging.getLogger("detector").removeHandler(log)
        assert [(one.detector_id, one.token) for one in hub.hellos] == [("reader-1", "secret"), ("local", "guess")]

    asyncio.run(story())


def test_a_second_detector_on_the_same_data_is_refused(tmp_path: Path) -> None:
    async def story() -> None:
        hub = Hub()
        async with serving(hub) as port:
            settings = settings_for(tmp_path, port)
            async with detecting(settings):
                await hub.until(lambda: hub.socket is not None)
                with pytest.raises(HostNotReady, match="another detector"):
                    await run(settings)

    asyncio.run(story())


async def started(settings: Settings) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "detector",
        env=os.environ | settings.environment(),
        stderr=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_in_the_middle_of_a_copy_ends_the_process_and_leaves_nothing_useless_behind(
    tmp_path: Path, number: signal.Signals
) -> None:
    card = tmp_path / "GOPRO"
    card.mkdir()
    endless(card / "GX010001.MP4")

    async def story() -> None:
        hub = Hub()
        async with serving(hub) as port:
            settings = settings_for(tmp_path, port)
            insert_folder(settings, card)
            process = await started(settings)
            insertion, files = await hub.card()
            await hub.ask(insertion, files["GX010001.MP4"].file_id)
            await hub.next(Progress)
            process.send_signal(number)
            _out, said = await asyncio.wait_for(process.communicate(), 5)
            assert process.returncode == 0, said.decode()
            assert b"Traceback" not in said
            assert b"Card GOPRO is in: 1 files, 1 videos" in said
            assert partials(settings) == []
            assert not (settings.store_dir / "objects").exists()
            assert hub.socket is not None
            await asyncio.wait_for(hub.socket.wait_closed(), 5)
            with_room_again = await started(settings)  # Its journal is free again.
            await hub.card()
            with_room_again.kill()
            await with_room_again.communicate()
            restarted = await started(settings)  # And after SIGKILL as well.
            await hub.card()
            restarted.terminate()
            await restarted.communicate()
            assert restarted.returncode == 0
            assert partials(settings) == []

    asyncio.run(story())


def test_a_hub_address_that_is_none_ends_the_process_with_words(tmp_path: Path) -> None:
    async def story() -> None:
        process = await started(Settings(data=tmp_path / "data", hub_url="http://hub", watch_mounts=False))
        _out, said = await asyncio.wait_for(process.communicate(), PATIENCE_S)
        assert process.returncode == 3
        assert b"STINERCUT_HUB_URL" in said
        assert b"Traceback" not in said

    asyncio.run(story())


@contextmanager
def in_reader(folder: Path, *options: str) -> Iterator[Path]:
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


def test_after_sigkill_only_the_rest_is_read(tmp_path: Path) -> None:
    (tmp_path / "GOPRO").mkdir()
    size = 140 * CHUNK
    whole = large(tmp_path / "GOPRO" / "GX010001.MP4", size)
    count = tmp_path / "count"

    async def story() -> None:
        hub = Hub()
        async with serving(hub) as port:
            settings = settings_for(tmp_path, port)
            with in_reader(tmp_path / "GOPRO", "--rate", "60e6", "--count", str(count)) as card:
                insert_folder(settings, card)
                process = await started(settings)
                insertion, files = await hub.card()
                await hub.ask(insertion, files["GX010001.MP4"].file_id)
                await hub.next(Progress, lambda one: one.bytes_done > CHECKPOINT_BYTES + CHUNK)
                process.kill()
                await process.communicate()
                first_time = int(count.read_text())
                assert first_time < size
                assert not (settings.store_dir / "objects").exists()
                again = await started(settings)
                copied = await hub.next(FileCopied)
                assert (copied.content_hash, copied.size) == (hash_file(whole), size)
                assert int(count.read_text()) - first_time < size - CHECKPOINT_BYTES + 8 * CHUNK
                again.terminate()
                await again.communicate()
            assert list((settings.store_dir / "partial").iterdir()) == []

    asyncio.run(story())


def test_a_bad_block_fails_its_file_and_another_reader_reads_only_the_rest(tmp_path: Path, card: Path) -> None:
    whole = large(content(card, "GX010009.MP4"), KEEP_FROM + 10 * CHUNK)
    bad, count = str(KEEP_FROM + 4 * CHUNK), tmp_path / "count"

    async def story() -> None:
        hub = Hub()
        async with serving(hub) as port:
            settings = settings_for(tmp_path, port)
            async with detecting(settings):
                with in_reader(card, "--fail-at", bad, "--in", "GX010009.MP4") as reader:
                    insert_folder(settings, reader)
                    insertion, files = await hub.card()
                    await hub.ask(insertion, *(entry.file_id for entry in files.values()))
                    failed = await hub.next(CopyError)
                    assert (failed.file_id, failed.code) == (files["GX010009.MP4"].file_id, ErrorCode.SOURCE_IO)
                    for _ in range(4):
                        await hub.next(FileCopied)
                    eject_folder(settings, reader)
                    await hub.next(Removed)
                with in_reader(card, "--count", str(count)) as reader:
                    insert_folder(settings, reader)
                    insertion, files = await hub.card()
                    await hub.ask(insertion, files["GX010009.MP4"].file_id, message_id="again")
                    assert (await hub.next(FileCopied)).content_hash == hash_file(whole)
                    assert int(count.read_text()) < KEEP_FROM
            assert list((settings.store_dir / "partial").iterdir()) == []

    asyncio.run(story())


def test_a_hung_read_fails_its_file_and_nothing_else_waits_for_it(
    tmp_path: Path, card: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("detector.threads.GRACE_S", 0.1)
    other = tmp_path / "OTHER"
    shutil.copytree(card, other)

    async def story() -> None:
        hub = Hub()
        async with serving(hub) as port:
            settings = settings_for(tmp_path, port, small_file_limit=CHUNK)
            with in_reader(card, "--hang-at", str(2 * CHUNK), "--in", "GX010001.MP4") as reader:
                task = asyncio.create_task(run(settings, hung_s=1.0))
                insert_folder(settings, reader)
                insertion, files = await hub.card()
                await hub.ask(insertion, *(entry.file_id for entry in files.values()))
                insert_folder(settings, other)
                second, others = await hub.card()
                await hub.ask(second, *(entry.file_id for entry in others.values()), message_id="other")
                for _ in range(4):
                    await hub.next(FileCopied, lambda one: one.insertion_id == second)
                failed = await hub.next(CopyError)
                assert (failed.file_id, failed.code) == (files["GX010001.MP4"].file_id, ErrorCode.SOURCE_IO)
                assert "did not come back" in failed.detail
                for _ in range(3):
                    await hub.next(FileCopied, lambda one: one.insertion_id == insertion)
                eject_folder(settings, reader)
                await hub.next(Removed)
                task.cancel()
                await asyncio.wait({task})
                assert task.cancelled()

    asyncio.run(story())
