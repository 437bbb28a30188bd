"""The jobs over assets: identify a card, produce a jump's film.

Owns: which assets run together. Not here: the tags of their runs (`run_tags`), their priorities
(`stinercut.pipeline_names`), when they run (`sensors`), on how many processes or machines a film is made
(`app.engine.definitions` chooses the executor), the job that works ahead (`stinercut_assets.films.arrived_clips`).

The queue takes runs by priority. Free places of the pool `ffmpeg` go to steps by the priority of their run.
Identification needs no place of that pool and has its own places in the queue (`dagster.yaml`).
"""

from __future__ import annotations

import dagster as dg

from stinercut.pipeline_names import (
    CARD_ASSETS,
    CARD_JOB,
    EARLY_PRIORITY,
    FILM_ASSETS,
    FILM_JOB,
    PRIORITY_TAG,
    WORK_TAG,
)
from stinercut_assets.common.run_tags import CARD_RUN_TAGS, FILM_RUN_TAGS, MAX_RUNTIME_TAG
from stinercut_assets.common.sensors_run import SENSORS_RUN

EARLY_TAGS = {
    PRIORITY_TAG: str(EARLY_PRIORITY),
    WORK_TAG: "early",
    # A lost run costs nothing: the next one, or the film's run, does the rest.
    "dagster/max_retries": "0",
    MAX_RUNTIME_TAG: "7200",
}


def seconds_for(footage_seconds: float) -> int:
    """How long a film's run may take, waiting for a place included: half an hour, plus a minute per second of footage.

    ffmpeg's own limits are a tenth of that; this one is for a hang outside ffmpeg.
    """
    return round(1800 + 60 * footage_seconds)


identify_card = dg.define_asset_job(
    CARD_JOB,
    selection=dg.AssetSelection.assets(*CARD_ASSETS),
    # Many small steps: the in-process executor costs 0.03 s a step, another process 0.6 s.
    executor_def=dg.in_process_executor,
    tags=CARD_RUN_TAGS,
    description="Read the codes on a card and split its new files into jumps.",
)


produce_jump = dg.define_asset_job(
    FILM_JOB,
    selection=dg.AssetSelection.assets(*FILM_ASSETS)
    # It would take a process of its own in every film's run, and the hub reports switched-off sensors anyway.
    - dg.AssetSelection.checks(SENSORS_RUN),
    tags=FILM_RUN_TAGS,
    description="Make a jump's film from its imported files.",
)
