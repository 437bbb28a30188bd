"""What the end of a run means: a film, a failure with its reasons, or an automatic retry by Dagster.

Owns: that decision, over plain values. Not here: asking Dagster and recording the result (`ended_runs`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType

from stinercut.failures import FailureRecord
from stinercut.jumps.in_progress import InWork
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message


class RunEnd(StrEnum):
    """The state of a run in Dagster, as far as it matters here."""

    GOING = "going"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"
    GONE = "gone"
    """Dagster does not know this run (any more)."""
    RETRYING = "retrying"
    """It failed, and Dagster is about to start it again by itself."""


_NOT_OVER = frozenset({RunEnd.GOING, RunEnd.RETRYING})
_LEAVE_A_FILM = frozenset({RunEnd.SUCCEEDED, RunEnd.CANCELED})


def after_failure(will_retry: str | None, *, considered: bool, backfill_over: bool) -> RunEnd:
    """How a failed run stands that no retry follows yet: FAILED, or RETRYING if Dagster is about to start it again.

    `will_retry` is the tag that Dagster writes just after the failure itself (None: not written yet). It is a promise
    that Dagster may break: `considered` means that its daemon has looked at this failure and started nothing,
    `backfill_over` that the run belongs to a backfill that has ended or was cancelled.
    """
    if will_retry == "false" or considered or backfill_over:
        return RunEnd.FAILED
    return RunEnd.RETRYING


def being_retried(in_work: Iterable[InWork], ends: Mapping[str, RunEnd]) -> list[str]:
    """The subjects whose run Dagster is about to start again."""
    return [work.subject for work in in_work if work.run_id is not None and ends.get(work.run_id) is RunEnd.RETRYING]


def verdicts(
    in_work: Iterable[InWork],
    ends: Mapping[str, RunEnd],
    logged: Mapping[str, tuple[FailureRecord, ...]] = MappingProxyType({}),
) -> dict[str, tuple[FailureRecord, ...]]:
    """Failed subjects with their reasons. A subject whose run continues, or succeeded, is not among them.

    The reasons that a run's own steps reported come first. `logged` has those of Dagster's log, by run id, for runs
    whose steps reported none.

    A run that ended as a success without its product counts as failed: a success that lies is the one thing that must
    not happen. A failed run counts as failed even if an older film exists, as when films are made again with a changed
    template. A run that was cancelled then does not: the film that was there is still the one that the jump wants, and
    `backfill --stale` still lists it.
    """
    out: dict[str, tuple[FailureRecord, ...]] = {}
    for work in in_work:
        if work.run_id is None or _is_settled(work, ends):
            continue
        end = ends.get(work.run_id, RunEnd.GONE)
        if end not in _NOT_OVER:
            out[work.subject] = work.failures or logged.get(work.run_id, ()) or (_ENDED[end],)
    return out


def settled(in_work: Iterable[InWork], ends: Mapping[str, RunEnd]) -> list[str]:
    """The subjects that have their film and whose run succeeded or was cancelled, though their state still shows work.

    A run that made single assets of a finished jump again ends like this, and one of a backfill that was cancelled.
    """
    return [work.subject for work in in_work if _is_settled(work, ends)]


def _is_settled(work: InWork, ends: Mapping[str, RunEnd]) -> bool:
    return work.finished and work.run_id is not None and ends.get(work.run_id) in _LEAVE_A_FILM


_RETRY_IT = Message.of(MessageCode.RETRY_IT)
_ENDED = {
    RunEnd.SUCCEEDED: FailureRecord.of("RUN_WITHOUT_FILM", Message.of(MessageCode.RUN_WITHOUT_FILM), _RETRY_IT),
    RunEnd.FAILED: FailureRecord.of("RUN_CUT_OFF", Message.of(MessageCode.RUN_CUT_OFF), _RETRY_IT),
    RunEnd.CANCELED: FailureRecord.of("RUN_CANCELLED", Message.of(MessageCode.RUN_CANCELLED), _RETRY_IT),
    RunEnd.GONE: FailureRecord.of("RUN_GONE", Message.of(MessageCode.RUN_GONE), _RETRY_IT),
}
