"""What lies over the footage: in its corner, at its height, as faint as it is asked for, at every size of film."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.templating import own_template

from stinercut.drawing.overlays import Placed, overlay_of
from stinercut.errors import BadInput
from stinercut.templates import folder
from stinercut.templates.merging import Fields
from stinercut.templates.timeline import Corner

FIELDS = Fields("Jana Nováková", date(2025, 6, 14), "Klatovy")
MARK: dict[str, object] = {"type": "text", "text": "DZ"}
POSITIONS = ("topLeft", "top", "topRight", "left", "center", "right", "bottomLeft", "bottom", "bottomRight")


def placed(
    path: Path, asset: dict[str, object], size: tuple[int, int] = (320, 180), *, fields: Fields = FIELDS, **clip: object
) -> Placed | None:
    """The overlay of a template with just this one."""
    said = json.loads((own_template(path) / "template.json").read_text())
    said["timeline"]["tracks"].insert(0, {"clips": [{"asset": asset, **clip}]})
    (path / "template.json").write_text(json.dumps(said))
    template = folder.load(path)
    return overlay_of(template, template.document.timeline.overlays[0], fields, size)


@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("size", [(320, 180), (180, 320)])
def test_it_goes_to_its_corner(tmp_path: Path, position: Corner, size: tuple[int, int]) -> None:
    mark = placed(tmp_path, MARK, size, position=position, margin=0.05)
    assert mark is not None
    x, y = mark.x + mark.picture.width / 2, mark.y + mark.picture.height / 2
    word = position.lower()
    middle = (size[0] / 2, size[1] / 2)
    assert (x < middle[0] - 9, x > middle[0] + 9) == (word.endswith("left"), word.endswith("right"))
    assert (y < middle[1] - 9, y > middle[1] + 9) == (word.startswith("top"), word.startswith("bottom"))
    assert (mark.x % 2, mark.y % 2, mark.picture.width % 2, mark.picture.height % 2) == (0, 0, 0, 0)
    assert mark.x >= 0
    assert mark.x + mark.picture.width <= size[0]


def test_pictures_keep_their_shape_and_become_fainter(tmp_path: Path) -> None:
    Image.new("RGBA", (40, 20), (255, 0, 0, 255)).save(tmp_path / "mark.png")
    mark = placed(tmp_path, {"type": "image", "src": "mark.png"}, height=0.1, opacity=0.5)
    assert mark is not None
    assert mark.picture.size == (36, 18)
    assert mark.picture.getpixel((5, 5)) == (255, 0, 0, 128)
    wide = placed(tmp_path, {"type": "image", "src": "mark.png"}, height=1, margin=0.1, opacity=1)
    assert wide is not None
    assert wide.picture.size == (284, 142)


def test_a_drawing_lies_over_the_footage_with_its_fields(tmp_path: Path) -> None:
    drawing = '<svg viewBox="0 0 200 50"><rect width="200" height="50" fill="#0000ff"/>'
    drawing += '<text x="10" y="40" font-size="40" fill="#fff">{{ place }}</text></svg>'
    (tmp_path / "band.svg").write_text(drawing)
    one, other = (
        placed(
            tmp_path, {"type": "image", "src": "band.svg"}, fields=Fields("A", date(2025, 6, 14), place), height=0.25
        )
        for place in ("Klatovy", "Brno")
    )
    assert one is not None
    assert other is not None
    assert one.picture.size == (176, 44)
    assert one.picture.getpixel((174, 2))[:3] == (0, 0, 255)
    assert one.picture.tobytes() != other.picture.tobytes()


def test_texts_are_filled_in_and_left_out_when_empty(tmp_path: Path) -> None:
    place: dict[str, object] = {"type": "text", "text": "{{ place }}", "colour": "#ff8000"}
    shown = placed(tmp_path, place, opacity=1, height=0.1)
    assert shown is not None
    colours = np.asarray(shown.picture)
    solid = colours[colours[:, :, 3] > 250][:, :3]
    assert (solid == (255, 128, 0)).all(axis=1).any()
    assert placed(tmp_path, place, fields=Fields("A", date(2025, 6, 14))) is None


def test_a_long_text_is_made_smaller(tmp_path: Path) -> None:
    long = placed(tmp_path, {"type": "text", "text": "Long " * 23}, height=0.1)
    short = placed(tmp_path, {"type": "text", "text": "Long"}, height=0.1)
    assert long is not None
    assert short is not None
    assert long.picture.width <= 320
    assert long.picture.height < short.picture.height


def test_a_text_in_a_font_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="family 'Lobster'"):
        placed(tmp_path, {**MARK, "font": "Lobster"})
