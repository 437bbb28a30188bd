"""Checks font files from outside before a library opens them: whether they are complete and within the limits.

Owns: this check of a few bytes of the file. Not here: the limits (`stinercut.input_limits`), opening and shaping
(`stinercut.drawing.fonts`, `stinercut.drawing.text_shaping`), names in a font (`stinercut.drawing.font_names`).

HarfBuzz ignores damaged parts, and then letters are missing; and it reads a whole file at once, whatever its size.
"""

from __future__ import annotations

import itertools
import struct
import sys
from array import array
from pathlib import Path
from typing import BinaryIO, Final

from stinercut.errors import BadInput
from stinercut.input_limits import MOST_BYTES_OF_FONT, MOST_TABLES_OF_FONT
from stinercut.language.messages import Message
from stinercut.language.template_codes import TemplateCode

_KINDS: Final = (b"\0\1\0\0", b"OTTO", b"true")
_ADVICE: Final = Message.of(TemplateCode.PUT_WHOLE_FONT)

_Tables = dict[bytes, tuple[int, int]]
"""Where each table begins in the file, and its length."""


class _Damaged(Exception):
    """The file is damaged; `said` names the fault."""

    def __init__(self, said: Message) -> None:
        super().__init__(said)
        self.said = said


def require_whole(path: Path) -> None:
    """Raise BadInput for a file that is too large or no complete font. Only a collection's first font is checked."""
    if not path.is_file():
        raise BadInput(Message.of(TemplateCode.FONT_NO_FILE), file=path, advice=_ADVICE)
    try:
        size = path.stat().st_size
        if size > MOST_BYTES_OF_FONT:
            large = Message.of(
                TemplateCode.FONT_TOO_LARGE, size=size // 1_000_000, most=MOST_BYTES_OF_FONT // 1_000_000
            )
            raise BadInput(large, file=path, advice=Message.of(TemplateCode.PUT_SMALLER_FONT))
        with path.open("rb") as file:
            _require_outlines(file, _tables(file, size))
    except (OSError, struct.error) as refused:
        why = getattr(refused, "strerror", None) or Message.of(TemplateCode.FONT_ENDS_EARLY)
        raise BadInput(Message.of(TemplateCode.FONT_NOT_READABLE_WHY, why=why), file=path, advice=_ADVICE) from None
    except _Damaged as refused:
        raise BadInput(
            Message.of(TemplateCode.FONT_NOT_READABLE_WHY, why=refused.said), file=path, advice=_ADVICE
        ) from None


def _tables(file: BinaryIO, size: int) -> _Tables:
    begin = 0
    kind, second = struct.unpack(">4sI", file.read(8))
    if kind == b"ttcf":
        (begin,) = struct.unpack(">8xI", _at(file, 4, 12)) if second in (0x10000, 0x20000) else (0,)
        kind = _at(file, begin, 4)
    if kind not in _KINDS:
        raise _Damaged(Message.of(TemplateCode.FONT_BEGINS_OTHERWISE))
    (count,) = struct.unpack(">H", _at(file, begin + 4, 2))
    if count > MOST_TABLES_OF_FONT:
        raise _Damaged(Message.of(TemplateCode.FONT_TABLES, tables=count, most=MOST_TABLES_OF_FONT))
    entries = struct.iter_unpack(">4s4xII", _at(file, begin + 12, 16 * count))
    tables = {tag: (offset, length) for tag, offset, length in entries}
    for tag, (offset, length) in tables.items():
        if offset + length > size:
            raise _Damaged(Message.of(TemplateCode.FONT_TABLE_BEHIND_END, table=repr(tag.decode("ascii", "replace"))))
    return tables


def _require_outlines(file: BinaryIO, tables: _Tables) -> None:
    """Check that the places of all glyphs (`loca`, as many as in `maxp`) are within the outlines (`glyf`)."""
    if not {b"glyf", b"loca"} & tables.keys():
        return  # The other kind, CFF, which HarfBuzz reads with its own limits.
    if missing := {b"glyf", b"loca", b"head", b"maxp"} - tables.keys():
        raise _Damaged(Message.of(TemplateCode.FONT_TABLE_MISSING, table=repr(min(missing).decode())))
    (glyphs,) = struct.unpack(">H", _at(file, tables[b"maxp"][0] + 4, 2))
    (is_long,) = struct.unpack(">H", _at(file, tables[b"head"][0] + 50, 2))
    places = array("I" if is_long else "H")
    begin, length = tables[b"loca"]
    needed = (glyphs + 1) * places.itemsize
    if length < needed:
        raise _Damaged(Message.of(TemplateCode.FONT_GLYPHS, glyphs=glyphs))
    places.frombytes(_at(file, begin, needed))
    if sys.byteorder == "little":
        places.byteswap()
    last = places[-1] * (1 if is_long else 2)
    if last > tables[b"glyf"][1] or any(before > after for before, after in itertools.pairwise(places)):
        raise _Damaged(Message.of(TemplateCode.FONT_PLACES_WRONG))


def _at(file: BinaryIO, offset: int, length: int) -> bytes:
    file.seek(offset)
    data = file.read(length)
    if len(data) < length:
        raise _Damaged(Message.of(TemplateCode.FONT_ENDS_EARLY))
    return data
