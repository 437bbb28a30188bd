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

_KINDS: Final = (b"\0\1\0\0", b"OTTO", b"true")
_ADVICE: Final = "Put a whole .ttf or .otf there, or take it out."

_Tables = dict[bytes, tuple[int, int]]
"""Where each table begins in the file, and its length."""


class _Damaged(Exception):
    """The file is damaged; the message names the fault."""


def require_whole(path: Path) -> None:
    """Raise BadInput for a file that is too large or no complete font. Only a collection's first font is checked."""
    if not path.is_file():
        raise BadInput("this is no file", file=path, advice=_ADVICE)
    try:
        size = path.stat().st_size
        if size > MOST_BYTES_OF_FONT:
            large = f"it has {size // 1_000_000} MB, and a font at most {MOST_BYTES_OF_FONT // 1_000_000}"
            raise BadInput(large, file=path, advice="Put a smaller one there, or take it out.")
        with path.open("rb") as file:
            _require_outlines(file, _tables(file, size))
    except (OSError, struct.error) as refused:
        why = getattr(refused, "strerror", None) or "it ends too early"
        raise BadInput(f"this is no font that can be read ({why})", file=path, advice=_ADVICE) from None
    except _Damaged as refused:
        raise BadInput(f"this is no font that can be read ({refused})", file=path, advice=_ADVICE) from None


def _tables(file: BinaryIO, size: int) -> _Tables:
    begin = 0
    kind, second = struct.unpack(">4sI", file.read(8))
    if kind == b"ttcf":
        (begin,) = struct.unpack(">8xI", _at(file, 4, 12)) if second in (0x10000, 0x20000) else (0,)
        kind = _at(file, begin, 4)
    if kind not in _KINDS:
        raise _Damaged("it begins as none")
    (count,) = struct.unpack(">H", _at(file, begin + 4, 2))
    if count > MOST_TABLES_OF_FONT:
        raise _Damaged(f"it has {count} tables, and a font at most {MOST_TABLES_OF_FONT}")
    entries = struct.iter_unpack(">4s4xII", _at(file, begin + 12, 16 * count))
    tables = {tag: (offset, length) for tag, offset, length in entries}
    for tag, (offset, length) in tables.items():
        if offset + length > size:
            raise _Damaged(f"its table {tag.decode('ascii', 'replace')!r} ends behind the file's end")
    return tables


def _require_outlines(file: BinaryIO, tables: _Tables) -> None:
    """Check that the places of all glyphs (`loca`, as many as in `maxp`) are within the outlines (`glyf`)."""
    if not {b"glyf", b"loca"} & tables.keys():
        return  # The other kind, CFF, which HarfBuzz reads with its own limits.
    if missing := {b"glyf", b"loca", b"head", b"maxp"} - tables.keys():
        raise _Damaged(f"its table {min(missing).decode()!r} is missing")
    (glyphs,) = struct.unpack(">H", _at(file, tables[b"maxp"][0] + 4, 2))
    (is_long,) = struct.unpack(">H", _at(file, tables[b"head"][0] + 50, 2))
    places = array("I" if is_long else "H")
    begin, length = tables[b"loca"]
    needed = (glyphs + 1) * places.itemsize
    if length < needed:
        raise _Damaged(f"it has {glyphs} glyphs, and places for fewer")
    places.frombytes(_at(file, begin, needed))
    if sys.byteorder == "little":
        places.byteswap()
    last = places[-1] * (1 if is_long else 2)
    if last > tables[b"glyf"][1] or any(before > after for before, after in itertools.pairwise(places)):
        raise _Damaged("the places of its glyphs are wrong")


def _at(file: BinaryIO, offset: int, length: int) -> bytes:
    file.seek(offset)
    data = file.read(length)
    if len(data) < length:
        raise _Damaged("it ends too early")
    return data
