"""Color tables (LUTs) that a template asks for: what of them goes into a key, and the file that ffmpeg reads.

Owns: what films and photos share of that. Not here: the filters (`footage`), what a look may say
(`stinercut.templates.timeline`).
"""

from __future__ import annotations

from pathlib import Path

from stinercut.templates.folder import Template
from stinercut.templates.timeline import Look


def table_of(template: Template, look: Look) -> bytes:
    """The table of colours that a look names; empty without one. To be read once: what a key says is what is shown."""
    return template.path(look.lut).read_bytes() if look.lut else b""


def said_of(look: Look, table: bytes) -> list[object]:
    """All that a look says, for a key: its table by its bytes, never by its name."""
    return [look.model_dump_json(exclude={"lut"}), table]


def table_beside(folder: Path, table: bytes) -> Path | None:
    """The table in `folder`, under a plain name: filters read some characters of a path as their own. None without."""
    if not table:
        return None
    copy = folder / "look.cube"
    copy.write_bytes(table)
    return copy
