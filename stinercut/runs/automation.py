"""Dagster's automation, its sensors and its schedule, and what no longer happens if one is switched off.

Owns: their names and these words; pure. Not here: the sensors (`sensors`), asking Dagster for their state
(`hub.runs.automation`), the check that Dagster shows (`stinercut_assets.common.sensors_run`).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message, all_worded

CHECK: Final = "sensors_run"
"""Name of the check of `rendered_video` that reports this on Dagster's pages."""

WITHOUT: Final = {
    "new_manifests": Message.of(MessageCode.WITHOUT_NEW_MANIFESTS),
    "ready_jumps": Message.of(MessageCode.WITHOUT_READY_JUMPS),
    "arriving_clips": Message.of(MessageCode.WITHOUT_ARRIVING_CLIPS),
    "ended_runs": Message.of(MessageCode.WITHOUT_ENDED_RUNS),
    "changed_templates": Message.of(MessageCode.WITHOUT_CHANGED_TEMPLATES),
    "overdue_films": Message.of(MessageCode.WITHOUT_OVERDUE_FILMS),
    "every_night": Message.of(MessageCode.WITHOUT_EVERY_NIGHT),
}
"""By name; the last one is a schedule. A test compares them with the definitions."""


ALL_RUN: Final = Message.of(MessageCode.ALL_AUTOMATION_RUNS)
"""What the check says if nothing is switched off."""


def said_of(stopped: Collection[str]) -> tuple[Message, ...]:
    """What is switched off, and what no longer happens; sensors that stop films come first. Empty if all are on."""
    ours = [name for name in WITHOUT if name in stopped]
    others = sorted(set(stopped) - set(ours))
    if not stopped:
        return ()
    named = (Message.of(MessageCode.SWITCH_AND_EFFECT, name=name, effect=WITHOUT[name]) for name in ours)
    return (Message.of(MessageCode.SWITCHED_OFF, names=(*named, *others)),)


def in_words(stopped: Collection[str]) -> str:
    """The same in words."""
    return all_worded(said_of(stopped))
