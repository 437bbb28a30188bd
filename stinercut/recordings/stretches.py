"""The stretch of a card: which files that wait for a person stand right after whose, in the order of filming. Pure.

Owns: that rule, and the camera's name as far as file names tell it. Not here: asking the catalog
(`stinercut.jumps.waiting_files`), how files fall into jumps in the first place (`session_rules`).

A card is in one camera at a time. What was filmed after a passenger's files and before the next code may be theirs. So
as long as nobody has said whose it is, their film may lack something. Times say what came after what; where a camera's
clock was reset, its own count does (`camera_counts`).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from stinercut.recordings.camera_counts import CameraCount, count_of
from stinercut.recordings.filming_order import CardVideo, in_order_on_card

ENDS_AFTER: Final = timedelta(hours=12)
"""A longer pause ends a stretch: a night lies between two days of jumping. Shorter ones end a session, as `sessions`
has it, and leave what follows to a person; it may still be the passenger before."""

_CAMERAS: Final = (
    ("GoPro", re.compile(r"(?:G[HX]\d\d\d{4}|GOPR\d{4}|GP\d{6}|G\d{7})\.", re.IGNORECASE), re.compile("")),
    ("DJI", re.compile(r"DJI_", re.IGNORECASE), re.compile("")),
    ("Sony", re.compile(""), re.compile(r"(?:^|/)M4ROOT(?:/|$)|MSDCF(?:/|$)", re.IGNORECASE)),
    ("Canon", re.compile(r"MVI_|IMG_", re.IGNORECASE), re.compile(r"CANON(?:/|$)", re.IGNORECASE)),
    ("Insta360", re.compile(r"(?:PRO_)?(?:VID|LRV)_\d{8}_\d{6}_", re.IGNORECASE), re.compile("")),
)
"""What cameras call their files, and the folders that they lie in."""


def camera_of(folder: str, name: str) -> str:
    """The maker of the camera that calls a file so; empty where the name doesn't tell."""
    return next((maker for maker, names, folders in _CAMERAS if names.match(name) and folders.search(folder)), "")


@dataclass(frozen=True)
class PlacedFile:
    """A file of a card and the jump that it is in.

    `waits`: nobody is known for its jump, and it was not left out. `has_code`: codes of passengers were read in it.
    """

    file: CardVideo
    jump: str
    waits: bool
    has_code: bool = False


@dataclass(frozen=True)
class Neighbours:
    """Between whose files a waiting file stands: jump keys. `before` is whose stretch it is in; None for nobody's."""

    before: str | None
    after: str | None


def neighbours(placed: Iterable[PlacedFile]) -> dict[str, Neighbours]:
    """The neighbours of each waiting file of one card, by file id.

    A stretch goes from a passenger's files up to the next code or the next passenger's files. A code that nobody could
    be known by ends it too: what follows is somebody else's, whoever that is.
    """
    by_id = {one.file.file_id: one for one in placed}
    ordered = [by_id[file.file_id] for file in in_order_on_card(one.file for one in by_id.values())]
    before = _last_passengers(ordered, codes_end_it=True)
    after = _last_passengers(ordered[::-1], codes_end_it=False)
    waiting = [one.file.file_id for one in ordered if one.waits]
    return {file: Neighbours(before[file], after[file]) for file in waiting}


def misdated_after(placed: Iterable[PlacedFile]) -> dict[str, str]:
    """Whose stretch waiting files with a wrong time are in by the camera's own count: file id -> jump key.

    A time is wrong where it lies before that of a passenger's file with a lower count, or after that of one with a
    higher count. Files with a right time, and those that the count gives to nobody, are left out.
    """
    families: dict[tuple[str, str], list[tuple[CameraCount, PlacedFile]]] = defaultdict(list)
    for one in placed:
        if (count := count_of(one.file)) is not None:
            families[count.family].append((count, one))
    found: dict[str, str] = {}
    for counted in families.values():
        ordered = [one for _, one in sorted(counted, key=lambda pair: pair[0])]
        wrong = _misdated(ordered)
        if wrong:
            after = _last_passengers(ordered, codes_end_it=True, misdated=wrong)
            found |= {file: jump for file, jump in after.items() if file in wrong and jump is not None}
    return found


def _misdated(ordered: Sequence[PlacedFile]) -> set[str]:
    """The waiting files whose time contradicts passengers' files, in the order of the camera's count."""
    return _beyond(ordered, datetime.__lt__) | _beyond(ordered[::-1], datetime.__gt__)


def _beyond(ordered: Iterable[PlacedFile], is_wrong_after: Callable[[datetime, datetime], bool]) -> set[str]:
    """The waiting files whose time is wrong after that of a passenger's file before them in this order."""
    found: set[str] = set()
    latest: datetime | None = None
    for one in ordered:
        is_wrong = latest is not None and is_wrong_after(one.file.recorded, latest)
        if is_wrong and one.waits:
            found.add(one.file.file_id)
        elif not is_wrong and not one.waits:
            latest = one.file.recorded
    return found


def _last_passengers(
    ordered: Iterable[PlacedFile], *, codes_end_it: bool, misdated: AbstractSet[str] = frozenset()
) -> dict[str, str | None]:
    """For each waiting file the jump of the last passenger's file that comes before it in this order.

    The times of those that are `misdated` say nothing about pauses.
    """
    out: dict[str, str | None] = {}
    jump: str | None = None
    seen: datetime | None = None
    for one in ordered:
        if one.file.file_id not in misdated:
            if seen is not None and abs(one.file.recorded - seen) > ENDS_AFTER:
                jump = None
            seen = one.file.recorded
        if not one.waits:
            jump = one.jump
        elif one.has_code and codes_end_it:
            jump = None
        out[one.file.file_id] = jump
    return out
