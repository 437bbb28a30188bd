"""Which hub this is: that it is one, its package's version, and the pages that came with it.

Lives here: these texts, the second made once when the hub starts. Doesn't: telling them (`board`, `server`), serving
pages (`server`).
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from stinercut import __version__

HEALTHY = {"status": "ok", "program": "stinercut"}
"""What `/healthz` answers as long as the hub lives: other programs say that they are well under that path, too."""


def version_of(web: Path) -> str:
    """The package's version and a hash of the pages below `web`: another one means other scripts or another API."""
    digest = hashlib.sha256()
    for file in sorted(path for path in web.rglob("*") if path.is_file()):
        digest.update(f"{file.relative_to(web).as_posix()}\0".encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return f"{__version__}+{digest.hexdigest()[:12]}"
