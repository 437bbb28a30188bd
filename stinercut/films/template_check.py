"""`stinercut template check`: everything that can be wrong with a template, found before a film needs it.

Owns: looking into every file that a template names, and drawing difficult names with it. Not here: reading the folder
(`stinercut.templates.folder`), drawing (`stinercut.drawing`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from datetime import date
from fractions import Fraction
from pathlib import Path

from stinercut import input_limits
from stinercut.drawing import overlays, title_cards
from stinercut.drawing.svg_renderer import DrawingTooCostly
from stinercut.drawing.svg_text import require_font
from stinercut.errors import BadInput, StinercutError
from stinercut.films.checks.checks import require_name_in_sight
from stinercut.films.picture.segments import Workshop
from stinercut.films.plan.plan import ClipInput, plan_film
from stinercut.language.messages import Message
from stinercut.language.template_codes import TemplateCode
from stinercut.storage.store import Store
from stinercut.templates import folder
from stinercut.templates.folder import Template
from stinercut.templates.lut import require_lut
from stinercut.templates.merging import Fields
from stinercut.templates.timeline import Clip, Drawing, Footage, Movie, Photos, Picture, VideoOutput
from stinercut.video.ffmpeg_runner import ffprobe_json
from stinercut.video.picture_files import open_picture
from stinercut.video.probe import probe

HARD = (
    Fields("Žofie Nováková", date(2025, 6, 14), "Klatovy", "B-1042", "Petr Svoboda"),
    Fields("Maria Magdalena Anastasia von Hohenstein-Württemberg zu Lichtenfels", date(2025, 11, 30)),
    Fields("محمد بن عبد الله آل سعود", date(2025, 9, 30), "دبي"),
    Fields("ณัฐวุฒิ สะกิดใจ", date(2025, 12, 31), "กรุงเทพมหานคร"),
)
"""Names and places that a template must be able to show: accents, length, right to left, marks above and below."""

_MOST_PIXELS = 64_000_000
_RATE = Fraction(30)


def problems(path: Path) -> list[StinercutError]:
    """Everything that is wrong with the template in that folder, each with its file and what to do."""
    template, found = folder.read(path)
    if template is None:
        return found
    # Missing files were reported already; they can't be checked further.
    there = [file for _, file in folder.named_files(template.document) if (template.folder / file).is_file()]
    named = {problem.file for problem in found}
    whole = [font for font in template.fonts if str(font) not in named]
    looks: list[Callable[[], object]] = [lambda font=font: require_font(font) for font in whole]
    looks += [lambda file=file, template=template: _look_into(template, file) for file in dict.fromkeys(there)]
    out = list(found)
    for look in looks:
        out += _problems_of(look)
    if not out:
        out += _drawn_wrong(template)
    if not out:
        out += _problems_of(lambda template=template: _require_name_in_sight(template))
    return _each_once(out)


def _problems_of(look: Callable[[], object]) -> list[StinercutError]:
    try:
        look()
    except StinercutError as refused:
        return [refused]
    return []


def _each_once(found: list[StinercutError]) -> list[StinercutError]:
    return list({problem.sentence(): problem for problem in found}.values())


def _look_into(template: Template, file: str) -> None:
    path = template.path(file)
    ending = path.suffix.lower()
    if ending in (".png", ".jpg", ".jpeg"):
        _require_picture(path)
    elif ending == ".svg":
        for upright in (False, True):
            for picture in template.drawing(file, upright=upright).pictures:
                _require_picture(template.path(picture))
    elif ending == ".cube":
        require_lut(path)
    else:
        _require_playable(path, "video" if ending in (".mp4", ".mov") else "audio")


def _require_picture(path: Path) -> None:
    picture, _ = open_picture(path)
    if picture.width * picture.height > _MOST_PIXELS:
        raise BadInput(
            Message.of(TemplateCode.DRAWN_PICTURE_PIXELS, width=picture.width, height=picture.height),
            file=path,
            advice=Message.of(TemplateCode.PICTURE_NARROWER),
        )


def _require_playable(path: Path, kind: str) -> None:
    """Raise BadInput unless the file has a stream of that kind that lasts."""
    try:
        seconds = probe(path).duration if kind == "video" else _seconds_of_music(path)
    except StinercutError as refused:
        what = (
            Message.of(TemplateCode.NO_VIDEO_READABLE, why=refused.what_parts)
            if kind == "video"
            else Message.of(TemplateCode.NO_MUSIC_READABLE, why=refused.what_parts)
        )
        raise BadInput(what, file=path, advice=Message.of(TemplateCode.EXPORT_MEDIA_AGAIN)) from None
    why = input_limits.broken_by_length(seconds, path.stat().st_size)
    if seconds < 0.1 or why:
        raise BadInput(
            why or Message.of(TemplateCode.LASTS_NO_TIME), file=path, advice=Message.of(TemplateCode.EXPORT_MEDIA_AGAIN)
        )


def _seconds_of_music(path: Path) -> float:
    """How long its sound lasts, by its header. Raises UnreadableVideo, BadInput for a file without sound."""
    header = ffprobe_json(path)
    if not any(stream.get("codec_type") == "audio" for stream in header.get("streams", [])):
        raise BadInput(Message.of(TemplateCode.NO_SOUND_IN_IT), file=path)
    return float(header.get("format", {}).get("duration") or 0)


def _drawn_wrong(template: Template) -> list[StinercutError]:
    """Problems with drawing difficult names. The drawings are small: only the shape of a film matters."""
    out: list[StinercutError] = []
    for clip, size in _to_draw(template):
        for fields in HARD:
            out += _problems_of(lambda clip=clip, size=size, fields=fields: _draw(template, clip, fields, size))
            if any(isinstance(problem, DrawingTooCostly) for problem in out):
                return out  # Other names in the same drawing would take as long.
    return out


def _to_draw(template: Template) -> Iterator[tuple[Clip, tuple[int, int]]]:
    shapes = {_small(output): None for output in template.outputs if isinstance(output, VideoOutput)}
    for _, clip in folder.placed_clips(template.document):
        if not isinstance(clip.asset, Movie | Footage | Photos):
            yield from ((clip, size) for size in shapes)


def _small(output: VideoOutput) -> tuple[int, int]:
    scale = 360 / max(output.width, output.height)
    return max(2, round(output.width * scale / 2) * 2), max(2, round(output.height * scale / 2) * 2)


def _draw(template: Template, clip: Clip, fields: Fields, size: tuple[int, int]) -> None:
    if clip in template.document.timeline.overlays:
        overlays.overlay_of(template, clip, fields, size)
        return
    card = title_cards.card_of(template, clip, fields, size)
    if isinstance(clip.asset, Picture):
        return
    _require_ink(template, clip, fields, size, card)


def _require_ink(
    template: Template, clip: Clip, fields: Fields, size: tuple[int, int], card: title_cards.TitleCard
) -> None:
    """Raise BadInput if the title looks the same with another name: its text is outside the picture, or hidden."""
    if fields is not HARD[0] or clip is not template.title:
        return
    other = title_cards.card_of(template, clip, dataclasses.replace(fields, passenger_name="Ng"), size)
    shown = [title_cards.frame_at(drawn, 0, Fraction(30)).tobytes() for drawn in (card, other)]
    if shown[0] == shown[1]:
        assert isinstance(clip.asset, Drawing)
        raise BadInput(
            Message.of(TemplateCode.NAME_NOT_SEEN),
            file=template.folder / clip.asset.src,
            advice=Message.of(TemplateCode.NAME_INTO_SIGHT),
        )


def _require_name_in_sight(template: Template) -> None:
    """Raise BadInput if the overlays over the whole film hide the name on the title."""
    document = template.document
    if not any(clip.over == "film" for clip in document.timeline.overlays):
        return
    movies = {clip.asset.src for clip in document.timeline.main if isinstance(clip.asset, Movie)}
    lengths = {name: probe(template.path(name)).duration for name in movies}
    for output in document.films:
        width, height = _small(output)
        small = output.model_copy(update={"width": width, "height": height})
        plan = plan_film(document, _RATE, [ClipInput("clip", "clip", 60.0, _RATE)], lengths)
        require_name_in_sight(Workshop(Store(Path()), template, small, _RATE, HARD[0], {}), plan)
