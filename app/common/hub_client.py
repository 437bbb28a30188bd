"""The commands' client of the running hub: one request with its answer or refusal, and the frames of the board.

Owns: `ask`, `follow`, `credentials`. Not here: the requests (`app.commands`), what answers and frames hold (the views
of `hub`).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from http.client import HTTPException
from typing import Any
from urllib import error, request
from urllib.parse import quote

from app.common.running_note import running_stack
from stinercut.errors import BadInput, HostNotReady, NotFound, StinercutError
from stinercut.settings import Settings
from stinercut.storage.secret_files import local_secret

_TIMEOUT_S = 60
_LARGEST_FRAME = 64 << 20
"""Bytes. A snapshot holds all cards and jumps; only this machine's own hub sends them."""
_START_IT = "Is it running? `stinercut up` starts it; --data names another data folder's."


def ask(
    settings: Settings, method: str, path: str, body: object | bytes = None, *, patience: float = _TIMEOUT_S
) -> Any:
    """The hub's answer to one request, from JSON. `body` is sent as JSON, bytes as they are. `patience` in seconds.

    Asks the hub that runs on this data folder, on whatever port it was started; if none runs on this machine, the hub
    that the settings name. Raises HostNotReady when no hub answers, NotFound, and BadInput with the hub's own words
    when it refuses.
    """
    running = running_stack(settings)
    hub = running.hub if running else settings.hub_address
    is_raw = isinstance(body, bytes)
    data = body if is_raw else json.dumps(body).encode() if body is not None else None
    asked = request.Request(
        hub + path,
        data,
        {"content-type": "application/octet-stream" if is_raw else "application/json", **credentials(settings)},
        method=method,
    )
    # The hub is in the local network, so ignore any web proxy of the environment.
    opener = request.build_opener(request.ProxyHandler({}))
    try:
        with opener.open(asked, timeout=patience) as answer:
            return json.loads(answer.read() or b"null")
    except error.HTTPError as refused:
        raise _refusal(refused) from None
    except (OSError, HTTPException, ValueError) as silent:  # The last two mean that another program answers there.
        # urllib wraps the system's error.
        why = getattr(silent, "reason", silent)
        words = getattr(why, "strerror", None) or str(why)
        raise HostNotReady(f"the hub does not answer at {hub} ({words})", advice=_START_IT) from None


def credentials(settings: Settings) -> dict[str, str]:
    """The header by which the hub knows our commands; empty for an account that can't read the hub's secret."""
    secret = local_secret(settings.local_secret_file)
    return {"authorization": f"Bearer {secret}"} if secret else {}


def path_of(*parts: str) -> str:
    """A path of the hub, each part quoted."""
    return "/" + "/".join(quote(part, safe="") for part in parts)


def _refusal(refused: error.HTTPError) -> StinercutError:
    try:
        answer = json.loads(refused.read())["error"]
        what, advice, code = str(answer["what"]), str(answer["advice"]), str(answer["code"])
    except (ValueError, KeyError, TypeError):
        return HostNotReady(f"the hub answered {refused.code} {refused.reason}", advice=_START_IT)
    kind = {NotFound.code: NotFound, HostNotReady.code: HostNotReady}.get(code, BadInput)
    return kind(what, advice=advice)


async def follow(url: str, headers: Mapping[str, str] | None = None) -> AsyncGenerator[dict[str, Any]]:
    """The frames of a hub's board, without end. Reconnects when the connection is lost, then a new snapshot comes.

    `headers`: the `credentials`.
    """
    from websockets.asyncio.client import connect
    from websockets.exceptions import WebSocketException

    while True:
        try:
            async with connect(url, max_size=_LARGEST_FRAME, proxy=None, additional_headers=headers) as socket:
                async for frame in socket:
                    yield json.loads(frame)
        except (OSError, WebSocketException):
            await asyncio.sleep(0.3)
