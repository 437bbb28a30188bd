"""Generates random names in the world's scripts, to prove that a name survives the way through a code.

Owns: letters, marks and how they follow each other. Not here: anybody's real name. The names mean nothing; they have
the difficulties of text: combining marks, joiners, right-to-left, letters beyond the first plane. All of them pass
`stinercut.drawing.name_rule`.
"""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Iterator
from typing import Final

from stinercut.drawing.name_rule import is_shown_by_one_font, problem_of

SCRIPTS: Final[dict[str, tuple[tuple[int, int], ...]]] = {
    "Latin": ((0x41, 0x7A), (0xC0, 0x17F), (0x180, 0x24F), (0x300, 0x331)),
    "Vietnamese": ((0x41, 0x7A), (0x1EA0, 0x1EF9)),
    "Greek": ((0x386, 0x3CE), (0x1F00, 0x1FFC)),
    "Cyrillic": ((0x400, 0x4FF),),
    "Armenian": ((0x531, 0x587),),
    "Hebrew": ((0x5D0, 0x5EA), (0x5B0, 0x5BC)),
    "Arabic": ((0x620, 0x64A), (0x64B, 0x652), (0x671, 0x6D3)),
    "Syriac": ((0x710, 0x74A),),
    "Thaana": ((0x780, 0x7B1),),
    "N'Ko": ((0x7CA, 0x7F3),),
    "Devanagari": ((0x904, 0x94D),),
    "Bengali": ((0x985, 0x9CD),),
    "Gurmukhi": ((0xA05, 0xA4D),),
    "Gujarati": ((0xA85, 0xACD),),
    "Odia": ((0xB05, 0xB4D),),
    "Tamil": ((0xB83, 0xBCD),),
    "Telugu": ((0xC05, 0xC4D),),
    "Kannada": ((0xC85, 0xCCD),),
    "Malayalam": ((0xD05, 0xD4D),),
    "Sinhala": ((0xD85, 0xDDF),),
    "Thai": ((0xE01, 0xE4D),),
    "Lao": ((0xE81, 0xECD),),
    "Tibetan": ((0xF40, 0xF7D),),
    "Myanmar": ((0x1000, 0x103E),),
    "Georgian": ((0x10D0, 0x10FA), (0x1C90, 0x1CBA)),
    "Hangul": ((0xAC00, 0xD7A3), (0x1100, 0x1112)),
    "Ethiopic": ((0x1200, 0x135A),),
    "Cherokee": ((0x13A0, 0x13F4),),
    "Canadian Aboriginal": ((0x1401, 0x166C),),
    "Khmer": ((0x1780, 0x17D1),),
    "Mongolian": ((0x1820, 0x1878),),
    "Tifinagh": ((0x2D30, 0x2D67),),
    "Hiragana": ((0x3041, 0x3096), (0x3099, 0x309A)),
    "Katakana": ((0x30A1, 0x30FA),),
    "Han": ((0x4E00, 0x9FFF), (0x20000, 0x2A6D0)),
    "Yi": ((0xA000, 0xA48C),),
    "Vai": ((0xA500, 0xA60B),),
    "Javanese": ((0xA984, 0xA9BF),),
    "Adlam": ((0x1E900, 0x1E943),),
    "Osage": ((0x104B0, 0x104FB),),
}
"""Ranges of code points, first and last. Only their letters and marks are used."""

_JOINED: Final = frozenset({"Arabic", "Devanagari", "Bengali", "Malayalam", "Sinhala", "Kannada", "Mongolian"})
"""Scripts whose words hold zero-width joiners and non-joiners."""


def random_names(seed: int, count: int) -> Iterator[tuple[str, str]]:
    """`count` pairs of script and name, the scripts in turn; the same seed gives the same names, in form C."""
    rng = random.Random(seed)
    letters = {script: _of_kind(script, "L") for script in SCRIPTS}
    marks = {script: _of_kind(script, "M") for script in SCRIPTS}
    scripts = list(SCRIPTS)
    for number in range(count):
        script = scripts[number % len(scripts)]
        yield script, next(name for name in _names(rng, script, letters[script], marks[script]) if not problem_of(name))


def _names(rng: random.Random, script: str, letters: list[str], marks: list[str]) -> Iterator[str]:
    while True:
        words = [_word(rng, script, letters, marks) for _ in range(rng.randint(1, 3))]
        between = rng.choice((" ", " ", "-", "'", "’", ". "))
        yield unicodedata.normalize("NFC", between.join(words))


def _of_kind(script: str, kind: str) -> list[str]:
    points = (chr(point) for first, last in SCRIPTS[script] for point in range(first, last + 1))
    return [char for char in points if unicodedata.category(char)[0] == kind and is_shown_by_one_font(char)]


def _word(rng: random.Random, script: str, letters: list[str], marks: list[str]) -> str:
    out: list[str] = []
    for place in range(rng.randint(2, 7)):
        if place and script in _JOINED and rng.random() < 0.1:
            out.append(rng.choice("\u200c\u200d"))
        out.append(rng.choice(letters))
        while marks and rng.random() < 0.3 and len(out) < 14:
            out.append(rng.choice(marks))
    return "".join(out)
