"""Which version two sides speak: the choice, the words, and both sides with ranges that no release has."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.testclient import TestClient
from support.cataloguing import SMALL_LIMIT, catalog_in, entry, inserted, list_of, states
from support.detectors import PATIENCE_S, listening, told
from websockets.asyncio.server import ServerConnection, serve

from detector.copy.journal import Journal
from detector.link import HubAddress, Link
from hub.cards.copy_progress import Live
from hub.cards.detector_messages import Conversation
from hub.cards.socket import Detectors
from hub.kit.catalog_watch import CatalogWatch
from stinercut.cards import insertions
from stinercut.catalog import Catalog
from stinercut.language.messages import worded
from stinercut.protocol import (
    Ack,
    ErrorCode,
    FileList,
    Hello,
    Message,
    ProtocolError,
    Refused,
    Versions,
    Welcome,
    decode,
    encode,
    no_common_version,
)
from stinercut.storage.store import Store

RANGES = st.builds(Versions, st.integers(-2, 6), st.integers(-2, 6))


@given(RANGES, RANGES)
def test_the_highest_in_both_ranges_is_spoken(one: Versions, other: Versions) -> None:
    both = set(range(one.lowest, one.highest + 1)) & set(range(other.lowest, other.highest + 1))
    assert one.highest_common(other) == other.highest_common(one) == max(both, default=None)


@pytest.mark.parametrize(
    ("hub", "detector", "words"),
    [
        (Versions(3, 4), Versions(1, 2), "versions 3 to 4, the detector versions 1 to 2: update the detector"),
        (Versions(1, 1), Versions(2, 3), "version 1, the detector versions 2 to 3: update the hub"),
        (Versions(2, 2), Versions(1, 1), "version 2, the detector version 1: update the detector"),
    ],
)
def test_the_side_that_is_behind_is_to_be_updated(hub: Versions, detector: Versions, words: str) -> None:
    assert worded(no_common_version(hub, detector)) == f"the hub speaks {words}"


# ------------------------------------------------------------------------------------------------ the hub's side


@pytest.fixture
def conversation(tmp_path: Path) -> Iterator[Conversation]:
    with catalog_in(tmp_path) as catalog:
        yield Conversation(catalog, Store(tmp_path / "store"), 1000)


def answer_of_hub(conversation: Conversation, hub: Versions, hello: Hello) -> Message:
    detectors = Detectors(conversation, Live(), None, CatalogWatch(conversation.catalog), hub)
    app = Starlette(routes=[WebSocketRoute("/", detectors.serve)])
    with TestClient(app).websocket_connect("/") as socket:
        socket.send_text(encode(hello))
        return decode(socket.receive_text()).body


@pytest.mark.parametrize(
    ("hub", "detector", "spoken"),
    [
        (Versions(2, 3), Versions(1, 2), 2),
        (Versions(1, 3), Versions(2, 5), 3),
        (Versions(1, 1), Versions(1, 1), 1),
        (Versions(1, 9), Versions(4, 4), 4),
    ],
)
def test_a_hub_chooses_the_highest_common_one(
    conversation: Conversation, hub: Versions, detector: Versions, spoken: int
) -> None:
    hello = Hello(detector_id="det", min_version=detector.lowest, max_version=detector.highest)
    welcome = answer_of_hub(conversation, hub, hello)
    assert welcome == Welcome(version=spoken, min_version=hub.lowest, max_version=hub.highest)


@pytest.mark.parametrize(
    ("detector", "behind"), [(Versions(1, 2), "detector"), (Versions(5, 6), "hub"), (Versions(9, 0), "detector")]
)
def test_a_hub_refuses_where_there_is_none(conversation: Conversation, detector: Versions, behind: str) -> None:
    hello = Hello(detector_id="det", min_version=detector.lowest, max_version=detector.highest)
    refused = answer_of_hub(conversation, Versions(3, 4), hello)
    assert isinstance(refused, Refused)
    assert refused.code is ErrorCode.BAD_VERSION
    assert f"update the {behind}" in refused.detail


# ------------------------------------------------------------------------------------------------ the detector's side


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Welcome(version=2, min_version=1, max_version=2), "Connected to the hub"),
        (Welcome(version=1, min_version=1, max_version=2), "it chose version 1, which is not the highest"),
        (Welcome(version=4, min_version=4, max_version=5), "the hub speaks versions 4 to 5"),
        (Refused(code=ErrorCode.BAD_VERSION, detail="the words of the hub"), "BAD_VERSION): the words of the hub"),
    ],
    ids=["the highest common one", "a lower one", "none in common", "refused"],
)
@told
async def test_a_detector_takes_only_the_highest_common_one(tmp_path: Path, answer: Message, said: str) -> None:
    hellos: list[Message] = []

    async def hub(socket: ServerConnection) -> None:
        hellos.append(decode(await socket.recv()).body)
        await socket.send(encode(answer))
        await socket.wait_closed()

    with listening(said) as heard, closing(Journal(tmp_path / "journal.db")) as journal:
        async with serve(hub, "127.0.0.1", 0) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            address = HubAddress(f"ws://127.0.0.1:{port}", "det", None, Versions(2, 3))
            link = asyncio.create_task(Link(address, journal, lambda _request: None).run())
            await asyncio.wait_for(heard.wait(), PATIENCE_S)
            link.cancel()
            await asyncio.wait({link})
    assert hellos[0] == Hello(detector_id="det", min_version=2, max_version=3)


@told
async def test_a_message_of_an_earlier_release_that_is_none_by_now_holds_up_no_other(tmp_path: Path) -> None:
    """It may have been written down before an update: a bound that came since must not end the detector."""
    path, delivered, both = tmp_path / "journal.db", list[str](), asyncio.Event()

    async def hub(socket: ServerConnection) -> None:
        await socket.recv()
        await socket.send(encode(Welcome(version=1, min_version=1, max_version=1)))
        async for frame in socket:
            delivered.append(str(frame))
            if len(delivered) == 2:
                both.set()

    lists = [FileList(insertion_id="i", index=0, total=total, files=[]) for total in (1, 2)]
    with closing(Journal(path)) as journal:
        journal.put(lists)
    with closing(sqlite3.connect(path)) as written:
        written.execute("UPDATE outbox SET frame = replace(frame, '\"total\":1', '\"total\":9999999') WHERE seq = 1")
        written.commit()
    with closing(Journal(path)) as journal:
        with pytest.raises(ProtocolError):
            decode(journal.unacknowledged()[0].frame)
        async with serve(hub, "127.0.0.1", 0) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            link = asyncio.create_task(
                Link(HubAddress(f"ws://127.0.0.1:{port}", "det", None), journal, lambda _request: None).run()
            )
            await asyncio.wait_for(both.wait(), PATIENCE_S)
            assert not link.done()
            link.cancel()
            await asyncio.wait({link})
    assert "9999999" in delivered[0]
    assert decode(delivered[1]).body == lists[1]


@pytest.mark.parametrize("year", [1601, 1970, 2107, 2999])
def test_a_list_of_an_older_detector_with_a_time_that_no_camera_wrote_is_taken(catalog: Catalog, year: int) -> None:
    """A file without a time has 1601 on NTFS. A refusal is final: all of the card's files would be lost for it."""
    strange = entry("GX010001.MP4").model_copy(update={"modified": datetime(year, 1, 1)})
    frame = encode(list_of("in-1", [strange, entry("GX010002.MP4")]))
    with catalog.write() as session:
        insertions.record_insertion(session, "det", inserted("in-1"))
    conversation = Conversation(catalog, Store(Path("store")), SMALL_LIMIT)
    assert isinstance(conversation.handle("det", decode(frame)).reply, Ack)
    assert states(catalog, "in-1") == {"GX010001.MP4": "requested", "GX010002.MP4": "requested"}
