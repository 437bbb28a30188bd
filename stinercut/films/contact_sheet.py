"""A contact sheet: one picture that shows what films of a template look like.

Owns: which moments of a film are shown for each output, and their pictures. Not here: rendering films; fades,
crossfades and movement, which only a film shows.
"""

from __future__ import annotations

import itertools
import math
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from stinercut.drawing import overlays, title_cards
from stinercut.drawing.overlays import Placed
from stinercut.drawing.text_bitmap import text_mask
from stinercut.films.picture import color_tables
from stinercut.films.picture.footage import FootageSource, Frame, opened, picture_of
from stinercut.films.plan.plan import ClipInput, Content, Drawn, Filmed, FilmPlan, Reel, plan_film
from stinercut.films.plan.plan import Shot as FilmShot
from stinercut.storage.disk_names import partial_beside
from stinercut.synthetic.camera import CameraSettings
from stinercut.synthetic.photographs import make_photo
from stinercut.synthetic.scenes import Scene, scene_frames
from stinercut.templates.folder import Template
from stinercut.templates.merging import Fields
from stinercut.templates.timeline import Footage, Look, Movie, Photos, VideoOutput
from stinercut.video import ffmpeg_graph
from stinercut.video import ffmpeg_runner as runner
from stinercut.video.ffmpeg_inputs import made_here
from stinercut.video.probe import Probe, probe
from stinercut.video.video_signal import FROM_BT709

_AREA = 960 * 540
"""Pixels of one still."""

_GAP = 24
_LABEL = 30
_PAPER = (24, 24, 28)
_INK = (232, 232, 236)
_SEED = 7
_RATE = Fraction(30)
_FILMED = (1280, 720)
_PHOTO = (1440, 1080)
_SPARE_S = 10.0
"""Seconds of footage beyond the moment at which the template's last overlay comes."""

_MOST_TAKES = 50
_SECONDS = 60.0


def contact_sheet(template: Template, fields: Fields, size: tuple[int, int] | None = None) -> Image.Image:
    """One row for each video output (or one, for films of `size`): its cards and footage in the order of the film.

    Stills are drawn at the output's own size and then shrunk, so lines are as fine as in the film. Raises as drawing
    and decoding do.
    """
    films = [output for output in template.outputs if isinstance(output, VideoOutput)]
    if size:
        films = [template.film.model_copy(update={"width": size[0], "height": size[1]})]
    rows = [(_label_of(film), _stills(template, film, fields)) for film in films]
    widths = [sum(still.width + _GAP for still in stills) for _, stills in rows]
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
    over = [overlays.overlay_of(template, clip, fields, size) for clip in template.document.timeline.overlays]
    out: list[Image.Image] = []
    for moment in moments(template, sample_plan(template), fields, size):
        picture = _picture(template, film, fields, moment)
        placed = [over[number] for number in sorted(moment.overlays)]
        out.append(_with_overlays(picture, placed).resize(shown, Image.Resampling.LANCZOS))
    return out


# Moments -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SheetFrame:
    """One frame of a content, and the numbers (in the template) of the overlays that are seen with it."""

    content: Content
    frame: int
    overlays: frozenset[int]


def sample_plan(template: Template) -> FilmPlan:
    """The plan of a film that is long enough to show all of its template's overlays."""
    timeline = template.document.timeline
    footage = timeline.footage.asset
    assert isinstance(footage, Footage)
    needed = _SPARE_S + max((clip.start for clip in timeline.overlays), default=0.0)
    count = min(_MOST_TAKES, math.ceil(needed / footage.longest)) if footage.longest else 1
    seconds = footage.trim.start + footage.trim.end + (footage.longest or needed)
    takes = [ClipInput(str(number), str(number), seconds, _RATE) for number in range(count)]
    movies = {clip.asset.src for clip in timeline.main if isinstance(clip.asset, Movie)}
    lengths = {src: probe(template.path(src)).duration for src in movies}
    return plan_film(template.document, _RATE, takes, lengths, ["photo"])


def moments(template: Template, plan: FilmPlan, fields: Fields, size: tuple[int, int]) -> Iterator[SheetFrame]:
    """The moments of a film to show, in its order: each card when everything is in place, each piece of film once, and
    as many moments of the footage as it takes to see every overlay over it.
    """
    shots = [shot for part in plan.parts for shot in part.shots]
    contents = [shot.content for shot in shots]
    for place, clip in enumerate(template.document.timeline.main):
        if isinstance(clip.asset, Footage):
            yield from _until_all_are_seen([shot for shot in shots if isinstance(shot.content, Filmed)])
        elif isinstance(clip.asset, Movie):
            reel = next(content for content in contents if isinstance(content, Reel) and content.src == clip.asset.src)
            length = max(shot.begin + shot.frames for shot in shots if shot.content == reel)
            yield _moment(shots, reel, length // 2)
        elif isinstance(clip.asset, Photos):
            photo = next(content for content in contents if isinstance(content, Drawn) and content.place == place)
            yield _moment(shots, photo, photo.frames // 2)
        else:
            card = next(content for content in contents if isinstance(content, Drawn) and content.place == place)
            going = clip.transition.seconds if clip.transition.out != "cut" else 0.0
            sheet = title_cards.sheet_of(template, clip, fields, size)
            yield _moment(shots, card, title_cards.settled_frame(sheet, card.frames, _RATE, round(going * _RATE)))


def _moment(shots: Sequence[FilmShot], content: Content, frame: int) -> SheetFrame:
    shot = next(shot for shot in shots if shot.content == content and shot.begin <= frame < shot.begin + shot.frames)
    at = frame - shot.begin
    seen = frozenset(window.overlay for window in shot.windows if window.begin <= at < window.end)
    return SheetFrame(content, frame, seen)


def _until_all_are_seen(shots: Sequence[FilmShot]) -> list[SheetFrame]:
    """The moment with the most overlays, then more until every overlay is seen; in the film's order."""
    there = [moment for shot in shots for moment in _between_changes(shot)]
    chosen: list[int] = []
    seen: set[int] = set()
    while not chosen or any(moment.overlays - seen for moment in there):
        best = max(range(len(there)), key=lambda number: len(there[number].overlays - seen))
        chosen.append(best)
        seen |= there[best].overlays
    return [there[number] for number in sorted(chosen)]


def _between_changes(shot: FilmShot) -> Iterator[SheetFrame]:
    """The middle of each stretch of a shot in which no overlay comes or goes."""
    changes = sorted({0, shot.frames, *(edge for window in shot.windows for edge in (window.begin, window.end))})
    for begin, end in itertools.pairwise(changes):
        yield _moment([shot], shot.content, shot.begin + (begin + end) // 2)


# Pictures ------------------------------------------------------------------------------------------------------------


def _picture(template: Template, film: VideoOutput, fields: Fields, moment: SheetFrame) -> Image.Image:
    """What a film shows at a moment, without its overlays."""
    content = moment.content
    if isinstance(content, Drawn):
        clip = template.document.timeline.main[content.place]
        if isinstance(clip.asset, Photos):
            return _photo(template, film, moment)
        card = title_cards.card_of(template, clip, fields, (film.width, film.height))
        return title_cards.frame_at(card, moment.frame, _RATE)
    with tempfile.TemporaryDirectory(prefix="stinercut-preview-") as name:
        folder = Path(name)
        if isinstance(content, Reel):
            path = template.path(content.src)
            source = FootageSource(path, probe(path), moment.frame, 1)
            return _filmed(template, film, (opened(source, _RATE), source), Look(), folder)
        shown = folder / "footage.png"
        _jumped().save(shown)
        source = FootageSource(shown, Probe(1.0, *_FILMED, _RATE, 0, "png", None, 0, None), 0, 1)
        return _filmed(template, film, (made_here(shown, "png_pipe"), source), content.look, folder)


def _photo(template: Template, film: VideoOutput, moment: SheetFrame) -> Image.Image:
    """A photo as the film shows it."""
    assert isinstance(moment.content, Drawn)
    clip = template.document.timeline.main[moment.content.place]
    with tempfile.TemporaryDirectory(prefix="stinercut-preview-") as folder:
        path = Path(folder) / "photo.jpg"
        make_photo(path, _SEED, _PHOTO, datetime(2026, 6, 1))
        sheet = title_cards.photo_sheet(template, clip, path, (film.width, film.height))
        return title_cards.frame_at(title_cards.drawn(sheet), moment.frame, _RATE)


def _jumped() -> Image.Image:
    """A jump's picture as a camera films it (16:9)."""
    frame = next(scene_frames(Scene(_SEED), CameraSettings(seconds=1, size=_FILMED, seed=_SEED), _FILMED))
    return Image.fromarray(np.ascontiguousarray(frame[:, :, ::-1]))


def _filmed(
    template: Template, film: VideoOutput, footage: tuple[Any, FootageSource], look: Look, folder: Path
) -> Image.Image:
    """A frame of footage as the film shows it: fitted, on the template's background, in its colours. `footage`:
    ffmpeg's input, and what it is.
    """
    clip, source = footage
    frame = Frame(film.width, film.height, _RATE, film.fit, template.document.timeline.background)
    target, table = folder / "shown.png", color_tables.table_beside(folder, color_tables.table_of(template, look))
    picture = (
        picture_of(clip, source, frame, look, table)
        .filter("scale", **FROM_BT709, out_range="pc")
        .filter("format", "rgb24")
    )
    out = ffmpeg_graph.output(picture, str(target), vcodec="png", format="image2", **{"frames:v": 1, "update": 1})
    runner.run(out.compile(), timeout=_SECONDS, file=source.path)
    with Image.open(target) as opened_picture:
        return opened_picture.convert("RGB")


def _with_overlays(picture: Image.Image, placed: Iterable[Placed | None]) -> Image.Image:
    shown = picture.convert("RGBA")
    for overlay in placed:
        if overlay is not None:
            shown.alpha_composite(overlay.picture, (overlay.x, overlay.y))
    return shown.convert("RGB")


def save(sheet: Image.Image, target: Path) -> None:
    """Write the sheet, as PNG or JPEG by the target's name. The target appears only when it is complete."""
    partial = partial_beside(target, target.suffix)
    try:
        sheet.save(partial)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
