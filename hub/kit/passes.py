"""Signed notes that let a browser into Dagster's pages: a ticket from the hub, and the pass that it is changed for.

Owns: making and checking them, with the secret that hub and Dagster's webserver share. Not here: the hub's route that
hands tickets out (`hub.runs.dagster_door`), the guard that takes them (`app.engine.dagster_guard`).
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from hashlib import sha256

SECRET_HEADER = "x-stinercut-secret"
"""In which the hub shows the secret itself. No page can send it to another origin without being allowed to."""
ENTER = "/stinercut/enter/"
"""Path of Dagster's webserver under which a ticket, which follows, is changed for a pass."""
DOOR = "/dagster"
"""Path of the hub under which a browser gets a ticket."""
LONGEST = 2000
"""Letters of the longest address within Dagster that is handed on."""
LEAST_SECRET = 16
"""Letters of the shortest secret that is accepted; `new_secret` makes 43."""


class PassKind(Enum):
    """What a note is for, and how long it is good for."""

    TICKET = timedelta(minutes=1)
    """Travels in an address, so it is used once and at once."""
    PASS = timedelta(days=7)
    """Lies in the browser's cookie. A week, where the secret outlives a restart."""


@dataclass(frozen=True)
class SignedNote:
    """A good note. `serial` is different in each one."""

    serial: str
    until: datetime


def new_secret() -> str:
    """A secret that nobody can guess, in letters that addresses, headers and environments take."""
    return secrets.token_urlsafe(32)


def inside(to: str) -> str:
    """The path and query, if it is one within the site; else the first page. No browser takes it for another site."""
    is_ours = to.startswith("/") and not to.startswith(("//", "/\\")) and to.isprintable()
    return to if is_ours else "/"


def issue(secret: str, kind: PassKind, now: datetime) -> str:
    """A new note. `now` with a zone."""
    until, serial = int((now + kind.value).timestamp()), secrets.token_urlsafe(12)
    return f"{until}.{serial}.{_signature(secret, kind, str(until), serial)}"


def read(secret: str, kind: PassKind, text: str, now: datetime) -> SignedNote | None:
    """The note that this text is; None where it is no note of this kind, not signed with this secret, or too old."""
    until, _, rest = text.partition(".")
    serial, _, signature = rest.partition(".")
    if not is_same(signature, _signature(secret, kind, until, serial)):
        return None
    note = SignedNote(serial, datetime.fromtimestamp(int(until), UTC))
    return note if now < note.until else None


def is_same(shown: str, secret: str) -> bool:
    """Whether what was shown is the secret, in a time that does not tell how much of it is right."""
    return hmac.compare_digest(shown.encode("utf-8", "replace"), secret.encode())


def _signature(secret: str, kind: PassKind, until: str, serial: str) -> str:
    signed = f"{kind.name} {until} {serial}"
    return hmac.new(secret.encode(), signed.encode("utf-8", "replace"), sha256).hexdigest()
