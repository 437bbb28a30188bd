"""A group as `/api/review` shows it: the example in the description of our API.

Owns: `GROUP`. Not here: the model (`views`). A test validates it by that model.
"""

from __future__ import annotations

from typing import Any, Final

GROUP: Final[dict[str, Any]] = {
    "jump": "unassigned_8f0c_1",
    "jump_date": "2026-06-01",
    "passenger": None,
    "booking_id": None,
    "state": "review",
    "reason": "Filmed before any passenger's code.",
    "reason_parts": [{"code": "before_any_code", "values": {}}],
    "place": None,
    "failures": [],
    "remedies": [],
    "files": [
        {
            "file_id": 7,
            "name": "GX010001.MP4",
            "kind": "video",
            "role": "clip",
            "recorded": "2026-06-01T10:12:00",
            "size": 1_800_000_000,
            "copied": True,
            "pictures": True,
            "code": "",
            "code_parts": [],
            "says": None,
            "same_as": "",
        }
    ],
    "decisions": [],
}
