"""Fingerprints of a template's three aspects: clips, drawings and sound.

Owns: telling the three apart, so that people learn beforehand what a changed template will cost. Not here: what is
really made again: the renderer finds existing parts by their content (`stinercut.films`).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePath

from stinercut.storage.store import key_of
from stinercut.templates.folder import UPRIGHT, Template
from stinercut.templates.timeline import Clip, Footage, Movie, Photos, Picture, Text


def aspects(template: Template) -> dict[str, str]:
    """Fingerprints by aspect: `clips`, `drawings`, `sound`. One stays equal if a change doesn't affect its aspect.

    None includes the version number and the description: they change nothing that is seen or heard.
    """
    document = template.document
    timeline = document.timeline
    shared = (timeline.background, *(output.model_dump_json() for output in document.output))
    merge = (field.model_dump_json() for field in document.merge)
    words = (document.language, document.date_style, *merge, *_fonts(template))
    footage = timeline.footage
    assert isinstance(footage.asset, Footage)
    drawn = [clip for clip in timeline.main if clip is not footage]
    with_words = any(isinstance(clip.asset, Text) or _is_svg(clip) for clip in timeline.overlays)
    return {
        "clips": key_of(
            *shared,
            footage.asset.model_dump_json(exclude={"volume"}),
            *(clip.transition.model_dump_json() for clip in timeline.main),
            *_looked_at(template, [footage, *timeline.overlays]),
            *(words if with_words else ()),
        ),
        "drawings": key_of(*shared, *words, *_looked_at(template, drawn)),
        "sound": key_of(
            timeline.model_dump_json(include={"soundtrack", "loudness"}),
            footage.asset.volume,
            *(clip.asset.volume for clip in drawn if isinstance(clip.asset, Movie)),
            *_bytes(template, [timeline.soundtrack.src] if timeline.soundtrack else []),
        ),
    }


def _looked_at(template: Template, clips: Iterable[Clip]) -> list[str | bytes]:
    """The settings of these clips for the picture, and the bytes of the files that they show."""
    out: list[str | bytes] = []
    for clip in clips:
        out.append(clip.model_dump_json(exclude={"asset": {"volume"}}))
        if isinstance(clip.asset, Footage):
            out += _bytes(template, [clip.asset.look.lut] if clip.asset.look.lut else [])
        elif not isinstance(clip.asset, Text | Photos):
            out += _bytes(template, _with_what_it_draws(template, clip.asset.src))
    return out


def _with_what_it_draws(template: Template, name: str) -> list[str]:
    """A file, its upright form, and the pictures in these drawings."""
    if not name.endswith(".svg"):
        return [name]
    upright = name.removesuffix(".svg") + UPRIGHT
    forms = [name, *([upright] if (template.folder / upright).is_file() else [])]
    return [*forms, *(picture for form in forms for picture in template.drawing(form).pictures)]


def _bytes(template: Template, names: Iterable[str]) -> list[bytes]:
    return [template.path(name).read_bytes() for name in names]


def _fonts(template: Template) -> list[bytes]:
    return [font.read_bytes() for font in template.fonts]


def _is_svg(clip: Clip) -> bool:
    return isinstance(clip.asset, Picture) and PurePath(clip.asset.src).suffix == ".svg"
