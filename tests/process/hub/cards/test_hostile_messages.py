"""A thousand malformed or hostile messages against a real hub and a real detector: refused with a code, no effect."""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from support.hubs import RunningHub, detector, raw_detector, running_hub
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from detector.service import run
from detector.sources.cards import insert_folder
from stinercut.protocol import (
    SPOKEN,
    Ack,
    CopyError,
    ErrorCode,
    FileList,
    Hello,
    Inserted,
    Progress,
    Refused,
    Removed,
    Welcome,
    decode,
    encode,
)
from stinercut.protocol.messages import MAX_FRAME_BYTES
from stinercut.settings import Settings
from stinercut.storage.store import Store

TOKEN = "right"
PATIENCE_S = 20
MESSAGES = 1000
HOSTILE_IDS = ["../../etc/passwd", "..", "CON", "a/b", "C:\\x", "", "x" * 65, "ä", "a\0b", " a", None, 7, True, [], {}]
"""What `CON` is to Windows is an identifier like any other here: it names an insertion that isn't there."""
CODES = {"BAD_MESSAGE", "UNKNOWN_ID"}
TYPES = ["sd:inserted", "sd:file_list", "sd:sample", "sd:file_copied", "sd:copy_error", "sd:card_error", "sd:removed"]


def file_entry(**changed: Any) -> dict[str, Any]:
    """A file of a manifest, as JSON."""
    return {
        "file_id": "f1",
        "folder": "DCIM",
        "name": "A.MP4",
        "size": 1,
        "modified": "2026-06-01T09:00:00",
        "kind": "video",
        "recording": "A",
    } | changed


def body_of(kind: str, insertion: Any, file_id: Any) -> dict[str, Any]:
    """A message of that type about that insertion and file, otherwise as it should be."""
    bodies: dict[str, dict[str, Any]] = {
        "sd:inserted": {
            "card": {"card_id": "c", "label": "C", "kind": "volume"},
            "inserted_at": "2026-06-01T09:00:00Z",
        },
        "sd:file_list": {"index": 0, "total": 1, "files": [file_entry(file_id=file_id)]},
        "sd:sample": {"samples": [{"file_id": file_id, "sample": "0" * 32}]},
        "sd:file_copied": {"file_id": file_id, "content_hash": "0" * 32, "size": 1},
        "sd:copy_error": {"file_id": file_id, "code": "SOURCE_IO", "detail": "x"},
        "sd:card_error": {"code": "SOURCE_IO", "unreadable": 1, "detail": "x"},
        "sd:removed": {},
        "sd:copy_request": {"file_ids": [file_id]},
        "sd:sample_request": {"file_ids": [file_id]},
    }
    return {"type": kind, "insertion_id": insertion, **bodies[kind]}


def spoiled(chance: random.Random, kind: str) -> str:
    """A frame that is no message: one thing about it is wrong."""
    message_id = f"m{chance.getrandbits(64):x}"
    body = body_of(kind, "theirs", "f1")
    match chance.randrange(9):
        case 0:
            body["insertion_id"] = chance.choice([one for one in HOSTILE_IDS if one != "CON"])
        case 1:
            body["path"] = "../../etc/passwd"
        case 2:
            body.pop(chance.choice([name for name in body if name != "type"]))
        case 3:
            name = chance.choice([name for name in body if name != "type"])
            body[name] = chance.choice([None, -1, 1e308, [[]], {"a": {}}, "\ud800", "a\0b", True])
        case 4:
            body["type"] = chance.choice(["", "sd:delete", "hello ", "__class__", None, 3])
        case 5:
            return f'{{"id": "{message_id}", "body": {"[" * 5000}{"]" * 5000}}}'
        case 6:
            return json.dumps({"id": message_id, "body": body})[:-1] + ', "id2": NaN}'
        case 7:
            return chance.choice(["", "null", "[]", "NaN", "{", "\u0000", '"x"', "1e999", "{}" * 3, "A" * 5000])
        case _:
            return json.dumps({"id": chance.choice(["", "x" * 65, 5, None]), "body": body})
    return json.dumps({"id": message_id, "body": body})


def nonsense(chance: random.Random, kinds: list[str]) -> str:
    """A message in the right form about what isn't there."""
    body = body_of(chance.choice(kinds), chance.choice(["CON", "nobody", "NUL", "-"]), chance.choice(["CON", "f9"]))
    return json.dumps({"id": f"n{chance.getrandbits(64):x}", "body": body})


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    """One hub that has to stand all of it."""
    with running_hub(tmp_path_factory.mktemp("hub") / "data", token=TOKEN) as running:
        yield running


def rows(settings: Settings) -> list[str]:
    """All that the catalog holds."""
    with closing(sqlite3.connect(settings.catalog_url.removeprefix("sqlite:///"))) as database:
        return list(database.iterdump())


def answer(socket: ClientConnection) -> Refused:
    """The next answer that is no request: it must be a refusal."""
    body = decode(socket.recv(timeout=PATIENCE_S)).body
    assert isinstance(body, Refused), body
    return body


def test_a_hub_refuses_each_and_nothing_changes(hub: RunningHub):
    chance = random.Random(1)
    others = [kind for kind in TYPES if kind != "sd:inserted"]
    with detector(hub, "victim", TOKEN) as victim:
        inserted = body_of("sd:inserted", "theirs", "")
        victim.socket.send(json.dumps({"id": "a", "body": inserted}))
        victim.next(Ack)
        before = rows(hub.settings)
        codes: set[str] = set()
        with detector(hub, "evil", TOKEN) as evil:
            for number in range(MESSAGES):
                if number % 3 == 0:
                    # Well formed, about a card of another detector; the same id again and again.
                    frame = json.dumps({"id": "same", "body": body_of(chance.choice(TYPES), "theirs", "f1")})
                elif number % 3 == 1:
                    frame = nonsense(chance, others)
                else:
                    frame = spoiled(chance, chance.choice(TYPES))
                evil.socket.send(frame)
                codes.add(answer(evil.socket).code.value)
            evil.socket.send(b"\xff\xfe\x00")
            assert answer(evil.socket).code is ErrorCode.BAD_MESSAGE
        assert codes == CODES
        assert rows(hub.settings) == before
        # The victim's connection is as it was, and the hub works.
        victim.send(Removed(insertion_id="theirs"), "b")
        assert victim.next(Ack).of == "b"
    assert hub.process.poll() is None


def test_a_hub_takes_no_frame_that_is_too_large(hub: RunningHub):
    before = rows(hub.settings)
    with detector(hub, "evil", TOKEN) as large:
        large.socket.send("x" * (MAX_FRAME_BYTES + 1))
        assert answer(large.socket).code is ErrorCode.BAD_MESSAGE
        with suppress(ConnectionClosed):  # The hub ends it before the whole frame is sent.
            large.socket.send("x" * 100_000_000)
        with pytest.raises(ConnectionClosed):
            large.socket.recv(timeout=PATIENCE_S)
        assert large.socket.close_code == 1009
    assert rows(hub.settings) == before
    with detector(hub, "det", TOKEN):
        pass


@pytest.mark.parametrize(
    ("first", "code"),
    [
        (encode(Hello(detector_id="evil", token="wrong")), ErrorCode.BAD_TOKEN),
        (encode(Hello(detector_id="evil")), ErrorCode.BAD_TOKEN),
        (encode(Hello(detector_id="evil", token="")), ErrorCode.BAD_TOKEN),
        (encode(Hello(detector_id="evil", token=TOKEN, min_version=7, max_version=9)), ErrorCode.BAD_VERSION),
        (encode(Removed(insertion_id="x")), ErrorCode.BAD_MESSAGE),
        ('{"id": "h", "body": {"type": "hello", "detector_id": "../x", "token": "right"}}', ErrorCode.BAD_MESSAGE),
        ("[" * 100_000, ErrorCode.BAD_MESSAGE),
    ],
    ids=["wrong token", "no token", "empty token", "version", "no hello", "hostile id", "deep"],
)
def test_a_hub_lets_nobody_in_who_has_no_business_there(hub: RunningHub, first: str, code: ErrorCode):
    with raw_detector(hub) as stranger:
        stranger.socket.send(first)
        assert answer(stranger.socket).code is code
        with pytest.raises(ConnectionClosed):
            stranger.socket.recv(timeout=PATIENCE_S)


def test_a_detector_refuses_each_and_nothing_changes(tmp_path: Path):
    """A hub that has gone mad, against the whole detector with a card in it."""
    card = tmp_path / "card" / "DCIM" / "100GOPRO"
    card.mkdir(parents=True)
    (card / "GX010001.MP4").write_bytes(b"footage")
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    asyncio.run(asyncio.wait_for(_against_a_detector(tmp_path), 60))
    assert secret.read_text() == "secret"
    assert [path.name for path in card.iterdir()] == ["GX010001.MP4"]


async def _against_a_detector(tmp_path: Path) -> None:  # noqa: PLR0915
    chance = random.Random(2)
    heard: asyncio.Queue[Any] = asyncio.Queue()
    sockets: asyncio.Queue[ServerConnection] = asyncio.Queue()

    async def hub(socket: ServerConnection) -> None:
        assert isinstance(decode(await socket.recv()).body, Hello)
        await socket.send(encode(Welcome(version=SPOKEN.highest)))
        sockets.put_nowait(socket)
        try:
            async for frame in socket:
                envelope = decode(frame)
                if not isinstance(envelope.body, Ack | Refused | Progress):
                    await socket.send(encode(Ack(of=envelope.id)))
                heard.put_nowait(envelope.body)
        except ConnectionClosed:
            pass

    async def next_where(true: Callable[[Any], bool]) -> Any:
        while True:
            body = await asyncio.wait_for(heard.get(), PATIENCE_S)
            if true(body):
                return body

    async with serve(hub, "127.0.0.1", 0, max_size=None) as server:
        port = server.sockets[0].getsockname()[1]
        settings = Settings(data=tmp_path / "data", hub_url=f"ws://127.0.0.1:{port}/ws/detector", watch_mounts=False)
        Store(settings.store_dir).make()  # As the hub makes it.
        insert_folder(settings, tmp_path / "card")
        running = asyncio.create_task(run(settings))
        try:
            socket = await sockets.get()
            inserted = await next_where(lambda body: isinstance(body, Inserted))
            await next_where(lambda body: isinstance(body, FileList))
            for number in range(MESSAGES):
                kind = chance.choice(["sd:copy_request", "sd:sample_request"])
                if number % 2:
                    await socket.send(spoiled(chance, kind))
                else:  # What only a hub hears: in the right form, to the wrong side.
                    await socket.send(json.dumps({"id": "same", "body": body_of(chance.choice(TYPES), "CON", "CON")}))
                refused = await next_where(lambda body: isinstance(body, Refused))
                assert refused.code is ErrorCode.BAD_MESSAGE
            # In the right form, about what isn't there: an answer for each file, and nothing is copied.
            await socket.send(json.dumps({"id": "x", "body": body_of("sd:copy_request", "CON", "f1")}))
            error = await next_where(lambda body: isinstance(body, CopyError))
            assert error.code is ErrorCode.UNKNOWN_ID
            for kind in ("sd:copy_request", "sd:sample_request"):
                await socket.send(json.dumps({"id": "y", "body": body_of(kind, inserted.insertion_id, "CON")}))
                error = await next_where(lambda body: isinstance(body, CopyError))
                assert (error.code, error.file_id) == (ErrorCode.UNKNOWN_ID, "CON")
            for size in (MAX_FRAME_BYTES + 1, 100_000_000):
                with suppress(ConnectionClosed):
                    await socket.send("x" * size)
                await asyncio.wait_for(socket.wait_closed(), PATIENCE_S)
                assert socket.close_code == 1009
                socket = await asyncio.wait_for(sockets.get(), PATIENCE_S)  # It comes back by itself.
            assert not running.done()
            assert not list((settings.store_dir / "objects").rglob("*"))
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
