"""Dagster's automation, its sensors and its schedule, and what no longer happens if one is switched off.

Owns: their names and these words; pure. Not here: the sensors (`sensors`), asking Dagster for their state
(`hub.runs.automation`), the check that Dagster shows (`stinercut_assets.common.sensors_run`).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

CHECK: Final = "sensors_run"
"""Name of the check of `rendered_video` that reports this on Dagster's pages."""

WITHOUT: Final = {
    "new_manifests": "no card is read",
    "ready_jumps": "no film is begun",
    "arriving_clips": "nothing is rendered before all of a jump's files are here",
    "ended_runs": "a jump whose run was cut off goes on waiting",
    "changed_templates": "Dagster does not hear of changed templates",
    "overdue_films": "nobody is told of overdue films",
    "every_night": "old runs and leftovers are never cleared away",
}
"""By name; the last one is a schedule. A test compares them with the definitions."""


def in_words(stopped: Collection[str]) -> str:
    """What is switched off, and what no longer happens; sensors that stop films come first. Empty if all are on."""
    ours = [name for name in WITHOUT if name in stopped]
    others = sorted(set(stopped) - set(ours))
    if not stopped:
        return ""
    named = [*(f"{name} ({WITHOUT[name]})" for name in ours), *others]
    return f"Switched off in Dagster: {', '.join(named)}."
