"""What is done about a film that doesn't decode: the segments that are to blame are made anew.

Lives here: finding them, and making them. Doesn't: noticing (`checks`), joining again (`film`).

A look into the store sees only what is cut short. Damage within a segment is a disk's; damage within copied frames may
be the camera's own, and such a clip is encoded from then on, as decoders make something of it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from stinercut.media import untouched
from stinercut.media.encoding import Segment
from stinercut.media.keeping import decodes, remove
from stinercut.media.plan import Filmed, Part
from stinercut.media.segments import Workshop, copying_of_part, part_segment


def mended(shop: Workshop, parts: Sequence[Part], segments: Sequence[Segment], partial: Path) -> list[Segment] | None:
    """The segments of these parts with those made anew that don't decode; None when all of them do.

    Decodes every segment; what decoders say lies beside the `partial` film meanwhile. Raises what `part_segment`
    raises.
    """
    out: list[Segment] = []
    with tempfile.TemporaryDirectory(
        prefix=f"{partial.stem}.mending-", suffix=".partial", dir=partial.parent
    ) as folder:
        for number, (part, segment) in enumerate(zip(parts, segments, strict=True)):
            if decodes(segment.video, segment.frames, Path(folder) / f"{number}.log"):
                out.append(segment)
                continue
            if copying_of_part(shop, part):
                for shot in part.shots:
                    if isinstance(shot.content, Filmed):
                        untouched.never_copy(shop.store, shop.clips[shot.content.take].source.content_hash)
            remove(segment)
            out.append(part_segment(shop, part))
    return None if out == list(segments) else out
