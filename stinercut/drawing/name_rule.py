"""Decides which names can be shown: one rule for bookings, codes, typed names, and drawn titles.

Owns: the allowed characters of a name, letters with their marks (clusters), characters that are never drawn themselves,
and the characters of Noto's fonts. Not here: fonts and drawing (`stinercut.drawing.fonts`), a booking's other fields
(`stinercut.codes.payload`).

No font is opened here, so that every process can use the rule: `noto_coverage.txt` lists the characters of the
supported fonts.
"""

from __future__ import annotations

import functools
import unicodedata
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message

MAX_NAME: Final = 80
"""Characters."""

MAX_MARKS: Final = 8
"""Marks on one letter. The tallest stacks in use, in Tibetan, have seven; more would reach beyond the title."""

COVERAGE: Final = Path(__file__).with_name("noto_coverage.txt")
"""Made by `scripts/noto_coverage.py`."""

JOINERS: Final = frozenset("\u200c\u200d")
"""Zero-width (non-)joiners are format characters, but Persian and Indic names are misspelt without them."""

SELECTORS: Final = frozenset(map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))
"""Variation selectors: they ask for another shape of the letter before them; fonts without that shape ignore them."""

NEVER_DRAWN: Final = frozenset(map(chr, (0x061C, *range(0x200B, 0x2010), 0x2060))) | SELECTORS
"""Joiners, direction marks, selectors: they shape their neighbours and are never drawn themselves."""

_INVISIBLE: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Unicode counts these as letters, marks and symbols, but they are invisible: a title might look empty."""

_FORBIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


def problem_of(name: str) -> Message | None:
    """The fault of a name, in words that follow "the passenger's name"; None for a name that can be shown."""
    return next((problem for look in _LOOKS if (problem := look(name))), None)


def clusters(text: str) -> list[str]:
    """Letters, each with its marks, in their order. One font must have all characters of a cluster."""
    out: list[str] = []
    for char in text:
        if out and (_is_mark(char) or char in NEVER_DRAWN or out[-1][-1] == "\u200d"):
            out[-1] += char
        else:
            out.append(char)
    return out


def drawn_part(text: str) -> str:
    """The text without characters that are never drawn themselves: these are what a font must have."""
    return "".join(char for char in text if char not in NEVER_DRAWN)


def spelled(char: str) -> str:
    """A character in words for a message: itself, its number and its name in Unicode."""
    return f"{char} ({_number(char)} {_unicode_name(char)})"


def _number(char: str) -> str:
    return f"U+{ord(char):04X}"


def _unicode_name(char: str) -> str:
    return unicodedata.name(char, "unnamed")


# Checks of a name; the first fault is reported -----------------------------------------------------------------------


def _length(name: str) -> Message | None:
    return None if 1 <= len(name) <= MAX_NAME else Message.of(MessageCode.FAULT_LENGTH, most=MAX_NAME)


def _form(name: str) -> Message | None:
    if name != unicodedata.normalize("NFC", name):
        return Message.of(MessageCode.FAULT_NORMAL_FORM)
    return Message.of(MessageCode.FAULT_SPACE_AROUND) if name != name.strip() else None


def _invisible(name: str) -> Message | None:
    if "\ufffd" in name:
        return Message.of(MessageCode.FAULT_REPLACED)
    for char in name:
        if char in _INVISIBLE or (unicodedata.category(char) in _FORBIDDEN and char not in JOINERS):
            return Message.of(MessageCode.FAULT_INVISIBLE, number=_number(char))
    return None


def _letters(name: str) -> Message | None:
    if not any(unicodedata.category(char)[0] == "L" for char in name):
        return Message.of(MessageCode.FAULT_NO_LETTER)
    for before, char in zip(" " + name, name, strict=False):
        if _is_mark(char) and before.isspace():
            return Message.of(MessageCode.FAULT_MARK_ALONE, number=_number(char))
        if char in JOINERS and not (_is_mark(before) or unicodedata.category(before)[0] == "L"):
            return Message.of(MessageCode.FAULT_INVISIBLE_ALONE, number=_number(char))
    if any(sum(map(_is_mark, cluster)) > MAX_MARKS for cluster in clusters(name)):
        return Message.of(MessageCode.FAULT_MARKS, most=MAX_MARKS)
    return None


def _shown(name: str) -> Message | None:
    if is_shown_by_one_font(drawn_part(name)):
        return None
    for cluster in clusters(name):
        needed = drawn_part(cluster)
        if is_shown_by_one_font(needed):
            continue
        lacking = [char for char in needed if not is_shown_by_one_font(char)]
        if lacking:
            char = lacking[0]
            return Message.of(
                MessageCode.FAULT_NOT_SHOWN, character=char, number=_number(char), name=_unicode_name(char)
            )
        return Message.of(
            MessageCode.FAULT_NOT_SHOWN_TOGETHER, characters=needed, numbers=" ".join(map(_number, needed))
        )
    return None


_LOOKS: Final[tuple[Callable[[str], Message | None], ...]] = (_length, _form, _invisible, _shown, _letters)


def _is_mark(char: str) -> bool:
    return unicodedata.category(char)[0] == "M"


# What fonts show ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Coverage:
    """The characters of one family: ranges, both ends included."""

    firsts: tuple[int, ...]
    lasts: tuple[int, ...]

    def covers(self, text: str) -> bool:
        return all(self._has(ord(char)) for char in text)

    def _has(self, code: int) -> bool:
        at = bisect_right(self.firsts, code) - 1
        return at >= 0 and code <= self.lasts[at]


@functools.lru_cache(maxsize=16384)
def is_shown_by_one_font(text: str) -> bool:
    """Whether one family of the set-up's fonts has all of these characters."""
    return _all_fonts().covers(text) and any(font.covers(text) for font in _fonts())


def covered_ranges() -> dict[str, list[tuple[int, int]]]:
    """The coverage file: for each family of fonts the ranges of its characters, both ends included."""
    found: dict[str, list[tuple[int, int]]] = {}
    for line in COVERAGE.read_text(encoding="ascii").splitlines():
        if line.startswith("#"):
            continue
        family, _, ranges = line.partition(" ")
        pairs = (span.partition("-") for span in ranges.split(","))
        found[family] = [(int(first, 16), int(last or first, 16)) for first, _, last in pairs]
    return found


@functools.lru_cache(maxsize=1)
def _fonts() -> tuple[_Coverage, ...]:
    """The families, those with the most ranges first: these have most names."""
    return tuple(
        _Coverage(tuple(first for first, _ in ranges), tuple(last for _, last in ranges))
        for ranges in sorted(covered_ranges().values(), key=len, reverse=True)
    )


@functools.lru_cache(maxsize=1)
def _all_fonts() -> _Coverage:
    """The characters of all families together: they lack most characters that can't be shown."""
    merged: list[tuple[int, int]] = []
    for first, last in sorted(pair for ranges in covered_ranges().values() for pair in ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return _Coverage(tuple(first for first, _ in merged), tuple(last for _, last in merged))
