"""Draws a line of text as a picture, for print.

Owns: text in black and white, shaped as on films. Not here: films' texts (`svg_text`, `overlays`).
"""

from __future__ import annotations

import math
from pathlib import Path

from PIL import Image

from stinercut.drawing.raster import rendered
from stinercut.drawing.svg_text import face_fonts
from stinercut.drawing.text_shaping import Face, Room, lines_of

_HERE = Path("text")


def text_mask(text: str, size: int, widest: int, *, bold: bool) -> Image.Image:
    """A line of text, white on black: `size` pixels, or less so that it is no wider than `widest`.

    Raises MissingProgram or BadInput when it can't be drawn completely.
    """
    fonts = face_fonts("sans-serif", 700 if bold else 400, (), _HERE)
    line = lines_of(text, Face(fonts, size), Room(widest))[0]
    left = min(0.0, line.left)
    # At least a capital's height and a little below it, so that lines of different letters have the same baseline.
    above, below = max(line.above, 0.72 * line.size), max(line.below, 0.22 * line.size)
    width, height = max(1, math.ceil(line.width)), math.ceil(above) + math.ceil(below)
    drawn = f'<path fill="#ffffff" d="{line.path(-left, math.ceil(above))}"/>'
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">{drawn}</svg>'
    return rendered(svg, (width, height), _HERE).getchannel("A")
