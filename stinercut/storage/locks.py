"""File locks between processes and machines that share a volume: a lock dies with its holder.

Owns: taking and letting go of a lock file. Not here: what is done under it (`store`).
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Generator
from pathlib import Path
from typing import IO

_ASK_AGAIN_S = 0.1
"""Between two tries. What is waited for takes seconds, and a signal must get through at any moment."""


@contextlib.contextmanager
def held(path: Path) -> Generator[None]:
    """Hold the lock file `path` while the block runs; waits as long as another process holds it.

    The system lets go of it when its holder ends, however that happens. The file is gone afterwards where the system
    allows to remove an open one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    while (handle := _taken(path)) is None:
        time.sleep(_ASK_AGAIN_S)
    try:
        yield
    finally:
        _let_go(handle, path)


@contextlib.contextmanager
def held_if_free(path: Path) -> Generator[bool]:
    """Hold the lock file `path` while the block runs, as `held` does, unless somebody holds it: gives whether we do."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = _taken(path)
    try:
        yield handle is not None
    finally:
        if handle is not None:
            _let_go(handle, path)


def is_held(path: Path) -> bool:
    """Whether somebody holds the lock file `path` at this moment. Changes nothing: what a killed holder left stays."""
    try:
        handle = path.open("r+b")
    except FileNotFoundError:
        return False
    with handle:
        return not _try_lock(handle)


def is_free(path: Path) -> bool:
    """Whether nobody holds the lock file `path` at this moment; a file that a killed holder left is removed."""
    try:
        handle = path.open("r+b")
    except FileNotFoundError:
        return True
    with handle:
        if not _try_lock(handle):
            return False
        if os.name != "nt" and _is_current(handle, path):
            path.unlink(missing_ok=True)
        return True


def _taken(path: Path) -> IO[bytes] | None:
    """The lock file, held; None while somebody else holds it, or has just removed it."""
    handle = path.open("a+b")
    try:
        if _try_lock(handle) and _is_current(handle, path):
            return handle
    except BaseException:
        handle.close()
        raise
    handle.close()
    return None


def _let_go(handle: IO[bytes], path: Path) -> None:
    # Removed before it is let go of: whoever holds the name then makes a new file, and `_is_current` tells those who
    # waited for this one.
    if os.name != "nt":
        path.unlink(missing_ok=True)
    handle.close()


def _is_current(handle: IO[bytes], path: Path) -> bool:
    """Whether the locked file is still the one of that name, and not one that its last holder has removed."""
    try:
        return os.path.samestat(os.fstat(handle.fileno()), path.stat())
    except FileNotFoundError:
        return False


if sys.platform == "win32":
    import msvcrt

    def _try_lock(handle: IO[bytes]) -> bool:
        handle.seek(0)
        try:
            msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try_lock(handle: IO[bytes]) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
