"""Turns text into shapes: shaped by HarfBuzz, fitted into a width, in as many fonts as its scripts need.

Owns: glyphs, widths, lines, shrinking and breaking. Not here: which font has a character (`fonts`), the drawing around
a text (`title_cards`).

Text becomes outlines here, so drawings depend on no font engine of the system, and the size is known before drawing.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uharfbuzz
from fontTools.pens.boundsPen import BoundsPen
from fontTools.pens.svgPathPen import SVGPathPen
from fontTools.pens.transformPen import TransformPen

from stinercut.drawing.fonts import FontRun, opened, runs_with
from stinercut.errors import BadInput
from stinercut.input_limits import MOST_POINTS_OF_GLYPH
from stinercut.language.messages import Message
from stinercut.language.template_codes import TemplateCode

hb: Any = uharfbuzz
"""The library has no type stubs."""

LEADING = 1.16
"""Distance of two lines' baselines, in sizes of the font."""

_JOINED = frozenset({"Arab", "Syrc", "Mong", "Nkoo", "Deva", "Beng", "Guru", "Gujr", "Orya", "Adlm", "Rohg", "Mand"})
"""Scripts whose letters are joined: spacing would tear them apart."""


@dataclass(frozen=True)
class Face:
    """The look of a text: fonts in the order of preference, size and space between letters in the drawing's units."""

    fonts: tuple[Path, ...]
    size: float
    spacing: float = 0.0

    def sized(self, size: float) -> Face:
        """The same face at another size."""
        return Face(self.fonts, size, self.spacing * size / self.size if self.size else 0.0)


@dataclass(frozen=True)
class Room:
    """The room for a text: `width`, at most `lines`, and `height` for all lines.

    It is broken into lines only if a single line would be smaller than `smallest` (all in the drawing's units).
    """

    width: float
    lines: int = 1
    height: float | None = None
    smallest: float = 0.0


@dataclass(frozen=True)
class _Glyph:
    font: Path
    number: int
    x: float
    y: float


@dataclass(frozen=True)
class Line:
    """One line of glyphs, and the text that they show. `left`, `right`, `above` and `below`: its ink around the
    baseline's start.
    """

    text: str
    glyphs: tuple[_Glyph, ...]
    size: float
    advance: float
    left: float
    right: float
    above: float
    below: float

    @property
    def width(self) -> float:
        """The width that it takes, including ink that leans out."""
        return max(self.advance, self.right) - min(0.0, self.left)

    def path(self, x: float, baseline: float) -> str:
        """The line as an SVG path that starts there."""
        pen = SVGPathPen(None, ntos=_short)
        for glyph in self.glyphs:
            font = opened(glyph.font)
            scale = self.size / font.face.upem
            place = (scale, 0, 0, -scale, x + glyph.x, baseline - glyph.y)
            font.draw_glyph_with_pen(glyph.number, TransformPen(pen, place))
        return str(pen.getCommands())


def lines_of(text: str, face: Face, room: Room) -> list[Line]:
    """The text in its room: at its size, or smaller, or in more lines, or both. It is never cut off.

    Raises BadInput or MissingProgram for characters that no font has.
    """
    words = text.split(" ")
    single = _fitted([text], face, room)
    if single[0].size >= min(room.smallest, face.size) or room.lines < 2:
        return single
    choices = [_fitted(_broken(words, count, face), face, room) for count in range(2, min(room.lines, len(words)) + 1)]
    return max([single, *choices], key=lambda lines: lines[0].size)


def line_of(text: str, face: Face) -> Line:
    """One line at exactly that size."""
    glyphs: list[_Glyph] = []
    x = trailing = 0.0
    left, right, above, below = 0.0, 0.0, 0.0, 0.0
    for run in runs_with(text, face.fonts):
        for glyph, advance, ink, space in _shaped(run, face):
            placed = _Glyph(run.font, glyph.number, x + glyph.x, glyph.y)
            glyphs.append(placed)
            if ink is not None:
                left, right = min(left, x + ink[0]), max(right, x + ink[2])
                below, above = max(below, -ink[1]), max(above, ink[3])
            x += advance + space
            trailing = space
    return Line(text, tuple(glyphs), face.size, x - trailing, left, right, above, below)


def _fitted(texts: list[str], face: Face, room: Room) -> list[Line]:
    """These lines, all at one size: the face's size, or the largest size that fits."""
    lines = [line_of(text, face) for text in texts]
    widest = max(line.width for line in lines)
    size = face.size * min(1.0, room.width / widest if widest else 1.0)
    if room.height is not None:
        tall = face.size * (LEADING * (len(lines) - 1) + 1)
        size = min(size, face.size * room.height / tall)
    return lines if size == face.size else [line_of(text, face.sized(size)) for text in texts]


def _broken(words: list[str], count: int, face: Face) -> list[str]:
    """The words in `count` lines, as even as possible."""
    lengths = [line_of(word, face).advance if word else 0.0 for word in words]
    best: tuple[float, tuple[int, ...]] | None = None
    for cuts in itertools.islice(itertools.combinations(range(1, len(words)), count - 1), 5000):
        ends = (0, *cuts, len(words))
        widest = max(sum(lengths[a:b]) + (b - a - 1) * face.size * 0.26 for a, b in itertools.pairwise(ends))
        if best is None or widest < best[0]:
            best = (widest, ends)
    assert best is not None
    return [" ".join(words[a:b]) for a, b in itertools.pairwise(best[1])]


_Ink = tuple[float, float, float, float]


def _shaped(run: FontRun, face: Face) -> list[tuple[_Glyph, float, _Ink | None, float]]:
    """A run's glyphs from left to right: place within its own advance, advance, ink box, space after it."""
    font = opened(run.font)
    buffer = hb.Buffer()
    buffer.add_str(run.text)
    buffer.guess_segment_properties()
    # It would guess the language from the machine's locale, and fonts have other forms for some languages.
    buffer.language = "und"
    buffer.direction = run.direction
    hb.shape(font, buffer, {"kern": True, "liga": True})
    scale = face.size / font.face.upem
    space = 0.0 if buffer.script in _JOINED else face.spacing
    out: list[tuple[_Glyph, float, _Ink | None, float]] = []
    for info, position in zip(buffer.glyph_infos, buffer.glyph_positions, strict=True):
        glyph = _Glyph(run.font, info.codepoint, position.x_offset * scale, position.y_offset * scale)
        box = _ink(run.font, info.codepoint)
        ink = box and (
            glyph.x + box[0] * scale,
            glyph.y + box[1] * scale,
            glyph.x + box[2] * scale,
            glyph.y + box[3] * scale,
        )
        out.append((glyph, position.x_advance * scale, ink, space if position.x_advance else 0.0))
    return out


class _Counting(BoundsPen):
    """Finds a glyph's ink, and how many strokes its outline has."""

    strokes = 0

    def lineTo(self, pt: Any) -> None:
        """Count a straight stroke."""
        self.strokes += 1
        super().lineTo(pt)

    def qCurveTo(self, *points: Any) -> None:
        """Count a stroke with TrueType's curves."""
        self.strokes += 1
        super().qCurveTo(*points)

    def curveTo(self, *points: Any) -> None:
        """Count a stroke with PostScript's curves."""
        self.strokes += 1
        super().curveTo(*points)


def _ink(path: Path, glyph: int) -> _Ink | None:
    pen = _Counting(None)
    opened(path).draw_glyph_with_pen(glyph, pen)
    if pen.strokes > MOST_POINTS_OF_GLYPH:
        raise BadInput(
            Message.of(TemplateCode.LETTER_TOO_FINE, strokes=pen.strokes, most=MOST_POINTS_OF_GLYPH),
            file=path,
            advice=Message.of(TemplateCode.SIMPLER_FONT),
        )
    return pen.bounds


def _short(number: float) -> str:
    return f"{number:.2f}".rstrip("0").rstrip(".")
