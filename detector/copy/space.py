"""Reserves room on the store's disk before a copy begins, for all cards that are copied at once.

Owns: the sum of the reserved bytes that are not written yet. Not here: what follows when there is no room (`copying`).
Nothing is allocated: other programs may still fill the disk, and then a write fails as it always could.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock


class NoRoom(Exception):
    """A copy doesn't fit. Both numbers are bytes; `free` counts only what no other copy has reserved."""

    def __init__(self, needed: int, free: int) -> None:
        super().__init__(needed, free)
        self.needed = needed
        self.free = free


@dataclass
class Reservation:
    """Room for one copy. `left` is the bytes not written yet. From when `given_up()` is true, it holds no room."""

    left: int
    given_up: Callable[[], bool] = lambda: False

    @property
    def held(self) -> int:
        """The bytes that no other copy may reserve."""
        return 0 if self.given_up() else self.left

    def wrote(self, amount: int) -> None:
        """Count `amount` more bytes as written: they take room on the disk now, and none here."""
        self.left = max(0, self.left - amount)


@dataclass
class Space:
    """The room for all copies into one store. Used from every copying thread."""

    _lock: Lock = field(default_factory=Lock)
    _open: list[Reservation] = field(default_factory=list[Reservation])

    @contextmanager
    def reserve(
        self, folder: Path, needed: int, given_up: Callable[[], bool] = lambda: False
    ) -> Generator[Reservation]:
        """Hold room for `needed` bytes on the disk of `folder` while the block runs. Raises NoRoom, OSError.

        The room is free earlier when `given_up()` is true: the block of a copy whose read hangs may never end.
        """
        reservation = Reservation(needed, given_up)
        with self._lock:
            free = shutil.disk_usage(folder).free - sum(other.held for other in self._open)
            if free < needed:
                raise NoRoom(needed, max(0, free))
            self._open.append(reservation)
        try:
            yield reservation
        finally:
            with self._lock:
                self._open = [other for other in self._open if other is not reservation]
