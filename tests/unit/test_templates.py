"""Templates: what is refused and how it is said, and what the fingerprint notices."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from stinercut.errors import BadInput
from stinercut.templates import bundled, load

CLASSIC = Path(__file__).parents[2] / "stinercut" / "templates" / "flat" / "classic"


def folder_with(tmp_path: Path, changes: dict[str, Any]) -> Path:
    said = json.loads((CLASSIC / "template.json").read_text())
    for path, value in changes.items():
        *above, last = path.split(".")
        holder = said
        for part in above:
            holder = holder[part]
        holder[last] = value
    (tmp_path / "template.json").write_text(json.dumps(said))
    return tmp_path


def test_the_bundled_template_is_whole() -> None:
    template = bundled()
    assert (template.name, template.output.width, template.output.height, template.output.fps) == (
        "classic",
        1920,
        1080,
        30,
    )
    assert template.watermark is not None
    with pytest.raises(BadInput, match="classic"):
        bundled("nosuch")


@pytest.mark.parametrize(
    ("field", "value", "said", "advised"),
    [
        ("output.fps", 29, "output.fps", "24, 25, 30, 50 or 60"),
        ("output.width", 1921, "output.width", "even"),
        ("title.lines", ["{jump_date}"], "{passenger_name}", "list"),
        ("title.lines", ["{passenger_name} {booking}"], "{booking} is no field", "list"),
        ("title.heading", "{passenger_name.__class__}", "is no field", "short text"),
        ("title.heading", "half { brace", "brace", "short text"),
        ("title.seconds", "long", "title.seconds", "1 to 30"),
        ("watermark.position", "middle", "watermark.position", "bottom-right"),
        ("watermark.image", "mark.png", "either text or image", "null"),
        ("watermark", {"image": "../mark.png"}, "watermark.image", "without a folder"),
        ("colours.top", "blue", "colours.top", "#rrggbb"),
        ("titel", {}, "titel is no field", "title"),
        ("outro.colour", "red", "outro.colour is no field", "heading"),
    ],
)
def test_a_wrong_field_is_named_with_what_to_write(
    tmp_path: Path, field: str, value: object, said: str, advised: str
) -> None:
    with pytest.raises(BadInput) as refused:
        load(folder_with(tmp_path, {field: value}))
    assert refused.value.file == str(tmp_path / "template.json")
    assert said in refused.value.what
    assert advised in refused.value.advice


def test_files_that_are_no_template(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no template here"):
        load(tmp_path)
    for content, said in ((b'{"name": "x",}', "line 1"), (b"\xff\xfe", "UTF-8"), (b"[1]", "JSON object")):
        (tmp_path / "template.json").write_bytes(content)
        with pytest.raises(BadInput, match=said):
            load(tmp_path)


def test_a_picture_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"sky\.jpg"):
        load(folder_with(tmp_path, {"title.background": "sky.jpg"}))


def test_the_fingerprint_notices_every_change_and_only_changes(tmp_path: Path) -> None:
    assert bundled().fingerprint == bundled().fingerprint
    moved = tmp_path / "moved"
    shutil.copytree(CLASSIC, moved)
    assert load(moved).fingerprint == bundled().fingerprint
    Image.new("RGB", (8, 8), "#336699").save(tmp_path / "sky.png")
    seen = {bundled().fingerprint}
    for changes in ({"version": 2}, {"outro.line": "Bye"}, {"title.background": "sky.png"}, {"watermark": None}):
        seen.add(load(folder_with(tmp_path, changes)).fingerprint)
    Image.new("RGB", (8, 8), "#336698").save(tmp_path / "sky.png")
    seen.add(load(folder_with(tmp_path, {"title.background": "sky.png"})).fingerprint)
    assert len(seen) == 6
