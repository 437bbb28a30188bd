"""Readiness: asks for a run each time a jump's film is to be made.

Owns: becoming ready. Not here: when a jump is (`jumps`, `film_records`), the run that is asked for (`sensors`).
"""

from __future__ import annotations

from stinercut.catalog.models import Jump, JumpState
from stinercut.catalog.row_messages import give_reason


def make_ready(jump: Jump) -> None:
    """The film that the jump wants is to be made.

    Dagster makes one run for each run key. A version alone would not do: a clip that comes and is left out again, or a
    name that is corrected back, asks for a version that has had its run already.
    """
    jump.state = JumpState.READY
    give_reason(jump)
    jump.turn = (jump.turn or 0) + 1
