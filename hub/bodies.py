"""Bodies of requests that are read whole: never more of them than can be meant.

Lives here: `limited_body`. Doesn't: what is in them (`review`, `cuts`).
"""

from __future__ import annotations

from fastapi import Request

from stinercut.errors import BadInput


async def limited_body(request: Request, most: int, what: str, advice: str) -> bytes:
    """A request's body. Raises BadInput, naming `what` was sent, as soon as it is larger than `most` bytes."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > most:
            raise BadInput(f"{what} is larger than {most // 1_000_000} MB", advice=advice)
    return bytes(body)
