"""The time zone of the machine's clock, by a name that Dagster's schedules take.

Owns: finding out which zone that is. Not here: what runs at which hour (`tidying`).
"""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from stinercut.clock import machine_clock

LINK = Path("/etc/localtime")
"""On Unix, a link to the file of the machine's time zone."""


def zone_here() -> str:
    """The IANA name of this machine's time zone, or the nearest one (see `zone_of`)."""
    return zone_of(os.environ.get("TZ", ""), LINK, machine_clock().astimezone().utcoffset() or timedelta())


def zone_of(tz: str, link: Path, offset: timedelta) -> str:
    """The zone of the variable TZ (`tz`), else the one that the system's link leads to.

    Where neither is a name (Windows, a copied file, a rule such as CET-1CEST): the zone without summer time that shows
    the same hour now.
    """
    place = tz.removeprefix(":") or os.path.realpath(link)
    name = place.rpartition("zoneinfo/")[2]
    return name if _is_zone(name) else _without_name(offset)


def _is_zone(name: str) -> bool:
    try:
        return bool(ZoneInfo(name))
    except (ValueError, OSError, LookupError):  # A path, a folder of zones, an unknown name.
        return False


def _without_name(offset: timedelta) -> str:
    hours = round(offset / timedelta(hours=1))
    # The number in these names is what must be added to local time to get UTC.
    return f"Etc/GMT{-hours:+d}" if hours else "UTC"
