"""What the detector and its hub owe each other: messages until they are acknowledged, refusals, the token."""

from __future__ import annotations

import asyncio
from pathlib import Path

from support.detectors import (
    PATIENCE_S,
    Gate,
    Hub,
    detecting,
    gopro_card,
    listening,
    offloading,
    put_in,
    serving,
    settings_for,
    told,
)

from detector.sources.cards import eject_folder, insert_folder
from stinercut.protocol import (
    Ack,
    CopyError,
    ErrorCode,
    FileCopied,
    Message,
    Refused,
    Removed,
    Welcome,
    encode,
)
from stinercut.protocol.messages import MAX_FRAME_BYTES
from stinercut.storage.store import Store, hash_file


@told
async def test_what_was_not_acknowledged_comes_again_with_the_same_id(tmp_path: Path) -> None:
    card, hub = gopro_card(tmp_path), Hub(acknowledges=False)
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


@told
async def test_a_copy_that_ends_without_a_hub_is_reported_when_it_is_back(tmp_path: Path) -> None:
    hub, gate, card = Hub(), Gate(), gopro_card(tmp_path)
    async with serving(hub) as port:
        settings = settings_for(tmp_path, port)
        detector = detecting(settings, gate)
        await detector.__aenter__()
        at = await put_in(hub, settings, card)
        await at.ask("GX010001.MP4")
        await gate.until_reached()
    gate.open.set()
    back = Hub()
    async with serving(back, port):
        copied = await back.next(FileCopied)
        assert (copied.insertion_id, copied.file_id) == (at.insertion, at.id_of("GX010001.MP4"))
        assert "sd:inserted" not in back.types()
        await detector.__aexit__(None, None, None)


async def answer_to(hub: Hub, frame: str | bytes) -> Message:
    """What the detector answers to a frame."""
    number = len(hub.answers)
    await hub.send_raw(frame)
    await hub.until(lambda: len(hub.answers) > number)
    return hub.answers[-1]


@told
async def test_only_ids_can_be_asked_for(tmp_path: Path) -> None:
    """Paths are refused as no message; unknown ids are answered one by one; the detector goes on."""
    secret = tmp_path / "secret.mp4"
    secret.write_bytes(b"not on the card")
    paths = ("../secret.mp4", str(secret), "DCIM/100GOPRO/GX010001.MP4", "", "a" * 65, "x\\u0000")
    async with offloading(tmp_path, gopro_card(tmp_path)) as at:
        for number, path in enumerate(paths):
            body = f'{{"type":"sd:copy_request","insertion_id":"{at.insertion}","file_ids":["{path}"]}}'
            refusal = await answer_to(at.hub, f'{{"id":"bad{number}","body":{body}}}')
            assert isinstance(refusal, Refused)
            assert (refusal.of, refusal.code) == (f"bad{number}", ErrorCode.BAD_MESSAGE)
        await at.hub.ask(at.insertion, "secret", message_id="unknown-file")
        assert (await at.hub.next(CopyError)).code is ErrorCode.UNKNOWN_ID
        await at.hub.ask("nobody", at.id_of("GX010003.MP4"), message_id="unknown-insertion")
        assert (await at.hub.next(CopyError)).code is ErrorCode.UNKNOWN_ID
        await at.ask("GX010003.MP4", message_id="good")
        await at.hub.next(FileCopied)
    assert not Store(tmp_path / "data" / "store").object_path(hash_file(secret)).exists()


@told
async def test_what_is_no_message_is_refused_and_does_no_harm(tmp_path: Path) -> None:
    async with offloading(tmp_path, gopro_card(tmp_path)) as at:
        hub = at.hub
        for frame in ("", "null", "[" * 100_000, b"\xff\xfe", '{"id": 5}', encode(Welcome(version=1))):
            assert isinstance(await answer_to(hub, frame), Refused)
        await hub.send_raw("x" * (MAX_FRAME_BYTES + 1))  # Closes this connection; another one is made.
        await hub.until(lambda: len(hub.hellos) == 2)
        await hub.until(lambda: hub.socket is not None and hub.socket.close_code is None)
        await at.ask("GX010003.MP4")
        await hub.next(FileCopied)


@told
async def test_the_token_is_shown_and_a_refusal_is_said(tmp_path: Path) -> None:
    hub = Hub(token="secret")
    with listening("wrong token") as said:
        async with serving(hub) as port:
            async with detecting(settings_for(tmp_path, port, token="secret", detector_id="reader-1")):
                await hub.until(lambda: hub.socket is not None)
            async with detecting(settings_for(tmp_path, port, token="guess")):
                await asyncio.wait_for(said.wait(), PATIENCE_S)
    assert [(one.detector_id, one.token) for one in hub.hellos] == [("reader-1", "secret"), ("local", "guess")]
