"""The guard around every request: the host names we answer to, the same-origin rule, headers, the size of bodies.

Owns: `Guard`, the ASGI middleware, and the order of its rules. Not here: the rules themselves (`stinercut.own_names`,
`security`, `request_body`), the form of a refusal (`errors`).
"""

from __future__ import annotations

from typing import Final

from fastapi import Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.types import Message as AsgiMessage

from hub.kit.errors import error_answer
from hub.kit.request_body import bounded, is_bounded_by_its_route
from hub.kit.security import answer_headers, headers_of_kind, is_from_elsewhere
from stinercut.errors import Forbidden
from stinercut.language.messages import Message
from stinercut.language.refusal_codes import RefusalCode
from stinercut.own_names import OwnNames
from stinercut.protocol.close_codes import POLICY

READING: Final = ("GET", "HEAD", "OPTIONS")
"""Methods that change nothing: a page of another site gains nothing by them, and no body is read."""


class Guard:
    """Wraps an application with these rules.

    Sockets have their own rules. The detectors' socket (`detectors_path`) needs no rule about names, since it lets in
    no browsers at all.
    """

    def __init__(self, app: ASGIApp, names: OwnNames, detectors_path: str) -> None:
        self._app = app
        self._names = names
        self._detectors_path = detectors_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        host = Headers(scope=scope).get("host", "") if scope["type"] in ("http", "websocket") else ""
        is_of_a_browser = scope["type"] == "websocket" and scope["path"] != self._detectors_path
        if is_of_a_browser and not self._names.include(host):
            await send({"type": "websocket.close", "code": POLICY})
        elif scope["type"] == "http":
            await self._answer(Request(scope), receive, send)
        else:
            await self._app(scope, receive, send)

    async def _answer(self, request: Request, receive: Receive, send: Send) -> None:
        host = request.headers.get("host", "")

        async def with_headers(message: AsgiMessage) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in answer_headers(host).items():
                    headers.setdefault(name, value)
                for name, value in headers_of_kind(request.url.path, request.url.scheme).items():
                    headers.setdefault(name, value)
            await send(message)

        if not self._names.include(host):
            advice = Message.of(RefusalCode.HUB_NAMES_ADVICE)
            refused = error_answer(Forbidden(Message.of(RefusalCode.NAME_NOT_OF_HUB), advice=advice))
            await refused(request.scope, receive, with_headers)
        elif request.method in READING:
            await self._app(request.scope, receive, with_headers)
        elif is_from_elsewhere(request.headers):
            refused = error_answer(Forbidden(Message.of(RefusalCode.ASKED_BY_OTHER_SITE)))
            await refused(request.scope, receive, with_headers)
        else:
            has_own_limit = is_bounded_by_its_route(request.method, request.url.path)
            await self._app(request.scope, receive if has_own_limit else bounded(receive), with_headers)
