"""Connections to the hub: how many there may be, and how long one may take to say what it wants.

Owns: uvicorn's HTTP protocol with these limits, which it has none of. Not here: sockets once they are open
(`hub.board.feed`, `hub.cards.socket`; uvicorn pings them), the size of bodies (`request_body`).

A sender that is slow on purpose, or a telephone that walked out of the network, must not hold a place for ever. What is
slow for an honest reason, an upload over a bad network, has time enough.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEADERS_S: Final = 15.0
"""For a request's headers, from the connection (or from the end of the request before) on."""
BODY_LOOK_S: Final = 20.0
"""How often the progress of a body is looked at."""
BODY_LEAST: Final = 20_000
"""Bytes that must come between two looks: 1 kB/s. The worst of mobile networks do ten times that."""
BODY_MOST_S: Final = 600.0
"""For a whole body: the largest, 5 MB, at 8 kB/s."""
MOST: Final = 700
"""Connections at once, open sockets included. Each takes a file handle, of which systems give a process 1024."""
MOST_OF_ONE_ADDRESS: Final = 350
"""Half of them: behind a proxy all browsers are one address, and one machine gone mad must leave room for others."""


class BoundedProtocol(H11Protocol):
    """One connection. Subclassed because this is how uvicorn lets its protocol be replaced (`Config(http=...)`)."""

    _deadline: asyncio.TimerHandle | None = None
    _waits_for: Any = None
    _received = 0
    _seen = 0
    _body_looks = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection, or close it at once where there are too many."""
        super().connection_made(transport)
        if is_one_too_many([getattr(one, "client", None) for one in self.connections], self.client):
            self.connections.discard(self)
            transport.write(b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\nconnection: close\r\n\r\n")
            transport.close()
            return
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count, and take it."""
        self._received += len(data)
        super().data_received(data)

    def handle_events(self) -> None:
        """Take what is there; then what is waited for may have changed."""
        super().handle_events()
        self._watch()

    def _watch(self) -> None:
        """Have a deadline for what is waited for, begun when its waiting began."""
        waits_for = self._wanted()
        if waits_for == self._waits_for:
            return
        self._disarm()
        self._waits_for = waits_for
        if waits_for == h11.IDLE:
            self._deadline = self.loop.call_later(HEADERS_S, self._give_up)
        elif waits_for == h11.SEND_BODY:
            self._seen, self._body_looks = self._received, 0
            self._deadline = self.loop.call_later(BODY_LOOK_S, self._look_at_body)

    def _wanted(self) -> Any:
        """What the client has to say now: its headers, its body, or nothing, as while it is answered."""
        if self.transport.is_closing() or self.transport.get_protocol() is not self:
            return None  # It is a WebSocket by now, or over.
        state = self.conn.their_state
        return state if state in (h11.IDLE, h11.SEND_BODY) else None

    def _look_at_body(self) -> None:
        self._body_looks += 1
        too_slow = self._received - self._seen < BODY_LEAST and not self.flow.read_paused
        if too_slow or self._body_looks * BODY_LOOK_S >= BODY_MOST_S:
            self._give_up()
            return
        self._seen = self._received
        self._deadline = self.loop.call_later(BODY_LOOK_S, self._look_at_body)

    def _give_up(self) -> None:
        self._deadline = None
        self.transport.close()

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def is_one_too_many(clients: list[tuple[str, int] | None], newest: tuple[str, int] | None) -> bool:
    """Whether the newest of these connections (one of them) is more than there may be, in all or of its address."""
    if len(clients) > MOST:
        return True
    address = newest[0] if newest else None
    return Counter(one[0] for one in clients if one)[address] > MOST_OF_ONE_ADDRESS if address else False
