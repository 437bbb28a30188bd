"""Writes stinercut/drawing/noto_coverage.txt: which characters the fonts of the set-up show.

`stinercut.drawing.name_rule` reads it.

Run it on the oldest system that is supported (Debian 12, fonts-noto-core and fonts-noto-cjk): fonts only gain
characters, so what its fonts show is shown everywhere.

    .venv/bin/python scripts/noto_coverage.py
"""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any

from fontTools.pens.boundsPen import BoundsPen

from stinercut.drawing import fonts
from stinercut.drawing.name_rule import COVERAGE, NEVER_DRAWN

HEAD = """\
# What Noto's fonts show: the family, then ranges of characters in hexadecimal, both ends included.
# Made by scripts/noto_coverage.py on Debian 12. Families that add nothing to another one are left out.
"""


def shown_by(font: Path) -> set[int]:
    """The characters of a font that leave ink, its spaces, and its marks."""
    opened = fonts.opened(font)
    found: set[int] = set()
    for code in opened.face.unicodes:
        kind = unicodedata.category(chr(code))
        if chr(code) in NEVER_DRAWN or (kind[0] not in "LMNPS" and kind != "Zs"):
            continue
        if kind == "Zs" or _leaves_ink(opened, code):
            found.add(code)
    return found


def _leaves_ink(font: Any, code: int) -> bool:
    pen: Any = BoundsPen(None)
    glyph = font.get_nominal_glyph(code)
    if not glyph:
        return False
    font.draw_glyph_with_pen(glyph, pen)
    return pen.bounds is not None


def ranges_of(codes: set[int]) -> str:
    """Numbers as ranges: 41-5A,61."""
    ranges: list[list[int]] = []
    for code in sorted(codes):
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return ",".join(f"{first:X}-{last:X}" if last > first else f"{first:X}" for first, last in ranges)


def main() -> None:
    """Write the file."""
    pairs = zip(fonts.catalogue("Regular"), fonts.catalogue("Bold"), strict=True)
    families = {regular.name.partition("-")[0]: shown_by(regular) & shown_by(bold) for regular, bold in pairs}
    kept: dict[str, set[int]] = {}
    for family, codes in sorted(families.items(), key=lambda item: -len(item[1])):
        if codes and not any(codes <= other for other in kept.values()):
            kept[family] = codes
    lines = [f"{family} {ranges_of(codes)}" for family, codes in sorted(kept.items())]
    COVERAGE.write_text(HEAD + "\n".join(lines) + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
