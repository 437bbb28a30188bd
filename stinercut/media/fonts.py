"""Which font draws a text: a small catalogue of Noto fonts, and lines split into runs of one font each.

Lives here: finding and opening fonts, what characters they cover. Doesn't: directions (`bidi`), shaping (`lettering`).
No character is ever drawn as an empty box: on a film that would be a wrong name.

Noto Sans comes along (`noto/`), so that films look alike wherever they are made. Other scripts are the system's fonts.
"""

from __future__ import annotations

import functools
import os
import re
import sys
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import uharfbuzz

from stinercut.errors import BadInput, MissingProgram
from stinercut.media import bidi

BUNDLED = Path(__file__).parent / "noto"

hb: Any = uharfbuzz
"""It comes without type stubs."""

Direction = Literal["ltr", "rtl"]
_IGNORABLE = frozenset(map(chr, (0x061C, *range(0x200B, 0x2010), 0x2060, *range(0xFE00, 0xFE10))))
"""Joiners, marks of direction, variation selectors: they shape their neighbours and are never drawn themselves."""

_FILE = re.compile(r"^(Noto(?:Sans|Serif|Naskh|Nastaliq|Kufi)\w*)-(Regular|Bold)\.(?:ttf|otf|ttc)$")


@dataclass(frozen=True)
class Run:
    """A piece of a line drawn with one font, in one direction. Runs are in the order of the page, left to right."""

    text: str
    font: Path
    direction: Direction


def runs_with(text: str, fonts: tuple[Path, ...]) -> list[Run]:
    """How to draw a line with these fonts, the preferred ones first: stretches of one font and direction.

    One font draws all of a line where one covers it. Raises MissingProgram when no font has a character (with the
    package that does), BadInput for pictures such as emoji.
    """
    if not fonts:
        raise MissingProgram(
            "no Noto font is installed to draw titles with", advice="Debian, Ubuntu: sudo apt install fonts-noto-core."
        )
    whole = next((font for font in fonts if _covers(font, text)), None)
    levels = bidi.levels_of(text)
    pieces: list[Run] = []
    of_pieces: list[int] = []
    at = 0
    for cluster in _clusters(text):
        font = whole or _font_for(cluster, pieces[-1].font if pieces else None, text, fonts)
        level = levels[at]
        at += len(cluster)
        if pieces and pieces[-1].font == font and of_pieces[-1] == level:
            pieces[-1] = Run(pieces[-1].text + cluster, font, pieces[-1].direction)
        else:
            pieces.append(Run(cluster, font, "rtl" if level % 2 else "ltr"))
            of_pieces.append(level)
    return bidi.page_order(pieces, of_pieces)


def _font_for(cluster: str, before: Path | None, text: str, fonts: tuple[Path, ...]) -> Path:
    """The font for a letter with its marks: the one before it, so that a word is of one font; else the first."""
    # Spaces and signs are drawn in the main font, so that those of one line look alike.
    usual = (before,) if before and unicodedata.category(cluster[0])[0] == "L" else ()
    font = next((font for font in (*usual, *fonts) if _covers(font, cluster)), None)
    if font is None:
        raise _nobody_has(text, fonts)
    return font


@functools.lru_cache(maxsize=4)
def catalogue(style: str) -> tuple[Path, ...]:
    """The Noto fonts that come along or are installed, one file per family, in the order of preference: `style` where a
    family has it.
    """
    found: dict[str, dict[str, Path]] = {}
    for folder in (BUNDLED, *_font_folders()):
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


def opened(font: Path) -> Any:
    """A font file, ready to shape and draw with (uharfbuzz's Font); of a collection the first. Raises BadInput."""
    return _opened(font, font.stat().st_mtime_ns)


@functools.lru_cache(maxsize=256)
def _opened(font: Path, _changed: int) -> Any:
    found = hb.Face(hb.Blob.from_file_path(str(font)), 0)
    if not found.glyph_count or not found.upem:
        raise BadInput(
            "this is no font that can be read", file=font, advice="Put a whole .ttf or .otf there, or take it out."
        )
    return hb.Font(found)


@functools.lru_cache(maxsize=512)
def _characters(font: Path, _changed: int) -> frozenset[int]:
    return frozenset(_opened(font, _changed).face.unicodes)


def _covers(font: Path, text: str) -> bool:
    known = _characters(font, font.stat().st_mtime_ns)
    return all(ord(char) in known for char in text if char not in _IGNORABLE)


def _clusters(text: str) -> list[str]:
    """Letters with the marks that sit on them."""
    out: list[str] = []
    for char in text:
        if out and (unicodedata.category(char)[0] == "M" or char in _IGNORABLE or out[-1][-1] == "\u200d"):
            out[-1] += char
        else:
            out.append(char)
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
