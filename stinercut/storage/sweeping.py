"""Garbage collection (sweeping) of rendered files: partial files of dead processes, and unused segments.

Owns: telling dead partial files from those in the making, and used files from unused ones, while others keep writing.
Not here: partial files without a key (`store.sweep_partials` judges them by age), footage, which stays.
"""

from __future__ import annotations

import re
import secrets
from datetime import datetime
from pathlib import Path

from stinercut.storage.locks import is_free
from stinercut.storage.store import Store, publish

_LARGE = (".mp4", ".wav", ".jpg")
"""Segments and their sound, photos and frames: all of them can be made again. Notes are small and stay."""

_KEYED = re.compile(r"([0-9a-f]{32})-[0-9a-f]{8}\.\w+")


def sweep_dead_segments(store: Store) -> int:
    """Remove unfinished segments whose writer is gone. Returns how many.

    A writer holds its segment's lock (`Store.alone`) from before it makes a file until the file is published. So if a
    file was listed and its lock is then free, its writer is gone.
    """
    folder = store.root / "partial"
    if not folder.is_dir():
        return 0
    gone = 0
    for path in list(folder.iterdir()):
        keyed = _KEYED.fullmatch(path.name)
        if keyed is not None and is_free(store.root / "locks" / keyed[1]):
            path.unlink(missing_ok=True)
            gone += 1
    return gone


def sweep_unused(store: Store, before: datetime) -> int:
    """Remove derived files that were not used since that moment (`Store.used`). Returns how many."""
    oldest = before.timestamp()
    derived = store.root / "derived"
    return sum(path.suffix in _LARGE and _removed(store, path, oldest) for path in derived.glob("*/*"))


def _removed(store: Store, path: Path, before: float) -> bool:
    """Remove an unused file. It is moved aside first, and moved back if somebody began to use it in that moment."""
    try:
        if path.stat().st_mtime >= before:
            return False
        aside = store.partial_path(f"unused-{secrets.token_hex(8)}{path.suffix}")
        path.rename(aside)
    except FileNotFoundError:
        return False
    if aside.stat().st_mtime >= before:
        publish(aside, path)
        return False
    aside.unlink()
    return True
