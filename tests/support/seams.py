"""Seams for faults that this machine can't have for real: replaces one effect of one module by another.

Owns: `Instead`. Not here: the faults. The product knows nothing of it.
"""

from __future__ import annotations

from typing import Any


class Instead:
    """A module (or any object) with some of its names replaced; everything else is as it was."""

    def __init__(self, real: object, **replaced: object) -> None:
        self.__dict__.update(replaced)
        self._real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)
