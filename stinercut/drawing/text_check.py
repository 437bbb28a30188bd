"""Compares drawn text with the same line laid out by another engine: a second opinion.

Owns: asking resvg's own text layout, and comparing the two. resvg's bidirectional algorithm, shaping and glyph placing
are independent of those in `text_shaping` and `bidi`. Not here: the lines that a title shows (`svg_text`), the finished
film (`stinercut.films.checks.checks`).

Only the choice of fonts is taken over. Engines differ slightly in details that no reader sees: the width of a space
between Hangul, the place of a mark. So the ink is compared piece by piece, from left to right, each at its own place.
"""

from __future__ import annotations

import functools
import io
import itertools
import math
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import numpy as np
import resvg_py
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from stinercut.drawing.font_names import family_names, weight_of
from stinercut.drawing.fonts import pieces_with
from stinercut.drawing.raster import rendered
from stinercut.drawing.text_shaping import Face, line_of

SIZE = 96.0
"""Pixels: large enough that a dot below a letter is a separate patch."""

THRESHOLD = 60.0
"""Largest difference (of 255, mean over a patch of 7 pixels) that two engines' drawings of one text may have.

Measured by `bench/lettering.py` over random names in 40 scripts, which are harder than people's names: half differ by 1
or less, 99 of 100 by 18 or less. A changed letter, a changed accent and brackets on the wrong side give 70 to 255.
"""

_ROOM = 40
"""Pixels around the text: marks reach beyond their letters."""

_INK = 64
"""Of 255: columns with less ink than this separate two pieces."""

_FIRST_STRONG, _END = "\u2068", "\u2069"
"""An isolate whose direction is decided by its first letter: by default the engine begins every text from the left."""

Ink = NDArray[np.uint8]


@functools.lru_cache(maxsize=256)
def difference(text: str, fonts: tuple[Path, ...]) -> float:
    """How far our drawing of a line differs from the other engine's: 0 is equal, 255 is another text.

    It is also 0 if the other engine can't find a font, such as a template's font without a proper name: then there is
    no second opinion. Raises as `text_shaping.line_of` does.
    """
    line = line_of(text, Face(fonts, SIZE))
    x, y = _ROOM - min(0.0, line.left), _ROOM + max(line.above, SIZE)
    size = (math.ceil(x + line.width + _ROOM), math.ceil(y + max(line.below, SIZE / 2) + _ROOM))
    ours = _svg(size, f'<path d="{line.path(x, y)}"/>')
    drawn = np.asarray(rendered(ours, size, Path("text")).getchannel("A"))
    pieces = _by_font(text, fonts)
    apart = difference_of(drawn, _other_engine(pieces, size, (x, y)))
    return apart if apart <= THRESHOLD or _can_tell(pieces, size, (x, y)) else 0.0


def difference_of(one: Ink, other: Ink) -> float:
    """How far two pictures of a line differ, measured as in `difference`."""
    whole = _apart(one, other)
    if whole <= THRESHOLD:
        return whole
    pieces, others = _pieces(one), _pieces(other)
    if len(pieces) != len(others):
        return 255.0
    return max((_apart_in_place(*pair) for pair in zip(pieces, others, strict=True)), default=255.0)


def _svg(size: tuple[int, int], body: str) -> str:
    width, height = size
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
    return f"{head}{body}</svg>"


_Pieces = Sequence[tuple[Path, str]]


def _by_font(text: str, fonts: tuple[Path, ...]) -> _Pieces:
    """The text in the order of reading, as stretches of one font."""
    return [
        (font, "".join(cluster for cluster, _ in group))
        for font, group in itertools.groupby(pieces_with(text, fonts), key=lambda piece: piece[1])
    ]


def _can_tell(pieces: _Pieces, size: tuple[int, int], place: tuple[float, float]) -> bool:
    """Whether the other engine finds each of these fonts by its name and weight, and no two share both."""
    named = {font: (family_names(font)[0], weight_of(font)) for font, _ in pieces}
    if len(set(named.values())) < len(named):
        return False
    inked = [piece for piece in pieces if piece[1].strip()]
    return all(_other_engine([piece], size, place).any() for piece in inked)


def _other_engine(pieces: _Pieces, size: tuple[int, int], place: tuple[float, float]) -> Ink:
    """The text laid out by resvg, with each letter in the font that we would use."""
    spans = "".join(
        f'<tspan font-family={quoteattr(family_names(font)[0])} font-weight="{weight_of(font)}">{escape(words)}</tspan>'
        for font, words in pieces
    )
    x, y = place
    body = f'<text xml:space="preserve" x="{x}" y="{y}" font-size="{SIZE}">{_FIRST_STRONG}{spans}{_END}</text>'
    files = sorted({str(font) for font, _ in pieces})
    png = resvg_py.svg_to_bytes(svg_string=_svg(size, body), skip_system_fonts=True, font_files=files)
    with Image.open(io.BytesIO(png)) as picture:
        return np.asarray(picture.convert("RGBA").getchannel("A"))


def _pieces(picture: Ink) -> list[Ink]:
    """The pieces of ink with empty columns between them, from left to right, each cut to its columns."""
    inked = np.concatenate(([False], picture.max(axis=0) >= _INK, [False]))
    edges = np.flatnonzero(inked[1:] != inked[:-1])
    return [picture[:, begin:end] for begin, end in zip(edges[::2], edges[1::2], strict=True)]


def _apart_in_place(one: Ink, other: Ink) -> float:
    """The difference of two pieces laid over each other at the best fit, a pixel to the left or right."""
    width = max(one.shape[1], other.shape[1]) + 4
    if abs(one.shape[1] - other.shape[1]) > 3:
        return 255.0
    middle = _padded(one, width, 2)
    return min(_apart(middle, _padded(other, width, left)) for left in range(width - other.shape[1] + 1))


def _padded(piece: Ink, width: int, left: int) -> Ink:
    return np.pad(piece, ((0, 0), (left, max(0, width - left - piece.shape[1]))))[:, :width]


def _apart(one: Ink, other: Ink) -> float:
    apart = np.abs(one.astype(np.int16) - other.astype(np.int16)).astype(np.uint8)
    return float(np.asarray(Image.fromarray(apart).filter(ImageFilter.BoxBlur(3))).max())
