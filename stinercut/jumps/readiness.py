"""A jump's turn: each time its film is to be made, a run of its own is asked for.

Lives here: becoming ready. Doesn't: when a jump is (`jumps`, `films`), the run that is asked for (`sensors`).
"""

from __future__ import annotations

from stinercut.catalog.models import Jump, JumpState


def make_ready(jump: Jump) -> None:
    """The film that the jump wants is to be made.

    Dagster makes one run for each run key. A version alone would not do: a clip that comes and is left out again, or a
    name that is corrected back, asks for a version that has had its run already.
    """
    jump.state, jump.reason = JumpState.READY, ""
    jump.turn = (jump.turn or 0) + 1
