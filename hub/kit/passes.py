"""Signed notes that let a browser into Dagster's pages: a ticket from the hub, and the pass that it is exchanged for.

Owns: making and checking them, with the secret that hub and Dagster's webserver share. Not here: the hub's door that
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
"""The header in which the hub sends the secret itself. No page can send it to another origin without permission."""
ENTER = "/stinercut/enter/"
"""The path of Dagster's webserver, followed by a ticket, where the ticket is exchanged for a pass."""
FIRST_ADMIN_PATH = "/first-admin/"
"""The path of the hub, followed by a note, where the first admin is made."""
DOOR = "/dagster"
"""The path of the hub where a browser gets a ticket."""
LONGEST = 2000
"""The most letters of an address within Dagster that is handed on."""
LEAST_SECRET = 16
"""The fewest letters of a secret that is accepted; `new_secret` makes 43."""


class PassKind(Enum):
    """The kinds of notes, and how long each is valid."""

    TICKET = timedelta(minutes=1)
    """It is sent in an address, so it is valid only once and shortly."""
    FIRST_ADMIN = timedelta(hours=1)
    """It stands in the address that makes the first admin. It opens nothing once there is an account."""
    PASS = timedelta(days=7)
    """It is kept in the browser's cookie, for a week, if the secret survives restarts that long."""


@dataclass(frozen=True)
class SignedNote:
    """A valid note. `serial` is different in each note."""

    serial: str
    until: datetime


def new_secret() -> str:
    """A secret that nobody can guess, of letters that are safe in addresses, headers and environments."""
    return secrets.token_urlsafe(32)


def inside(to: str) -> str:
    """The address if it is a path within the site, else the first page. No browser takes it for another site."""
    is_ours = to.startswith("/") and not to.startswith(("//", "/\\")) and to.isprintable()
    return to if is_ours else "/"


def issue(secret: str, kind: PassKind, now: datetime) -> str:
    """Make a new note. `now` has a time zone."""
    until, serial = int((now + kind.value).timestamp()), secrets.token_urlsafe(12)
    return f"{until}.{serial}.{_signature(secret, kind, str(until), serial)}"


def read(secret: str, kind: PassKind, text: str, now: datetime) -> SignedNote | None:
    """Read a note. None if it is no note of this kind, is not signed with this secret, or is too old."""
    until, _, rest = text.partition(".")
    serial, _, signature = rest.partition(".")
    if not is_same(signature, _signature(secret, kind, until, serial)):
        return None
    note = SignedNote(serial, datetime.fromtimestamp(int(until), UTC))
    return note if now < note.until else None


def is_same(shown: str, secret: str) -> bool:
    """Whether `shown` is the secret, compared in a time that doesn't reveal how much of it is right."""
    return hmac.compare_digest(shown.encode("utf-8", "replace"), secret.encode())


def _signature(secret: str, kind: PassKind, until: str, serial: str) -> str:
    signed = f"{kind.name} {until} {serial}"
    return hmac.new(secret.encode(), signed.encode("utf-8", "replace"), sha256).hexdigest()
