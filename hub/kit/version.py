"""Which hub this is: that it is one, its package's version, and the pages that came with it.

Owns: these texts, the second made once when the hub starts. Not here: telling them (`hub.board.feed`,
`hub.kit.health`), serving pages (`hub.pages`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from stinercut import __version__

HEALTHY = {"status": "ok", "program": "stinercut"}
"""What `/healthz` answers as long as the hub lives: other programs say that they are well under that path, too."""


def version_of(root: Path, files: Iterable[Path]) -> str:
    """The package's version and a hash of these files below `root`: another one means other scripts or another API."""
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(f"{file.relative_to(root).as_posix()}\0".encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return f"{__version__}+{digest.hexdigest()[:12]}"
