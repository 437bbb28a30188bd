"""The tags that every run has, whoever launched it: its kind of work, priority, subject and time limit.

Owns: `missing_tags`, a pure decision over what Dagster knows of a run before it begins. Not here: their names
(`stinercut.pipeline_names`), adding them (`app.engine.run_coordinator`), tags that take a look at the jump
(`jump_tags`).

Jobs and sensors give their runs tags. A run that a person launches for single assets on Dagster's page, or as a
backfill there, belongs to no job of ours (Dagster calls its job `__ASSET_JOB`). Without these tags it would be outside
all limits of `dagster.yaml`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from stinercut.pipeline_names import (
    BACKFILL_PRIORITY,
    CARD_ASSETS,
    CARD_JOB,
    CARD_TAG,
    FILM_ASSETS,
    FILM_JOB,
    IDENTIFY_PRIORITY,
    JUMP_TAG,
    PRIORITY_TAG,
    WORK_TAG,
)

MAX_RUNTIME_TAG = "dagster/max_runtime"
"""Seconds after which Dagster's run monitoring ends a run."""
RESUME_WHOLE_ASSET: Final = {"dagster/retry_strategy": "FROM_ASSET_FAILURE"}
"""How Dagster's run retries resume; `stinercut_assets.common.fanout` tells why not step by step."""

_PARTITION, _BACKFILL = "dagster/partition", "dagster/backfill"

CARD_RUN_TAGS: Final = {
    PRIORITY_TAG: str(IDENTIFY_PRIORITY),
    WORK_TAG: "identify",
    MAX_RUNTIME_TAG: "7200",
    **RESUME_WHOLE_ASSET,
}
FILM_RUN_TAGS: Final = {PRIORITY_TAG: str(BACKFILL_PRIORITY), WORK_TAG: "film", **RESUME_WHOLE_ASSET}

_BEFORE_IT_IS_KNOWN = "43200"
"""Half a day, the limit of `dagster.yaml`. The film's first step then sets the limit that depends on the footage."""


def missing_tags(job: str, assets: Collection[str], tags: Mapping[str, str]) -> dict[str, str]:
    """The tags to add to a run of this job that has these tags. `assets`: those it makes; empty for all of the job.

    A tag that the run has already is never overruled.
    """
    wanted = _tags_of(job, frozenset(assets), tags)
    return {name: value for name, value in wanted.items() if name not in tags}


def _tags_of(job: str, assets: frozenset[str], tags: Mapping[str, str]) -> dict[str, str]:
    subject = tags.get(_PARTITION)
    if job == FILM_JOB or assets.intersection(FILM_ASSETS):
        # A backfill has its own places (`dagster.yaml`), besides those of films that somebody waits for.
        work = {WORK_TAG: "backfill"} if _BACKFILL in tags else {}
        named = {JUMP_TAG: subject} if subject else {}
        return {**FILM_RUN_TAGS, MAX_RUNTIME_TAG: _BEFORE_IT_IS_KNOWN, **work, **named}
    if job == CARD_JOB or assets.intersection(CARD_ASSETS):
        return {**CARD_RUN_TAGS, **({CARD_TAG: subject} if subject else {})}
    return {}
