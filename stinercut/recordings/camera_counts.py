"""The camera's own count of its recordings: it tells the order of filming even if a clock was reset.

Owns: the count of a card's file, and which counts can be compared. Not here: reading names (`camera_names`), the order
by time (`filming_order`), the rules for a disagreement of the two (`session_rules`, `stretches`).
"""

from __future__ import annotations

from dataclasses import dataclass

from stinercut.recordings.camera_names import count_in
from stinercut.recordings.filming_order import CardVideo


@dataclass(frozen=True, order=True)
class CameraCount:
    """A camera's own count, comparable only within one family of names."""

    family: tuple[str, str]
    folder: str
    number: int
    chapter: int


def count_of(file: CardVideo) -> CameraCount | None:
    """The count in a file's name; None for a name without digits."""
    count = count_in(file.name)
    if count is None:
        return None
    parent = file.folder.rpartition("/")[0]
    return CameraCount((parent, count[0]), file.folder, count[1], file.chapter)
