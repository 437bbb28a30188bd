"""Limits the size of request bodies.

Owns: `bounded`, around every request, and `limited_body` for the routes that take more. Not here: how long a sender may
take (`connections`), what is in a body (`hub.review.routes`, `hub.films.routes`).

A body that is too large is read to its end and thrown away, up to a limit: a browser that is still sending doesn't show
an answer that comes earlier.
"""

from __future__ import annotations

import re
from typing import Final

from fastapi import HTTPException, Request
from starlette.types import Message as AsgiMessage
from starlette.types import Receive

from stinercut.errors import BadInput
from stinercut.language.messages import Message, worded
from stinercut.language.refusal_codes import RefusalCode

MOST: Final = 1_000_000
"""The most bytes of a JSON body. For scale: 500 jumps to retry are 70 000 bytes."""
THROWN_AWAY: Final = 16_000_000
"""How many bytes are read beyond a limit before the sender is cut off."""
_READ_BY_THEIR_ROUTES: Final = (re.compile(r"PUT /api/jumps/[^/]+/cut"), re.compile(r"POST /api/bookings(/.*)?"))
"""Timelines and lists of bookings: these routes read their bodies with `limited_body`."""


class TooLarge(HTTPException):
    """A body over its limit. An HTTPException, because FastAPI lets no other error through while it reads a body."""

    def __init__(self, most: int) -> None:
        self.said = Message.of(RefusalCode.SENT_TOO_LARGE, most=most // 1_000_000)
        super().__init__(413, worded(self.said), {"connection": "close"})


def is_bounded_by_its_route(method: str, path: str) -> bool:
    """Whether a route has a limit of its own, and reads its body with `limited_body`."""
    return any(route.fullmatch(f"{method} {path}") for route in _READ_BY_THEIR_ROUTES)


def bounded(receive: Receive, most: int = MOST) -> Receive:
    """A request's messages. Raises TooLarge when its body has more than `most` bytes."""
    taken = 0

    async def receiving() -> AsgiMessage:
        nonlocal taken
        message = await receive()
        if message["type"] != "http.request":
            return message
        taken += len(message.get("body", b""))
        if taken > most:
            await _throw_away(receive, message)
            raise TooLarge(most)
        return message

    return receiving


async def _throw_away(receive: Receive, message: AsgiMessage) -> None:
    left = THROWN_AWAY
    while message["type"] == "http.request" and message.get("more_body") and left > 0:
        message = await receive()
        left -= len(message.get("body", b""))


async def limited_body(request: Request, most: int, too_large: Message, advice: Message) -> bytes:
    """A request's body. Raises BadInput, which names the body as `what`, if it is larger than `most` bytes."""
    body = bytearray()
    size = 0
    async for piece in request.stream():
        size += len(piece)
        if size > most + THROWN_AWAY:
            break
        if size <= most:
            body += piece
    if size > most:
        raise BadInput(too_large, advice=advice)
    return bytes(body)
