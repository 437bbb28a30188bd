"""A jump's cut: a person's decision which parts of its clips the film shows, and in which order.

Owns: `Cut`, and turning a jump's clips into takes with it (pure). Not here: reading a cut from an editing program
(`stinercut.films.editor.otio`), keeping it (`stinercut.review.wishes`), the template's own trims (`stinercut.films`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from stinercut.errors import BadInput
from stinercut.language.messages import Message
from stinercut.language.refusal_codes import RefusalCode


class CutClip(Protocol):
    """The part of a clip that a cut needs."""

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
    """Pieces in the order of the film. `decided`: the clips that existed when the cut was made (card file ids)."""

    pieces: tuple[CutPiece, ...]
    decided: frozenset[int]


@dataclass(frozen=True)
class ClipTake(Generic[File]):
    """A clip's appearance in the film. `start` and `end` in seconds; both None: as much as the template shows.

    `file`: the clip in the caller's form: the catalog's file when a cut is applied, the probed file when a film is
    planned.
    """

    file: File
    start: float | None = None
    end: float | None = None


def takes(clips: Sequence[Known], cut: Cut | None) -> tuple[ClipTake[Known], ...]:
    """The takes of these clips (given in order of recording) that the film shows.

    A clip that came after the cut was made is added whole at the end: nobody has decided to leave it out. Pieces of
    clips that no longer belong to the jump are dropped. Raises BadInput when nothing is left.
    """
    if cut is None:
        return tuple(ClipTake(clip) for clip in clips)
    there = {clip.card_file_id: clip for clip in clips}
    chosen = [
        ClipTake(there[piece.card_file_id], piece.start, piece.end)
        for piece in cut.pieces
        if piece.card_file_id in there
    ]
    late = [ClipTake(clip) for clip in clips if clip.card_file_id not in cut.decided]
    if clips and not chosen and not late:
        raise BadInput(Message.of(RefusalCode.CUT_SHOWS_NOTHING), advice=Message.of(RefusalCode.ANOTHER_CUT))
    return (*chosen, *late)
