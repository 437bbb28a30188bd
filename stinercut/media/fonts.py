"""Which font draws a text: a small catalogue of the system's Noto fonts, and lines split into runs of one font each.

Lives here: finding fonts, what characters they cover, the order of runs in a line of mixed direction. Doesn't: drawing
(`titles`). No character is ever drawn as an empty box: on a film that would be a wrong name.
"""

from __future__ import annotations

import functools
import itertools
import os
import re
import sys
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import uharfbuzz
from PIL import features

from stinercut.errors import BadInput, MissingProgram

hb: Any = uharfbuzz
"""It comes without type stubs."""

Direction = Literal["ltr", "rtl"]
_RTL = frozenset({"R", "AL", "AN"})
_IGNORABLE = frozenset(map(chr, (0x200C, 0x200D, *range(0xFE00, 0xFE10))))
"""Joiners and variation selectors: they shape their neighbours and are never drawn themselves."""

_FILE = re.compile(r"^(Noto(?:Sans|Serif|Naskh|Nastaliq|Kufi)\w*)-(Regular|Bold)\.(?:ttf|otf|ttc)$")
_PLAIN_SCRIPTS = ("LATIN", "GREEK", "CYRILLIC", "ARMENIAN", "GEORGIAN", "CJK", "HIRAGANA", "KATAKANA", "HANGUL")


@dataclass(frozen=True)
class Run:
    """A piece of a line drawn with one font, in one direction. Runs are in the order of the page, left to right."""

    text: str
    font: Path
    direction: Direction


def runs_of(text: str, *, bold: bool) -> list[Run]:
    """How to draw a line: one run if one font covers all of it, else one per stretch of script, ordered for the page.

    Raises MissingProgram when no installed font has a character (with the package that does), or when the line needs
    shaping and the library for it is not there; BadInput for pictures such as emoji.
    """
    fonts = catalogue("Bold" if bold else "Regular")
    if not fonts:
        raise _no_font()
    _require_shaping(text)
    return runs_with(text, fonts)


def runs_with(text: str, fonts: tuple[Path, ...]) -> list[Run]:
    """How to draw a line with these fonts, the preferred ones first. Raises as `runs_of`."""
    if not fonts:
        raise _no_font()
    base = _base_direction(text)
    whole = next((font for font in fonts if _covers(font, text)), None)
    if whole is not None:
        return [Run(text, whole, base)]
    return _page_order(_pieces(text, fonts, base), base)


def _no_font() -> MissingProgram:
    return MissingProgram(
        "no Noto font is installed to draw titles with", advice="Debian, Ubuntu: sudo apt install fonts-noto-core."
    )


def can_shape() -> bool:
    """Whether Pillow can shape complex scripts here (raqm, with fribidi that it loads from the system)."""
    return bool(features.check("raqm") and features.check("fribidi"))


@functools.lru_cache(maxsize=4)
def catalogue(style: str) -> tuple[Path, ...]:
    """The installed Noto fonts, one file per family, in the order of preference: `style` where a family has it."""
    found: dict[str, dict[str, Path]] = {}
    for folder in _font_folders():
        for path in sorted(folder.rglob("Noto*.[ot]t[fc]")):
            if match := _FILE.match(path.name):
                found.setdefault(match[1], {}).setdefault(match[2], path)
    families = sorted(found, key=_preference)
    return tuple(found[family].get(style) or next(iter(found[family].values())) for family in families)


def _preference(family: str) -> tuple[int, str]:
    if family == "NotoSans":
        return 0, family
    if family.endswith("UI") or "Display" in family or "Mono" in family:
        return 3, family
    return (1 if family.startswith("NotoSans") else 2), family


def _font_folders() -> list[Path]:
    home = Path.home()
    if os.name == "nt":
        local = Path(os.environ.get("LOCALAPPDATA", home)) / "Microsoft" / "Windows" / "Fonts"
        return [Path(os.environ.get("WINDIR", r"C:\Windows")) / "Fonts", local]
    if sys.platform == "darwin":
        return [Path("/Library/Fonts"), home / "Library" / "Fonts"]
    return [home / ".local/share/fonts", Path("/usr/local/share/fonts"), Path("/usr/share/fonts")]


@functools.lru_cache(maxsize=512)
def _characters(font: Path) -> frozenset[int]:
    return frozenset(hb.Face(hb.Blob.from_file_path(str(font)), 0).unicodes)


def _covers(font: Path, text: str) -> bool:
    known = _characters(font)
    return all(ord(char) in known for char in text if char not in _IGNORABLE)


def _require_shaping(text: str) -> None:
    if can_shape() or all(_is_plain(char) for char in text):
        return
    raise MissingProgram(
        f"the text {text!r} needs its letters shaped, and the library for that is not installed",
        advice="Debian, Ubuntu: sudo apt install libfribidi0.",
    )


def _is_plain(char: str) -> bool:
    if unicodedata.category(char)[0] in "NPZS":
        return True
    return unicodedata.category(char)[0] == "L" and unicodedata.name(char, "").startswith(_PLAIN_SCRIPTS)


def _base_direction(text: str) -> Direction:
    """That of the first letter with one (Unicode Bidirectional Algorithm, rules P2 and P3)."""
    for char in text:
        kind = unicodedata.bidirectional(char)
        if kind in ("L", "R", "AL"):
            return "ltr" if kind == "L" else "rtl"
    return "ltr"


def _pieces(text: str, fonts: tuple[Path, ...], base: Direction) -> list[Run]:
    """Stretches of one font and direction, in the order of reading."""
    pieces: list[Run] = []
    for cluster in _clusters(text):
        if unicodedata.category(cluster[0])[0] == "L":
            usual = (pieces[-1].font,) if pieces else ()
            font = next((font for font in (*usual, *fonts) if _covers(font, cluster)), None)
        else:  # spaces and signs: the main font first, so that those of one line look alike
            font = next((font for font in fonts if _covers(font, cluster)), None)
        if font is None:
            raise _nobody_has(text, fonts)
        direction = _direction(cluster, pieces[-1].direction if pieces else base, base)
        if pieces and (pieces[-1].font, pieces[-1].direction) == (font, direction):
            pieces[-1] = Run(pieces[-1].text + cluster, font, direction)
        else:
            pieces.append(Run(cluster, font, direction))
    return _settle_neutrals(pieces, base)


def _clusters(text: str) -> list[str]:
    """Letters with the marks that sit on them."""
    out: list[str] = []
    for char in text:
        if out and (unicodedata.category(char)[0] == "M" or char in _IGNORABLE or out[-1][-1] == "\u200d"):
            out[-1] += char
        else:
            out.append(char)
    return out


def _direction(cluster: str, before: Direction, base: Direction) -> Direction:
    kind = unicodedata.bidirectional(cluster[0])
    if kind in _RTL:
        return "rtl"
    if kind == "L":
        return "ltr"
    return before if kind == "EN" else base


def _settle_neutrals(pieces: list[Run], base: Direction) -> list[Run]:
    """Signs between two stretches of the same direction take it (rule N1); others keep the line's."""
    out = list(pieces)
    for index in range(1, len(out) - 1):
        piece, before, after = out[index], out[index - 1], out[index + 1]
        neutral = all(unicodedata.bidirectional(char) not in (*_RTL, "L") for char in piece.text)
        if neutral:
            direction = before.direction if before.direction == after.direction else base
            out[index] = Run(piece.text, piece.font, direction)
    return out


def _page_order(pieces: list[Run], base: Direction) -> list[Run]:
    """Left to right as on the page: rule L2 for two levels."""
    ordered = pieces if base == "ltr" else pieces[::-1]
    out: list[Run] = []
    for direction, group in itertools.groupby(ordered, key=lambda piece: piece.direction):
        stretch = list(group)
        out += stretch if direction == base else stretch[::-1]
    return out


def _nobody_has(text: str, fonts: tuple[Path, ...]) -> BadInput | MissingProgram:
    lacking = [char for char in dict.fromkeys(text) if not any(_covers(font, char) for font in fonts)]
    named = ", ".join(f"{char} (U+{ord(char):04X} {unicodedata.name(char, 'unnamed')})" for char in lacking[:6])
    what = f"no installed font has {named} of the text {text!r}"
    if any(unicodedata.category(char)[0] == "S" for char in lacking):
        return BadInput(what, advice="Write the text without such pictures.")
    asian = any(unicodedata.name(char, "").startswith(("CJK", "HIRAGANA", "KATAKANA", "HANGUL")) for char in lacking)
    package = "fonts-noto-cjk" if asian else "fonts-noto-core fonts-noto-extra"
    return MissingProgram(what, advice=f"Debian, Ubuntu: sudo apt install {package}.")
