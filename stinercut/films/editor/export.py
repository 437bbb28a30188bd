"""Export for editing programs: a timeline, and next to it the footage under the camera's file names.

Owns: the folder `clips` next to a film, and the film's `.otio`. Not here: the content of the timeline (`stretches`),
its format (`stinercut.films.editor.otio`), which files already there are ours (`stinercut.films.publishing.placing`).
docs/editing.md describes how people use it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from stinercut.films.editor.otio import write_timeline
from stinercut.films.editor.stretches import TimelineFile, stretches
from stinercut.films.film import Making, Production
from stinercut.films.picture.encoding import Segment
from stinercut.films.plan.plan import Content, Drawn, Filmed, Part, Shot
from stinercut.films.publishing.outputs_note import CLIPS, TIMELINE
from stinercut.films.publishing.placing import Arrival, alone_in, place
from stinercut.films.publishing.unfinished import names_beside
from stinercut.storage.store import Store, link_to, sync_file


@dataclass(frozen=True)
class HandedOver:
    """The timeline next to a film. `kept`: new paths of somebody else's files that lay where it or its clips go."""

    timeline: Path
    kept: tuple[Path, ...]


def hand_over(
    production: Production, segments: Sequence[Segment], film: Path, card_file_ids: Mapping[str, int]
) -> HandedOver:
    """Write the timeline of the film at `film`, and put the files that it shows next to it.

    `segments`: one for each of the film's parts, in their order. `card_file_ids` by content hash. Raises OSError.
    """
    making = production.films[0]
    files = _files(production, making, segments)
    names = _names(files)
    sources = {
        content: replace(
            source,
            path=Path(CLIPS, names[content]),
            card_file_id=card_file_ids.get(content.take) if isinstance(content, Filmed) else None,
        )
        for content, source in files.items()
    }
    text = write_timeline(film.stem, making.plan.rate, stretches(making.plan, sources.__getitem__))
    with names_beside(production.store, film) as partial_name:
        timeline = partial_name(TIMELINE)
        timeline.write_text(text, encoding="utf-8")
        sync_file(timeline)
        arrivals = [*_lent(production.store, files, names, partial_name), Arrival(timeline, f"{film.stem}{TIMELINE}")]
        with alone_in(production.store, film.parent):
            kept = place(film.parent, arrivals, [CLIPS])
    return HandedOver(film.with_suffix(TIMELINE), tuple(kept))


def _lent(
    store: Store,
    files: Mapping[Content, TimelineFile],
    names: Mapping[Content, str],
    partial_name: Callable[[str], Path],
) -> list[Arrival]:
    """The files that the film shows, to be placed in the folder of clips. Only files of the store become read-only."""
    folder = partial_name("")
    folder.mkdir()
    for content, source in files.items():
        target = folder / names[content]
        if isinstance(content, Drawn):
            # A segment is small, and the store may remove it one day.
            shutil.copyfile(source.path, target)
        elif source.path.is_relative_to(store.root):
            link_to(source.path, target)
        else:
            _point_to(source.path, target)
    return [Arrival(folder / name, f"{CLIPS}/{name}") for name in names.values()]


def _point_to(path: Path, target: Path) -> None:
    """A symbolic link to somebody's file, so that they can still change it; a copy where links are impossible."""
    try:
        target.symlink_to(os.path.relpath(path, target.parent))
    except (OSError, ValueError):
        shutil.copyfile(path, target)


def _files(production: Production, making: Making, segments: Sequence[Segment]) -> dict[Content, TimelineFile]:
    """The file behind everything that the film shows, by content, in the order of the film."""
    out: dict[Content, TimelineFile] = {}
    for part in making.plan.parts:
        for shot in part.shots:
            if isinstance(shot.content, Drawn):
                out.setdefault(shot.content, _drawn(production, making, shot.content, segments))
            else:
                out.setdefault(shot.content, _filmed(making, shot.content))
    return out


def _drawn(production: Production, making: Making, content: Drawn, segments: Sequence[Segment]) -> TimelineFile:
    """A drawing has no file except its segments: the longest one stands for it, or a blend where all are blends."""
    rate = making.plan.rate
    shown = [
        (shot, part, segment)
        for part, segment in zip(making.plan.parts, segments, strict=True)
        for shot in part.shots
        if shot.content == content
    ]
    shot, _, segment = max(shown, key=lambda showing: _stands_for(showing[1]))
    asset = production.template.document.timeline.main[content.place].asset
    name = Path(getattr(asset, "src", "photo" if content.photo else "drawing")).stem
    return TimelineFile(f"{name}.mp4", segment.video, segment.seconds, rate, start=float(shot.begin / rate))


def _stands_for(part: Part) -> tuple[bool, int]:
    return isinstance(part, Shot), part.frames


def _filmed(making: Making, content: Content) -> TimelineFile:
    if isinstance(content, Filmed):
        clip = making.shop.clips[content.take]
        return TimelineFile(clip.source.name, clip.source.path, clip.probe.duration, clip.probe.fps)
    assert not isinstance(content, Drawn)
    frames = sum(shot.frames for part in making.plan.parts for shot in part.shots if shot.content == content)
    path = making.shop.template.path(content.src)
    return TimelineFile(content.src, path, float(frames / making.plan.rate), making.plan.rate)


def _names(files: Mapping[Content, TimelineFile]) -> dict[Content, str]:
    """A file name for each, different even without regard to case: two cameras may give the same names."""
    taken: set[str] = set()
    names: dict[Content, str] = {}
    for content, source in files.items():
        stem, suffix = Path(source.name).stem, Path(source.name).suffix
        number, name = 1, source.name
        while name.casefold() in taken:
            number += 1
            name = f"{stem} ({number}){suffix}"
        taken.add(name.casefold())
        names[content] = name
    return names
