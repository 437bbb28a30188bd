"""Unfinished files in a film's folder: hidden, and removed when their maker ends in any way.

Owns: their names, and telling a killed maker's files from those of one at work. Not here: writing them
(`stinercut.films.film`, `stinercut.films.join`). If a jump is never tried again, a killed maker's files are removed by
their age (`store.sweep_partials`).
"""

from __future__ import annotations

import contextlib
import itertools
import re
import secrets
import shutil
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

from stinercut.storage.locks import is_free
from stinercut.storage.store import Store

_NAME = re.compile(r"\..*-([0-9a-f]{16})-\d+\.partial.*", re.DOTALL)
"""Older versions began these names with the film's own name, which may be as long as a name can be."""


@contextlib.contextmanager
def names_beside(store: Store, target: Path) -> Generator[Callable[[str], Path]]:
    """Give out names next to `target`, each with the requested ending. Files that still have such a name afterwards are
    removed.

    The names are short, whatever the target's name is. Files of killed makers in that folder are removed first. A maker
    holds a lock while it has such names, and a killed one leaves the lock's file behind. Files without a lock's file
    are not touched: another store's maker may be at work.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    _remove_dead(store, target)
    token, numbers = secrets.token_hex(8), itertools.count(1)
    with store.alone(_lock(token)):
        try:
            yield lambda ending: target.with_name(f".film-{token}-{next(numbers)}.partial{ending}")
        finally:
            _remove(path for path, maker in _unfinished(target) if maker == token)


def _remove_dead(store: Store, target: Path) -> None:
    there = list(_unfinished(target))
    locks = {token: store.root / "locks" / _lock(token) for _, token in there}
    dead = {token for token, lock in locks.items() if lock.is_file() and is_free(lock)}
    _remove(path for path, token in there if token in dead)


def _unfinished(target: Path) -> Iterator[tuple[Path, str]]:
    """The files and folders next to `target` with such names, and the token of each one's maker."""
    for path in list(target.parent.iterdir()):
        if found := _NAME.fullmatch(path.name):
            yield path, found[1]


def _remove(paths: Iterator[Path]) -> None:
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _lock(token: str) -> str:
    return f"film-{token}"
