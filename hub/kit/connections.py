"""Limits on connections to the hub: how many there may be, and how long one may take to send its request.

Owns: uvicorn's HTTP protocol with these limits, which uvicorn lacks. Not here: sockets once they are open
(`hub.board.feed`, `hub.cards.socket`; uvicorn pings them), the size of bodies (`request_body`).

A sender that is slow on purpose, or a telephone that has left the network, must not hold a place forever. A sender with
an honest reason to be slow, such as an upload over a bad network, has enough time.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEADERS_S: Final = 15.0
"""The time for a request's headers, from the connection or from the end of the previous request."""
BODY_LOOK_S: Final = 20.0
"""The time between two looks at a body's progress."""
BODY_LEAST: Final = 20_000
"""The fewest bytes between two looks: 1 kB/s. Even the worst mobile networks are ten times as fast."""
BODY_MOST_S: Final = 600.0
"""The time for a whole body: enough for the largest, 5 MB, at 8 kB/s."""
MOST: Final = 700
"""The most connections at once, including open sockets. Each takes a file handle; a process usually has 1024."""
MOST_OF_ONE_ADDRESS: Final = 350
"""Half of them: behind a proxy all browsers have one address, yet one faulty machine must leave room for others."""


class BoundedProtocol(H11Protocol):
    """One connection. It is a subclass because uvicorn lets its protocol be replaced this way (`Config(http=...)`)."""

    _deadline: asyncio.TimerHandle | None = None
    _waits_for: Any = None
    _received = 0
    _seen = 0
    _body_looks = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Accept the connection, or close it at once if there are too many."""
        super().connection_made(transport)
        if is_one_too_many([getattr(other, "client", None) for other in self.connections], self.client):
            self.connections.discard(self)
            transport.write(b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\nconnection: close\r\n\r\n")
            transport.close()
            return
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count the bytes and hand them on."""
        self._received += len(data)
        super().data_received(data)

    def handle_events(self) -> None:
        """Handle the received events, after which the connection may wait for something else."""
        super().handle_events()
        self._watch()

    def _watch(self) -> None:
        """Set the deadline for what the connection waits for; it starts when the wait starts."""
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
        """What the client must send now: headers, a body, or nothing (None), as while it gets its answer."""
        if self.transport.is_closing() or self.transport.get_protocol() is not self:
            return None  # The connection is a WebSocket by now, or over.
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
    """Whether the newest of these connections, which is among them, exceeds the limit of all or of its address."""
    if len(clients) > MOST:
        return True
    address = newest[0] if newest else None
    return Counter(client[0] for client in clients if client)[address] > MOST_OF_ONE_ADDRESS if address else False
