"""Pictures and tables for Dagster's pages: metadata that shows what a step made.

Owns: turning bytes and rows into metadata values. Not here: taking the pictures (`stinercut.video.frames`).
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence

import dagster as dg


def picture(jpeg: bytes, caption: str = "picture") -> dg.MetadataValue:
    """A JPEG that Dagster's page shows in place: Markdown with the data in the image's address."""
    return dg.MetadataValue.md(_markdown(jpeg, caption))


def gallery(pictures: Sequence[tuple[str, bytes]]) -> dg.MetadataValue:
    """Several JPEGs with their captions."""
    return dg.MetadataValue.md("\n\n".join(f"{caption}\n\n{_markdown(jpeg, caption)}" for caption, jpeg in pictures))


def _markdown(jpeg: bytes, caption: str) -> str:
    safe = "".join(char for char in caption if char.isalnum() or char in " ._-")
    return f"![{safe}](data:image/jpeg;base64,{base64.b64encode(jpeg).decode()})"


def table(rows: Sequence[Mapping[str, str | int | float | bool | None]]) -> dg.MetadataValue:
    """Rows as a table, with every column that any row has. Where a row has no value, the cell stays empty."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    filled = [{column: row.get(column) for column in columns} for row in rows]
    records = [
        dg.TableRecord({column: "" if value is None else value for column, value in row.items()}) for row in filled
    ]
    return dg.MetadataValue.table(records or [dg.TableRecord({"": "nothing"})])
