"""What an editing program needs of a film: its timeline, and beside it the footage under names that people know.

Lives here: the folder `clips` of links beside a film, and writing its `.otio`. Doesn't: what the timeline says
(`editing`), its format (`stinercut.interchange`). docs/editing.md says what people do with it.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from stinercut.interchange import write_timeline
from stinercut.media.editing import Source, stretches
from stinercut.media.encoding import Segment
from stinercut.media.film import Making, Production
from stinercut.media.plan import Content, Drawn, Filmed, Shot
from stinercut.store import link_to, replace_file

CLIPS = "clips"
SUFFIX = ".otio"


def hand_over(
    production: Production, segments: Sequence[Segment], film: Path, card_file_ids: Mapping[str, int]
) -> Path:
    """Write the timeline of the film at `film`, and the links to what it shows; returns the timeline's path.

    `segments`: those of the film's parts, in their order. `card_file_ids` by content hash. Raises OSError.
    """
    making = production.films[0]
    files = _files(production, making, segments)
    folder = film.with_name(CLIPS)
    partial = film.with_name(f".{CLIPS}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    names = _names(files)
    for content, source in files.items():
        link_to(source.path, partial / names[content])
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)
    sources = {
        content: Source(
            name=source.name,
            path=folder / names[content],
            seconds=source.seconds,
            rate=source.rate,
            card_file_id=card_file_ids.get(content.take) if isinstance(content, Filmed) else None,
            start=source.start,
        )
        for content, source in files.items()
    }
    timeline = film.with_suffix(SUFFIX)
    text = write_timeline(film.stem, making.plan.rate, stretches(making.plan, sources.__getitem__))
    replace_file(timeline, text.encode())
    return timeline


def _files(production: Production, making: Making, segments: Sequence[Segment]) -> dict[Content, Source]:
    """The file behind everything that the film shows, by content, in the order of the film."""
    out: dict[Content, Source] = {}
    longest: dict[Content, int] = {}
    for part, segment in zip(making.plan.parts, segments, strict=True):
        for shot in part.shots:
            if isinstance(shot.content, Drawn):
                # What was drawn has no file but the segments; the longest stands for it.
                if isinstance(part, Shot) and shot.frames > longest.get(shot.content, 0):
                    longest[shot.content] = shot.frames
                    out[shot.content] = _drawn(production, making, shot.content, shot, segment)
            elif shot.content not in out:
                out[shot.content] = _filmed(making, shot.content)
    return out


def _drawn(production: Production, making: Making, content: Drawn, shot: Shot, segment: Segment) -> Source:
    rate = making.plan.rate
    asset = production.template.document.timeline.main[content.place].asset
    name = Path(getattr(asset, "src", "drawing")).stem
    return Source(f"{name}.mp4", segment.video, segment.seconds, rate, start=float(shot.begin / rate))


def _filmed(making: Making, content: Content) -> Source:
    if isinstance(content, Filmed):
        clip = making.shop.clips[content.take]
        return Source(clip.source.name, clip.source.path, clip.probe.duration, clip.probe.fps)
    assert not isinstance(content, Drawn)
    frames = sum(shot.frames for part in making.plan.parts for shot in part.shots if shot.content == content)
    path = making.shop.template.path(content.src)
    return Source(content.src, path, float(frames / making.plan.rate), making.plan.rate)


def _names(files: Mapping[Content, Source]) -> dict[Content, str]:
    """A file name for each, no two alike, in whatever case: two cameras give the same names."""
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
