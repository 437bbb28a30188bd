"""Renders SVG drawings to pixels.

Owns: rendering a whole SVG, or only the part that is not empty. Not here: what is drawn and how it moves
(`title_cards`), texts (`svg_text`), which SVGs a template may hold (`stinercut.templates.svg`), picture files
(`stinercut.video.picture_files`).
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import io
import xml.etree.ElementTree as ET
from pathlib import Path

from PIL import Image

from stinercut.drawing.svg_renderer import SvgRenderer
from stinercut.errors import BadInput
from stinercut.language.messages import Message
from stinercut.language.template_codes import TemplateCode

VERSION = importlib.metadata.version("resvg_py")
"""The version of the library that draws: another version may give other pixels."""

_SVG = "http://www.w3.org/2000/svg"

_COARSE, _ROOM = 8, 16
"""The non-empty part of a drawing is found in a picture that is smaller by the first factor; the second number is the
pixels added around it.
"""


def rendered(text: str, size: tuple[int, int], file: Path, renderer: SvgRenderer | None = None) -> Image.Image:
    """An SVG without texts and files as a picture of that size (RGBA). Raises BadInput, which names `file`.

    `renderer`: the process that draws, for callers with several drawings.
    """
    root = ET.fromstring(text)
    _sized(root, size)
    with _own_unless(renderer) as drawing:
        return _pixels(root, size, file, drawing)


def rendered_part(
    text: str, size: tuple[int, int], file: Path, renderer: SvgRenderer | None = None
) -> tuple[Image.Image, tuple[int, int]] | None:
    """The non-empty part of such a picture, and where its upper left corner lies; None for an empty picture.

    A part of a card is a line or two: rendering, packing and unpacking all of 1080p would take three times as long.
    """
    with _own_unless(renderer) as drawing:
        return _part(text, size, file, drawing)


def _own_unless(renderer: SvgRenderer | None) -> contextlib.AbstractContextManager[SvgRenderer]:
    return contextlib.nullcontext(renderer) if renderer else SvgRenderer()


def _part(
    text: str, size: tuple[int, int], file: Path, renderer: SvgRenderer
) -> tuple[Image.Image, tuple[int, int]] | None:
    width, height = size
    coarse = (-(-width // _COARSE), -(-height // _COARSE))
    seen = _window(text, size, (0, 0, _COARSE * coarse[0], _COARSE * coarse[1]), coarse, file, renderer)
    box = seen.getchannel("A").getbbox()
    if box is None:
        return None
    left, top = (max(0, _COARSE * edge - _ROOM) for edge in box[:2])
    right, bottom = (min(end, _COARSE * edge + _ROOM) for end, edge in zip(size, box[2:], strict=True))
    here = (right - left, bottom - top)
    picture = _window(text, size, (left, top, *here), here, file, renderer)
    exactly = picture.getchannel("A").getbbox()
    return (picture.crop(exactly), (left + exactly[0], top + exactly[1])) if exactly else None


def _window(  # noqa: PLR0913, PLR0917 - a drawing, which part of it, and what draws it
    text: str,
    size: tuple[int, int],
    part: tuple[int, int, int, int],
    into: tuple[int, int],
    file: Path,
    renderer: SvgRenderer,
) -> Image.Image:
    """A part (left, top, width, height) of the picture of that size, as a picture of the size `into`."""
    window = ET.Element(f"{{{_SVG}}}svg", {"viewBox": " ".join(map(str, part))})
    _sized(window, into)
    drawing = ET.fromstring(text)
    _sized(drawing, size)
    window.append(drawing)
    return _pixels(window, into, file, renderer)


def _sized(root: ET.Element, size: tuple[int, int]) -> None:
    root.set("width", str(size[0]))
    root.set("height", str(size[1]))


def _pixels(root: ET.Element, size: tuple[int, int], file: Path, renderer: SvgRenderer) -> Image.Image:
    png = renderer.png(ET.tostring(root, encoding="unicode"), file)
    with Image.open(io.BytesIO(png), formats=("PNG",)) as opened:
        picture = opened.convert("RGBA")
    if picture.size != size:
        what = Message.of(TemplateCode.DRAWING_CAME_OUT, width=picture.width, height=picture.height)
        raise BadInput(what, file=file, advice=Message.of(TemplateCode.PLAIN_VIEW_BOX))
    return picture
