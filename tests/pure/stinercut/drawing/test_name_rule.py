"""One rule for names: what is taken at the door can be shown by the title, on any machine that is set up."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stinercut.codes.payload import make_payload
from stinercut.codes.reading import Reading, Reason
from stinercut.drawing import fonts, name_rule
from stinercut.drawing.name_rule import clusters, covered_ranges, problem_of
from stinercut.drawing.text_shaping import Face, line_of
from stinercut.errors import BadInput
from stinercut.language.messages import Message, worded

SHOWN = [
    "Žofie Nováková",
    "渡邉\U000e0102 太郎",
    "渡邉 太郎",
    "辻\ufe00",
    "O’Neil & Søn",
    "می\u200cخواهم",
    "ന്\u200d മലയാളം",
    "བསྒྲུབས",
    "שָׁלוֹם (Shalom)",
    "𠮷田",
    "Nguyễn Thị Ánh",
    "W" * 80,
]


def pictures(font: str, text: str) -> object:
    return line_of(text, Face(fonts.catalogue(font), 100)).path(0, 0)


@pytest.mark.parametrize("name", SHOWN)
def test_what_is_taken_is_drawn(name: str) -> None:
    assert problem_of(name) is None
    for style in ("Regular", "Bold"):
        glyphs = line_of(name, Face(fonts.catalogue(style), 100)).glyphs
        assert glyphs
        assert all(glyph.number for glyph in glyphs), "glyph 0 is the empty box"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "must be 1 to 80 characters"),
        ("x" * 81, "must be 1 to 80 characters"),
        ("Zoe\u0308", "normal form C"),
        (" Zoë", "begin or end with a space"),
        ("Zo\ufffd", "damaged"),
        ("Zo\x07", "invisible character U+0007"),
        ("Zo\u202e", "invisible character U+202E"),
        ("Zo\ud800", "invisible character U+D800"),
        ("\u200dZoë", "invisible character U+200D"),
        ("Zo\u200d\u200dë", "invisible character U+200D"),
        ("Zoë \u200cX", "invisible character U+200C"),
        ("Zo\u034fë", "invisible character U+034F"),
        ("\u3164", "invisible character U+3164"),
        ("123", "no letter"),
        ("\u0301Anna", "the mark U+0301 on no letter"),
        ("Anna \ufe0fB", "the mark U+FE0F on no letter"),
        ("A" + "\u0316" * 9, "more than 8 marks"),
        ("Jo 😀 Test", "😀 (U+1F600 GRINNING FACE), which can't be shown"),
        ("Jo 👩\u200d👧", "👩 (U+1F469 WOMAN), which can't be shown"),
        ("Ann \U00030000", "U+30000"),
        ("Ann \ue000", "invisible character U+E000"),
        ("A\u0e31", "which no font shows together"),
    ],
)
def test_what_cannot_be_shown_is_refused_with_the_reason(name: str, words: str) -> None:
    assert words in worded(problem_of(name) or Message(""))


@pytest.mark.parametrize("name", ["Jo 😀 Test", "Ann \U00030000", "A\u0e31"])
def test_the_title_refuses_what_the_rule_refuses(name: str) -> None:
    with pytest.raises(BadInput):
        make_payload(name, "B-1", date(2026, 6, 1))
    with pytest.raises(BadInput, match="no installed font has"):
        line_of(name, Face(fonts.catalogue("Bold"), 100))


def test_a_selector_shows_the_variant_or_the_letter_itself() -> None:
    """Noto's CJK fonts have the form of Watanabe's second letter that U+E0102 asks for; U+E01EF asks for none."""
    plain, variant, none = (pictures("Bold", f"邉{selector}") for selector in ("", "\U000e0102", "\U000e01ef"))
    assert variant != plain
    assert none == plain
    assert pictures("Bold", "A\ufe00nna") == pictures("Bold", "Anna")


def test_letters_and_their_marks_are_one_cluster() -> None:
    assert clusters("邉\U000e0102 e\u0316\u0301x") == ["邉\U000e0102", " ", "e\u0316\u0301", "x"]
    assert clusters("ന്\u200dന") == ["ന്\u200dന"]


def _covered() -> dict[str, set[int]]:
    return {
        family: {code for first, last in ranges for code in range(first, last + 1)}
        for family, ranges in covered_ranges().items()
    }


@pytest.mark.parametrize("style", ["Regular", "Bold"])
def test_the_table_promises_nothing_that_the_installed_fonts_lack(style: str) -> None:
    installed = {font.name.partition("-")[0]: font for font in fonts.catalogue(style)}
    for family, codes in _covered().items():
        assert family in installed, f"{family}: apt install fonts-noto-core fonts-noto-cjk"
        lacking = codes - set(fonts.opened(installed[family]).face.unicodes)
        assert not lacking, (family, sorted(map(hex, lacking))[:5])


CODES = sorted(set().union(*_covered().values()))
CHARACTERS = st.one_of(
    st.characters(), st.sampled_from(CODES).map(chr), st.sampled_from("\u200c\u200d\ufe0f\U000e0102 ")
)


@settings(max_examples=300, deadline=None)
@given(st.lists(CHARACTERS, min_size=1, max_size=12).map("".join))
def test_any_name_that_the_rule_takes_is_drawn_whole(name: str) -> None:
    if problem_of(name):
        return
    for style in ("Regular", "Bold"):
        line = line_of(name, Face(fonts.catalogue(style), 100))
        assert all(glyph.number for glyph in line.glyphs)
        assert line.path(0, 0)


def test_the_rule_needs_no_font(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "catalogue", lambda _style: ())
    assert problem_of("王小明") is None
    assert isinstance(name_rule.COVERAGE, Path)


def test_a_kept_reading_whose_name_can_no_longer_be_shown_goes_to_a_person() -> None:
    said = {"v": 1, "passenger_name": "Jo 😀 Test", "booking_id": "B-3", "jump_date": "2026-06-01"}
    kept = Reading.kept({"payload": said, "raw": "{}", "reason": None, "detail": "", "reader": 2})
    assert kept.payload is None
    assert kept.reason is Reason.INVALID_QR
    assert "the passenger's name holds 😀" in kept.words
    assert kept.hides_identity
