"""Chooses the fonts for a text: a small catalogue of Noto fonts, and lines split into runs of one font each.

Owns: finding and opening fonts, and which characters they cover. Not here: directions (`bidi`), shaping
(`text_shaping`), which names are accepted (`stinercut.drawing.name_rule`, which knows the characters of these fonts and
defines a letter with its marks). No character is ever drawn as an empty box: on a film that would be a wrong name.

Noto Sans is bundled (`noto/`), so that films look the same wherever they are made. Other scripts use the system's
fonts.
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

from stinercut.drawing import bidi
from stinercut.drawing.name_rule import clusters, drawn_part, is_shown_by_one_font, spelled
from stinercut.errors import BadInput, MissingProgram
from stinercut.language.messages import Message
from stinercut.language.setup_codes import SetupCode
from stinercut.language.template_codes import TemplateCode
from stinercut.templates.font_files import require_whole

BUNDLED = Path(__file__).parent / "noto"

hb: Any = uharfbuzz
"""The library has no type stubs."""

Direction = Literal["ltr", "rtl"]
_FILE = re.compile(r"^(Noto(?:Sans|Serif|Naskh|Nastaliq|Kufi)\w*)-(Regular|Bold)\.(?:ttf|otf|ttc)$")


@dataclass(frozen=True)
class FontRun:
    """A piece of a line drawn with one font, in one direction. Runs are in the order of the page, left to right."""

    text: str
    font: Path
    direction: Direction


def runs_with(text: str, fonts: tuple[Path, ...]) -> list[FontRun]:
    """Split a line into stretches of one font and direction. `fonts` in the order of preference.

    If one font covers the whole line, it draws all of it. Raises MissingProgram for a character that no installed font
    has (the error names the package that has it), BadInput for a character of no supported font, such as an emoji.
    """
    if not fonts:
        raise MissingProgram(Message.of(TemplateCode.NO_NOTO_FONT), advice=Message.of(TemplateCode.INSTALL_NOTO))
    levels = bidi.levels_of(text)
    pieces: list[FontRun] = []
    of_pieces: list[int] = []
    at = 0
    for cluster, font in pieces_with(text, fonts):
        level = levels[at]
        at += len(cluster)
        if pieces and pieces[-1].font == font and of_pieces[-1] == level:
            pieces[-1] = FontRun(pieces[-1].text + cluster, font, pieces[-1].direction)
        else:
            pieces.append(FontRun(cluster, font, "rtl" if level % 2 else "ltr"))
            of_pieces.append(level)
    return bidi.page_order(pieces, of_pieces)


def pieces_with(text: str, fonts: tuple[Path, ...]) -> list[tuple[str, Path]]:
    """Each letter with its marks, in the order of reading, and the font that draws it. Raises as `runs_with` does."""
    whole = next((font for font in fonts if _covers(font, text)), None)
    out: list[tuple[str, Path]] = []
    of_letters: Path | None = None
    for cluster in clusters(text):
        is_letter = unicodedata.category(cluster[0])[0] == "L"
        # Spaces and signs are drawn in the main font, so that they look the same within a line.
        font = whole or _font_for(cluster, of_letters if is_letter else None, text, fonts)
        of_letters = font if is_letter else of_letters
        out.append((cluster, font))
    return out


def _font_for(cluster: str, before: Path | None, text: str, fonts: tuple[Path, ...]) -> Path:
    """The font for a letter with its marks: that of the letter before it, so that a word has one font; else the first
    font that covers it.
    """
    usual = (before,) if before else ()
    font = next((font for font in (*usual, *fonts) if _covers(font, cluster)), None)
    if font is None:
        raise _nobody_has(text, fonts)
    return font


@functools.lru_cache(maxsize=4)
def catalogue(style: str) -> tuple[Path, ...]:
    """The bundled and installed Noto fonts, one file per family, in the order of preference. A family's file has that
    `style` if the family has it.
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
    """A font file, ready for shaping and drawing (uharfbuzz's Font); the first font of a collection. Raises
    BadInput.
    """
    return _opened(font, font.stat().st_mtime_ns)


@functools.lru_cache(maxsize=256)
def _opened(font: Path, _changed: int) -> Any:
    require_whole(font)
    face = hb.Face(hb.Blob.from_file_path(str(font)), 0)
    if not face.glyph_count or not face.upem:
        raise BadInput(
            Message.of(TemplateCode.FONT_NOT_READABLE), file=font, advice=Message.of(TemplateCode.PUT_WHOLE_FONT)
        )
    return hb.Font(face)


@functools.lru_cache(maxsize=512)
def _characters(font: Path, _changed: int) -> frozenset[int]:
    return frozenset(_opened(font, _changed).face.unicodes)


def _covers(font: Path, text: str) -> bool:
    known = _characters(font, font.stat().st_mtime_ns)
    return all(ord(char) in known for char in drawn_part(text))


def _nobody_has(text: str, fonts: tuple[Path, ...]) -> BadInput | MissingProgram:
    lacking = [char for char in dict.fromkeys(text) if not any(_covers(font, char) for font in fonts)]
    letters = tuple(map(spelled, lacking[:6])) or Message.of(SetupCode.LETTER_WITH_MARKS)
    what = Message.of(SetupCode.NO_FONT_HAS, letters=letters, text=repr(text))
    if not lacking or not all(map(is_shown_by_one_font, lacking)):
        return BadInput(what, advice=Message.of(SetupCode.WRITE_WITHOUT_LETTER))
    asian = any(unicodedata.name(char, "").startswith(("CJK", "HIRAGANA", "KATAKANA", "HANGUL")) for char in lacking)
    return MissingProgram(
        what, advice=Message.of(SetupCode.INSTALL_FONTS, package="fonts-noto-cjk" if asian else "fonts-noto-core")
    )
