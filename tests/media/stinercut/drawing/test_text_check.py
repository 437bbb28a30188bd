"""A second engine draws the same names, and says so where ours would draw them wrongly."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from support.templating import TITLE, own_template

from stinercut.drawing import bidi, fonts, text_check, text_shaping
from stinercut.drawing.fonts import FontRun
from stinercut.drawing.svg_text import Words, shown_lines
from stinercut.drawing.text_check import THRESHOLD, difference
from stinercut.synthetic.names import random_names
from stinercut.templates import folder
from stinercut.templates.merging import Fields

NAMES = [
    "Žofie Nováková",
    "محمد بن عبد الله",
    "שרה (Sarah) כהן",
    "שרה (Sarah) Cohen",
    "Sarah (שרה) כהן",
    "دوید [Max] ١٢",
    "दीपिका पादुकोण",
    "ณัฐวุฒิ สะกิดใจ",
    "Nguyễn Thị Ánh Tuyết",
    "渡邉\U000e0102 太郎",
    "김 민준",
    "Tom 王小明 & <Wang>",
    "മലയാളം സിവ\u200dന്",
    "W" * 80,
]


def bold() -> tuple[Path, ...]:
    return fonts.catalogue("Bold")


@pytest.fixture(autouse=True)
def _asked_anew():
    text_check.difference.cache_clear()
    yield
    text_check.difference.cache_clear()


@pytest.mark.parametrize("name", NAMES)
def test_two_engines_draw_the_same_name(name: str) -> None:
    assert difference(name, bold()) <= THRESHOLD / 3


def test_they_agree_over_the_worlds_scripts() -> None:
    wrong = [name for _, name in random_names(5, 80) if difference(name, fonts.catalogue("Regular")) > THRESHOLD]
    assert not wrong


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("Jana Nováková", "Jana Novakova"),
        ("Jana Nováková", "Jana Novákova"),
        ("Jan Dvořák", "Jan Dvorák"),
        ("Jan Nov.", "Jan Nov"),
        ("Ali", "Alı"),
        ("محمد", "محمود"),
        ("王小明", "王小朋"),
    ],
)
def test_another_name_is_told(name: str, other: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ours draws `other` where `name` is asked for; the other engine doesn't."""
    drawn = text_shaping.line_of
    monkeypatch.setattr(text_check, "line_of", lambda _, face: drawn(other, face))
    assert difference(name, bold()) > THRESHOLD


def in_the_order_of_reading(pieces: list[FontRun], _levels: list[int]) -> list[FontRun]:
    return pieces


@pytest.mark.parametrize("name", ["שרה (Sarah) כהן", "Ann דוד 12"])
def test_a_fault_in_the_order_is_told(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bidi, "page_order", in_the_order_of_reading)
    assert difference(name, bold()) > THRESHOLD


def test_a_fault_in_the_brackets_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it was before rule N0: the closing bracket at the wrong end of the line."""
    monkeypatch.setattr(bidi, "_bracket_pairs", lambda _chars, _kinds: [])
    assert difference("שרה (Sarah) Cohen", bold()) > THRESHOLD
    text_check.difference.cache_clear()
    assert difference("Sarah (שרה) כהן", bold()) > THRESHOLD


def test_a_fault_in_the_shaping_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Letters that should be joined stand apart."""
    drawn = text_shaping.line_of
    monkeypatch.setattr(text_check, "line_of", lambda text, face: drawn("\u200c".join(text), face))
    assert difference("محمد", bold()) > THRESHOLD


def test_a_font_that_the_other_engine_does_not_find_gives_no_opinion(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_check, "family_names", lambda _: ("No font is called so",))
    assert difference("Jana Nováková", bold()) == 0.0


def test_the_lines_of_a_title_are_those_that_it_shows(tmp_path: Path) -> None:
    template = folder.load(own_template(tmp_path, title=TITLE))
    name = "Maria Magdalena Anastasia von Hohenstein-Württemberg zu Lichtenfels"
    drawing = template.drawing("title.svg", upright=False)
    lines = [words for words, _ in shown_lines(drawing, Words(template, Fields(name, date(2025, 6, 14), "Klatovy")))]
    assert " ".join(lines[:2]) == name
    assert lines[2:] == ["14 June 2025 · Klatovy"]
