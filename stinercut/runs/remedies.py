"""Chooses remedies for a failed jump: the answers that a person is offered, the best first. Pure.

Owns: this decision, by the codes of the failures and the files that they name. Not here: the records
(`stinercut.failures`), carrying out a remedy (`stinercut.review.decisions`, `hub.runs.pipeline`), the buttons
(`hub/review/page`).
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
    """A person looks at the files and decides whose they are."""
    TEMPLATE = "template"
    """Another template is chosen."""
    RETRY = "retry"
    """The failed run is resumed."""


@dataclass(frozen=True)
class Remedy:
    """An answer that is offered. `files`: card file ids, of clips to leave out."""

    kind: RemedyKind
    files: tuple[int, ...] = ()


STAYS = frozenset({BadInput.code, BadTemplate.code, NameConflict.code, UnreadableVideo.code})
"""Codes of errors that will be the same next time, unless something is changed first."""


def remedies(failures: Sequence[FailureRecord], clips: Collection[int]) -> list[Remedy]:
    """The remedies for a jump with these failures. `clips`: card file ids of the clips in its film now.

    Clips that an error names can be left out. A retry is offered where it may help, and where there is no other remedy:
    then only somebody who repairs the installation can change something, and retries afterwards.
    """
    codes = {failure.code for failure in failures}
    named = dict.fromkeys(file for failure in failures for file in failure.files if file in clips)
    offered = [Remedy(RemedyKind.LEAVE_OUT, tuple(named))] if named else []
    if NameConflict.code in codes:
        offered.append(Remedy(RemedyKind.DECIDE))
    if BadTemplate.code in codes:
        # The chosen template may also be repaired.
        offered += [Remedy(RemedyKind.TEMPLATE), Remedy(RemedyKind.RETRY)]
    elif not offered or not codes <= STAYS:
        offered.append(Remedy(RemedyKind.RETRY))
    return offered
