"""Reads a font file's family names and weight.

Owns: reading a font's name and OS/2 tables. Not here: choosing a font (`svg_text`, `fonts`).
"""

from __future__ import annotations

import functools
import struct
from pathlib import Path
from typing import Any

from fontTools.ttLib import TTFont, TTLibError

from stinercut.drawing import fonts
from stinercut.errors import BadInput
from stinercut.language.messages import Message
from stinercut.language.template_codes import TemplateCode


def family_names(path: Path) -> tuple[str, ...]:
    """A font's family names: first the usual one as it is written, then all of them in lower case. Raises BadInput."""
    return _names_and_weight(path, path.stat().st_mtime_ns)[0]


def weight_of(path: Path) -> int:
    """A font's weight, 100 to 900. Raises BadInput."""
    return _names_and_weight(path, path.stat().st_mtime_ns)[1]


@functools.lru_cache(maxsize=64)
def _names_and_weight(path: Path, _changed: int) -> tuple[tuple[str, ...], int]:
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
            Message.of(TemplateCode.FONT_NOT_READABLE), file=path, advice=Message.of(TemplateCode.PUT_WHOLE_FONT)
        ) from refused
    known = [name for name in found if name]
    return (*known[:1], *(name.lower() for name in known)), weight
