"""The cuts of jumps: shows a jump's cut, and imports a timeline of an editing program as one.

Owns: `Cuts`, and which clips a timeline may name. Not here: the routes (`routes`), the format
(`stinercut.films.editor.otio`), writing the file next to the film (`stinercut_assets.films.rendered_video`), keeping a
cut (`stinercut.review.wishes`).
"""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass

from pydantic import BaseModel

from hub.kit.views import example
from stinercut.catalog import Catalog
from stinercut.errors import BadInput, StoreDamaged, UnreadableVideo
from stinercut.films.editor.otio import KnownClip, read_cut
from stinercut.jumps import jumps
from stinercut.jumps.cut import Cut
from stinercut.jumps.jumps import FootageFile
from stinercut.review import wishes
from stinercut.storage.store import Store
from stinercut.video.probe import probe

log = logging.getLogger("hub.films.cuts")


class PieceView(BaseModel):
    """A part of a clip, in seconds from the clip's start; None means all that the template shows."""

    file_id: int
    name: str
    start: float | None
    end: float | None


class CutView(BaseModel):
    """The parts that a jump's film shows, in order. `by_hand`: a person's timeline decides them, not the template."""

    model_config = example(
        {
            "jump": "2026-06-01_B-1",
            "by_hand": True,
            "pieces": [{"file_id": 7, "name": "GX010001.MP4", "start": 2.5, "end": 14.0}],
        }
    )

    jump: str
    by_hand: bool
    pieces: list[PieceView]


@dataclass(frozen=True)
class Cuts:
    """The cuts of jumps."""

    catalog: Catalog
    store: Store

    def view(self, jump: str) -> CutView:
        """The cut of a jump. Raises NotFound, and BadInput while files are missing."""
        with self.catalog.read() as session:
            footage = jumps.footage_of(session, jump)
        pieces = [
            PieceView(file_id=take.file.card_file_id, name=take.file.name, start=take.start, end=take.end)
            for take in footage.takes
        ]
        return CutView(jump=jump, by_hand=footage.cut is not None, pieces=pieces)

    def import_timeline(self, jump: str, text: bytes, file: str, who: str) -> CutView:
        """Make a timeline the jump's cut. Raises NotFound, and BadInput that tells what in the timeline is refused."""
        with self.catalog.read() as session:
            clips = jumps.footage_of(session, jump).clips
        cut: Cut = read_cut(text, self._known(clips), file=file)
        with self.catalog.write() as session:
            wishes.choose_cut(session, jump, cut, who)
        return self.view(jump)

    def drop(self, jump: str, who: str) -> CutView:
        """Return to the template. Raises NotFound, and BadInput if the jump has no cut."""
        with self.catalog.write() as session:
            wishes.drop_cut(session, jump, who)
        return self.view(jump)

    def _known(self, clips: tuple[FootageFile, ...]) -> list[KnownClip]:
        # Two cameras may use the same name. Such a name identifies no clip; only our ids in the timeline do.
        names = Counter(clip.name.casefold() for clip in clips)
        return [
            KnownClip(
                clip.card_file_id,
                self._seconds(clip),
                (clip.name,) if names[clip.name.casefold()] == 1 else (),
            )
            for clip in clips
        ]

    def _seconds(self, clip: FootageFile) -> float:
        """A clip's length. Raises BadInput, which names the clip; its path in the store goes only into the log."""
        try:
            return probe(self.store.require(clip.content_hash, clip.size)).duration
        except (StoreDamaged, UnreadableVideo) as refused:
            log.warning("%s can't be used in a cut: %s", clip.name, refused.sentence())
            raise BadInput(refused.what_parts, file=clip.name, advice=refused.advice_parts) from None
