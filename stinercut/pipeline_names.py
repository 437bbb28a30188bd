"""Names and priorities of the pipeline, for code that imports Dagster and code that must not.

Owns: names of jobs, assets, steps and runs' tags; who comes first. Not here: jobs and assets themselves
(`stinercut_assets`), which tags a run gets (`stinercut_assets.common.run_tags`, `hub`), what a fleet makes of
priorities (`app.fleet.decisions`), names of sensors (`runs.automation`).

Dagster keeps these names with its runs, and settings name steps, so they stay.

Identification first, then films of today's jumps, then what can be rendered ahead, then older jumps, then backfills.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

CARD_JOB: Final = "identify_card"
FILM_JOB: Final = "produce_jump"
AHEAD_JOB: Final = "render_arrived_clips"
"""It only works ahead: what failed in it is no failure of the jump, and going on with it makes no film."""

CARD_ASSETS: Final = ("card_sessions",)
FILM_ASSET: Final = "rendered_video"
FILM_ASSETS: Final = ("imported_files", "qr_identity", "title_and_outro", "session_clips", FILM_ASSET)
"""What is made for a jump, in this order."""

STEPS: Final = (
    *("early_files", "read_code", "split_card"),
    *("imported_files", "qr_identity", "title_and_outro", "clips_to_render", "render_clip", "collect_clips"),
    *("rendered_video", "arrived_clips", "render_cards"),
    *("forget_runs", "sweep_leftovers", "sweep_unused"),
)
"""What can have a number of tries of its own. Dagster calls them by the names of their functions."""

CARD_TAG: Final = "stinercut/card"
JUMP_TAG: Final = "stinercut/jump"
CAMERA_TAG: Final = "stinercut/camera"
BOOKING_TAG: Final = "stinercut/booking"
TEMPLATE_TAG: Final = "stinercut/template"
"""What runs are found by."""
PRIORITY_TAG = "dagster/priority"
"""Where a run holds it."""
WORK_TAG = "stinercut/work"
"""Where a run says what kind of work it is; `dagster.yaml` limits how many of each kind run at once."""

IDENTIFY_PRIORITY = 10
TODAY_PRIORITY = 5
EARLY_PRIORITY = 3
OLDER_PRIORITY = 1
BACKFILL_PRIORITY = 0
"""What a run has that says nothing else, as a backfill's."""


def film_priority(jump_date: date, today: date) -> int:
    """The priority of a film's run: jumps of today (and of yesterday, whose evening is over midnight) come first."""
    return TODAY_PRIORITY if jump_date >= today - timedelta(days=1) else OLDER_PRIORITY
