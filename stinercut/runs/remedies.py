"""What a person can do about a failed jump: which answers are offered, the best first. Pure.

Owns: that decision, by the codes of what went wrong and the files that it names. Not here: the records
(`stinercut.failures`), doing any of it (`review.decisions`, `hub.runs.pipeline`), the buttons (`hub/review/page`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from stinercut.errors import BadInput, BadTemplate, NameConflict, UnreadableVideo
from stinercut.failures import FailureRecord


class RemedyKind(StrEnum):
    """Kinds of answers."""

    LEAVE_OUT = "leave_out"
    """The film is made without these clips."""
    DECIDE = "decide"
    """A person looks at the files and says whose they are."""
    TEMPLATE = "template"
    """Another template is chosen."""
    RETRY = "retry"
    """Going on with what failed."""


@dataclass(frozen=True)
class Remedy:
    """An answer that is offered. `files`: card file ids, of clips to leave out."""

    kind: RemedyKind
    files: tuple[int, ...] = ()


STAYS = frozenset({BadInput.code, BadTemplate.code, NameConflict.code, UnreadableVideo.code})
"""Codes of errors that are the same the next time, unless something is changed first."""


def remedies(failures: Sequence[FailureRecord], clips: Collection[int]) -> list[Remedy]:
    """What is offered for a jump that failed this way. `clips`: card file ids of the clips in its film now.

    Clips that an error names can be left out. Trying again is offered where it may help, and where nothing else is
    left: then only somebody who mends the installation can change something, and goes on with it.
    """
    codes = {failure.code for failure in failures}
    named = dict.fromkeys(file for failure in failures for file in failure.files if file in clips)
    offered = [Remedy(RemedyKind.LEAVE_OUT, tuple(named))] if named else []
    if NameConflict.code in codes:
        offered.append(Remedy(RemedyKind.DECIDE))
    if BadTemplate.code in codes:
        # The template that was chosen may be mended as well.
        offered += [Remedy(RemedyKind.TEMPLATE), Remedy(RemedyKind.RETRY)]
    elif not offered or not codes <= STAYS:
        offered.append(Remedy(RemedyKind.RETRY))
    return offered
