"""The runs that make films: of a jump that is ready, and ahead of time of one that is still being copied.

Owns: these decisions and their run keys. Not here: the queries (`stinercut.jumps`), asking Dagster (`sensors.films`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from sensors.common.run_requests import RequestedRun
from stinercut.jumps.arriving import Arriving
from stinercut.jumps.jumps import Ready
from stinercut.storage.store import key_of


def film_run(ready: Ready) -> RequestedRun:
    """The run that makes the film of a ready jump: one run for each turn of the jump."""
    return RequestedRun(ready.jump_key, key_of(ready.jump_key, ready.version, str(ready.turn)))


def ahead(
    new: Iterable[Arriving], asked: Mapping[str, str], waiting: Collection[str]
) -> tuple[list[RequestedRun], dict[str, str]]:
    """The runs that work ahead, and the requests to remember: the requested version of each jump that still waits."""
    wanted = [RequestedRun(jump.jump_key, key_of("ahead", jump.jump_key, jump.version)) for jump in new]
    remembered = {**asked, **{jump.jump_key: jump.version for jump in new}}
    return wanted, {jump: version for jump, version in remembered.items() if jump in waiting}
