"""Retries of steps: after which failures, how often, and after how long.

Owns: the policy of every step, and the kinds of errors that a repeat can mend. Not here: run retries after a run's
process was lost (`dagster.yaml`), a person's retry (`hub.runs.pipeline`).
"""

from __future__ import annotations

import dagster as dg

from stinercut.errors import FfmpegFailed, HostNotReady, StinercutError
from stinercut.settings import Settings

FIRST_PAUSE_S = 2.0
"""Before the first repeat; each further one waits twice as long. A restarting database is back after 2 + 4 + 8 s."""

_WORTH_A_RETRY = (FfmpegFailed, HostNotReady)
"""Errors of the machine, not of the footage: the same step may succeed a moment later."""


def retry_policy(step: str) -> dg.RetryPolicy:
    """The retry policy of a step; `STINERCUT_RETRIES` and `STINERCUT_STEP_RETRIES` set how often."""
    return dg.RetryPolicy(max_retries=Settings().retries_of(step), delay=FIRST_PAUSE_S, backoff=dg.Backoff.EXPONENTIAL)


def is_worth_a_retry(refused: StinercutError) -> bool:
    """Whether the same step may succeed a moment later.

    An unreadable clip, a faulty template or a film that failed its checks will be the same the next time.
    """
    return isinstance(refused, _WORTH_A_RETRY)
