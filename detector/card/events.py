"""What a card source reports: a card went in, a card went out.

Owns: the two events, the comparison of "in before" with "in now", and card ids made from paths. Not here: how a source
finds out (`detector.sources.folders`, `detector.sources.volumes`), who listens (`detector.service`).
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from stinercut.protocol import CardLabel


@dataclass(frozen=True)
class CardRoot:
    """A card's topmost folder. Device and inode tell it from a folder that took its place (an empty mount point)."""

    path: Path
    device: int
    inode: int

    @classmethod
    def at(cls, path: Path) -> CardRoot:
        """The root that is at `path` now. Raises OSError when nothing is there."""
        seen = path.stat()
        return cls(path, seen.st_dev, seen.st_ino)

    def require(self) -> None:
        """Raise OSError unless this folder can still be listed. (A stat alone may succeed on a card that is gone.)"""
        with os.scandir(self.path):
            if CardRoot.at(self.path) != self:
                raise FileNotFoundError(errno.ENOENT, "another folder is in its place")

    def is_there(self) -> bool:
        """Whether this folder can still be listed."""
        try:
            self.require()
        except OSError:
            return False
        return True


@dataclass(frozen=True)
class CardIn:
    """A card went in. `key` stands for this insertion alone: the same card has another key when it goes in again."""

    key: str
    card: CardLabel
    root: Path


@dataclass(frozen=True)
class CardOut:
    """The card that went in under `key` went out."""

    key: str


CardEvent = CardIn | CardOut

Present = Mapping[str, CardIn]
"""The cards that are in at one moment, by key."""


def changes(before: Present, now: Present) -> list[CardEvent]:
    """The events between two moments: first the cards that went out, then those that went in."""
    out: list[CardEvent] = [CardOut(key) for key in before if key not in now]
    out.extend(card for key, card in now.items() if key not in before)
    return out


def path_card_id(path: Path) -> str:
    """The card id of a folder or volume without an id of its own: `card-` and 12 hex digits of its path's hash."""
    digest = hashlib.blake2b(str(path).encode("utf-8", "surrogatepass"), digest_size=6)
    return f"card-{digest.hexdigest()}"


def shown(text: str) -> str:
    """A file-system name as text that can be sent: each surrogate (Python's mark of bytes that aren't UTF-8) as �."""
    return "".join("\ufffd" if "\ud800" <= sign <= "\udfff" else sign for sign in text)
