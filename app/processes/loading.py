"""Loads many modules at once, without garbage collection meanwhile.

Owns: `loading`. Not here: which modules, processes that are forked afterwards (`app.engine`, `app.fleet`).
"""

from __future__ import annotations

import gc
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def loading() -> Generator[None]:
    """Import modules in this block that the process keeps for its whole life.

    While modules make objects, Python's garbage collector searches all of them repeatedly and finds nothing. That takes
    a fifth of the time in which Dagster and our definitions load. The objects that exist at the end of the block are
    never searched again, so their memory pages also stay shared with processes that are forked from this one.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
