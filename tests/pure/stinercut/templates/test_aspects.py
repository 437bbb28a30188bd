"""What a change of a template touches: clips, drawings, sound, or nothing that is seen or heard."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stinercut.templates import folder
from stinercut.templates.aspects import aspects

Edit = Callable[[Path, dict[str, Any]], None]


def _main(said: dict[str, Any]) -> list[dict[str, Any]]:
    return said["timeline"]["tracks"][-1]["clips"]


def _footage(said: dict[str, Any]) -> dict[str, Any]:
    return next(clip for clip in _main(said) if clip["asset"]["type"] == "footage")


def _redraw(name: str) -> Edit:
    def edit(home: Path, _: dict[str, Any]) -> None:
        drawing = home / name
        drawing.write_text(drawing.read_text().replace("</svg>", '<circle cx="9" cy="9" r="3"/></svg>'))

    return edit


def _new_music(home: Path, said: dict[str, Any]) -> None:
    (home / "music.wav").write_bytes(b"RIFF")
    said["timeline"]["soundtrack"] = {"src": "music.wav"}


EDITS: list[tuple[Edit, set[str]]] = [
    (lambda _, said: said.update(version=99, description="Better."), set()),
    (_redraw("title.svg"), {"drawings"}),
    (lambda _, said: _main(said)[0].update(length=6), {"drawings"}),
    (lambda _, said: said["timeline"].update(loudness=-20), {"sound"}),
    (_new_music, {"sound"}),
    (lambda _, said: _footage(said)["asset"].update(volume=0.5), {"sound"}),
    (lambda _, said: _footage(said)["asset"].update(look={"saturation": 1.2}), {"clips"}),
    (lambda _, said: said["timeline"]["tracks"][0]["clips"][0].update(opacity=0.2), {"clips"}),
    (lambda _, said: said.update(output=[{"type": "video", "width": 1280, "height": 720}]), {"clips", "drawings"}),
    (lambda _, said: said["timeline"].update(background="#ffffff"), {"clips", "drawings"}),
]


@pytest.mark.parametrize(("edit", "touched"), EDITS)
def test_a_change_touches_what_it_touches(edit: Edit, touched: set[str], tmp_path: Path) -> None:
    home = tmp_path / "classic"
    shutil.copytree(folder.bundled("classic").folder, home)
    before = folder.load(home)
    old, fingerprint = aspects(before), before.fingerprint
    said = json.loads((home / folder.FILE_NAME).read_text())
    edit(home, said)
    (home / folder.FILE_NAME).write_text(json.dumps(said))
    after = folder.load(home)
    new = aspects(after)
    assert {name for name in new if new[name] != old[name]} == touched
    assert after.fingerprint != fingerprint


def test_reading_again_changes_nothing(tmp_path: Path) -> None:
    for name in folder.names():
        home = tmp_path / name
        shutil.copytree(folder.bundled(name).folder, home)
        assert aspects(folder.load(home)) == aspects(folder.bundled(name))
