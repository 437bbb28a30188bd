"""The guard around Dagster's webserver: lets in the hub and browsers that come through the hub's door, nobody else.

Owns: who may ask for what there, the exchange of a ticket for a pass, the headers of answers. Not here: the rules about
names and origins (`stinercut.own_names`, `hub.kit.security`), tickets and passes (`hub.kit.passes`), the door
(`hub.runs.dagster_door`), Dagster's answers.

Without it, Dagster's webserver accepts changes by GET, by POST from a form of any page, on a socket from any page,
under any host name, from any program of the machine: any page on the internet, shown in a browser, could stop all
production.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from hub.kit import passes
from hub.kit.passes import DOOR, LONGEST, inside
from hub.kit.request_body import bounded
from hub.kit.security import is_from_elsewhere, is_page_visit
from stinercut.clock import Clock, machine_clock
from stinercut.own_names import OwnNames

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger("app.engine.dagster_guard")

ALIVE = "/server_info"
"""Shows versions only. Health checks (the supervisor's, a container's) ask here, without a secret."""
ENTERED = "/stinercut/entered"
"""The path on which a browser proves that it has kept its pass."""
MOST: Final = 16_000_000
"""The most bytes of a request. A backfill names each of its films, and there may be tens of thousands."""
_POLICY = 1008
_GRAPHQL = "/graphql"
_NO_PAGES = (_GRAPHQL, "/logs", "/download_debug", "/notebook", "/dagit", "/report_")
"""Paths that give data instead of a page; links of other sites must not lead there."""


@dataclass(frozen=True)
class Rules:
    """The guard's rules. `names`: the host names that the webserver answers to.

    `hub`: the board's address as browsers know it. `cookie`: the cookie's name, which contains the port, since a
    browser sends a cookie of one port to all ports of a machine.
    """

    secret: str
    names: OwnNames
    hub: str
    cookie: str


@dataclass(frozen=True)
class Asked:
    """A request, or the handshake of a socket, as far as the guard looks at it."""

    method: str
    path: str
    headers: Headers
    is_socket: bool = False
    query: str = ""

    @classmethod
    def of(cls, scope: Scope) -> Asked:
        """The request of an ASGI server's scope."""
        is_socket = scope["type"] == "websocket"
        method = "GET" if is_socket else scope["method"]
        return cls(method, scope["path"], Headers(scope=scope), is_socket, scope["query_string"].decode("latin-1"))

    @property
    def is_change(self) -> bool:
        """Whether it may change something; a socket may carry requests that do."""
        return self.is_socket or self.method not in {"GET", "HEAD"}


def refusal(asked: Asked, names: OwnNames) -> str | None:
    """Why this request is refused, whoever asks; None if it is not."""
    headers = asked.headers
    if not names.include(headers.get("host", "")):
        return "Dagster's webserver does not answer under that name"
    if is_from_elsewhere(headers) and (asked.is_change or not _is_link_to_a_page(asked)):
        return "another site's page asked for this"
    return None if asked.is_socket else _refusal_of_form(asked)


def _refusal_of_form(asked: Asked) -> str | None:
    if asked.method not in {"GET", "HEAD", "POST"}:
        return "Dagster's webserver has nothing that is asked for in that way"
    if asked.method == "POST" and not _is_json(asked.headers):
        return "only JSON is taken (content-type: application/json)"
    if asked.method != "POST" and asked.path == _GRAPHQL and "text/html" not in asked.headers.get("accept", ""):
        return "questions come by POST"
    return None


def _is_link_to_a_page(asked: Asked) -> bool:
    # A link sends no Origin. A request with one comes from a script, whatever its other headers claim.
    is_link = is_page_visit(asked.headers) and "origin" not in asked.headers
    return is_link and not asked.path.startswith(_NO_PAGES)


def _is_json(headers: Headers) -> bool:
    return headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"


def shows_secret(asked: Asked, secret: str) -> bool:
    """Whether the request comes from the hub."""
    shown = asked.headers.get(passes.SECRET_HEADER)
    return shown is not None and passes.is_same(shown, secret)


def shows_pass(asked: Asked, rules: Rules, now: datetime) -> bool:
    """Whether a browser asks that came through the hub's door; a change must also come from our own page."""
    if asked.is_change and "origin" not in asked.headers:
        return False  # Browsers always send it with a change, and the rule about other sites has checked it.
    kept = cookie_parser(asked.headers.get("cookie", "")).get(rules.cookie, "")
    return passes.read(rules.secret, passes.PassKind.PASS, kept, now) is not None


@dataclass
class DagsterGuard:
    """An ASGI application around Dagster's."""

    app: ASGIApp
    rules: Rules
    clock: Clock = machine_clock
    _used: dict[str, datetime] = field(default_factory=dict[str, datetime])
    """The serials of used tickets, and until when they would be valid."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, or answer it here."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        asked = Asked.of(scope)
        answer = self._answer(asked, scope)
        if answer is None and asked.is_socket:
            await self.app(scope, receive, send)
        elif answer is None:
            await self.app(scope, bounded(receive, MOST), _with_headers(send))
        elif asked.is_socket:
            await send({"type": "websocket.close", "code": _POLICY})
        else:
            await answer(scope, receive, _with_headers(send))

    def _answer(self, asked: Asked, scope: Scope) -> Response | None:
        """The guard's own answer; None to let Dagster answer."""
        if why := refusal(asked, self.rules.names):
            return _refused(asked, 403, why)
        if asked.method == "GET" and asked.path.startswith(passes.ENTER):
            return self._enter(asked, scope)
        is_let_in = shows_secret(asked, self.rules.secret) or shows_pass(asked, self.rules, self.clock())
        if asked.method == "GET" and asked.path == ENTERED:
            return _entered(asked) if is_let_in else _no_cookies()
        if is_let_in or (asked.path == ALIVE and not asked.is_change):
            return None
        if not asked.is_socket and asked.method == "GET" and is_page_visit(asked.headers):
            return RedirectResponse(_through_the_door(self.rules.hub, asked), 303, {"cache-control": "no-store"})
        return _refused(asked, 401, "Dagster's webserver answers the hub, and browsers that come through it")

    def _enter(self, asked: Asked, scope: Scope) -> Response:
        """Exchange a ticket for a pass, once.

        A page sends the browser on, not a redirect: the browser sends a SameSite=Strict cookie only if this site itself
        leads to the next page, and the ticket came from the hub's site.
        """
        now = self.clock()
        note = passes.read(self.rules.secret, passes.PassKind.TICKET, asked.path.removeprefix(passes.ENTER), now)
        self._used = {serial: until for serial, until in self._used.items() if until > now}
        to = _leads_to(asked)
        if note is None or note.serial in self._used:
            # For example after "back" in the browser, which leads to a used ticket.
            return RedirectResponse(_door(self.rules.hub, to), 303, {"cache-control": "no-store"})
        self._used[note.serial] = note.until
        answer = _page("Opening Dagster", "One moment.", f"{ENTERED}?to={quote(inside(to), safe='')}")
        answer.set_cookie(
            self.rules.cookie,
            passes.issue(self.rules.secret, passes.PassKind.PASS, now),
            httponly=True,
            samesite="strict",
            secure=scope.get("scheme") == "https",
        )
        return answer


def _leads_to(asked: Asked) -> str:
    return parse_qs(asked.query).get("to", ["/"])[0]


def _through_the_door(hub: str, asked: Asked) -> str:
    return _door(hub, f"{quote(asked.path)}?{asked.query}" if asked.query else quote(asked.path))


def _door(hub: str, to: str) -> str:
    """The address where a browser gets a ticket for that page; for an overlong address, a ticket for the first page."""
    return f"{hub}{DOOR}?to={quote(to if len(to) <= LONGEST else '/', safe='')}"


def _entered(asked: Asked) -> Response:
    return RedirectResponse(inside(_leads_to(asked)), 303, {"cache-control": "no-store"})


def _no_cookies() -> Response:
    return _page("Dagster", "This browser keeps no cookies for this address, and Dagster's pages need one.", status=403)


def _page(title: str, words: str, leads_to: str = "", status: int = 200) -> HTMLResponse:
    refresh = f'<meta http-equiv="refresh" content="0;url={escape(leads_to)}">' if leads_to else ""
    html = f'<!doctype html><html lang="en"><head><meta charset="utf-8">{refresh}<title>{title}</title></head>'
    headers = {
        "cache-control": "no-store",
        "referrer-policy": "no-referrer",
        "content-security-policy": "default-src 'none'",
    }
    return HTMLResponse(f"{html}<body><p>{words}</p></body></html>", status, headers)


def _refused(asked: Asked, status: int, why: str) -> JSONResponse:
    what = "a socket" if asked.is_socket else asked.method
    log.warning("Refused: %s %r: %s.", what, asked.path, why)
    advice = "Open Dagster's pages with the links of the board. Names that it answers to: docs/orchestration.md."
    return JSONResponse({"error": {"code": "FORBIDDEN", "what": why, "advice": advice}}, status)


def _with_headers(send: Send) -> Send:
    """Add the headers that keep other sites from framing or embedding Dagster's pages."""

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.setdefault("x-frame-options", "SAMEORIGIN")
            headers.setdefault("cross-origin-resource-policy", "same-origin")
            headers.setdefault("x-content-type-options", "nosniff")
        await send(message)

    return sent
