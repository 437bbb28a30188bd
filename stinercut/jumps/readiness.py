"""Readiness: asks for a run each time a jump's film must be made.

Owns: making a jump ready. Not here: when a jump becomes ready (`jumps`, `film_records`), starting the run (`sensors`).
"""

from __future__ import annotations

from stinercut.catalog.models import Jump, JumpState
from stinercut.catalog.row_messages import give_reason


def make_ready(jump: Jump) -> None:
    """Ask for the film that the jump wants.

    Dagster makes only one run for each run key. So the version alone is no run key: a clip that comes and is left out
    again, or a name that is corrected back, asks for a version that already had its run.
    """
    jump.state = JumpState.READY
    give_reason(jump)
    jump.turn = (jump.turn or 0) + 1
