"""How often somebody may try a password or a PIN: so many times a minute for a name, and for an address.

Owns: `Attempts`. Not here: what is tried (`hub.people.routes`).

Only failures count, so whoever knows the password is never kept out by own success. They are kept in memory: a new
start of the hub forgets them, which gives a few more tries.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

WINDOW: Final = timedelta(minutes=1)
OF_A_NAME: Final = 5
OF_AN_ADDRESS: Final = 20
MOST_KEPT: Final = 10_000
"""Names and addresses in memory. Beyond it the oldest go: they are the least likely to be tried again."""


@dataclass
class Attempts:
    """The failures of the last minute."""

    _failed: dict[str, deque[datetime]] = field(default_factory=dict[str, "deque[datetime]"])

    def may_try(self, name: str, address: str, now: datetime) -> bool:
        """Whether this name may be tried from this address now."""
        return self._number(f"name {name}", now) < OF_A_NAME and self._number(f"at {address}", now) < OF_AN_ADDRESS

    def note_failure(self, name: str, address: str, now: datetime) -> None:
        """Note that a try failed."""
        for key in (f"name {name}", f"at {address}"):
            moments = self._failed.pop(key, deque[datetime](maxlen=OF_AN_ADDRESS))
            moments.append(now)
            self._failed[key] = moments
        while len(self._failed) > MOST_KEPT:
            del self._failed[next(iter(self._failed))]

    def forgive(self, name: str, address: str) -> None:
        """Take the last failure back: it was none."""
        for key in (f"name {name}", f"at {address}"):
            if moments := self._failed.get(key):
                moments.pop()

    def _number(self, key: str, now: datetime) -> int:
        return sum(1 for moment in self._failed.get(key, ()) if now - moment < WINDOW)
