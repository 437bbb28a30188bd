"""The access log: who fetched a film or footage, who changed something, and who was refused, one line of JSON each.

Owns: `AccessLog`, around all requests and sockets, what is worth a line, and what stands in it. Not here: what was
decided and by whom (the catalog's decisions), what went wrong (the hub's log).

No line holds a name: routes and keys are noted, never what was looked for, sent or called out.
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
"""Bytes, about 130 000 lines; then the file becomes `access.log.1`, and a new one begins."""
KEPT: Final = 9
"""Older files. With the newest they take 200 MB at most."""
READS: Final = ("/films/", "/api/files/")
"""Where films, photos and footage are fetched. Other reads are the pages' own, every few seconds."""
SOCKETS: Final = {True: 101, False: 403}
"""What HTTP has for a socket that was let in, and one that wasn't."""
_KEYS: Final = ("jump", "subject", "card_file_id", "film", "photos", "photo")
_KEY: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")

Note = Callable[[Mapping[str, Any]], None]


class AccessLog:
    """Around an application: notes each request that is worth it, once it is answered."""

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
    """Whether a request is to be noted: reads of films and footage, every change, every refusal, every socket."""
    return status >= 400 or method not in ("GET", "HEAD", "OPTIONS") or path.startswith(READS)


def line_of(scope: Scope, method: str, status: int) -> dict[str, Any]:
    """What is noted of a request: from where, what for, about which jump or file, and what came of it.

    A path that leads nowhere may hold anything, a name too: of it nothing is noted.
    """
    client, route = scope.get("client"), scope.get("route")
    said: Mapping[str, Any] = scope.get("path_params", {}) if status != 404 else {}
    keys = {name: str(said[name]) for name in _KEYS if name in said and _KEY.fullmatch(str(said[name]))}
    address = client[0] if client else ""
    return {"address": address, "method": method, "route": getattr(route, "path", ""), **keys, "status": status}


class AccessFile:
    """The file that lines are written to. Only its owner can read it; it rotates by size."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._handler: RotatingFileHandler | None = None

    def note(self, line: Mapping[str, Any]) -> None:
        """Write a line. That the disk is full is said on stderr, and stops no answer."""
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
