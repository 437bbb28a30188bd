"""Repair of a film that does not decode: makes the damaged segments again.

Owns: finding them, and making them. Not here: noticing (`checks`), joining again (`stinercut.films.film`).

A look into the store finds only segments that are cut short. Damage within a segment comes from a disk. Damage within
copied frames may also come from the camera; such a clip is encoded from then on, since a decoder can make something of
it.
"""

from __future__ import annotations

from collections.abc import Sequence

from stinercut.films.checks.decode_proof import is_whole
from stinercut.films.picture import stream_copy
from stinercut.films.picture.encoding import Segment
from stinercut.films.picture.segment_cache import remove
from stinercut.films.picture.segments import Workshop, part_segment
from stinercut.films.plan.plan import Filmed, Part
from stinercut.films.plan.progress import Progress, part_of


def mended(
    shop: Workshop, parts: Sequence[Part], segments: Sequence[Segment], on_progress: Progress | None = None
) -> list[Segment] | None:
    """The segments of these parts, where those are made again that don't decode or no longer have the pictures that
    once decoded. None when all of them are right. Raises what `part_segment` raises.
    """
    out: list[Segment] = []
    whole, done = sum(segment.frames for segment in segments), 0
    for part, segment in zip(parts, segments, strict=True):
        tell = part_of(on_progress, done / whole, (done + segment.frames) / whole)
        done += segment.frames
        if is_whole(shop.store, segment):
            out.append(segment)
            continue
        if segment.copied:
            for shot in part.shots:
                if isinstance(shot.content, Filmed):
                    stream_copy.never_copy(shop.store, shop.clips[shot.content.take].source.content_hash)
        remove(segment)
        out.append(part_segment(shop, part, on_progress=tell))
    return None if out == list(segments) else out
