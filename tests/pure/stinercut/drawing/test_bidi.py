"""Lines of mixed direction, held against Unicode's own test and against names with brackets."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from stinercut.drawing import bidi

UNICODE = Path("/usr/share/unicode")
"""Debian's package unicode-data, which `scripts/setup --dev` installs."""


def lines_of(name: str) -> list[str]:
    file = UNICODE / name
    if not file.is_file():
        pytest.skip(f"{file} is not there: apt install unicode-data")
    bare = (line.partition("#")[0].strip() for line in file.read_text(encoding="utf-8").splitlines())
    return [line for line in bare if line]


def test_every_line_of_unicodes_own_test() -> None:
    """All of BidiCharacterTest: levels, the line's own level, and the order on the page."""
    lines = lines_of("BidiCharacterTest.txt")
    assert len(lines) > 90_000
    for line in lines:
        codes, direction, base, wanted, order = line.split(";")
        text = "".join(chr(int(code, 16)) for code in codes.split())
        given = None if direction == "2" else int(direction)
        levels = bidi.levels_of(text, given)
        is_shown = [level != "x" for level in wanted.split()]
        assert [level for level, shown in zip(levels, is_shown, strict=True) if shown] == [
            int(level) for level in wanted.split() if level != "x"
        ], line
        page = [at for at in bidi.page_order(range(len(text)), levels) if is_shown[at]]
        assert page == [int(at) for at in order.split()], line
        assert given is not None or bidi.base_level(text) == int(base), line


def test_the_brackets_are_unicodes() -> None:
    pairs: set[tuple[str, str]] = set()
    for line in lines_of("BidiBrackets.txt"):
        one, other, kind = re.split(r"; *", line)
        if kind == "o":
            pairs.add((chr(int(one, 16)), chr(int(other, 16))))
    levels = {opening: bidi.levels_of(f"a{opening}\u05d0{closing}\u05d0", 1) for opening, closing in pairs}
    assert len(levels) >= 60
    wrong = [opening for opening, found in levels.items() if found != [2, 1, 1, 1, 1]]
    assert not wrong


@pytest.mark.parametrize(
    ("text", "page"),
    [
        # The brackets of a Latin name in a Hebrew line stand around it, as those of a Hebrew one in a Latin line.
        ("שרה (Sarah)", "(Sarah) הרש"),
        ("Sarah (שרה)", "Sarah (הרש)"),
        ("שרה (Sarah) כהן", "ןהכ (Sarah) הרש"),
        ("Ann (שרה כהן) 2", "Ann (ןהכ הרש) 2"),
        ("محمد [Max] ١", "١ [Max] دمحم"),
    ],
)
def test_brackets_stay_around_what_they_enclose(text: str, page: str) -> None:
    levels = bidi.levels_of(text)
    turned = {"(": ")", ")": "(", "[": "]", "]": "["}
    shown = [turned.get(char, char) if level % 2 else char for char, level in zip(text, levels, strict=True)]
    assert "".join(bidi.page_order(shown, levels)) == page
