"""Who comes first: the priorities of what is done for cards and jumps.

Lives here: the numbers, and which one a film has. Doesn't: giving them to runs (`stinercut_assets.jobs`, `sensors`,
`hub`), what a fleet makes of them (`app.fleet_decisions`).

Identification first, then films of today's jumps, then what can be rendered ahead, then older jumps, then backfills.
"""

from __future__ import annotations

from datetime import date, timedelta

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
