"""Checks colour tables (`.cube`), which a template's `look` may name.

Owns: whether a table is complete. Not here: grading footage with it (`stinercut.films.picture.footage`).
"""

from __future__ import annotations

from pathlib import Path

from stinercut.errors import BadInput
from stinercut.language.messages import Message
from stinercut.language.template_codes import TemplateCode

_LUT_LINES = 300_000


def require_lut(path: Path) -> None:
    """Raise BadInput unless the file is a complete .cube table (Adobe's Cube LUT specification 1.0, 3D)."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        lines = []
    size, rows = 0, 0
    for line in lines[:_LUT_LINES]:
        words = line.split()
        if words[:1] == ["LUT_3D_SIZE"] and len(words) == 2 and words[1].isdigit():
            size = int(words[1])
        elif len(words) == 3 and all(_is_number(word) for word in words):
            rows += 1
    if not 2 <= size <= 65 or rows != size**3:
        raise BadInput(
            Message.of(TemplateCode.LUT_NOT_WHOLE, rows=rows, due=size**3),
            file=path,
            advice=Message.of(TemplateCode.EXPORT_LUT_AGAIN),
        )


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
