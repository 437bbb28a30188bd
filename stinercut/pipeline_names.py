"""Names and priorities of the pipeline, for code that imports Dagster and code that must not.

Owns: names of jobs, assets, steps and runs' tags; priorities. Not here: jobs and assets themselves
(`stinercut_assets`), which tags a run gets (`stinercut_assets.common.run_tags`, `hub`), priorities in a fleet
(`app.fleet.decisions`), names of sensors (`runs.automation`).

Dagster keeps these names with its runs, and settings name steps, so the names must not change.

Identification comes first, then films of today's jumps, then rendering ahead, then older jumps, then backfills.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

CARD_JOB: Final = "identify_card"
FILM_JOB: Final = "produce_jump"
AHEAD_JOB: Final = "render_arrived_clips"
"""It only works ahead: its failures are no failures of the jump, and resuming it makes no film."""

CARD_ASSETS: Final = ("card_sessions",)
FILM_ASSET: Final = "rendered_video"
FILM_ASSETS: Final = ("imported_files", "qr_identity", "title_and_outro", "session_clips", FILM_ASSET)
"""The assets that are made for a jump, in this order."""

STEPS: Final = (
    *("early_files", "read_code", "split_card"),
    *("imported_files", "qr_identity", "title_and_outro", "clips_to_render", "render_clip", "collect_clips"),
    *("rendered_video", "arrived_clips", "render_cards"),
    *("forget_runs", "sweep_leftovers", "sweep_unused"),
)
"""The steps that can have their own number of tries. Dagster names them after their functions."""

CARD_TAG: Final = "stinercut/card"
JUMP_TAG: Final = "stinercut/jump"
CAMERA_TAG: Final = "stinercut/camera"
BOOKING_TAG: Final = "stinercut/booking"
TEMPLATE_TAG: Final = "stinercut/template"
"""The tags by which runs are found."""
PRIORITY_TAG = "dagster/priority"
"""The tag of a run's priority."""
WORK_TAG = "stinercut/work"
"""The tag of a run's kind of work; `dagster.yaml` limits how many runs of each kind run at once."""

QUICK_TAG: Final = "stinercut/quick"
"""The tag of steps that only look something up: a film's run does them in its own process."""

IDENTIFY_PRIORITY = 10
TODAY_PRIORITY = 5
EARLY_PRIORITY = 3
OLDER_PRIORITY = 1
BACKFILL_PRIORITY = 0
"""The priority of a run without one of its own, such as a backfill's."""


def film_priority(jump_date: date, today: date) -> int:
    """The priority of a film's run: jumps of today, and of yesterday (whose evening may last past midnight), come
    first.
    """
    return TODAY_PRIORITY if jump_date >= today - timedelta(days=1) else OLDER_PRIORITY
