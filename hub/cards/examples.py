"""A card as `/api/cards` shows it: the example in the description of our API.

Owns: `CARD`. Not here: the model (`views`). A test validates it by that model.
"""

from __future__ import annotations

from typing import Any, Final

CARD: Final[dict[str, Any]] = {
    "card": "8f0c-11aa",
    "label": "GOPRO 3",
    "insertion": "in-20260601-1",
    "inserted_at": "2026-06-01T11:00:00Z",
    "removed_at": None,
    "connected": True,
    "state": "copying",
    "message": "2 of 5 new files copied and checked. Leave it in.",
    "message_parts": [{"code": "card_copying", "values": {"copied": 2, "files": 5}}],
    "files": {"found": 5, "new": 5, "known": 0, "copied": 2, "failed": 0},
    "bytes": {"total": 9_000_000_000, "done": 3_600_000_000},
    "rate": 82_000_000.0,
    "copying": [{"name": "GX010003.MP4", "size": 1_800_000_000, "done": 400_000_000}],
    "errors": [],
    "unread": None,
    "staying": {"others": 0, "names": [], "thumbnails": 5, "hidden": 0, "empty": 0, "empty_names": []},
    "without_passenger": 0,
    "problem": "",
    "problem_parts": [],
}
