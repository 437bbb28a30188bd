"""A contact sheet: what films of a template look like, on one picture.

Lives here: stills of every card, and of footage with its overlays, for each output. Doesn't: rendering films.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from stinercut.media import drawings, overlays
from stinercut.media.papertext import text_mask
from stinercut.synthetic.camera import Shot
from stinercut.synthetic.scenes import Scene, scene_frames
from stinercut.templates.folder import Template
from stinercut.templates.merging import Fields
from stinercut.templates.timeline import Clip, Drawing, Footage, Picture, VideoOutput

_AREA = 960 * 540
"""Pixels of one still."""

_GAP = 24
_LABEL = 30
_PAPER = (24, 24, 28)
_INK = (232, 232, 236)
_SEED = 7
_RATE = Fraction(30)


def contact_sheet(template: Template, fields: Fields, size: tuple[int, int] | None = None) -> Image.Image:
    """One row for each video output (or one, for films of `size`): its cards and footage in the order of the film.

    Stills are drawn at the output's own size and shrunk, so lines are as fine as they will be. Raises as drawing does.
    """
    films = [one for one in template.outputs if isinstance(one, VideoOutput)]
    if size:
        films = [template.film.model_copy(update={"width": size[0], "height": size[1]})]
    rows = [(_label_of(film), _stills(template, film, fields)) for film in films]
    widths = [sum(one.width + _GAP for one in stills) for _, stills in rows]
    heights = [stills[0].height + _LABEL + 2 * _GAP for _, stills in rows]
    sheet = Image.new("RGB", (max(widths) + _GAP, sum(heights) + _GAP), _PAPER)
    top = _GAP
    for (label, stills), height in zip(rows, heights, strict=True):
        mask = text_mask(label, 22, sheet.width - 2 * _GAP, bold=False)
        sheet.paste(_INK, (_GAP, top, _GAP + mask.width, top + mask.height), mask)
        left = _GAP
        for still in stills:
            sheet.paste(still, (left, top + _LABEL + _GAP // 2))
            left += still.width + _GAP
        top += height
    return sheet


def _label_of(film: VideoOutput) -> str:
    fit = ", cut to fit" if film.fit == "cover" else ""
    rate = "frames as filmed" if film.fps == "source" else f"{film.fps:g} frames a second"
    return f"{film.name}: {film.width} x {film.height}, {rate}{fit}"


def _stills(template: Template, film: VideoOutput, fields: Fields) -> list[Image.Image]:
    size = (film.width, film.height)
    scale = min(1.0, (_AREA / (film.width * film.height)) ** 0.5)
    shown = (round(film.width * scale), round(film.height * scale))
    out: list[Image.Image] = []
    for clip in template.document.timeline.main:
        if isinstance(clip.asset, Drawing | Picture):
            still = _settled(template, clip, fields, size)
        elif isinstance(clip.asset, Footage):
            still = _with_overlays(template, film, fields, _footage(film))
        else:
            continue
        out.append(still.resize(shown, Image.Resampling.LANCZOS))
    return out


def _settled(template: Template, clip: Clip, fields: Fields, size: tuple[int, int]) -> Image.Image:
    card = drawings.card_of(template, clip, fields, size)
    frames = round(card.seconds * _RATE)
    going = clip.transition.seconds if clip.transition.out != "cut" else 0.0
    return drawings.frame_at(card, drawings.settled_frame(card, frames, _RATE, round(going * _RATE)), _RATE)


def _footage(film: VideoOutput) -> Image.Image:
    """A jump's picture as a camera films it (16:9), fitted into the film as the template says."""
    size = (1280, 720)
    frame = next(scene_frames(Scene(_SEED), Shot(seconds=1, size=size, seed=_SEED), size))
    picture = Image.fromarray(np.ascontiguousarray(frame[:, :, ::-1]))
    if film.fit == "cover":
        return ImageOps.fit(picture, (film.width, film.height), Image.Resampling.BICUBIC)
    return ImageOps.pad(picture, (film.width, film.height), Image.Resampling.BICUBIC, color=(0, 0, 0))


def _with_overlays(template: Template, film: VideoOutput, fields: Fields, picture: Image.Image) -> Image.Image:
    shown = picture.convert("RGBA")
    for clip in template.document.timeline.overlays:
        placed = overlays.overlay_of(template, clip, fields, (film.width, film.height))
        if placed:
            shown.alpha_composite(placed.picture, (placed.x, placed.y))
    return shown.convert("RGB")


def save(sheet: Image.Image, target: Path) -> None:
    """Write the sheet, as PNG or JPEG by its name; nothing is there before it is whole."""
    partial = target.with_name(f".{target.stem}.partial{target.suffix}")
    try:
        sheet.save(partial)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
