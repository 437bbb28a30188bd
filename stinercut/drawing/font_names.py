"""What a font file says of itself: its family and its weight.

Owns: reading a font's name and OS/2 tables. Not here: which font is taken (`svg_text`, `fonts`).
"""

from __future__ import annotations

import functools
import struct
from pathlib import Path
from typing import Any

from fontTools.ttLib import TTFont, TTLibError

from stinercut.drawing import fonts
from stinercut.errors import BadInput


def family_names(path: Path) -> tuple[str, ...]:
    """A font's names of its family, the usual one first, all in small letters after it. Raises BadInput."""
    return _said_by_font(path, path.stat().st_mtime_ns)[0]


def weight_of(path: Path) -> int:
    """A font's weight, 100 to 900. Raises BadInput."""
    return _said_by_font(path, path.stat().st_mtime_ns)[1]


@functools.lru_cache(maxsize=64)
def _said_by_font(path: Path, _changed: int) -> tuple[tuple[str, ...], int]:
    """A font's family names and its weight, 100 to 900."""
    fonts.opened(path)
    try:
        with TTFont(path, lazy=True, fontNumber=0) as font:
            names: Any = font["name"]
            found = [names.getDebugName(number) for number in (16, 1)]
            table: Any = font["OS/2"]
            weight = int(table.usWeightClass)
    except (TTLibError, KeyError, AttributeError, OSError, struct.error) as refused:
        raise BadInput(
            "this is no font that can be read", file=path, advice="Put a whole .ttf or .otf there, or take it out."
        ) from refused
    known = [name for name in found if name]
    return (*known[:1], *(name.lower() for name in known)), weight
