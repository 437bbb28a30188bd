"""When detectors make the hub look at the catalog: while a card may be in, and only then."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.testclient import TestClient, WebSocketTestSession
from support.cataloguing import SMALL_LIMIT, catalog_in, entry, inserted, list_of

from hub.cards.copy_progress import Live
from hub.cards.detector_messages import Conversation
from hub.cards.socket import Detectors
from hub.kit.catalog_watch import CatalogWatch
from stinercut.protocol import Ack, Hello, Message, Removed, Welcome, decode, encode
from stinercut.storage.store import Store


class Asked(CatalogWatch):
    """A watch that is asked whether detectors listen."""

    def on_change(self, name: str, act: Callable[[], Awaitable[None]], listens: Callable[[], bool], *more: Any) -> None:
        super().on_change(name, act, listens, *more)
        self.do_detectors_listen = listens


def say(socket: WebSocketTestSession, body: Message, answer: type[Message]) -> None:
    socket.send_text(encode(body))
    assert isinstance(decode(socket.receive_text()).body, answer)


def test_a_detector_without_a_card_in_costs_no_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.cards.socket.OUTBOX_FIRST_S", 1000)
    with catalog_in(tmp_path) as catalog:
        watch = Asked(catalog)
        detectors = Detectors(Conversation(catalog, Store(tmp_path / "store"), SMALL_LIMIT), Live(), None, watch)

        def look() -> bool:
            """The hub asks for what is new; whether it goes on listening for changes."""
            asyncio.run(detectors.ask_for_new())
            return watch.do_detectors_listen()

        assert not watch.do_detectors_listen()
        app = Starlette(routes=[WebSocketRoute("/", detectors.serve)])
        with TestClient(app).websocket_connect("/") as socket:
            say(socket, Hello(detector_id="det"), Welcome)
            assert watch.do_detectors_listen(), "a card may be in from before"
            assert not look()
            say(socket, inserted("in-1"), Ack)
            assert watch.do_detectors_listen()
            say(socket, list_of("in-1", [entry("GX010001.MP4", 900_000_000)]), Ack)
            assert look(), "whose the large file is will be known later"
            say(socket, Removed(insertion_id="in-1"), Ack)
            assert not look()
