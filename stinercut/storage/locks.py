"""File locks between processes and machines that share a volume: a lock ends with its holder.

Owns: taking and releasing a lock file. Not here: the work under a lock (`store`).
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
"""Seconds between two tries. Holders take seconds, and a signal must get through at any moment."""


@contextlib.contextmanager
def held(path: Path) -> Generator[None]:
    """Hold the lock file `path` while the block runs; waits as long as another process holds it.

    The system releases it when its holder ends in any way. The file is removed afterwards if the system allows removing
    an open file.
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
    """Hold the lock file `path` while the block runs, as `held` does, unless somebody else holds it. Yields whether we
    hold it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = _taken(path)
    try:
        yield handle is not None
    finally:
        if handle is not None:
            _let_go(handle, path)


def is_held(path: Path) -> bool:
    """Whether somebody holds the lock file `path` at this moment. It changes nothing: a killed holder's file stays."""
    try:
        handle = path.open("r+b")
    except FileNotFoundError:
        return False
    with handle:
        return not _try_lock(handle)


def is_free(path: Path) -> bool:
    """Whether nobody holds the lock file `path` at this moment. A killed holder's file is removed."""
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
    # The file is removed before the lock is released: the next holder makes a new file, and `_is_current` tells those
    # that waited for this one.
    if os.name != "nt":
        path.unlink(missing_ok=True)
    handle.close()


def _is_current(handle: IO[bytes], path: Path) -> bool:
    """Whether the locked file is still the one with that name, and was not removed by its last holder."""
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
