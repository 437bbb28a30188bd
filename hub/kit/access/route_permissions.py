"""The one table of all routes with the permission that each needs: what is not listed is refused.

Owns: `ROUTES`, the table; finding the entry of a request. Not here: refusing (`gate`), what a role may do
(`stinercut.people.permissions`). Pages and their files are listed by `hub.pages` and need `board.read`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from starlette.routing import compile_path

from stinercut.people.permissions import Permission as P


class Rule(StrEnum):
    """What a route needs that needs no permission."""

    OPEN = "open"
    """Answers everybody: the login page and what it needs, signs of life."""
    OWN_RULE = "own rule"
    """Asks for something of its own: a passenger's link, a detector's key, the one-time address of the first admin."""
    SIGNED_IN = "signed in"
    """Answers whoever has a session or a key, about themselves."""


Need = Rule | P
SOCKET: Final = "SOCKET"
"""Stands in the place of a method for WebSockets."""

ROUTES: Final[Mapping[str, Need]] = {
    # Everybody
    "GET /healthz": Rule.OPEN,
    "GET /readyz": Rule.OPEN,
    "GET /login": Rule.OPEN,
    "POST /login": Rule.OPEN,
    "GET /login.css": Rule.OPEN,
    "GET /icon.svg": Rule.OPEN,
    "GET /passenger.css": Rule.OPEN,
    # Rules of their own
    "SOCKET /ws/detector": Rule.OWN_RULE,
    "GET /first-admin/{token}": Rule.OWN_RULE,
    "POST /first-admin/{token}": Rule.OWN_RULE,
    "GET /f/{token}": Rule.OWN_RULE,
    "POST /f/{token}": Rule.OWN_RULE,
    "GET /f/{token}/logo": Rule.OWN_RULE,
    "GET /f/{token}/{position}/poster.jpg": Rule.OWN_RULE,
    "GET /f/{token}/{position}/{name}.mp4": Rule.OWN_RULE,
    "GET /f/{token}/{position}/{photos}/{photo}.jpg": Rule.OWN_RULE,
    "GET /f/{token}/{position}/{photos}.zip": Rule.OWN_RULE,
    # Oneself
    "POST /logout": Rule.SIGNED_IN,
    "GET /api/me": Rule.SIGNED_IN,
    "GET /api/me/logins": Rule.SIGNED_IN,
    "DELETE /api/me/logins/{login_id}": Rule.SIGNED_IN,
    "POST /api/me/password": Rule.SIGNED_IN,
    # The board
    "GET /page/{version}/{name}": P.BOARD_READ,
    "GET /api/words": P.BOARD_READ,
    "GET /api/openapi.json": P.BOARD_READ,
    "GET /api/cards": P.BOARD_READ,
    "GET /api/automation": P.BOARD_READ,
    "SOCKET /ws/board": P.JUMPS_READ,
    # Jumps and films
    "GET /api/jumps": P.JUMPS_READ,
    "GET /api/day": P.JUMPS_READ,
    "GET /api/jumps/{jump}": P.JUMPS_READ,
    "GET /api/pipeline/{subject}": P.JUMPS_READ,
    "GET /films/{jump}/poster.jpg": P.FILMS_READ,
    "GET /films/{jump}/{film}.mp4": P.FILMS_READ,
    "GET /films/{jump}/{photos}/{photo}.jpg": P.FILMS_READ,
    "GET /films/{jump}/{photos}.zip": P.FILMS_READ,
    "GET /films/{jump}/{film}.otio": P.CUTS_READ,
    "GET /api/jumps/{jump}/cut": P.CUTS_READ,
    "PUT /api/jumps/{jump}/cut": P.CUTS_WRITE,
    "DELETE /api/jumps/{jump}/cut": P.CUTS_WRITE,
    "GET /api/templates": P.TEMPLATES_READ,
    "GET /api/stale": P.TEMPLATES_READ,
    "POST /api/backfill": P.BACKFILLS_START,
    "POST /api/jumps/{jump}/template": P.TEMPLATES_CHOOSE,
    # Review
    "GET /api/review": P.FOOTAGE_READ,
    "GET /api/review/jumps/{jump}": P.FOOTAGE_READ,
    "GET /api/files/{card_file_id}/frame.jpg": P.FOOTAGE_READ,
    "GET /api/files/{card_file_id}/clip.mp4": P.FOOTAGE_READ,
    "POST /api/review/jumps/{jump}/assign": P.REVIEW_DECIDE,
    "POST /api/review/jumps/{jump}/join": P.REVIEW_DECIDE,
    "POST /api/review/jumps/{jump}/read-again": P.REVIEW_DECIDE,
    "POST /api/review/jumps/{jump}/split": P.REVIEW_DECIDE,
    "POST /api/review/jumps/{jump}/move": P.REVIEW_DECIDE,
    "POST /api/review/jumps/{jump}/leave-out": P.REVIEW_DECIDE,
    "POST /api/review/jumps/{jump}/put-back": P.REVIEW_DECIDE,
    "POST /api/jumps/{jump}/leave-out": P.REVIEW_DECIDE,
    "GET /api/bookings": P.BOOKINGS_READ,
    "POST /api/bookings": P.BOOKINGS_WRITE,
    # Codes
    "GET /api/codes/choices": P.BOOKINGS_READ,
    "POST /api/codes": P.CODES_MAKE,
    # Handing out
    "GET /api/shares": P.SHARES_READ,
    "GET /api/shares/{share_id}/code.svg": P.SHARES_READ,
    "POST /api/shares": P.SHARES_WRITE,
    "POST /api/shares/{share_id}/revoke": P.SHARES_WRITE,
    "POST /api/shares/{share_id}/letters": P.SHARES_WRITE,
    "POST /api/jumps/{jump}/hand-out": P.SHARES_WRITE,
    "DELETE /api/jumps/{jump}/hand-out": P.SHARES_WRITE,
    # Runs
    "POST /api/pipeline/{subject}/retry": P.RUNS_RETRY,
    "POST /api/jumps/{subject}/retry": P.RUNS_RETRY,
    "POST /api/retry": P.RUNS_RETRY_ALL,
    "POST /api/automation/start": P.RUNS_RETRY_ALL,
    "GET /dagster": P.DAGSTER_WRITE,
    # People
    "GET /api/accounts": P.PEOPLE_WRITE,
    "POST /api/accounts": P.PEOPLE_WRITE,
    "POST /api/accounts/{account_id}/disable": P.PEOPLE_WRITE,
    "GET /api/audit": P.AUDIT_READ,
}
"""Of each route its method (GET also for HEAD) and path as FastAPI has it. To add a route, add its line."""


@dataclass(frozen=True)
class RouteEntry:
    """A row of the table."""

    pattern: re.Pattern[str]
    route: str
    need: Need

    def subject_of(self, path: str) -> str:
        """What a request to this path is about: the jump, file or account in it."""
        match = self.pattern.match(path)
        return next(iter(match.groupdict().values()), "") if match else ""


class RouteTable:
    """The table, ready to look up requests."""

    def __init__(self, routes: Mapping[str, Need]) -> None:
        self._needs = dict(routes)
        self._entries: dict[str, list[RouteEntry]] = {}
        for route, need in routes.items():
            method, _, path = route.partition(" ")
            entry = RouteEntry(compile_path(path)[0], route, need)
            self._entries.setdefault(method, []).append(entry)
        for entries in self._entries.values():  # Paths without parameters win, whatever the order in the table.
            entries.sort(key=lambda entry: entry.route.count("{"))

    @classmethod
    def with_pages(cls, pages: Iterable[str], routes: Mapping[str, Need] = ROUTES) -> RouteTable:
        """The table with these pages and their files, which need `board.read` unless they are listed."""
        return cls({**{f"GET {path}": P.BOARD_READ for path in pages}, **routes})

    def need_of_path(self, method: str, path: str) -> Need | None:
        """What a request to this path needs; None if no entry fits."""
        entry = self.entry_of_path(method, path)
        return entry.need if entry is not None else None

    def entry_of_path(self, method: str, path: str) -> RouteEntry | None:
        """The row that a request to this path belongs to; None if no row fits."""
        entries = self._entries.get(_listed(method), ())
        return next((entry for entry in entries if entry.pattern.match(path)), None)

    def has_path(self, path: str) -> bool:
        """Whether anything is listed under this path, for some method."""
        return any(self.need_of_path(method, path) is not None for method in self._entries if method != SOCKET)

    def need_of_route(self, method: str, route: str) -> Need | None:
        """What the route with this path, as FastAPI has it, needs; None if it is not listed."""
        return self._needs.get(f"{_listed(method)} {route}")


def _listed(method: str) -> str:
    return "GET" if method in ("HEAD", "OPTIONS") else method
