"""The hub's door to Dagster's pages: the webserver's guard lets in a browser that comes through it.

Owns: where `/dagster` leads, and for whom. Not here: the route (`routes`), tickets and passes (`hub.kit.passes`), the
guard (`app.engine.dagster_guard`).

This is the one place that decides who sees Dagster's pages. The board has no accounts, so everybody who opens it is let
through; accounts would be checked here one day.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from fastapi.responses import RedirectResponse

from hub.kit import passes
from hub.kit.passes import inside
from hub.kit.security import is_page_visit
from stinercut.clock import Clock, machine_clock
from stinercut.errors import BadInput
from stinercut.language.messages import Message
from stinercut.language.refusal_codes import RefusalCode


def way_in(dagster: str, secret: str | None, to: str, now: datetime) -> str:
    """The address to send a browser to, for this path of Dagster. Without a secret there is no guard."""
    if secret is None:
        return dagster + inside(to)
    ticket = passes.issue(secret, passes.PassKind.TICKET, now)
    return f"{dagster}{passes.ENTER}{ticket}?to={quote(inside(to), safe='')}"


@dataclass(frozen=True)
class DagsterDoor:
    """The way from our pages to Dagster's. `dagster`: its address as browsers know it."""

    dagster: str
    secret: str | None
    clock: Clock = machine_clock

    def answer(self, headers: Mapping[str, str], to: str) -> RedirectResponse:
        """Send a browser on. Raises BadInput for anything but a browser that opens a page."""
        if not is_page_visit(headers):
            raise BadInput(Message.of(RefusalCode.OPENED_BY_BROWSER), advice=Message.of(RefusalCode.OPEN_IN_BROWSER))
        leads_to = way_in(self.dagster, self.secret, to, self.clock())
        return RedirectResponse(leads_to, 303, headers={"cache-control": "no-store"})
