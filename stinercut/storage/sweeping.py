"""Garbage collection (sweeping) of rendered files: partial files of dead processes, and unused segments.

Owns: telling a dead partial file from a living one, and what is used from what isn't, while others go on writing.
Not here: partial files without a key (`store.sweep_partials` goes by their age), footage, which stays.
"""

from __future__ import annotations

import re
import secrets
from datetime import datetime
from pathlib import Path

from stinercut.storage.locks import is_free
from stinercut.storage.store import Store, publish

_LARGE = (".mp4", ".wav", ".jpg")
"""Segments and their sound, photos and frames: all of them can be made again. Notes are small, and stay."""

_KEYED = re.compile(r"([0-9a-f]{32})-[0-9a-f]{8}\.\w+")


def sweep_dead_segments(store: Store) -> int:
    """Remove half-written segments whose writer is gone. Returns how many.

    A writer holds its segment's lock (`Store.alone`) before it makes a file and until the file is published: a file
    that was there before its lock was found free has none any more.
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
    """Remove what was derived and not used since that moment (`Store.used`). Returns how many files."""
    oldest = before.timestamp()
    derived = store.root / "derived"
    return sum(path.suffix in _LARGE and _removed(store, path, oldest) for path in derived.glob("*/*"))


def _removed(store: Store, path: Path, before: float) -> bool:
    """Out of everybody's sight first, and back where somebody began to use it at that very moment."""
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
