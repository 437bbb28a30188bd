"""What `render.py` measures of this renderer: the only place of the bench that calls it.

Lives here: the edit as a template, a film of it with so many workers, the same edit's pictures for other programs.
Doesn't: measuring (`render.py`).
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

from stinercut.drawing import title_cards
from stinercut.drawing.overlays import overlay_of
from stinercut.films.film import Making, Production, make_film, planned
from stinercut.films.join import Joinable, Soundness, join
from stinercut.films.picture.segments import ClipSource, FilmedClip, part_segment
from stinercut.films.plan.plan import Drawn
from stinercut.films.sound.mix import Music
from stinercut.jumps.cut import ClipTake
from stinercut.storage.store import Store, hash_file
from stinercut.templates import Fields, Template, bundled, load
from stinercut.video.probe import kept_probe

CARD_SECONDS = 4
FADE_SECONDS = 0.6


@dataclass(frozen=True)
class Edit:
    """One film to make. `untouched`: no watermark, so that nothing lies on the clips; `music`: a file to put below."""

    clips: tuple[Path, ...]
    width: int
    height: int
    fps: int
    name: str = "Zoë Křížová"
    untouched: bool = False
    music: Path | None = None


@dataclass(frozen=True)
class Cards:
    """The edit's pictures for other programs: title and outro drawn, the watermark as a file, and its place."""

    title: title_cards.TitleCard
    outro: title_cards.TitleCard
    mark: Path | None
    place: tuple[int, int]


def template_of(edit: Edit, folder: Path) -> Template:
    """The bundled template in that folder, at the edit's size: title and outro with fades, a watermark over the clips.

    Nothing is made louder or quieter, as no other program of the bench does it.
    """
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(bundled().folder, folder)
    cards = [
        {
            "asset": {"type": "svg", "src": f"{name}.svg"},
            "length": CARD_SECONDS,
            "transition": {"in": "fade", "out": "fade", "seconds": FADE_SECONDS},
        }
        for name in ("title", "outro")
    ]
    tracks: list[Any] = [{"clips": [cards[0], {"asset": {"type": "footage"}}, cards[1]]}]
    if not edit.untouched:
        mark = {"asset": {"type": "text", "text": "STINERCUT"}, "height": 0.026, "opacity": 0.7}
        tracks.insert(0, {"clips": [mark]})
    timeline: dict[str, Any] = {"loudness": None, "tracks": tracks}
    if edit.music:
        shutil.copyfile(edit.music, folder / edit.music.name)
        timeline["soundtrack"] = {"src": edit.music.name}
    size = {"width": edit.width, "height": edit.height, "fps": "source" if edit.untouched else edit.fps}
    said = {"name": "bench", "timeline": timeline, "output": [{"type": "video", **size}]}
    (folder / "template.json").write_text(json.dumps(said), encoding="utf-8")
    return load(folder)


def fields_of(edit: Edit) -> Fields:
    """What the title says."""
    return Fields(edit.name, date(2025, 6, 14), "Klatovy")


def production_of(edit: Edit, store: Path) -> Production:
    """The film, planned."""
    template = template_of(edit, store / "template")
    kept = Store(store)
    sources = [ClipSource(hash_file(path), path, path.name) for path in edit.clips]
    shown = [ClipTake(FilmedClip(one, kept_probe(kept, one.content_hash, one.path))) for one in sources]
    return planned(kept, template, fields_of(edit), shown)


def render(edit: Edit, store: Path, target: Path, workers: int) -> None:
    """The film, with what the store has, so many parts at a time."""
    _joined(production_of(edit, store).films[0], target, workers)


def render_otherwise(edit: Edit, store: Path, target: Path, quality: Mapping[str, Any]) -> None:
    """The same film by another preset and crf, also those that no template may ask for."""
    making: Making = production_of(edit, store).films[0]
    output = making.shop.output.model_copy(update=dict(quality))
    _joined(replace(making, shop=replace(making.shop, output=output)), target, 1)


def render_cards(making: Making) -> None:
    """Title and outro alone, of a film that is planned."""
    for part in making.plan.parts:
        if all(isinstance(shot.content, Drawn) for shot in part.shots):
            part_segment(making.shop, part)


def _joined(making: Making, target: Path, workers: int) -> None:
    with ThreadPoolExecutor(workers) as pool:
        segments = list(pool.map(lambda part: part_segment(making.shop, part), making.plan.parts))
    parts = [Joinable(segment, part.volume) for segment, part in zip(segments, making.plan.parts, strict=True)]
    template = making.shop.template
    tune = template.document.timeline.soundtrack
    music = Music(tune, template.path(tune.src)) if tune else None
    join(parts, target, title=making.shop.fields.passenger_name, sound=Soundness(music, None))


def render_checked(edit: Edit, store: Path, target: Path) -> None:
    """The film as `stinercut render` makes it: watched to its end before it is given its name."""
    make_film(production_of(edit, store), target)


def cards(edit: Edit, folder: Path) -> Cards:
    """The edit's pictures."""
    template = template_of(edit, folder / "template")
    fields, size = fields_of(edit), (edit.width, edit.height)
    main, over = template.document.timeline.main, template.document.timeline.overlays
    title, outro = (title_cards.card_of(template, main[place], fields, size) for place in (0, 2))
    mark = overlay_of(template, over[0], fields, size) if over else None
    if mark is None:
        return Cards(title, outro, None, (0, 0))
    mark.picture.save(folder / "mark.png")
    return Cards(title, outro, folder / "mark.png", (mark.x, mark.y))


def playing(card: title_cards.TitleCard, edit: Edit, folder: Path) -> Any:
    """A card as a stream of ffmpeg-python, with its fades."""
    folder.mkdir(parents=True, exist_ok=True)
    frames, fade = CARD_SECONDS * edit.fps, round(FADE_SECONDS * edit.fps)
    stream = title_cards.play(card, frames, Fraction(edit.fps), folder)
    stream = stream.filter("fade", t="in", start_frame=0, nb_frames=fade)
    return stream.filter("fade", t="out", start_frame=frames - fade, nb_frames=fade)


def described(card: title_cards.TitleCard, folder: Path) -> dict[str, Any]:
    """A card for a program that can't read ffmpeg's filters: its pictures as files, and when they come."""
    folder.mkdir(parents=True, exist_ok=True)
    card.background.save(folder / "background.png", compress_level=1)
    layers: list[dict[str, Any]] = []
    for number, layer in enumerate(card.layers):
        path = folder / f"{number}.png"
        layer.picture.save(path, compress_level=1)
        said: dict[str, Any] = {"file": str(path), "x": layer.x, "y": layer.y}
        if layer.enter:
            said |= {"at": layer.enter.at, "lasting": layer.enter.lasting, "rises": layer.enter.kind == "rise"}
        layers.append(said)
    return {"background": str(folder / "background.png"), "move": card.move, "speed": card.speed, "layers": layers}
