"""The colours that a template asks of footage: what of them goes into a key, and their table where ffmpeg reads it.

Lives here: what films and photos share of that. Doesn't: the filters (`footage`), what a look may say
(`stinercut.templates.timeline`).
"""

from __future__ import annotations

import shutil
from pathlib import Path

from stinercut.templates.folder import Template
from stinercut.templates.timeline import Look


def said_of(template: Template, look: Look) -> list[object]:
    """All that a look says, for a key: its table by its bytes, never by its name."""
    table = template.path(look.lut).read_bytes() if look.lut else b""
    return [look.model_dump_json(exclude={"lut"}), table]


def table_of(template: Template, look: Look, folder: Path) -> Path | None:
    """The colour table in `folder` under a plain name: filters read some characters of a path as their own."""
    if look.lut is None:
        return None
    copy = folder / "look.cube"
    shutil.copyfile(template.path(look.lut), copy)
    return copy
