"""What killed processes left of segments: found while others go on writing.

Lives here: telling a dead partial file from a living one. Doesn't: partial files without a key (`store.sweep_partials`
goes by their age).
"""

from __future__ import annotations

import re

from stinercut.locks import is_free
from stinercut.store import Store

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
