"""The detector's partial files: which one belongs to which file of which card, and which are in use.

Owns: claiming one for a copy, keeping or dropping it after. Not here: how much of it is proven (`resume`), the copy
(`copying`). Used from the event loop's thread only.
"""

from __future__ import annotations

import logging
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from detector.copy.journal import Journal, LeftOver
from detector.copy.resume import Checkpoint
from stinercut.errors import HostNotReady
from stinercut.storage.store import OFFLOAD_PREFIX, Store

log = logging.getLogger("detector")


def partial_prefix(detector_id: str) -> str:
    """The beginning of the names of this detector's partial files, whose folder other writers use too."""
    return f"{OFFLOAD_PREFIX}{detector_id}."


@dataclass(frozen=True)
class PartialFile:
    """A partial file for one copy. Without checkpoints it doesn't exist yet."""

    path: Path
    checkpoints: tuple[Checkpoint, ...] = ()


@dataclass
class Partials:
    """All partial files of one detector."""

    journal: Journal
    store: Store
    prefix: str
    _in_use: set[str] = field(default_factory=set[str])

    def clear(self) -> int:
        """Remove a killed detector's leftovers that cannot be resumed. Returns how many. Raises OSError."""
        folder = self.store.partial_path("x").parent
        here = {path.name: path for path in folder.iterdir() if path.name.startswith(self.prefix)}
        known = self.journal.partial_names()
        for name in known - here.keys():
            self.journal.forget_partial(name)
        for name in here.keys() - known:
            here[name].unlink(missing_ok=True)
        return len(here.keys() - known)

    def drop_idle(self) -> int:
        """Remove the partial files that wait for their card, since footage of present cards needs the room.

        Returns how many.
        """
        idle = self.journal.partial_names() - self._in_use
        for name in idle:
            _remove(self.store.partial_path(name))
            self.journal.forget_partial(name)
        return len(idle)

    def claim(self, file: LeftOver) -> PartialFile:
        """The partial file for a copy of `file`: the one that an earlier copy left, or else a new name.

        Raises OSError. Call `release` after every claim.
        """
        for name, checkpoints in self.journal.checkpoints(file).items():
            path = self.store.partial_path(name)
            if name not in self._in_use and path.exists():
                self._in_use.add(name)
                return PartialFile(path, tuple(checkpoints))
        name = f"{self.prefix}{secrets.token_hex(8)}.part"
        self._in_use.add(name)
        return PartialFile(self.store.partial_path(name))

    def checkpoint(self, part: PartialFile, file: LeftOver, at: Checkpoint) -> None:
        """Remember how far a copy is. A failure only means reading again later, so it is just logged."""
        if part.path.name not in self._in_use:
            return
        try:
            self.journal.checkpoint(part.path.name, file, at)
        except HostNotReady as refused:
            log.warning("%s", refused.sentence())

    def release(self, part: PartialFile, *, keep: bool) -> None:
        """End a claim after the copy. The partial file stays if `keep` is true and a later copy can resume it."""
        name = part.path.name
        self._in_use.discard(name)
        known = name in self.journal.partial_names()
        if keep and known:
            return
        _remove(part.path)
        if known:
            self.journal.forget_partial(name)


def _remove(path: Path) -> None:
    """Empty a partial file, then remove it: a hung copy may hold it open, and would keep its room on the disk."""
    with suppress(OSError):
        os.truncate(path, 0)
        path.unlink(missing_ok=True)
