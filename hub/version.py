"""Which hub this is: its package's version, and the pages that came with it.

Lives here: that one text, made once when the hub starts. Doesn't: telling it (`board`), serving pages (`server`).
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from stinercut import __version__


def version_of(web: Path) -> str:
    """The package's version and a hash of the pages below `web`: another one means other scripts or another API."""
    digest = hashlib.sha256()
    for file in sorted(path for path in web.rglob("*") if path.is_file()):
        digest.update(f"{file.relative_to(web).as_posix()}\0".encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return f"{__version__}+{digest.hexdigest()[:12]}"
