"""The version of this hub: the mark that it is a hub, its package's version, and a hash of its pages.

Owns: these texts; the version is made once when the hub starts. Not here: sending them (`hub.board.feed`,
`hub.kit.health`), serving pages (`hub.pages`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from stinercut import __version__

HEALTHY = {"status": "ok", "program": "stinercut"}
"""The answer of `/healthz` while the hub lives. It names the program, since others also answer under that path."""


def version_of(root: Path, files: Iterable[Path]) -> str:
    """The package's version and a hash of these files below `root`. When it changes, scripts or API have changed."""
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(f"{file.relative_to(root).as_posix()}\0".encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return f"{__version__}+{digest.hexdigest()[:12]}"
