"""The jobs over assets: identify a card, produce a jump's film. What all jobs share: their tags.

Lives here: what runs together. Doesn't: who comes first (`stinercut.priorities`), when they run (`sensors`), on how
many processes or machines a film is made (`app.definitions` chooses the executor), the job that works ahead
(`arrived_clips`).

The queue takes runs by their priority, and free places of the pool `ffmpeg` go to steps by that of their run.
Identification needs no place of that pool and has places of its own in the queue (`dagster.yaml`).
"""

from __future__ import annotations

import dagster as dg

from stinercut.priorities import BACKFILL_PRIORITY, EARLY_PRIORITY, IDENTIFY_PRIORITY, PRIORITY_TAG, WORK_TAG
from stinercut_assets.sensors_run import SENSORS_RUN

CARD_TAG = "stinercut/card"
JUMP_TAG = "stinercut/jump"
MAX_RUNTIME_TAG = "dagster/max_runtime"
"""Seconds after which Dagster's run monitoring ends a run."""

_RESUME_WHOLE_ASSET = {"dagster/retry_strategy": "FROM_ASSET_FAILURE"}
"""How Dagster's own run retries resume; see `stinercut_assets.fanout` for why not step by step."""

EARLY_TAGS = {
    PRIORITY_TAG: str(EARLY_PRIORITY),
    WORK_TAG: "early",
    # A run that is lost costs nothing: the next one, or the film's, does what it did not.
    "dagster/max_retries": "0",
    MAX_RUNTIME_TAG: "7200",
}


def seconds_for(footage_seconds: float) -> int:
    """How long a film's run may take at most, its waiting for a place included: half an hour, and a minute for each
    second of footage. ffmpeg's own limits are a tenth of that; this is for what hangs without an ffmpeg."""
    return round(1800 + 60 * footage_seconds)


identify_card = dg.define_asset_job(
    "identify_card",
    selection=dg.AssetSelection.assets("card_sessions"),
    # Many small steps: the in-process executor costs 0.03 s a step, another process 0.6 s.
    executor_def=dg.in_process_executor,
    tags={
        PRIORITY_TAG: str(IDENTIFY_PRIORITY),
        WORK_TAG: "identify",
        MAX_RUNTIME_TAG: "7200",
        **_RESUME_WHOLE_ASSET,
    },
    description="Read the codes on a card and split its new files into jumps.",
)


produce_jump = dg.define_asset_job(
    "produce_jump",
    selection=dg.AssetSelection.assets(
        "imported_files", "qr_identity", "title_and_outro", "session_clips", "rendered_video"
    )
    # A process of its own in every film's run, for something that is said anyway.
    - dg.AssetSelection.checks(SENSORS_RUN),
    tags={PRIORITY_TAG: str(BACKFILL_PRIORITY), WORK_TAG: "film", **_RESUME_WHOLE_ASSET},
    description="Make a jump's film from its imported files.",
)
