"""The destination of a detector's copies: checks that the store is there, and that it stays the same store.

Owns: waiting for the store's folder, and telling it from another one in its place. Not here: the layout of the store
(`stinercut.storage.store`), what follows when it is gone (`detector.service`).

The hub makes the store's folders. They may lie on a volume of their own or on another computer. If the detector made
them itself while that volume isn't mounted, it would fill the empty mount point, on a disk that nobody chose.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from pathlib import Path

from stinercut.errors import HostNotReady
from stinercut.language.messages import Message
from stinercut.language.setup_codes import SetupCode

log = logging.getLogger("detector")

LOOK_AGAIN_S = 1.0


@dataclass(frozen=True)
class Destination:
    """A store's topmost folder as it was when the detector started."""

    path: Path
    device: int
    inode: int

    @classmethod
    def at(cls, path: Path) -> Destination:
        """The store that is at `path` now. Raises OSError when no store is there."""
        (path / "objects").stat()
        seen = path.stat()
        return cls(path, seen.st_dev, seen.st_ino)

    def require(self) -> None:
        """Raise HostNotReady when the folder is not there, or another one is in its place."""
        try:
            same = Destination.at(self.path) == self
        except OSError:
            same = False
        if not same:
            raise HostNotReady(
                Message.of(SetupCode.STORE_GONE),
                file=self.path,
                advice=Message.of(SetupCode.STORE_MOUNTED),
            )


async def destination(path: Path) -> Destination:
    """The store's folder, once it is there. Logs once that it waits."""
    has_logged = False
    while True:
        try:
            return Destination.at(path)
        except OSError:
            if not has_logged:
                log.warning("Waiting for the store at %s. The hub makes it; is its volume mounted here?", path)
                has_logged = True
            await asyncio.sleep(LOOK_AGAIN_S)
