"""Draws overlays, which lie over the footage: a watermark, a text.

Owns: an overlay of a template as a picture, and its place in a film of some size. Not here: when it is shown, and
putting it over the footage (`stinercut.films.picture.segments`).
"""

from __future__ import annotations

import xml.sax.saxutils
from dataclasses import dataclass

from PIL import Image

from stinercut.drawing.raster import rendered
from stinercut.drawing.svg_text import face_fonts
from stinercut.drawing.text_shaping import Face, Room, lines_of
from stinercut.drawing.title_cards import without_texts
from stinercut.errors import BadInput
from stinercut.language.messages import Message
from stinercut.language.template_codes import TemplateCode
from stinercut.templates.folder import FILE_NAME, Template
from stinercut.templates.merging import Fields, merged
from stinercut.templates.timeline import Clip, Corner, Picture, Text
from stinercut.video.picture_files import open_picture

_SPACING = 0.14
"""Extra space between capitals, in sizes of the font: it makes a line of capitals easier to read."""


@dataclass(frozen=True)
class Placed:
    """A picture with transparency, and the place of its upper left corner on the film, in even pixels."""

    picture: Image.Image
    x: int
    y: int


def overlay_of(template: Template, clip: Clip, fields: Fields, size: tuple[int, int]) -> Placed | None:
    """The overlay, drawn for a film of that size; None for a text whose fields are all empty.

    Raises BadInput or MissingProgram when its text can't be drawn completely or its file can't be read.
    """
    asset = clip.asset
    if isinstance(asset, Text):
        picture = _text(template, clip, merged(asset.text, fields, template.document), size)
    elif isinstance(asset, Picture):
        picture = _picture(template, clip, asset, fields, size)
    else:
        raise BadInput(Message.of(TemplateCode.NOT_OVER_FILM, asset=asset.type), file=template.folder / FILE_NAME)
    if picture is None:
        return None
    if clip.opacity < 1:
        table = [round(value * clip.opacity) for value in range(256)]
        picture.putalpha(picture.getchannel("A").point(table))
    return Placed(picture, *_corner(clip.position, picture.size, size, round(size[1] * clip.margin)))


def _picture(
    template: Template, clip: Clip, asset: Picture, fields: Fields, size: tuple[int, int]
) -> Image.Image | None:
    if asset.src.endswith(".svg"):
        drawing = template.drawing(asset.src, upright=size[1] > size[0])
        shape = drawing.box[2] / drawing.box[3]
        return rendered(without_texts(drawing, template, fields), _fitted(shape, clip, size), drawing.path)
    picture = open_picture(template.path(asset.src))[0].convert("RGBA")
    return picture.resize(_fitted(picture.width / picture.height, clip, size), Image.Resampling.LANCZOS)


def _fitted(shape: float, clip: Clip, size: tuple[int, int]) -> tuple[int, int]:
    """The clip's height, or less if the picture would be wider than the film between its margins."""
    widest = size[0] - 2 * size[1] * clip.margin
    height = _even(min(size[1] * clip.height, max(2.0, widest) / shape))
    return _even(height * shape), height


def _text(template: Template, clip: Clip, text: str, size: tuple[int, int]) -> Image.Image | None:
    asset = clip.asset
    if not text or not isinstance(asset, Text):
        return None
    font_size = size[1] * clip.height
    found = face_fonts(asset.font, 700 if asset.bold else 400, template.fonts, template.folder / FILE_NAME)
    # For plain capitals only: accents and joined letters need to stand closer.
    spacing = _SPACING * font_size if text.isascii() and text.isupper() else 0.0
    widest = max(8.0, size[0] - 2 * size[1] * clip.margin - font_size)
    line = lines_of(text, Face(found, font_size, spacing), Room(widest))[0]
    pad = max(2.0, line.size * 0.4)
    above, below = max(line.above, 0.72 * line.size), max(line.below, 0.22 * line.size)
    width, height = _even(line.width + 2 * pad), _even(above + below + 2 * pad)
    path = line.path(pad - min(0.0, line.left), pad + above)
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">'
        '<filter id="shadow" filterUnits="userSpaceOnUse" x="0" y="0" width="100%" height="100%">'
        f'<feDropShadow dx="0" dy="0" stdDeviation="{max(1.0, line.size * 0.1):.2f}" flood-color="#041028"'
        f' flood-opacity="0.8"/></filter><path filter="url(#shadow)" fill="{asset.colour}"'
        f" d={xml.sax.saxutils.quoteattr(path)}/></svg>"
    )
    return rendered(svg, (width, height), template.folder / FILE_NAME)


def _corner(position: Corner, picture: tuple[int, int], film: tuple[int, int], margin: int) -> tuple[int, int]:
    """The upper left corner for a position: `topLeft`, `bottom`, `center` and so on."""
    free = (film[0] - picture[0], film[1] - picture[1])
    word = position.lower()
    x = margin if word.endswith("left") else free[0] - margin if word.endswith("right") else free[0] // 2
    y = margin if word.startswith("top") else free[1] - margin if word.startswith("bottom") else free[1] // 2
    return max(0, min(x, free[0])) // 2 * 2, max(0, min(y, free[1])) // 2 * 2


def _even(length: float) -> int:
    return max(2, round(length / 2) * 2)
