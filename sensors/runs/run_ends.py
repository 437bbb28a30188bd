"""What the end of a run means: a film, a failure with its reasons, or a retry that Dagster begins by itself.

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
    """How Dagster says that a run stands, as far as it matters here."""

    GOING = "going"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"
    GONE = "gone"
    """Dagster does not know this run (any more)."""
    RETRYING = "retrying"
    """It failed, and Dagster is about to begin it again by itself."""


_GOES_ON = frozenset({RunEnd.GOING, RunEnd.RETRYING})


def after_failure(will_retry: str | None, *, considered: bool, backfill_over: bool) -> RunEnd:
    """Whether a failed run that nothing follows yet is about to be begun again.

    `will_retry` is the tag that Dagster writes just after it wrote the failure itself (None: not yet). It is a promise
    that Dagster may break: `considered` says that its daemon has looked at this failure, and begun nothing;
    `backfill_over` that the run belongs to a backfill that has ended or was cancelled.
    """
    if will_retry == "false" or considered or backfill_over:
        return RunEnd.FAILED
    return RunEnd.RETRYING


def being_retried(in_work: Iterable[InWork], ends: Mapping[str, RunEnd]) -> list[str]:
    """The subjects whose run is about to be begun again."""
    return [one.subject for one in in_work if one.run_id is not None and ends.get(one.run_id) is RunEnd.RETRYING]


def verdicts(
    in_work: Iterable[InWork],
    ends: Mapping[str, RunEnd],
    said: Mapping[str, tuple[FailureRecord, ...]] = MappingProxyType({}),
) -> dict[str, tuple[FailureRecord, ...]]:
    """Why what is being worked on failed: subject -> reasons. What goes on, or came out well, is not in it.

    What its own steps reported comes first. `said` is what Dagster knows of runs (by id) where they did not.

    A run that ended as a success without bringing what it was for counts as failed: a success that lies is the one
    thing that must not happen. And one that failed counts as failed also where an older film is there, as when films
    are made anew with a changed template.
    """
    out: dict[str, tuple[FailureRecord, ...]] = {}
    for one in in_work:
        if one.run_id is None or _is_settled(one, ends):
            continue
        end = ends.get(one.run_id, RunEnd.GONE)
        if end not in _GOES_ON:
            out[one.subject] = one.failures or said.get(one.run_id, ()) or (_ENDED[end],)
    return out


def settled(in_work: Iterable[InWork], ends: Mapping[str, RunEnd]) -> list[str]:
    """What has its film, and whose run came out well, though its state still says that one works on it.

    So ends a run that made single assets of a finished jump again.
    """
    return [one.subject for one in in_work if _is_settled(one, ends)]


def _is_settled(one: InWork, ends: Mapping[str, RunEnd]) -> bool:
    return one.finished and one.run_id is not None and ends.get(one.run_id) is RunEnd.SUCCEEDED


_RETRY_IT = Message.of(MessageCode.RETRY_IT)
_ENDED = {
    RunEnd.SUCCEEDED: FailureRecord.of("RUN_WITHOUT_FILM", Message.of(MessageCode.RUN_WITHOUT_FILM), _RETRY_IT),
    RunEnd.FAILED: FailureRecord.of("RUN_CUT_OFF", Message.of(MessageCode.RUN_CUT_OFF), _RETRY_IT),
    RunEnd.CANCELED: FailureRecord.of("RUN_CANCELLED", Message.of(MessageCode.RUN_CANCELLED), _RETRY_IT),
    RunEnd.GONE: FailureRecord.of("RUN_GONE", Message.of(MessageCode.RUN_GONE), _RETRY_IT),
}
