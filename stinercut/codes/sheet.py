"""Makes sheets of codes to print: a PDF in A4, one code for each booking, with name, number and date below it.

Owns: the page. Not here: one code (`making`), the list of bookings (`stinercut.jumps.booking_list`), fonts and the
shaping of names (`stinercut.drawing`).

Pages are black and white pictures: names in all scripts need the shaping of `stinercut.drawing`, and fax compression
keeps a page of twelve codes below 100 kB. Every module is a whole number of dots, so edges are sharp on
paper.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw

from stinercut.codes.making import Contact, qr_code
from stinercut.codes.payload import Payload
from stinercut.drawing.text_bitmap import text_mask
from stinercut.errors import BadInput
from stinercut.keyring import KeyRing
from stinercut.language.messages import Message
from stinercut.language.setup_codes import SetupCode
from stinercut.storage.disk_names import partial_beside, require_places

DPI: Final = 600
"""The resolution of office laser printers."""

_COLUMNS, _ROWS = 3, 4
A_PAGE: Final = _COLUMNS * _ROWS

_WIDTH, _HEIGHT = 4960, 7016
"""A4 in dots: 210 x 297 mm."""


def _mm(length: float) -> int:
    return round(length / 25.4 * DPI)


_MARGIN: Final = _mm(12)
"""No printer prints to the edge; 12 mm is safe on all printers."""

_CODE: Final = _mm(44)
"""Longest side of a code without its quiet zone, for which at least 7 mm are left on each side."""

MAX_BOOKINGS: Final = 5000


@dataclass(frozen=True)
class SheetCode:
    """A code on a sheet, with contact data if the code should hold them."""

    payload: Payload
    contact: Contact = None


def write_sheet(codes: Sequence[SheetCode], target: Path, keys: KeyRing | None = None) -> int:
    """Write a PDF of codes, signed if `keys` are given. Returns the number of pages.

    The file appears only when it is complete. Raises BadInput for a place that can't be written and for too many
    bookings, MissingProgram when no font has a name's letters.
    """
    if target.suffix.lower() != ".pdf":
        raise BadInput(Message.of(SetupCode.SHEET_ENDING), file=target, advice=Message.of(SetupCode.THIS_ENDING))
    if len(codes) > MAX_BOOKINGS:
        raise BadInput(
            Message.of(SetupCode.SHEET_TOO_LONG, bookings=len(codes)),
            advice=Message.of(SetupCode.AT_MOST, most=MAX_BOOKINGS),
        )
    require_places([target])
    partial = partial_beside(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        pages = 0
        for page in _pages(codes, keys):
            # One page at a time: a page is 35 MB of dots until it is compressed.
            page.save(partial, format="PDF", resolution=DPI, append=pages > 0, title="Codes", producer="Stinercut")
            pages += 1
        partial.chmod(0o644)
        partial.replace(target)
    except OSError as refused:
        raise BadInput(
            Message.of(SetupCode.CANT_WRITE_THERE, why=refused.strerror or str(refused)), file=target
        ) from None
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
    return pages


def _pages(codes: Iterable[SheetCode], keys: KeyRing | None) -> Iterator[Image.Image]:
    waiting = iter(codes)
    while group := list(itertools.islice(waiting, A_PAGE)):
        yield draw_page(group, keys)


def draw_page(codes: Sequence[SheetCode], keys: KeyRing | None = None) -> Image.Image:
    """One page of at most A_PAGE codes, as a black and white picture."""
    page = Image.new("L", (_WIDTH, _HEIGHT), 255)
    width, height = (_WIDTH - 2 * _MARGIN) // _COLUMNS, (_HEIGHT - 2 * _MARGIN) // _ROWS
    for number, code in enumerate(codes):
        row, column = divmod(number, _COLUMNS)
        left, top = _MARGIN + column * width, _MARGIN + row * height
        _draw_booking(page, code, keys, (left, top, left + width, top + height))
    # Dithering would spoil the edges of letters.
    return page.point(_BLACK_OR_WHITE, mode="1")


_BLACK_OR_WHITE: Final = [0] * 128 + [255] * 128


def _draw_booking(
    page: Image.Image, sheet_code: SheetCode, keys: KeyRing | None, place: tuple[int, int, int, int]
) -> None:
    left, top, right, bottom = place
    ImageDraw.Draw(page).rectangle(place, outline=0, width=3)  # where to cut
    code, booking = _code(sheet_code, keys), sheet_code.payload
    page.paste(code, ((left + right - code.width) // 2, top + _mm(7) + (_CODE - code.height) // 2))
    widest = right - left - _mm(8)
    about = f"{booking.booking_id}  ·  {booking.jump_date.isoformat()}"
    name = text_mask(booking.passenger_name, _mm(4.6), widest, bold=True)
    number = text_mask(about, _mm(3.3), widest, bold=False)
    for line, ends in ((name, bottom - _mm(7.2)), (number, bottom - _mm(2.6))):
        page.paste(0, ((left + right - line.width) // 2, ends - line.height), line)


def _code(sheet_code: SheetCode, keys: KeyRing | None) -> Image.Image:
    """The code without its quiet zone (the paper serves as such), every module the same whole number of dots."""
    modules = [
        bytes(0 if dark else 255 for dark in row)
        for row in qr_code(sheet_code.payload, keys, sheet_code.contact).matrix
    ]
    side = _CODE // len(modules) * len(modules)
    small = Image.frombytes("L", (len(modules), len(modules)), b"".join(modules))
    return small.resize((side, side), Image.Resampling.NEAREST)
