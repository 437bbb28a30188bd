"""A jump as `/api/jumps` shows it: the example in the description of our API.

Owns: `JUMP`. Not here: the model (`views`). A test validates it by that model.
"""

from __future__ import annotations

from typing import Any, Final

from hub.kit.views import RUN_ID, STEP

_DAGSTER: Final = "http://127.0.0.1:3000"
_FILM: Final = "/films/2026-06-01_B-1/2026-06-01_B-1.mp4?v=4f1c-1"

JUMP: Final[dict[str, Any]] = {
    "jump": "2026-06-01_B-1",
    "jump_date": "2026-06-01",
    "booking_id": "B-1",
    "passenger": "Anna Müller",
    "template": None,
    "state": "done",
    "reason": "",
    "reason_parts": [],
    "complete": True,
    "missing": [],
    "place": None,
    "failures": [],
    "remedies": [],
    "files": [
        {
            "file_id": 7,
            "name": "GX010001.MP4",
            "role": "clip",
            "state": "copied",
            "size": 1_800_000_000,
            "detail_parts": [],
        }
    ],
    "photos": {"pictures": 12, "files": 12, "here": 12},
    "steps": [STEP],
    "progress": 1.0,
    "film": {
        "url": _FILM,
        "download": f"{_FILM}&download=1",
        "poster": "/films/2026-06-01_B-1/poster.jpg?v=4f1c-1",
        "provisional": False,
        "seconds": 92.5,
        "size": 180_000_000,
        "made_in": 41.0,
        "template": "classic",
        "checks": [
            {
                "name": "decodes_to_the_end",
                "passed": True,
                "detail": "400 of 400 frames decode",
                "detail_parts": [{"code": "check_frames_decode", "values": {"decoded": 400, "frames": 400}}],
            }
        ],
        "outputs": [],
        "photos": [],
    },
    "handed_out": {"at": "2026-06-01T15:04:05Z", "who": "Kim", "way": "code"},
    "run_id": RUN_ID,
    "links": {
        "run": f"{_DAGSTER}/runs/{RUN_ID}",
        "partition": f"{_DAGSTER}/assets/rendered_video?view=partitions&partition=2026-06-01_B-1",
        "lineage": f"{_DAGSTER}/assets/rendered_video?view=lineage&partition=2026-06-01_B-1",
    },
}
