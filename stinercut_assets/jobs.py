"""The two jobs: identify a card, produce a jump's film.

Lives here: what runs together, and its priority. Doesn't: when they run (`sensors`), on how many processes or machines
a film is made (`app.definitions` chooses the executor).
"""

from __future__ import annotations

import dagster as dg

CARD_TAG = "stinercut/card"
JUMP_TAG = "stinercut/jump"

_RESUME_WHOLE_ASSET = {"dagster/retry_strategy": "FROM_ASSET_FAILURE"}
"""How Dagster's own run retries resume; see `stinercut_assets.fanout` for why not step by step."""

identify_card = dg.define_asset_job(
    "identify_card",
    selection=dg.AssetSelection.assets("card_sessions"),
    # Many small steps: the in-process executor costs 0.03 s a step, another process 0.6 s.
    executor_def=dg.in_process_executor,
    tags={"dagster/priority": "10", **_RESUME_WHOLE_ASSET},
    description="Read the codes on a card and split its new files into jumps.",
)


produce_jump = dg.define_asset_job(
    "produce_jump",
    selection=dg.AssetSelection.assets(
        "imported_files", "qr_identity", "title_and_outro", "session_clips", "rendered_video"
    ),
    tags={"dagster/priority": "0", **_RESUME_WHOLE_ASSET},
    description="Make a jump's film from its imported files.",
)
