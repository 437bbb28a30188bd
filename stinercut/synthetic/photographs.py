"""Generates photos as from a camera: all different, dated, and cheap to make.

Owns: `make_photo`. Not here: which photos a card has (`card`), stills from footage (`stinercut.video.stills`).
"""

from __future__ import annotations

import random
from datetime import datetime
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw

_DATE: Final = 0x0132
"""EXIF's DateTime; 0x0110 is the camera's name."""
_MODEL: Final = 0x0110


def make_photo(target: Path, seed: int, size: tuple[int, int], taken: datetime) -> None:
    """Write a JPEG of a sky, the earth and clouds, all from the seed. It takes about 20 ms for 720p. Raises OSError."""
    dice = random.Random(seed)
    width, height = size
    top, bottom = _colour(dice, (20, 90), (110, 190)), _colour(dice, (90, 190), (150, 240))
    sky = Image.linear_gradient("L").resize(size)
    picture = Image.composite(Image.new("RGB", size, bottom), Image.new("RGB", size, top), sky)
    draw = ImageDraw.Draw(picture)
    horizon = round(height * dice.uniform(0.55, 0.8))
    draw.rectangle((0, horizon, width, height), fill=_colour(dice, (40, 110), (90, 160)))
    for _ in range(24):
        x, y, wide = dice.randrange(width), dice.randrange(horizon), dice.uniform(0.03, 0.2) * width
        draw.ellipse((x, y, x + wide, y + wide / 4), fill=(235, 238, 245))
    exif = Image.Exif()
    exif[_MODEL], exif[_DATE] = "HERO9 Black", f"{taken:%Y:%m:%d %H:%M:%S}"
    picture.save(target, "JPEG", quality=88, exif=exif)


def _colour(dice: random.Random, low: tuple[int, int], high: tuple[int, int]) -> tuple[int, int, int]:
    return dice.randint(*low), dice.randint(*high), dice.randint(*high)
