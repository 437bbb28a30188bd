"""Makes the JSON Schema of `template.json`, for editors that check while people type.

Owns: making it from the model; `python -m stinercut.templates.schema` writes it. A test keeps the file equal.
"""

from __future__ import annotations

import json
from pathlib import Path

from stinercut.templates.timeline import Document

PUBLISHED = Path(__file__).with_name("template.schema.json")


def schema_text() -> str:
    """The schema as it is published: JSON Schema, draft 2020-12."""
    schema = Document.model_json_schema(by_alias=True)
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "A Stinercut template"}
    return json.dumps({**head, **{key: value for key, value in schema.items() if key != "title"}}, indent=2) + "\n"


if __name__ == "__main__":
    PUBLISHED.write_text(schema_text(), encoding="utf-8")
