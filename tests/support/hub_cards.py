"""A real detector next to a real hub, and waiting for what the board shows of a card.

Owns: starting the detector, waiting for a card's state and for import folders. Not here: the hub (`hubs`), cards.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from stinercut.settings import Settings
from support.hubs import PATIENCE_S, Board, RunningHub
from support.warm import Forked, fork


@contextmanager
def running_detector(settings: Settings) -> Iterator[Forked]:
    """`python -m detector` with these settings, ended afterwards."""
    with (settings.data / "detector.log").open("ab") as log:
        process = fork("-m", "detector", env=os.environ | settings.environment(), stdout=log.fileno())
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(PATIENCE_S)


def card_in(watching: Board, state: str, **files: int) -> dict[str, Any]:
    """The next view of the card in that state, with these numbers of files."""

    def fits(frame: dict[str, Any]) -> bool:
        view = frame.get("card")
        return frame["type"] == "card" and view["state"] == state and files.items() <= view["files"].items()

    return watching.until(fits)["card"]


def import_folder(hub: RunningHub, number: int) -> Path:
    """The import folder of that number, once the hub has made it."""
    deadline = time.monotonic() + PATIENCE_S
    while not (found := list(hub.settings.imports_dir.glob(f"GOPRO_*_{number}"))):
        assert time.monotonic() < deadline, f"there are only {list(hub.settings.imports_dir.glob('*'))}"
        time.sleep(0.02)
    return found[0]
