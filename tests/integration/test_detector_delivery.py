"""What the detector and its hub owe each other: messages until they are acknowledged, refusals, the token."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest
from support.detectors import (
    PATIENCE_S,
    Gate,
    Hub,
    detecting,
    gopro_card,
    serving,
    settings_for,
)

from detector.cards import eject_folder, insert_folder
from stinercut.protocol import (
    Ack,
    CopyError,
    ErrorCode,
    FileCopied,
    Refused,
    Removed,
    Welcome,
    encode,
)
from stinercut.protocol.messages import MAX_FRAME_BYTES
from stinercut.store import Store, hash_file


@pytest.fixture
def card(tmp_path: Path) -> Path:
    return gopro_card(tmp_path)


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
