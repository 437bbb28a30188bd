"""The zone of the machine's clock, under the names that Dagster's schedules take.

Owns: finding out which zone that is. Not here: what is done when (`tidying`).
"""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from stinercut.clock import machine_clock

LINK = Path("/etc/localtime")
"""Where Unix says which zone a machine is in, by a link to that zone's file."""


def zone_here() -> str:
    """The IANA name of this machine's zone, as far as it has one."""
    return zone_of(os.environ.get("TZ", ""), LINK, machine_clock().astimezone().utcoffset() or timedelta())


def zone_of(said: str, link: Path, offset: timedelta) -> str:
    """The zone that TZ says, else the one that the system's link leads to. Where neither is a name (Windows, a copied
    file, a rule such as CET-1CEST): the zone without summer time that shows the same hour now."""
    place = said.removeprefix(":") or os.path.realpath(link)
    name = place.rpartition("zoneinfo/")[2]
    return name if _is_zone(name) else _without_name(offset)


def _is_zone(name: str) -> bool:
    try:
        return bool(ZoneInfo(name))
    except (ValueError, OSError, LookupError):  # A path, a folder of zones, none at all.
        return False


def _without_name(offset: timedelta) -> str:
    hours = round(offset / timedelta(hours=1))
    # These zones count what must be added to reach UTC.
    return f"Etc/GMT{-hours:+d}" if hours else "UTC"
