"""Pixels of drawings and picture files.

Lives here: an SVG as pixels, whole or only where something is in it; reading PNG and JPEG. Doesn't: what is drawn and
how it moves (`drawings`), texts (`svgtext`), which SVGs a template may hold (`stinercut.templates.svg`).
"""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET
from pathlib import Path

import resvg_py
from PIL import Image

from stinercut.errors import BadInput

VERSION = resvg_py.__version__
"""Of the library that draws: another one may give other pixels."""

_SVG = "http://www.w3.org/2000/svg"

_COARSE, _ROOM = 8, 16
"""Where something is in a drawing is looked up in a picture so many times smaller; so many pixels are added around."""


def rendered(text: str, size: tuple[int, int], file: Path) -> Image.Image:
    """An SVG without texts and files as a picture of that size (RGBA). Raises BadInput; `file` is what it names."""
    root = ET.fromstring(text)
    _sized(root, size)
    return _pixels(root, size, file)


def rendered_part(text: str, size: tuple[int, int], file: Path) -> tuple[Image.Image, tuple[int, int]] | None:
    """What there is in such a picture, and where its upper left corner lies in it; None when there is nothing.

    A part of a card is a line or two: rendering, packing and unpacking the whole of 1080p takes three times as long.
    """
    width, height = size
    coarse = (-(-width // _COARSE), -(-height // _COARSE))
    seen = _window(text, size, (0, 0, _COARSE * coarse[0], _COARSE * coarse[1]), coarse, file)
    found = seen.getchannel("A").getbbox()
    if found is None:
        return None
    left, top = (max(0, _COARSE * edge - _ROOM) for edge in found[:2])
    right, bottom = (min(end, _COARSE * edge + _ROOM) for end, edge in zip(size, found[2:], strict=True))
    here = (right - left, bottom - top)
    picture = _window(text, size, (left, top, *here), here, file)
    exactly = picture.getchannel("A").getbbox()
    return (picture.crop(exactly), (left + exactly[0], top + exactly[1])) if exactly else None


def _window(
    text: str, size: tuple[int, int], part: tuple[int, int, int, int], into: tuple[int, int], file: Path
) -> Image.Image:
    """A part (left, top, width, height) of the picture of that size, as a picture of the size `into`."""
    window = ET.Element(f"{{{_SVG}}}svg", {"viewBox": " ".join(map(str, part))})
    _sized(window, into)
    drawing = ET.fromstring(text)
    _sized(drawing, size)
    window.append(drawing)
    return _pixels(window, into, file)


def _sized(root: ET.Element, size: tuple[int, int]) -> None:
    root.set("width", str(size[0]))
    root.set("height", str(size[1]))


def _pixels(root: ET.Element, size: tuple[int, int], file: Path) -> Image.Image:
    try:
        png = resvg_py.svg_to_bytes(svg_string=ET.tostring(root, encoding="unicode"), skip_system_fonts=True)
    except BaseException as refused:
        # A panic of the Rust library is no Exception, so that nobody catches it by chance.
        if not isinstance(refused, Exception) and type(refused).__name__ != "PanicException":
            raise
        raise BadInput(
            f"the drawing can't be drawn: {refused}", file=file, advice="Save it again as plain SVG, or simplify it."
        ) from None
    with Image.open(io.BytesIO(png)) as opened:
        picture = opened.convert("RGBA")
    if picture.size != size:
        raise BadInput(f"the drawing came out as {picture.size}", file=file, advice="Give its <svg> a plain viewBox.")
    return picture


def open_picture(path: Path) -> tuple[Image.Image, str]:
    """A PNG or JPEG of a template, loaded, and which of both it is. Raises BadInput for any other or damaged file."""
    try:
        with Image.open(path) as opened:
            kind = opened.format or ""
            opened.load()
            picture = opened.copy()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as refused:
        raise BadInput(
            f"the picture can't be read ({str(refused).rstrip('.') or type(refused).__name__})",
            file=path,
            advice="Save it again as PNG or JPEG, of at most 8000 by 8000 pixels.",
        ) from None
    if kind not in ("PNG", "JPEG"):
        raise BadInput(f"the picture is {kind or 'of no kind known'}", file=path, advice="Save it as PNG or JPEG.")
    return picture, kind
