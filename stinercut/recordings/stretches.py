"""Stretches of a card: finds the passenger after whose files a waiting file was filmed. Pure.

Owns: this rule, and the camera's maker by file names. Not here: asking the catalog (`stinercut.jumps.waiting_files`),
splitting files into jumps in the first place (`session_rules`).

A card is in one camera at a time. Files that were filmed after a passenger's files and before the next code may belong
to that passenger. As long as nobody has decided whose they are, the passenger's film may lack something. Times give the
order of filming; if a camera's clock was reset, its own count does (`camera_counts`).
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
"""A longer pause ends a stretch: a night lies between two days of jumping. A shorter pause only ends a session
(`session_rules`) and leaves the later files to a person; they may still belong to the passenger before.
"""

_CAMERAS: Final = (
    ("GoPro", re.compile(r"(?:G[HX]\d\d\d{4}|GOPR\d{4}|GP\d{6}|G\d{7})\.", re.IGNORECASE), re.compile("")),
    ("DJI", re.compile(r"DJI_", re.IGNORECASE), re.compile("")),
    ("Sony", re.compile(""), re.compile(r"(?:^|/)M4ROOT(?:/|$)|MSDCF(?:/|$)", re.IGNORECASE)),
    ("Canon", re.compile(r"MVI_|IMG_", re.IGNORECASE), re.compile(r"CANON(?:/|$)", re.IGNORECASE)),
    ("Insta360", re.compile(r"(?:PRO_)?(?:VID|LRV)_\d{8}_\d{6}_", re.IGNORECASE), re.compile("")),
)
"""Makers' patterns of file names and of folders."""


def camera_of(folder: str, name: str) -> str:
    """The maker of the camera by a file's name and folder; empty if they don't tell."""
    return next((maker for maker, names, folders in _CAMERAS if names.match(name) and folders.search(folder)), "")


@dataclass(frozen=True)
class PlacedFile:
    """A file of a card and the jump that it is in.

    `waits`: its jump has no known passenger, and it was not left out. `has_code`: passengers' codes were read in it.
    """

    file: CardVideo
    jump: str
    waits: bool
    has_code: bool = False


@dataclass(frozen=True)
class Neighbours:
    """The jumps (keys) before and after a waiting file. `before` is the jump of its stretch; None for no jump."""

    before: str | None
    after: str | None


def neighbours(placed: Iterable[PlacedFile]) -> dict[int, Neighbours]:
    """The neighbours of each waiting file of one card, by file id.

    A stretch goes from a passenger's files up to the next code or the next passenger's files. A code without a known
    passenger ends it, too: the files after it belong to somebody else, whoever that is.
    """
    by_id = {place.file.file_id: place for place in placed}
    ordered = [by_id[file.file_id] for file in in_order_on_card(place.file for place in by_id.values())]
    before = _last_passengers(ordered, codes_end_it=True)
    after = _last_passengers(ordered[::-1], codes_end_it=False)
    waiting = [place.file.file_id for place in ordered if place.waits]
    return {file: Neighbours(before[file], after[file]) for file in waiting}


def misdated_after(placed: Iterable[PlacedFile]) -> dict[int, str]:
    """The jump keys, by file id, to whose stretch the camera's count assigns waiting files with a wrong time.

    A time is wrong if it lies before the time of a passenger's file with a lower count, or after that of one with a
    higher count. Files with a right time, and files that the count assigns to nobody, are left out.
    """
    families: dict[tuple[str, str], list[tuple[CameraCount, PlacedFile]]] = defaultdict(list)
    for place in placed:
        if (count := count_of(place.file)) is not None:
            families[count.family].append((count, place))
    found: dict[int, str] = {}
    for counted in families.values():
        ordered = [place for _, place in sorted(counted, key=lambda pair: pair[0])]
        wrong = _misdated(ordered)
        if wrong:
            after = _last_passengers(ordered, codes_end_it=True, misdated=wrong)
            found |= {file: jump for file, jump in after.items() if file in wrong and jump is not None}
    return found


def _misdated(ordered: Sequence[PlacedFile]) -> set[int]:
    """The waiting files whose time contradicts passengers' files; `ordered` by the camera's count."""
    return _beyond(ordered, datetime.__lt__) | _beyond(ordered[::-1], datetime.__gt__)


def _beyond(ordered: Iterable[PlacedFile], is_wrong_after: Callable[[datetime, datetime], bool]) -> set[int]:
    """The waiting files whose time is wrong compared with that of a passenger's file before them in this order."""
    found: set[int] = set()
    latest: datetime | None = None
    for place in ordered:
        is_wrong = latest is not None and is_wrong_after(place.file.recorded, latest)
        if is_wrong and place.waits:
            found.add(place.file.file_id)
        elif not is_wrong and not place.waits:
            latest = place.file.recorded
    return found


def _last_passengers(
    ordered: Iterable[PlacedFile], *, codes_end_it: bool, misdated: AbstractSet[int] = frozenset()
) -> dict[int, str | None]:
    """For each file, the jump of the last passenger's file before it in this order.

    The times of `misdated` files prove nothing about pauses.
    """
    out: dict[int, str | None] = {}
    jump: str | None = None
    seen: datetime | None = None
    for place in ordered:
        if place.file.file_id not in misdated:
            if seen is not None and abs(place.file.recorded - seen) > ENDS_AFTER:
                jump = None
            seen = place.file.recorded
        if not place.waits:
            jump = place.jump
        elif place.has_code and codes_end_it:
            jump = None
        out[place.file.file_id] = jump
    return out
