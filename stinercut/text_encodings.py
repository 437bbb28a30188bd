"""Decodes text files of Excel and offices' programs: detects their encoding, or uses a given one.

Owns: byte order marks, UTF-16, code pages and the assumed encoding. Not here: the meaning of the text
(`jumps.booking_list`).
"""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import Final

from stinercut.errors import BadInput
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message

ENCODINGS: Final = {
    "utf-8": "UTF-8",
    "utf-16": "UTF-16",
    "windows-1252": "Windows-1252 (Western Europe)",
    "windows-1250": "Windows-1250 (Central Europe)",
    "windows-1251": "Windows-1251 (Cyrillic)",
    "windows-1253": "Windows-1253 (Greek)",
    "windows-1254": "Windows-1254 (Turkish)",
    "windows-1255": "Windows-1255 (Hebrew)",
    "windows-1256": "Windows-1256 (Arabic)",
    "windows-1257": "Windows-1257 (Baltic)",
}
"""The encodings that people can choose, and their names for people."""

ASSUMED: Final = "windows-1252"
"""Excel's "CSV" on most computers of Western Europe and America. Nothing in such a file declares it."""

_UTF16_MARKS: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_LOOKED_AT: Final = 400


def text_of(data: bytes, encoding: str | None = None, file: Path | None = None) -> tuple[str, tuple[Message, ...]]:
    """A file's text, and what was assumed (empty where nothing was). Raises BadInput for what is no
    text, and for an encoding that is not known or does not fit.
    """
    if encoding is not None:
        return _decoded(data, encoding, file), ()
    found = _marked(data)
    if found:
        return _decoded(data, found, file), ()
    try:
        return data.decode("utf-8-sig"), ()
    except UnicodeDecodeError:
        text = _decoded(data, ASSUMED, file)
    return text, (Message.of(MessageCode.ENCODING_ASSUMED, encoding=ENCODINGS[ASSUMED]),)


def _marked(data: bytes) -> str:
    """UTF-16 if the file has its mark, or a zero byte next to every Latin letter and separator; otherwise empty."""
    if data.startswith(_UTF16_MARKS):
        return "utf-16"
    first = data[:_LOOKED_AT]
    for name, zeros in (("utf-16-le", first[1::2]), ("utf-16-be", first[::2])):
        if len(first) > 3 and zeros.count(0) > len(zeros) * 0.6:
            return name
    return ""


def _decoded(data: bytes, encoding: str, file: Path | None) -> str:
    if encoding not in (*ENCODINGS, "utf-16-le", "utf-16-be"):
        raise BadInput(
            Message.of(MessageCode.ENCODING_NOT_KNOWN, encoding=repr(encoding)),
            file=file,
            advice=Message.of(MessageCode.ENCODINGS_KNOWN, encodings=tuple(ENCODINGS)),
        )
    try:
        return data.decode("utf-8-sig" if encoding == "utf-8" else encoding)
    except UnicodeDecodeError as refused:
        line = refused.object[: refused.start].count(b"\n") + 1
        raise BadInput(
            Message.of(MessageCode.ENCODING_DOES_NOT_FIT, line=line, encoding=ENCODINGS.get(encoding, "UTF-16")),
            file=file,
            advice=Message.of(MessageCode.SAVE_AS_UTF8),
        ) from None
