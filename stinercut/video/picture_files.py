"""The one place that opens picture files from outside: a template's pictures, photos of codes.

Owns: which kinds are opened, and their limits, checked in the header before a pixel is decoded. Not here: using the
pixels (`stinercut.drawing.raster`, `stinercut.codes.still_reader`), pictures that ffmpeg reads (`ffmpeg_inputs`).

A PNG of 100 kB can hold a picture of ten gigabytes.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from PIL import Image, UnidentifiedImageError

from stinercut.errors import BadInput
from stinercut.input_limits import TOO_MANY_PIXELS, broken_by_size
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message
from stinercut.language.setup_codes import SetupCode

OF_TEMPLATES: Final = ("PNG", "JPEG")
OF_CODES: Final = ("PNG", "JPEG", "BMP", "TIFF", "WEBP")
"""Kinds of pictures, as Pillow calls them."""

_SMALLER: Final = Message.of(SetupCode.PICTURE_SMALLER)

_ALL: Final = (*OF_CODES, "GIF")
"""The kinds that are recognised, so that an error can name them."""


def open_picture(path: Path, kinds: Sequence[str] = OF_TEMPLATES) -> tuple[Image.Image, str]:
    """A picture file, loaded, and which of `kinds` it is. Raises BadInput for other kinds, damage, or too many
    pixels.
    """
    with _opened(path, path, kinds) as opened:
        opened.load()
        return opened.copy(), _kind(opened)


def picture_in(data: bytes, file: Path, kinds: Sequence[str] = OF_TEMPLATES) -> tuple[Image.Image, str]:
    """The same for a picture embedded in a file (a drawing); errors name that file."""
    with _opened(io.BytesIO(data), file, kinds) as opened:
        opened.load()
        return opened.copy(), _kind(opened)


def size_in(data: bytes, file: Path, kinds: Sequence[str]) -> tuple[int, int]:
    """Width and height of a picture; only its header is read. Raises as `open_picture` does."""
    with _opened(io.BytesIO(data), file, kinds) as opened:
        return opened.size


@contextmanager
def _opened(source: Path | io.BytesIO, file: Path, kinds: Sequence[str]) -> Generator[Image.Image]:
    try:
        with warnings.catch_warnings():
            # Pillow already warns below our limit.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(source, formats=_ALL) as opened:
                _require_usable(opened, file, kinds)
                yield opened
    except BadInput:
        raise
    except UnidentifiedImageError:
        what = Message.of(SetupCode.PICTURE_NOT_READABLE, why=Message.of(MessageCode.NOT_A_PICTURE))
        raise BadInput(what, file=file, advice=Message.of(SetupCode.SAVE_PICTURE_AGAIN, kinds=tuple(kinds))) from None
    except Image.DecompressionBombError:  # Pillow has its own limit, above ours, and checks it first.
        raise BadInput(TOO_MANY_PIXELS, file=file, advice=_SMALLER) from None
    except (OSError, SyntaxError, ValueError, OverflowError) as refused:
        raise BadInput(
            Message.of(SetupCode.PICTURE_NOT_READABLE, why=_why(refused)),
            file=file,
            advice=Message.of(SetupCode.SAVE_PICTURE_SMALLER, kinds=tuple(kinds)),
        ) from None


def _why(refused: Exception) -> str | Message:
    message = str(refused).rstrip(".") or type(refused).__name__
    return Message.of(SetupCode.PICTURE_PROFILE_TOO_LARGE) if "MAX_TEXT" in message else message


def _require_usable(opened: Image.Image, file: Path, kinds: Sequence[str]) -> None:
    if _kind(opened) not in kinds:
        raise BadInput(
            Message.of(SetupCode.PICTURE_IS, kind=opened.format or ""),
            file=file,
            advice=Message.of(SetupCode.SAVE_PICTURE_AS, kinds=tuple(kinds)),
        )
    if why := broken_by_size(*opened.size):
        raise BadInput(why, file=file, advice=_SMALLER)


def _kind(opened: Image.Image) -> str:
    """The kind of a picture. Telephones and some cameras add a second picture to a JPEG (MPO): it counts as JPEG."""
    return "JPEG" if opened.format == "MPO" else opened.format or ""
