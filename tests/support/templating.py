"""Template folders for tests: a small one of one's own, and copies of bundled ones with something changed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

BUNDLED = Path(__file__).parents[2] / "stinercut" / "templates" / "bundled"

TITLE = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 320 180">
  <rect data-background="still" width="320" height="180" fill="#204060"/>
  <text id="name" x="160" y="95" text-anchor="middle" font-size="28" font-weight="bold" fill="#fff"
    data-width="280" data-lines="2">{{ passenger_name }}</text>
  <text id="day" x="160" y="130" text-anchor="middle" font-size="12" fill="#fff">{{ jump_date }} · {{ place }}</text>
</svg>
"""

DOCUMENT: dict[str, Any] = {
    "name": "own",
    "timeline": {
        "tracks": [
            {"clips": [{"asset": {"type": "svg", "src": "title.svg"}, "length": 2}, {"asset": {"type": "footage"}}]}
        ]
    },
    "output": [{"type": "video", "width": 320, "height": 180, "preset": "ultrafast"}],
}


def own_template(folder: Path, *, title: str = TITLE, **changes: object) -> Path:
    """A template of two files in that folder. `changes`: keys of the document, deeper ones joined by __."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "title.svg").write_text(title, encoding="utf-8")
    return with_changes(folder, json.loads(json.dumps(DOCUMENT)), changes)


def changed(folder: Path, name: str, changes: dict[str, object]) -> Path:
    """A bundled template copied there, with those places of its document changed."""
    shutil.copytree(BUNDLED / name, folder, dirs_exist_ok=True)
    said = json.loads((folder / "template.json").read_text(encoding="utf-8"))
    return with_changes(folder, said, changes)


def with_changes(folder: Path, said: dict[str, Any], changes: dict[str, object]) -> Path:
    """Write the document with places such as `timeline__tracks__0__clips` changed; None as a key's value stays None."""
    for place, value in changes.items():
        *above, last = [int(part) if part.isdigit() else part for part in place.split("__")]
        holder: Any = said
        for part in above:
            holder = holder[part]
        holder[last] = value
    (folder / "template.json").write_text(json.dumps(said), encoding="utf-8")
    return folder
