"""Draws what is not filmed: the title, the outro, the watermark.

Lives here: pictures, and which part of them is on the screen at which frame. Doesn't: encoding them (`segments`),
finding fonts (`fonts`), comparing a film with them (`checks`). Everything is drawn anew from the template and the
fields, and the same input gives the same pixels: the check of a finished film relies on it.

All lengths are multiples of a unit of 1/1080 of the film's height, so a film looks the same at every size.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageDraw, ImageFilter, ImageFont, ImageOps

from stinercut.media import fonts
from stinercut.templates.model import Colours, Output, Template

_MONTHS = (
    "January February March April May June July August September October November December".split()  # noqa: SIM905
)
_SHADOW = (4, 16, 40)
_WIDEST = 0.84
"""Share of the film's width that a line may take."""

_SMALLEST = 3
"""Pixels below which a text is not shrunk: the longest name still fits a film 180 lines high."""

_SUPERSAMPLED = 4
_SEED = 20


@dataclass(frozen=True)
class TitleFields:
    """What the texts of a template are filled with. `place` may be empty."""

    passenger_name: str
    jump_date: date
    place: str = ""


@dataclass(frozen=True)
class Layers:
    """A card as two pictures: the sky (RGB, wider than the film: it drifts) and the text (RGBA, of the film's size).

    `box` is where the text is, in pixels (left, top, right, bottom); None for a card without text.
    """

    sky: Image.Image
    text: Image.Image
    box: tuple[int, int, int, int] | None


@dataclass(frozen=True)
class Placed:
    """A picture with transparency and where its upper left corner goes on the film, in even pixels."""

    picture: Image.Image
    x: int
    y: int


@dataclass(frozen=True)
class _Line:
    """A line of text to draw: its runs, size in pixels, ink box around its baseline's start, and colour."""

    runs: tuple[fonts.Run, ...]
    size: int
    left: int
    above: int
    right: int
    below: int
    colour: str

    @property
    def width(self) -> int:
        return self.right - self.left


def frames_of(seconds: float, fps: int) -> int:
    """How many frames a card of that length has."""
    return max(2, round(seconds * fps))


def drift(output: Output) -> tuple[int, int]:
    """How the sky moves: at frame n it is shifted by floor(n * first / second) pixels. 30 px a second at 1080p."""
    return output.height * 30, 1080 * output.fps


def title_layers(template: Template, fields: TitleFields) -> Layers:
    """The title's pictures. Raises MissingProgram or BadInput when a text can't be drawn whole."""
    title, colours = template.title, template.colours
    unit = template.output.height / 1080
    widest = round(template.output.width * _WIDEST)
    rows: list[tuple[_Line, float]] = []
    heading = merged(title.heading, fields, title.date_style)
    if heading:
        rows.append((_fitted(_spaced(heading), 40 * unit, widest, bold=False, colour=colours.accent), 56))
    for template_line in title.lines:
        text = merged(template_line, fields, title.date_style)
        if "{passenger_name}" in template_line:
            rows += [(line, 40) for line in _big_lines(text, unit, widest, colours.text)]
        elif text:
            rows.append((_fitted(text, 46 * unit, widest, bold=False, colour=colours.text), 34))
    text_layer, box = _text_layer(template.output, rows, colours.accent, emblem=True)
    return Layers(_sky(template, title.seconds, title.background), text_layer, box)


def outro_layers(template: Template, fields: TitleFields) -> Layers:
    """The outro's pictures. Raises as `title_layers`."""
    outro, colours = template.outro, template.colours
    unit = template.output.height / 1080
    widest = round(template.output.width * _WIDEST)
    rows: list[tuple[_Line, float]] = []
    heading = merged(outro.heading, fields, template.title.date_style)
    if heading:
        rows += [(line, 40) for line in _big_lines(heading, unit, widest, colours.text)]
    line = merged(outro.line, fields, template.title.date_style)
    if line:
        rows.append((_fitted(line, 46 * unit, widest, bold=False, colour=colours.accent), 34))
    text_layer, box = _text_layer(template.output, rows, colours.accent, emblem=False)
    return Layers(_sky(template, outro.seconds, outro.background), text_layer, box)


def watermark(template: Template) -> Placed | None:
    """The watermark ready to lie on a clip; None when the template has none."""
    mark, output = template.watermark, template.output
    if mark is None:
        return None
    if mark.image:
        picture = _mark_from(template.picture(mark.image), output, mark.size, mark.opacity)
    else:
        picture = _mark_of(mark.text, output, mark.size, mark.opacity)
    margin = round(output.height * 0.037)
    x = margin if mark.position.endswith("left") else output.width - picture.width - margin
    y = margin if mark.position.startswith("top") else output.height - picture.height - margin
    return Placed(picture, max(0, x) // 2 * 2, max(0, y) // 2 * 2)


def frame_at(layers: Layers, output: Output, frame: int) -> Image.Image:
    """What frame number `frame` shows once everything is faded in: RGB, of the film's size."""
    times, by = drift(output)
    x = min(frame * times // by, layers.sky.width - output.width)
    shown = layers.sky.crop((x, 0, x + output.width, output.height)).convert("RGBA")
    return Image.alpha_composite(shown, layers.text).convert("RGB")


def clearest_frame(seconds: float, fps: int) -> int:
    """The frame in the middle, when nothing is faded."""
    return frames_of(seconds, fps) // 2


def merged(text: str, fields: TitleFields, date_style: str) -> str:
    """A template's text with the fields filled in; separators around an empty field are left out."""
    values = {
        "passenger_name": unicodedata.normalize("NFC", fields.passenger_name),
        "jump_date": _date_text(fields.jump_date, date_style),
        "place": fields.place.strip(),
    }
    out = text.format(**values)
    if any(f"{{{name}}}" in text and not value for name, value in values.items()):
        return out.strip(" ·|/,–—-")
    return out


def _date_text(day: date, style: str) -> str:
    if style == "iso":
        return day.isoformat()
    if style == "numeric":
        return f"{day.day:02d}.{day.month:02d}.{day.year}"
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


# Text ----------------------------------------------------------------------------------------------------------------


def _spaced(text: str) -> str:
    """Capitals with air between them; other texts as they are (spacing tears joined scripts apart)."""
    return "\u2009".join(text) if text.isascii() and text.isupper() else text


def _big_lines(text: str, unit: float, widest: int, colour: str) -> list[_Line]:
    """The name: large; a long one smaller, then in two lines, then as small as it takes."""
    line = _fitted(text, 150 * unit, widest, bold=True, colour=colour, smallest=88 * unit)
    if line.width <= widest or " " not in text:
        return [_fitted(text, 150 * unit, widest, bold=True, colour=colour)]
    gaps = [index for index, char in enumerate(text) if char == " "]
    middle = min(gaps, key=lambda gap: abs(gap - len(text) / 2))
    halves = (text[:middle].strip(), text[middle:].strip())
    size = min(_fitted(half, 110 * unit, widest, bold=True, colour=colour).size for half in halves)
    return [_measured(half, size, bold=True, colour=colour) for half in halves]


def _fitted(text: str, size: float, widest: int, *, bold: bool, colour: str, smallest: float = _SMALLEST) -> _Line:  # noqa: PLR0913
    """The line at `size` pixels, or the largest below it that is no wider than `widest` (but not below `smallest`)."""
    line = _measured(text, max(_SMALLEST, round(size)), bold=bold, colour=colour)
    while line.width > widest and line.size > max(_SMALLEST, round(smallest)):
        shrunk = min(line.size - 1, math.ceil(line.size * widest / line.width))
        line = _measured(text, max(_SMALLEST, round(smallest), shrunk), bold=bold, colour=colour)
    return line


def _measured(text: str, size: int, *, bold: bool, colour: str) -> _Line:
    runs = tuple(fonts.runs_of(text, bold=bold))
    x, left, right, above, below = 0.0, 0.0, 0.0, 0.72 * size, 0.22 * size
    for run in runs:
        box = _font(run, size).getbbox(run.text, anchor="ls", direction=_shaped(run))
        left, right = min(left, x + box[0]), max(right, x + box[2])
        above, below = max(above, -box[1]), max(below, box[3])
        x += _font(run, size).getlength(run.text, direction=_shaped(run))
    edges = (math.floor(left), math.ceil(above), math.ceil(max(right, x)), math.ceil(below))
    return _Line(runs, size, *edges, colour)


def _font(run: fonts.Run, size: int) -> ImageFont.FreeTypeFont:
    engine = ImageFont.Layout.RAQM if fonts.can_shape() else ImageFont.Layout.BASIC
    return ImageFont.truetype(str(run.font), size, layout_engine=engine)


def _shaped(run: fonts.Run) -> str | None:
    return run.direction if fonts.can_shape() else None


def _draw_line(mask: Image.Image, line: _Line, x: float, baseline: int) -> None:
    pen = ImageDraw.Draw(mask)
    for run in line.runs:
        font = _font(run, line.size)
        pen.text((x, baseline), run.text, fill=255, font=font, anchor="ls", direction=_shaped(run))
        x += font.getlength(run.text, direction=_shaped(run))


def text_mask(text: str, size: int, widest: int, *, bold: bool) -> Image.Image:
    """A line of text alone, white on black: `size` pixels, or as much less as makes it no wider than `widest`.

    For paper; the letters are shaped as on films. Raises MissingProgram or BadInput when it can't be drawn whole.
    """
    line = _fitted(text, size, widest, bold=bold, colour="#ffffff")
    mask = Image.new("L", (max(1, line.width), line.above + line.below))
    _draw_line(mask, line, -line.left, line.above)
    return mask


def _text_layer(
    output: Output, rows: Sequence[tuple[_Line, float]], accent: str, *, emblem: bool
) -> tuple[Image.Image, tuple[int, int, int, int] | None]:
    """Rows one below the other in the middle, each with the air below it (in units), on a soft shadow."""
    unit = output.height / 1080
    size = (output.width, output.height)
    text_height = sum(line.above + line.below + air * unit for line, air in rows)
    canopy = _emblem(round(150 * unit)) if emblem else None
    top = (output.height - text_height - (canopy.height + 52 * unit if canopy else 0)) / 2
    layer, everything = Image.new("RGBA", size), Image.new("L", size)
    parts: list[tuple[str, Image.Image]] = []
    if canopy:
        mask = Image.new("L", size)
        mask.paste(canopy, ((output.width - canopy.width) // 2, round(top)))
        parts.append((accent, mask))
        top += canopy.height + 52 * unit
    for line, air in rows:
        mask = Image.new("L", size)
        _draw_line(mask, line, (output.width - line.width) / 2 - line.left, round(top + line.above))
        parts.append((line.colour, mask))
        top += line.above + line.below + air * unit
    for _, mask in parts:
        everything.paste(255, mask=mask)
    shadow = everything.filter(ImageFilter.GaussianBlur(14 * unit)).point(_times(0.9))
    for colour, mask in [(_SHADOW, shadow), *((ImageColor.getrgb(name), mask) for name, mask in parts)]:
        sheet = Image.new("RGBA", size, (*colour[:3], 0))
        sheet.putalpha(mask)
        layer = Image.alpha_composite(layer, sheet)
    return layer, everything.getbbox()


def _emblem(width: int) -> Image.Image:
    """A canopy with two people below it, as a mask."""
    scale = width * _SUPERSAMPLED
    picture = Image.new("L", (scale, round(scale * 0.84)))
    pen = ImageDraw.Draw(picture)

    def at(x: float, y: float) -> tuple[float, float]:
        return (x + 0.5) * scale, y * scale

    steps = [index / 40 - 1 for index in range(81)]
    outer = [at(0.49 * t, 0.30 - 0.29 * math.sqrt(max(0.0, 1 - t * t)) ** 1.15) for t in steps]
    inner = [at(0.49 * t, 0.30 - 0.13 * (1 - t * t)) for t in reversed(steps)]
    pen.polygon([*outer, *inner], fill=255)
    seam = max(1, round(scale * 0.016))
    for t in (-0.62, -0.22, 0.22, 0.62):
        pen.line([at(0.40 * t, 0), at(0.49 * t, 0.32)], fill=0, width=seam)
    for t in (-0.97, -0.42, 0.42, 0.97):
        pen.line([at(0.49 * t, 0.30 - 0.13 * (1 - t * t)), at(0.03 * math.copysign(1, t), 0.66)], fill=220, width=seam)
    for x, y, radius in ((-0.022, 0.665, 0.034), (0.026, 0.70, 0.034)):
        pen.ellipse([at(x - radius, y - radius), at(x + radius, y + radius)], fill=255)
    pen.rounded_rectangle([at(-0.056, 0.70), at(0.06, 0.825)], radius=scale * 0.045, fill=255)
    return picture.resize((width, round(width * 0.84)), Image.Resampling.LANCZOS)


# Watermark -----------------------------------------------------------------------------------------------------------


def _mark_of(text: str, output: Output, share: float, opacity: float) -> Image.Image:
    size = output.height * share
    line = _fitted(_spaced(text), size, output.width // 2, bold=True, colour="#ffffff")
    pad = max(2, round(size * 0.4))
    mask = Image.new("L", (_even(line.width + 2 * pad), _even(line.above + line.below + 2 * pad)))
    _draw_line(mask, line, pad - line.left, pad + line.above)
    shadow = mask.filter(ImageFilter.GaussianBlur(max(1.0, size * 0.10)))
    picture = Image.new("RGBA", mask.size, (*_SHADOW, 0))
    picture.putalpha(shadow.point(_times(0.8 * opacity)))
    white = Image.new("RGBA", mask.size, (255, 255, 255, 0))
    white.putalpha(mask.point(_times(opacity)))
    return Image.alpha_composite(picture, white)


def _mark_from(path: Path, output: Output, share: float, opacity: float) -> Image.Image:
    with Image.open(path) as opened:
        picture = opened.convert("RGBA")
    height = max(2, output.height * share)
    scale = min(height / picture.height, output.width / 2 / picture.width)
    size = (_even(picture.width * scale), _even(picture.height * scale))
    picture = picture.resize(size, Image.Resampling.LANCZOS)
    picture.putalpha(picture.getchannel("A").point(_times(opacity)))
    return picture


def _times(factor: float) -> list[int]:
    """A table for `Image.point` that makes a mask fainter."""
    return [min(255, int(value * factor)) for value in range(256)]


def _even(length: float) -> int:
    return max(2, round(length / 2) * 2)


# Sky -----------------------------------------------------------------------------------------------------------------


def _sky(template: Template, seconds: float, picture: str | None) -> Image.Image:
    """The background, wide enough to drift for that long."""
    output = template.output
    times, by = drift(output)
    width = output.width + frames_of(seconds, output.fps) * times // by + 2
    if picture:
        with Image.open(template.picture(picture)) as opened:
            return ImageOps.fit(opened.convert("RGB"), (width, output.height), Image.Resampling.LANCZOS)
    return _drawn_sky(width, output.height, template.colours)


def _drawn_sky(width: int, height: int, colours: Colours) -> Image.Image:
    """A sky at altitude: deep above, warm at the horizon, soft clouds below. It has no edges: drawn small, enlarged."""
    rows = 270
    columns = round(width * rows / height)
    y = np.linspace(0.0, 1.0, rows)[:, None, None]
    x = np.linspace(0.0, columns / rows, columns)[None, :, None]
    top, middle, horizon, cloud = (_rgb(name) for name in (colours.top, colours.middle, colours.horizon, colours.cloud))
    sky = top + (middle - top) * _smooth(y, 0.0, 0.72) + (horizon - middle) * _smooth(y, 0.62, 1.04)
    sun = np.exp(-(((x - 0.72 * columns / rows) / 0.55) ** 2 + ((y - 1.02) / 0.30) ** 2))
    sky = sky + (255 - sky) * 0.42 * sun
    noise = _noise(rows, columns)[:, :, None]
    puffs = _smooth(noise + (y - 0.86) * 1.2, 0.50, 0.86) * _smooth(y, 0.46, 0.86)
    lit = cloud * (0.80 + 0.20 * _smooth(noise, 0.35, 0.75)) + (horizon - cloud) * 0.22
    sky = sky + (lit - sky) * 0.62 * puffs
    wisps = _smooth(_noise(rows, columns, stretch=7, seed=_SEED + 9)[:, :, None], 0.55, 0.95) * _smooth(
        1 - y, 0.25, 0.75
    )
    sky = sky + (cloud - sky) * 0.10 * wisps
    small = np.clip(sky, 0, 255).astype(np.float32)
    channels = [
        np.asarray(Image.fromarray(small[:, :, index]).resize((width, height), Image.Resampling.BICUBIC))
        for index in range(3)
    ]
    # A little noise before rounding: without it eight bits show the gradient as stripes.
    grain = np.random.default_rng(_SEED).random((height, width, 1), np.float32)
    full = np.clip(np.stack(channels, axis=2) + grain, 0, 255)
    return Image.fromarray(full.astype(np.uint8))


def _noise(rows: int, columns: int, *, stretch: float = 2.6, seed: int = _SEED) -> NDArray[np.float64]:
    """Soft noise of 0 to 1: five octaves of random grids, stretched sideways as clouds are."""
    random = np.random.default_rng(seed)
    total = np.zeros((rows, columns))
    weight = 1.0
    for octave in range(5):
        cells = 3 * 2**octave
        grid = random.random((cells + 1, max(2, round(cells * columns / rows / stretch) + 1))).astype(np.float32)
        total += weight * np.asarray(Image.fromarray(grid).resize((columns, rows), Image.Resampling.BICUBIC))
        weight *= 0.52
    low, high = float(total.min()), float(total.max())
    return (total - low) / (high - low)


def _smooth(value: NDArray[np.float64], start: float, end: float) -> NDArray[np.float64]:
    t = np.clip((value - start) / (end - start), 0, 1)
    return t * t * (3 - 2 * t)


def _rgb(name: str) -> NDArray[np.float64]:
    return np.array(ImageColor.getrgb(name)[:3], dtype=np.float64)
