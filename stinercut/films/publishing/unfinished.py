"""Files on their way into a film's folder: hidden, gone when their maker is done, however it ends.

Owns: their names, and telling those of a killed maker from those of one at work. Not here: what is written there
(`stinercut.films.film`, `stinercut.films.join`). What a killed maker left of a jump that is never tried again goes by
its age (`store.sweep_partials`).
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
"""Before, they began with the film's own name, which may be as long as a name can be."""


@contextlib.contextmanager
def names_beside(store: Store, target: Path) -> Generator[Callable[[str], Path]]:
    """Gives out names beside `target`, each with the ending that it is asked for. What has them afterwards is removed.

    They are short, whatever the target's name is. What killed makers left in that folder is removed before. A maker
    holds a lock while it has such names, and a killed one leaves its lock's file: without that, as when another store's
    maker is at work, nothing is touched.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    _remove_dead(store, target)
    token, numbers = secrets.token_hex(8), itertools.count(1)
    with store.alone(_lock(token)):
        try:
            yield lambda ending: target.with_name(f".film-{token}-{next(numbers)}.partial{ending}")
        finally:
            _remove(path for path, its in _unfinished(target) if its == token)


def _remove_dead(store: Store, target: Path) -> None:
    there = list(_unfinished(target))
    locks = {token: store.root / "locks" / _lock(token) for _, token in there}
    dead = {token for token, lock in locks.items() if lock.is_file() and is_free(lock)}
    _remove(path for path, token in there if token in dead)


def _unfinished(target: Path) -> Iterator[tuple[Path, str]]:
    """The files and folders beside `target` that have such names, and the token of each one's maker."""
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
