"""Progress of work with films, as shares from 0 to 1 of a whole that may have parts.

Owns: the functions that a counter or a part of the work calls. Not here: who is told (`stinercut_assets`, the
commands).
"""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[float], None]
"""Gets the share that is done, 0 to 1."""


def share_of(whole: float, on_progress: Progress | None) -> Callable[[float], None] | None:
    """A function for a counter of frames or seconds, so that `on_progress` gets the share of the whole."""
    if on_progress is None:
        return None
    tell = on_progress
    return lambda done: tell(min(1.0, done / whole))


def part_of(on_progress: Progress | None, begin: float, end: float) -> Progress | None:
    """A progress function for a piece of work that lasts from one share of the whole to another one."""
    if on_progress is None:
        return None
    tell = on_progress
    return lambda share: tell(begin + share * (end - begin))
