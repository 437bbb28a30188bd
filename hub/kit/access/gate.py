"""The gate around every request and socket: finds out who asks, and refuses what the table of routes does not permit.

Owns: `Gate` (ASGI middleware), `require_listed` (for the route that was really found), `Access` (is it open here, and
who is behind a cookie or key). Not here: the table (`route_permissions`), signing in (`hub.people.routes`), the rules
about names and other sites (`hub.kit.guard`).
"""

from __future__ import annotations

import asyncio
import hmac
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

from fastapi.responses import RedirectResponse
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from hub.kit.access.route_permissions import SOCKET, Need, RouteEntry, RouteTable, Rule
from hub.kit.access.subject import NOBODY, SCOPE_KEY, THIS_MACHINE, Subject, SubjectKind
from hub.kit.errors import error_answer
from hub.kit.security import is_page_visit
from stinercut.catalog import Catalog
from stinercut.errors import BadInput, Forbidden, HostNotReady, NotFound, NotSignedIn, StinercutError
from stinercut.language.messages import Message
from stinercut.language.people_codes import PeopleCode
from stinercut.language.refusal_codes import RefusalCode
from stinercut.people import accounts, audit, keys, logins
from stinercut.people.audit import Deed
from stinercut.people.permissions import PERMISSIONS_OF
from stinercut.protocol.close_codes import POLICY
from stinercut.storage.secret_files import local_secret

SAFE_COOKIE: Final = "__Host-stinercut"
"""Over HTTPS: no other host or path can set a cookie of this name."""
PLAIN_COOKIE: Final = "stinercut"
"""Over HTTP, where browsers take no `__Host-` cookie."""
_READING: Final = ("GET", "HEAD", "OPTIONS")
_BEARER: Final = "bearer "
_FETCHED: Final = ("/films/", "/api/files/")
"""Paths of films, photos and footage."""


def cookie_name(connection: HTTPConnection) -> str:
    """The name of the cookie that holds the sign-in's token."""
    return SAFE_COOKIE if connection.url.scheme in ("https", "wss") else PLAIN_COOKIE


@dataclass
class Access:
    """Who is let in here. `secret_file` holds the installation's own secret, for its commands.

    `is_open`: whether everybody may do everything; `is_open_without_accounts`: as long as nobody has made an account.
    """

    table: RouteTable
    secret_file: Path
    is_open: bool
    is_open_without_accounts: bool
    has_accounts: bool = False
    """Whether there was an account at the last look. It never turns false: accounts are not deleted."""

    def find(self, catalog: Catalog | None, connection: HTTPConnection) -> Subject:
        """Who asks. Reads the catalog."""
        bearer = connection.headers.get("authorization", "")
        if bearer.lower().startswith(_BEARER):
            return self._of_key(catalog, bearer[len(_BEARER) :].strip())
        if self.is_open:
            return THIS_MACHINE
        if catalog is None:  # The hub has not started: nothing was read yet.
            return THIS_MACHINE if self.is_open_without_accounts else NOBODY
        if not self.has_accounts:
            with catalog.read() as session:
                self.has_accounts = accounts.is_anybody(session)
        if not self.has_accounts:
            return THIS_MACHINE if self.is_open_without_accounts else NOBODY
        token = connection.cookies.get(cookie_name(connection), "")
        return self._of_cookie(catalog, token) if token else NOBODY

    def _of_key(self, catalog: Catalog | None, shown: str) -> Subject:
        if is_same_secret(shown, local_secret(self.secret_file)):
            return THIS_MACHINE
        if catalog is None or not shown.startswith(keys.API_KEY_BEGINS):
            return NOBODY
        with catalog.read() as session:
            key = keys.find_api_key(session, shown)
        return Subject(SubjectKind.API_KEY, key.name, keys.permissions_of(key)) if key is not None else NOBODY

    def _of_cookie(self, catalog: Catalog, token: str) -> Subject:
        with catalog.read() as session:
            found = logins.find(session, token)
        if found is None:
            return NOBODY
        if found.is_seen_late:
            with catalog.write() as session:
                logins.note_seen(session, found.login_id)
        return Subject(
            SubjectKind.ACCOUNT,
            found.name,
            PERMISSIONS_OF[found.role],
            found.role.value,
            found.account_id,
            found.login_id,
            found.acting,
        )


def refusal(need: Need | None, subject: Subject) -> StinercutError | None:
    """Why a subject may not do what needs this; None if it may. `need` None: nothing is listed there."""
    if need in (Rule.OPEN, Rule.OWN_RULE):
        return None
    if subject.kind is SubjectKind.NOBODY:
        return NotSignedIn(Message.of(PeopleCode.NOT_SIGNED_IN), advice=Message.of(PeopleCode.SIGN_IN_FIRST))
    if need is None:
        return NotFound(Message.of(RefusalCode.NO_SUCH_PAGE))
    if isinstance(need, Rule) or subject.may(need):
        return None
    return Forbidden(Message.of(PeopleCode.NOT_PERMITTED), advice=Message.of(PeopleCode.ASK_AN_ADMIN))


def is_same_secret(shown: str, secret: str | None) -> bool:
    """Whether this is the secret, compared in a time that doesn't reveal how much of it is right."""
    return secret is not None and hmac.compare_digest(shown.encode("utf-8", "replace"), secret.encode())


class Gate:
    """Wraps an application. Everything that it lets through carries its subject."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        method = SOCKET if scope["type"] == "websocket" else scope["method"]
        entry = self._access.table.entry_of_path(method, scope["path"])
        need = entry.need if entry is not None else None
        try:
            subject = await self._subject(connection, need)
            refused = refusal(need, subject) or _refusal_of_change(connection, method, subject)
            if isinstance(refused, NotFound) and self._access.table.has_path(scope["path"]):
                refused = BadInput(Message.of(RefusalCode.NOT_ASKED_THAT_WAY))
            await self._note(connection, method, entry, subject, refused)
        except SQLAlchemyError:
            advice = Message.of(RefusalCode.WAIT_OR_SEE_LOG)
            subject, refused = NOBODY, HostNotReady(Message.of(RefusalCode.CATALOG_NOT_REACHED), advice=advice)
        if refused is None:
            scope[SCOPE_KEY] = subject  # In place: the access log reads the route from the scope afterwards.
            await self._app(scope, receive, send)
        elif method == SOCKET:
            await send({"type": "websocket.close", "code": POLICY})
        else:
            await _answer(connection, refused)(scope, receive, send)

    async def _note(
        self, connection: HTTPConnection, method: str, entry: RouteEntry | None, subject: Subject, refused: object
    ) -> None:
        """Keep in the audit what people and programs change or fetch. What is open to everybody is nobody's deed."""
        catalog = _catalog_of(connection)
        if entry is None or catalog is None or subject.kind not in (SubjectKind.ACCOUNT, SubjectKind.API_KEY):
            return
        is_resumed = connection.headers.get("range", "bytes=0-").replace(" ", "")[:8] != "bytes=0-"
        is_fetch = connection.scope["path"].startswith(_FETCHED) and not is_resumed
        if method in (*_READING, SOCKET) and not is_fetch:
            return
        deed = Deed(
            subject.who(""),
            entry.route,
            entry.subject_of(connection.scope["path"]),
            connection.client.host if connection.client else "",
            is_allowed=refused is None,
        )
        await asyncio.to_thread(keep, catalog, deed)

    async def _subject(self, connection: HTTPConnection, need: Need | None) -> Subject:
        if need in (Rule.OPEN, Rule.OWN_RULE):
            return NOBODY
        return await asyncio.to_thread(self._access.find, _catalog_of(connection), connection)


def keep(catalog: Catalog, deed: Deed) -> None:
    """Write a deed into the audit."""
    with catalog.write() as session:
        audit.note(session, deed)


def _catalog_of(connection: HTTPConnection) -> Catalog | None:
    parts: dict[type, object] = getattr(connection.app.state, "parts", {})
    catalog = parts.get(Catalog)
    return catalog if isinstance(catalog, Catalog) else None


async def require_listed(connection: HTTPConnection) -> None:
    """Raise NotFound for a route that is not in the table, whatever path led to it. Every route depends on this."""
    access: Access = connection.app.state.parts[Access]
    method = SOCKET if connection.scope["type"] == "websocket" else connection.scope["method"]
    route = getattr(connection.scope.get("route"), "path", "")
    need = access.table.need_of_route(method, route)
    if need is None or need != access.table.need_of_path(method, connection.scope["path"]):
        raise NotFound(Message.of(RefusalCode.NO_SUCH_PAGE))


def _refusal_of_change(connection: HTTPConnection, method: str, subject: Subject) -> StinercutError | None:
    """A change with a cookie must come from our own page: browsers send the origin, and the guard checks it."""
    is_change = method not in _READING
    if is_change and subject.kind is SubjectKind.ACCOUNT and "origin" not in connection.headers:
        return Forbidden(Message.of(RefusalCode.ASKED_BY_OTHER_SITE))
    return None


def _answer(connection: HTTPConnection, refused: StinercutError) -> ASGIApp:
    """A browser that opens a page is led to the login page; everybody else gets the refusal."""
    is_visit = connection.scope["method"] == "GET" and is_page_visit(connection.headers)
    if isinstance(refused, NotSignedIn) and is_visit:
        query = connection.url.query
        to = connection.url.path + (f"?{query}" if query else "")
        return RedirectResponse(f"/login?to={quote(to[:500], safe='')}", 303, {"cache-control": "no-store"})
    answer = error_answer(refused, 405 if isinstance(refused, BadInput) else None)
    answer.headers["cache-control"] = "no-store"
    return answer
