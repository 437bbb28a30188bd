"""Drawings as pixels: a part of a picture is the same as in the whole of it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stinercut.drawing.raster import rendered, rendered_part
from stinercut.drawing.title_cards import sheet_of
from stinercut.templates.folder import bundled
from stinercut.templates.merging import Fields

HERE = Path(__file__)
SIZES = [(1920, 1080), (405, 721), (1281, 723)]


def svg(inside: str, box: str = "0 0 160 90") -> str:
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}">{inside}</svg>'


DRAWINGS = {
    "a thin line": svg('<path d="M20.3 45.2h60" stroke="#fff" stroke-width="0.2"/>'),
    "a shadow": svg(
        '<filter id="s" x="-50%" y="-50%" width="200%" height="200%"><feGaussianBlur stdDeviation="3"/></filter>'
        '<rect x="70" y="40" width="20" height="10" filter="url(#s)"/>'
    ),
    "over the edge": svg('<circle cx="158" cy="88" r="12" fill="#f00"/>'),
    "a gradient of the whole": svg(
        '<linearGradient id="g" gradientUnits="userSpaceOnUse" x1="0" y1="0" x2="160" y2="90">'
        '<stop offset="0" stop-color="#000"/><stop offset="1" stop-color="#fff"/></linearGradient>'
        '<rect x="30" y="20" width="70" height="30" fill="url(#g)"/>'
    ),
    "another shape": svg('<rect width="50" height="100" x="25"/>', "0 0 100 100"),
}


def require_same(text: str, size: tuple[int, int]) -> None:
    whole = rendered(text, size, HERE)
    found = rendered_part(text, size, HERE)
    assert found is not None
    picture, place = found
    again = Image.new("RGBA", size)
    again.paste(picture, place)
    # A gradient's value may be rounded the other way, and a few pixels on the rim of what is cut off at the picture's
    # edge come out a little lighter or darker. Colours count as much as they are seen.
    shown, wanted = (np.asarray(one.convert("RGBa"), dtype=np.int16) for one in (again, whole))
    differ = np.abs(shown - wanted).max(axis=2)
    assert (differ > 2).sum() <= 20
    assert differ.max() < 80
    assert picture.size < size


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", DRAWINGS)
def test_a_part_has_the_pixels_of_the_whole(name: str, size: tuple[int, int]) -> None:
    require_same(DRAWINGS[name], size)


@pytest.mark.parametrize("template", ["classic", "sunset"])
def test_the_bundled_titles_are_drawn_by_parts(template: str) -> None:
    given = bundled(template)
    sheet = sheet_of(given, given.document.timeline.main[0], Fields("Zoë Křížová", date(2026, 6, 14)), (640, 360))
    assert sheet.parts
    for text, _ in sheet.parts:
        require_same(text, (640, 360))


def test_a_drawing_of_nothing_has_no_part() -> None:
    assert rendered_part(svg('<rect width="50" height="40" fill="none"/>'), (320, 180), HERE) is None
