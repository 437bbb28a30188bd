"""The running hub as commands see it: a request with its answer or refusal in our words, and the frames of the board.

Owns: `ask`, `follow`. Not here: what is asked (`app.commands`), what answers and frames hold (the views of `hub`).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from http.client import HTTPException
from typing import Any
from urllib import error, request
from urllib.parse import quote

from app.common.running_note import running_stack
from stinercut.errors import BadInput, HostNotReady, NotFound, StinercutError
from stinercut.settings import Settings

_TIMEOUT_S = 60
_LARGEST_FRAME = 64 << 20
"""Bytes. A snapshot holds all cards and jumps; only this machine's own hub is listened to."""
_START_IT = "Is it running? `stinercut up` starts it; --data names another data folder's."


def ask(
    settings: Settings, method: str, path: str, body: object | bytes = None, *, patience: float = _TIMEOUT_S
) -> Any:
    """What the hub answers to one request, from JSON. `body` is sent as JSON, bytes as they are. `patience` in seconds.

    The hub is the one that runs on this data folder, on whatever port it was started; where none runs on this machine,
    the one that the settings name. Raises HostNotReady when there is no hub to ask, NotFound, and BadInput with the
    hub's own words when it refuses.
    """
    running = running_stack(settings)
    hub = running.hub if running else settings.hub_address
    is_raw = isinstance(body, bytes)
    data = body if is_raw else json.dumps(body).encode() if body is not None else None
    asked = request.Request(
        hub + path,
        data,
        {"content-type": "application/octet-stream" if is_raw else "application/json"},
        method=method,
    )
    # Its own house: no proxy that the environment may name for the web.
    opener = request.build_opener(request.ProxyHandler({}))
    try:
        with opener.open(asked, timeout=patience) as answer:
            return json.loads(answer.read() or b"null")
    except error.HTTPError as refused:
        raise _refusal(refused) from None
    except (OSError, HTTPException, ValueError) as silent:  # The last two: what answers there is no hub.
        # urllib wraps what the system said.
        why = getattr(silent, "reason", silent)
        said = getattr(why, "strerror", None) or str(why)
        raise HostNotReady(f"the hub does not answer at {hub} ({said})", advice=_START_IT) from None


def path_of(*parts: str) -> str:
    """A path of the hub, each part quoted."""
    return "/" + "/".join(quote(part, safe="") for part in parts)


def _refusal(refused: error.HTTPError) -> StinercutError:
    try:
        said = json.loads(refused.read())["error"]
        what, advice, code = str(said["what"]), str(said["advice"]), str(said["code"])
    except (ValueError, KeyError, TypeError):
        return HostNotReady(f"the hub answered {refused.code} {refused.reason}", advice=_START_IT)
    kind = {NotFound.code: NotFound, HostNotReady.code: HostNotReady}.get(code, BadInput)
    return kind(what, advice=advice)


async def follow(url: str) -> AsyncGenerator[dict[str, Any]]:
    """The frames of a hub's board, without end: a lost connection is made again, and begins with a new snapshot."""
    from websockets.asyncio.client import connect
    from websockets.exceptions import WebSocketException

    while True:
        try:
            async with connect(url, max_size=_LARGEST_FRAME, proxy=None) as socket:
                async for frame in socket:
                    yield json.loads(frame)
        except (OSError, WebSocketException):
            await asyncio.sleep(0.3)
