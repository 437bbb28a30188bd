"""A template's fonts come from outside: one that is damaged, too large or too costly is refused by its name."""

from __future__ import annotations

import io
import math
import os
import random
import struct
from contextlib import suppress
from pathlib import Path

import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from hypothesis import given
from hypothesis import strategies as st
from support.templating import own_template

from stinercut.drawing import fonts
from stinercut.errors import BadInput, StinercutError
from stinercut.films.template_check import problems
from stinercut.input_limits import MOST_BYTES_OF_FONT, MOST_POINTS_OF_GLYPH
from stinercut.templates import folder
from stinercut.templates.font_files import require_whole

WHOLE = (fonts.BUNDLED / "NotoSans-Regular.ttf").read_bytes()


def entry_of(data: bytes, tag: bytes) -> int:
    """Where the directory says where a table is."""
    return next(at for at in range(12, 12 + 16 * 64, 16) if data[at : at + 4] == tag)


def begin_of(data: bytes, tag: bytes) -> int:
    return struct.unpack_from(">I", data, entry_of(data, tag) + 8)[0]


def with_glyphs(number: int) -> bytearray:
    """The font, saying that it has so many glyphs."""
    data = bytearray(WHOLE)
    struct.pack_into(">H", data, begin_of(WHOLE, b"maxp") + 4, number)
    return data


def with_garbage_for_places() -> bytes:
    """As many glyphs as there can be, and a place for each, at random."""
    data = with_glyphs(65535)
    struct.pack_into(">H", data, begin_of(WHOLE, b"head") + 50, 1)
    struct.pack_into(">II", data, entry_of(WHOLE, b"loca") + 8, len(data), 65536 * 4)
    return bytes(data) + random.Random(1).randbytes(65536 * 4)


def with_tables(number: int) -> bytes:
    data = bytearray(WHOLE)
    struct.pack_into(">H", data, 4, number)
    return bytes(data)


def costly(points: int) -> bytes:
    """A font whose letters have an outline of so many points."""
    pen = TTGlyphPen(None)
    for number in range(points):
        turn = 2 * math.pi * number / points
        (pen.lineTo if number else pen.moveTo)((round(500 + 450 * math.cos(turn)), round(350 + 350 * math.sin(turn))))
    pen.closePath()
    made = FontBuilder(1000, isTTF=True)
    made.setupGlyphOrder([".notdef", "A"])
    made.setupCharacterMap({ord("A"): "A"})
    made.setupGlyf({".notdef": TTGlyphPen(None).glyph(), "A": pen.glyph()})
    made.setupHorizontalMetrics({".notdef": (1000, 0), "A": (1000, 0)})
    made.setupHorizontalHeader(ascent=800, descent=-200)
    made.setupNameTable({"familyName": "Costly", "styleName": "Regular"})
    made.setupOS2(sTypoAscender=800, usWinAscent=800, usWinDescent=200, usWeightClass=400)
    made.setupPost()
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def template_with(path: Path, font: bytes) -> Path:
    """A template that brings this font along; the font's path."""
    own_template(path)
    (path / "fonts").mkdir()
    (path / "fonts" / "Own.ttf").write_bytes(font)
    return path / "fonts" / "Own.ttf"


def the_problem(path: Path) -> StinercutError:
    [found] = problems(path)
    return found


@pytest.mark.parametrize(
    ("font", "why"),
    [
        (WHOLE[: len(WHOLE) // 2], "ends behind the file's end"),
        (WHOLE[:300], "ends behind the file's end"),
        (WHOLE[:100], "it ends too early"),
        (WHOLE[:7], "it ends too early"),
        (b"", "it ends too early"),
        (b"ttcf" + bytes(8), "it does not begin as a font does"),
        (bytes(with_glyphs(65535)), "65535 glyphs, and places for fewer"),
        (with_garbage_for_places(), "the places of its glyphs are wrong"),
        (with_tables(65535), "65535 tables"),
    ],
    ids=["half", "directory", "half a directory", "head", "empty", "collection", "maxp", "loca", "tables"],
)
def test_a_font_that_is_not_whole_is_refused_with_its_template(tmp_path: Path, font: bytes, why: str) -> None:
    file = template_with(tmp_path, font)
    found = the_problem(tmp_path)
    assert found.what.startswith("the font Own.ttf of the template own: this is no font that can be read")
    assert why in found.what
    assert found.file == str(file)
    assert found.advice
    with pytest.raises(BadInput, match="no font that can be read"):
        folder.load(tmp_path)
    with pytest.raises(BadInput, match="no font that can be read"):
        fonts.opened(file)


def test_a_font_of_200_mb_is_refused_and_not_read(tmp_path: Path) -> None:
    file = template_with(tmp_path, WHOLE)
    folder.load(tmp_path)
    with file.open("r+b") as grown:
        grown.truncate(200_000_000)
    assert f"it has 200 MB, and a font at most {MOST_BYTES_OF_FONT // 1_000_000}" in the_problem(tmp_path).what


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    file = template_with(tmp_path, WHOLE)
    file.unlink()
    os.mkfifo(file)
    assert "this is no file" in the_problem(tmp_path).what


def test_a_letter_of_too_many_strokes_is_refused(tmp_path: Path) -> None:
    file = template_with(tmp_path, costly(MOST_POINTS_OF_GLYPH - 100))
    assert problems(tmp_path) == []
    file.write_bytes(costly(MOST_POINTS_OF_GLYPH + 100))
    found = the_problem(tmp_path)
    assert "strokes" in found.what
    assert found.file == str(file)


def test_the_fonts_that_are_installed_are_whole() -> None:
    for style in ("Regular", "Bold"):
        for font in fonts.catalogue(style):
            require_whole(font)


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=20), st.integers(0, len(WHOLE)))
def test_whatever_stands_in_its_directory(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, int]], length: int
) -> None:
    """It is taken or refused in our words."""
    data = bytearray(WHOLE[:length])
    for at, byte in changes:
        if at < len(data):
            data[at] = byte
    file = tmp_path_factory.getbasetemp() / "fuzzed.ttf"
    file.write_bytes(data)
    with suppress(BadInput):
        require_whole(file)
