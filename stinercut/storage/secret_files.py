"""Files with a secret of this installation: made once, whole, and readable for their owner alone.

Owns: making such a file, and the secret by which this installation's commands are known to its hub. Not here: what
other secrets are for (`stinercut.delivery.link_key`), secrets among the settings (`stinercut.secrets`).
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from stinercut.storage.store import publish


def make_secret_file(file: Path, content: bytes) -> None:
    """Write the file under a temporary name, then give it its own. Raises OSError."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = file.with_name(f".{file.name}-{secrets.token_hex(8)}")
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    publish(partial, file)


def local_secret(file: Path) -> str | None:
    """The secret in that file; None if this account can't read it."""
    try:
        return file.read_text("ascii").strip() or None
    except (OSError, UnicodeDecodeError):
        return None


def local_secret_or_new(file: Path) -> str:
    """The secret in that file, which is made if it is missing. Raises OSError if it can't be made."""
    found = local_secret(file)
    if found is None:
        make_secret_file(file, secrets.token_urlsafe(32).encode())
        found = local_secret(file)
    if found is None:
        raise PermissionError(f"{file} can't be read")
    return found
