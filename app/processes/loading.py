"""Loading many modules at once, without looking for garbage meanwhile.

Owns: `loading`. Not here: what is loaded, processes that are forked afterwards (`app.engine`, `app.fleet`).
"""

from __future__ import annotations

import gc
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def loading() -> Generator[None]:
    """Import in this block what a process keeps for its whole life.

    Python looks through all objects again and again while modules make more of them, and finds nothing: a fifth of the
    time that Dagster and our definitions take to load. What is there at the end is never looked through again, which
    also leaves its pages shared with processes that are forked from this one.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
