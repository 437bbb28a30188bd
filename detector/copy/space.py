"""Room on the store's disk, promised before a copy begins, over all cards that are copied at once.

Owns: the sum of what is promised and not yet written. Not here: what follows when there is none (`copying`).
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
    """A copy doesn't fit. Both numbers are bytes; `free` is what nobody else was promised."""

    def __init__(self, needed: int, free: int) -> None:
        super().__init__(needed, free)
        self.needed = needed
        self.free = free


@dataclass
class Reservation:
    """Room for one copy. `left` is what isn't written yet, in bytes; nothing is, from when `given_up` says so."""

    left: int
    given_up: Callable[[], bool] = lambda: False

    @property
    def held(self) -> int:
        """What nobody else may be promised."""
        return 0 if self.given_up() else self.left

    def wrote(self, amount: int) -> None:
        """That many bytes more are on the disk now, and no longer counted here."""
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
        """Hold room for `needed` bytes on the disk of `folder` for the block, or until `given_up` says that nobody
        waits for this copy any more: one whose read hangs never comes to its end. Raises NoRoom, OSError.
        """
        reservation = Reservation(needed, given_up)
        with self._lock:
            free = shutil.disk_usage(folder).free - sum(each.held for each in self._open)
            if free < needed:
                raise NoRoom(needed, max(0, free))
            self._open.append(reservation)
        try:
            yield reservation
        finally:
            with self._lock:
                self._open = [each for each in self._open if each is not reservation]
