"""The contact sheet shows what the film shows: its colours, its bars, and each overlay when it is seen."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.footage import FIELDS, PLAIN, make_clip, small_template

from stinercut.films.contact_sheet import contact_sheet, moments, sample_plan
from stinercut.templates import Template

TITLE: dict[str, Any] = {"asset": {"type": "svg", "src": "title.svg"}, "length": 1}
SMALL = (160, 90)


def text(words: str, **more: object) -> dict[str, Any]:
    return {"asset": {"type": "text", "text": words}, **more}


def template(
    folder: Path = PLAIN, *, over: list[dict[str, Any]], main: list[dict[str, Any]], **timeline: Any
) -> Template:
    tracks = [*([{"clips": over}] if over else []), {"clips": main}]
    return small_template(folder=folder, change={"timeline": {"tracks": tracks, **timeline}})


def seen(found: Template) -> list[set[int]]:
    return [set(one.overlays) for one in moments(found, sample_plan(found), FIELDS, SMALL)]


def test_overlays_are_shown_when_they_are_seen_and_all_of_them_once() -> None:
    footage = {"asset": {"type": "footage"}}
    over = [text("A"), text("B", start=2, length=3), text("C", start=40, length=1), text("D", over="film")]
    assert seen(template(over=over, main=[TITLE, footage])) == [{3}, {0, 1, 3}, {0, 2, 3}]
    short = {"asset": {"type": "footage", "longest": 2, "trim": {"start": 1, "end": 1}}}
    assert seen(template(over=over, main=[TITLE, short])) == [{3}, {0, 1, 3}, {0, 2, 3}]
    assert seen(template(over=[], main=[TITLE, footage, {**TITLE, "asset": {"type": "svg", "src": "outro.svg"}}])) == [
        set(),
        set(),
        set(),
    ]


def colours(found: Template, size: tuple[int, int]) -> list[np.ndarray]:
    """The stills of a sheet of one row, as arrays."""
    sheet = np.asarray(contact_sheet(found, FIELDS, size).convert("RGB"))
    count = (sheet.shape[1] - 24) // (size[0] + 24)
    return [sheet[66 : 66 + size[1], 24 + n * (size[0] + 24) :][:, : size[0]] for n in range(count)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A template's folder with a table of colours that turns all to red, under a name that filters would misread."""
    made = tmp_path / "it's [1]: a, template"
    shutil.copytree(PLAIN, made)
    (made / "red.cube").write_text("LUT_3D_SIZE 2\n" + "1 0 0\n" * 8)
    make_clip(made / "intro.mp4", seconds=1)
    return made


def test_bars_looks_and_pieces_of_film_are_those_of_the_film(folder: Path) -> None:
    footage = {"asset": {"type": "footage", "look": {"lut": "red.cube"}}}
    main = [TITLE, {"asset": {"type": "video", "src": "intro.mp4"}}, footage]
    stills = colours(template(folder, over=[], main=main, background="#808080"), (100, 100))
    assert len(stills) == 3
    for still in stills[1:]:
        assert np.abs(still[5].astype(int) - (128, 128, 128)).max() < 6, "a bar of the template's background"
    assert np.abs(stills[2][50].astype(int) - (255, 0, 0)).max() < 12, "the footage's colours"
    assert stills[1][50].std() > 30, "the piece of film itself"
