"""The hub's door to Dagster's pages: a browser that comes through it is let in by the webserver's guard.

Owns: the route `/dagster` and where it leads. Not here: the notes (`hub.kit.passes`), the guard
(`app.engine.dagster_guard`).

The one place that decides who sees Dagster's pages. The board asks nobody who he is, so everybody who opens it is sent
on; whoever asks for a name one day asks here.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from urllib.parse import quote

from fastapi import FastAPI, Query, Request
from fastapi.responses import RedirectResponse

from hub.kit import passes
from hub.kit.passes import DOOR, LONGEST, inside
from hub.kit.security import is_page_visit
from stinercut.clock import Clock, machine_clock
from stinercut.errors import BadInput


def way_in(dagster: str, secret: str | None, to: str, now: datetime) -> str:
    """The address that a browser is sent to, for this path of Dagster's. Without a secret there is no guard."""
    if secret is None:
        return dagster + inside(to)
    ticket = passes.issue(secret, passes.PassKind.TICKET, now)
    return f"{dagster}{passes.ENTER}{ticket}?to={quote(inside(to), safe='')}"


def add_dagster_door(app: FastAPI, dagster: str, secret: str | None, clock: Clock = machine_clock) -> None:
    """The route of this module. `dagster`: its address as browsers know it."""

    @app.get(DOOR)
    async def door(request: Request, to: Annotated[str, Query(max_length=LONGEST)] = "/") -> RedirectResponse:
        if not is_page_visit(request.headers):
            raise BadInput("Dagster's pages are opened by a browser", advice="Open this address in one.")
        return RedirectResponse(way_in(dagster, secret, to, clock()), 303, headers={"cache-control": "no-store"})
