"""The access log: one line of JSON for each fetch of a film or footage, each change and each refusal.

Owns: `AccessLog`, around all requests and sockets; which requests get a line, and what the line holds. Not here:
people's decisions (in the catalog), errors (in the hub's log).

No line holds a person's name: it holds routes and keys, never search texts, bodies or free text.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Mapping
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stinercut.clock import Clock

FILE: Final = "access.log"
LIMIT: Final = 20_000_000
"""Bytes, about 130 000 lines. Then the file becomes `access.log.1`, and a new file begins."""
KEPT: Final = 9
"""How many older files are kept. With the newest they take 200 MB at most."""
READS: Final = ("/films/", "/api/files/")
"""The paths of films, photos and footage. Other reads come from the pages themselves, every few seconds."""
SOCKETS: Final = {True: 101, False: 403}
"""The HTTP status to note for a socket that was let in, and for one that wasn't."""
_KEYS: Final = ("jump", "subject", "card_file_id", "film", "photos", "photo")
_KEY: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")

Note = Callable[[Mapping[str, Any]], None]


class AccessLog:
    """Wraps an application, and notes each request that is worth a line once it is answered."""

    def __init__(self, app: ASGIApp, note: Note, clock: Clock) -> None:
        self._app = app
        self._note = note
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        status = 500

        async def watched(message: Message) -> None:
            nonlocal status
            match message["type"]:
                case "http.response.start":
                    status = message["status"]
                case "websocket.accept":
                    status = SOCKETS[True]
                    self._say(scope, status)
                case "websocket.close" if status == 500:
                    status = SOCKETS[False]
                case _:
                    pass
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            if status != SOCKETS[True]:
                self._say(scope, status)

    def _say(self, scope: Scope, status: int) -> None:
        method = scope.get("method", "SOCKET")
        if is_worth_a_line(method, scope["path"], status):
            at = self._clock().isoformat(timespec="milliseconds")
            self._note({"at": at, **line_of(scope, method, status)})


def is_worth_a_line(method: str, path: str, status: int) -> bool:
    """Whether to note a request: reads of films and footage, every change, every refusal, every socket."""
    return status >= 400 or method not in ("GET", "HEAD", "OPTIONS") or path.startswith(READS)


def line_of(scope: Scope, method: str, status: int) -> dict[str, Any]:
    """The line of a request: its address, method and route, the keys of its jump or file, and the status.

    A path that leads nowhere may hold anything, even a name, so nothing of it is noted.
    """
    client, route = scope.get("client"), scope.get("route")
    params: Mapping[str, Any] = scope.get("path_params", {}) if status != 404 else {}
    keys = {name: str(params[name]) for name in _KEYS if name in params and _KEY.fullmatch(str(params[name]))}
    address = client[0] if client else ""
    return {"address": address, "method": method, "route": getattr(route, "path", ""), **keys, "status": status}


class AccessFile:
    """The file of the access log. Only its owner can read it, and it rotates by size."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._handler: RotatingFileHandler | None = None

    def note(self, line: Mapping[str, Any]) -> None:
        """Write a line. A full disk is only reported on stderr and stops no answer."""
        if self._handler is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            file = self._folder / FILE
            file.touch(mode=0o600)
            self._handler = RotatingFileHandler(file, maxBytes=LIMIT, backupCount=KEPT, encoding="utf-8")
            self._handler.rotator = _rotated
        self._handler.handle(logging.makeLogRecord({"msg": json.dumps(line)}))

    def close(self) -> None:
        """Close the file; the next line opens it again."""
        if self._handler is not None:
            self._handler.close()
            self._handler = None


def _rotated(full: str, older: str) -> None:
    Path(full).replace(older)
    Path(full).touch(mode=0o600)
