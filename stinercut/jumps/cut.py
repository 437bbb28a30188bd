"""A jump's cut: which parts of its clips the film shows, in which order, when a person decided that.

Owns: `Cut` and how it turns a jump's clips into takes (pure). Not here: reading one from an editing program
(`stinercut.films.editor.otio`), keeping it (`stinercut.review.wishes`), the template's own trims (`stinercut.films`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from stinercut.errors import BadInput


class CutClip(Protocol):
    """A clip as a cut knows it."""

    @property
    def card_file_id(self) -> int: ...


File = TypeVar("File")
Known = TypeVar("Known", bound=CutClip)


@dataclass(frozen=True)
class CutPiece:
    """A part of a clip: from `start` to `end`, seconds from its beginning."""

    card_file_id: int
    start: float
    end: float


@dataclass(frozen=True)
class Cut:
    """Pieces in the order of the film. `decided` are the clips that there were to choose from (card file ids)."""

    pieces: tuple[CutPiece, ...]
    decided: frozenset[int]


@dataclass(frozen=True)
class ClipTake(Generic[File]):
    """A clip's appearance in the film. `start` and `end` in seconds; both None: as much as the template shows.

    `file`: the clip as whoever asks knows it: the catalog's file where a cut is applied, the file that was looked into
    where a film is planned.
    """

    file: File
    start: float | None = None
    end: float | None = None


def takes(clips: Sequence[Known], cut: Cut | None) -> tuple[ClipTake[Known], ...]:
    """What the film shows of these clips (given in order of recording).

    A clip that came after the cut was made stands at the end, whole: nobody has decided to leave it out. Pieces of
    clips that are no longer part of the jump are gone. Raises BadInput when nothing is left.
    """
    if cut is None:
        return tuple(ClipTake(clip) for clip in clips)
    there = {clip.card_file_id: clip for clip in clips}
    chosen = [ClipTake(there[one.card_file_id], one.start, one.end) for one in cut.pieces if one.card_file_id in there]
    late = [ClipTake(clip) for clip in clips if clip.card_file_id not in cut.decided]
    if clips and not chosen and not late:
        raise BadInput(
            "the cut of this jump shows none of its clips", advice="Import another cut, or go back to the template's."
        )
    return (*chosen, *late)
