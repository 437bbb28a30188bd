"""Color tables (LUTs) that a template asks for: their part of a key, and the file that ffmpeg reads.

Owns: the handling of colour tables that films and photos share. Not here: the filters (`footage`), the values of a look
(`stinercut.templates.timeline`).
"""

from __future__ import annotations

from pathlib import Path

from stinercut.templates.folder import Template
from stinercut.templates.timeline import Look


def table_of(template: Template, look: Look) -> bytes:
    """The colour table that a look names; empty without one. Read it only once, so that the key and the film agree."""
    return template.path(look.lut).read_bytes() if look.lut else b""


def key_values(look: Look, table: bytes) -> list[object]:
    """All values of a look, for a key: its table by its bytes, never by its name."""
    return [look.model_dump_json(exclude={"lut"}), table]


def table_beside(folder: Path, table: bytes) -> Path | None:
    """Write the table into `folder` under a plain name, since some characters in a path have a meaning in filters.
    None without a table.
    """
    if not table:
        return None
    copy = folder / "look.cube"
    copy.write_bytes(table)
    return copy
