"""Mounted volumes that are cards: which are in, and waking up when that changes.

Owns: the reading of Linux' mountinfo, what makes a volume a card, the loops that wait (mount events on Linux,
volume events on Windows, a look every two seconds elsewhere). Not here: the events of Windows (`windows`), folders that
stand for cards (`folders`), merging all sources (`cards`).

inotify is blind to mounts; poll() for POLLPRI on /proc/self/mountinfo wakes at once (proc(5)).
"""

from __future__ import annotations

import os
import re
import select
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from detector.card.events import CardIn, path_card_id, shown
from detector.sources.windows import volume_events
from stinercut.protocol import CardLabel

MOUNTINFO = Path("/proc/self/mountinfo")
BY_UUID = Path("/dev/disk/by-uuid")
CARD_PLACES = (Path("/media"), Path("/run/media"), Path("/mnt"))
"""Where desktops, udisks and people mount cards. A removable device may be a card wherever it is mounted."""

FOOTAGE_FOLDERS = ("DCIM", "PRIVATE/M4ROOT", "PRIVATE/AVCHD", "AVCHD/BDMV", "MP_ROOT")
"""A volume with one of these folders is a card: the camera standard's folder (JEITA CP-3461), or a tree of Sony's and
Panasonic's cameras (XAVC, AVCHD, MP4). Upper or lower case makes no difference, and neither does what is in it."""

SETTLE_S = 10.0
"""For this long after the start and each change we look every second, since folders may appear after their mount."""

POLL_S = 2.0
RARELY_S = 30.0
"""How often we look on a system that reports changes, in case it misses one."""

Report = Callable[[dict[str, CardIn]], None]


@dataclass(frozen=True)
class Mount:
    """The fields of one line of mountinfo that are needed here."""

    mount_id: str
    device: str
    """major:minor"""
    point: Path
    source: str


def parse_mountinfo(text: str) -> list[Mount]:
    """The mounts in the text of a mountinfo file (fields as in proc(5)); skips lines of another form."""
    out: list[Mount] = []
    for line in text.splitlines():
        left, separator, right = line.partition(" - ")
        fields, tail = left.split(" "), right.split(" ")
        if separator and len(fields) >= 6 and len(tail) >= 2:
            out.append(Mount(fields[0], fields[2], Path(_unescape(fields[4])), _unescape(tail[1])))
    return out


def _unescape(field: str) -> str:
    """Undo the escapes of mountinfo, which writes space, tab, newline and backslash as three octal digits."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), field)


def holds_footage(root: Path) -> bool:
    """Whether a volume has a folder that cameras make. False for a volume that can't be read."""
    try:
        return any(_has(root, folder.split("/")) for folder in FOOTAGE_FOLDERS)
    except OSError:
        return False


def _has(place: Path, folders: Sequence[str]) -> bool:
    """Whether `place` holds these nested folders. Case is ignored: a case-sensitive volume may have `dcim`."""
    if not folders:
        return True
    first, rest = folders[0], folders[1:]
    if (place / first).is_dir():
        return _has(place / first, rest)
    return any(
        entry.name.casefold() == first.casefold() and entry.is_dir() and _has(Path(entry.path), rest)
        for entry in os.scandir(place)
    )


def is_removable(device: str, sys_block: Path = Path("/sys/dev/block")) -> bool:
    """Whether the kernel calls a device (`major:minor`), or the disk that it is a partition of, removable."""
    place = (sys_block / device).resolve()
    for flag in (place / "removable", place.parent / "removable"):
        try:
            return flag.read_text().strip() == "1"
        except OSError:
            continue
    return False


def volume_uuid(source: str, by_uuid: Path = BY_UUID) -> str | None:
    """The UUID of a block device's file system, from udev's links; None where udev has no link."""
    try:
        links = list(by_uuid.iterdir())
    except OSError:
        return None
    device = Path(source).resolve()
    return next((link.name for link in links if link.resolve() == device), None)


def card_id_of(identity: str | None, root: Path) -> str:
    """A card id made of a volume's own id, or of its path where it has no id."""
    cleaned = re.sub(r"[^A-Za-z0-9_-]", "-", identity or "")[:60]
    return f"vol-{cleaned}" if cleaned else path_card_id(root)


def cards_among(mounts: Iterable[Mount]) -> dict[str, CardIn]:
    """The mounts that are cards, by key. The mount id is part of the key, so mounting again is a new insertion."""
    out: dict[str, CardIn] = {}
    for mount in mounts:
        in_place = any(mount.point.is_relative_to(place) for place in CARD_PLACES)
        if (in_place or is_removable(mount.device)) and holds_footage(mount.point):
            key = f"mount:{mount.mount_id}:{mount.device}:{mount.point}"
            out[key] = _card(key, mount.point, volume_uuid(mount.source))
    return out


def cards_by_psutil() -> dict[str, CardIn]:
    """The removable volumes that are cards, on systems without mountinfo (Windows, macOS)."""
    import psutil  # Needed only here; on Linux it would be loaded for nothing.

    out: dict[str, CardIn] = {}
    for part in psutil.disk_partitions(all=False):
        root = Path(part.mountpoint)
        removable = "removable" in part.opts or root.is_relative_to("/Volumes")
        if removable and holds_footage(root):
            # On Windows st_dev is the volume's serial number, which changes when the card is formatted.
            try:
                serial = f"{root.stat().st_dev:x}" if sys.platform == "win32" else None
            except OSError:
                continue  # It was pulled out just now.
            key = f"volume:{part.device}:{root}:{serial}"
            out[key] = _card(key, root, serial)
    return out


def _card(key: str, root: Path, identity: str | None) -> CardIn:
    label = shown(root.name) or str(root).rstrip(":\\/") or str(root)
    return CardIn(key, CardLabel(card_id=card_id_of(identity, root), label=label[:255], kind="volume"), root)


def watch_volumes(report: Report, stop: Event, wake_fd: int) -> None:
    """Report the cards that are in, now and at every change, until `stop` is set. Blocks; runs in its own thread.

    `wake_fd` is the reading end of a pipe; whoever sets `stop` writes to it (used where there are mount events).
    """
    if MOUNTINFO.exists():
        _watch_mountinfo(report, stop, wake_fd)
    else:
        watch_by_looking(report, stop, volume_events)


def watch_by_looking(
    report: Report,
    stop: Event,
    listen: Callable[[Event], bool],
    look: Callable[[], dict[str, CardIn]] = cards_by_psutil,
) -> None:
    """Look for cards and report them: at each event where `listen` provides events, else every two seconds.

    With events, looks every second for a while after each one, since a volume may be announced before it can be listed,
    and every half minute in any case.
    """
    changed = Event()
    has_events = listen(changed)
    looks = int(SETTLE_S)
    while not stop.is_set():
        report(look())
        wait = POLL_S if not has_events else 1.0 if looks > 0 else RARELY_S
        looks = int(SETTLE_S) if _changed_within(wait, changed, stop) else looks - 1


def _changed_within(seconds: float, changed: Event, stop: Event) -> bool:
    """Wait for an event, for the end or for this many seconds. Returns whether there was an event."""
    until = time.monotonic() + seconds
    while not stop.is_set() and (left := until - time.monotonic()) > 0:
        if changed.wait(min(left, POLL_S)):
            changed.clear()
            return True
    return False


def _watch_mountinfo(report: Report, stop: Event, wake_fd: int) -> None:
    poller = select.poll()
    with MOUNTINFO.open(encoding="utf-8", errors="surrogateescape") as mountinfo:
        poller.register(mountinfo, select.POLLPRI | select.POLLERR)
        poller.register(wake_fd, select.POLLIN)
        looks = int(SETTLE_S)
        while not stop.is_set():
            mountinfo.seek(0)
            report(cards_among(parse_mountinfo(mountinfo.read())))
            ready = poller.poll(1000 if looks > 0 else None)
            looks = int(SETTLE_S) if ready else looks - 1
