"""Sheets of codes: pages that are read again."""

from __future__ import annotations

import io
import re
import struct
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.codes import codes_in

from stinercut.codes.decoders import Gray
from stinercut.codes.extras import Extras
from stinercut.codes.payload import Payload, make_payload, parse_code, parse_payload
from stinercut.codes.sheet import A_PAGE, SheetCode, draw_page, write_sheet
from stinercut.errors import BadInput
from stinercut.keyring import Key, KeyRing

RING = KeyRing((Key(1, b"\x01" * 32),))
HEAD = "passenger_name,booking_id,jump_date\n"
NAMES = ("Zoë Müller", "محمد عبد الله", "सिद्धार्थ", "Łukasz Żółć", "Nguyễn Thị Ánh", "Ελένη", "שרה כהן", "Ш" * 80)
CONTACT = {"email": "zoe@example.org", "phone": "+420 777 123 456"}
BOOKINGS = [make_payload(name, f"B-{n}", date(2026, 11, 20)) for n, name in enumerate(NAMES)]


def codes(bookings: list[Payload]) -> list[SheetCode]:
    return [SheetCode(one) for one in bookings]


def gray(page: Image.Image) -> Gray:
    return np.asarray(page.convert("L").reduce(2))


def read(page: Image.Image, keys: KeyRing) -> list[Payload]:
    found = {code.text for code in codes_in(gray(page))}
    return sorted((parse_payload(text, keys) for text in found), key=lambda payload: payload.booking_id)


def pages_of(pdf: bytes) -> list[Image.Image]:
    """The pictures in a PDF, each of them fax-compressed, taken out of it without the library that made it."""
    found: list[Image.Image] = []
    for match in re.finditer(rb"/Columns (\d+)\b.*?stream\r?\n", pdf, re.DOTALL):
        header = match[0]
        size = [int(re.search(rb"/%s (\d+)" % name, header)[1]) for name in (b"Columns", b"Rows")]  # type: ignore[index]
        data = pdf[match.end() : pdf.index(b"endstream", match.end())]
        # A TIFF around the same bytes: width, height, bits, compression, black, where, rows, length.
        tags = [
            (256, size[0]),
            (257, size[1]),
            (258, 1),
            (259, 4),
            (262, 1),
            (273, 110),
            (278, size[1]),
            (279, len(data)),
        ]
        directory = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
        head = struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + directory + bytes(4)
        found.append(Image.open(io.BytesIO(head.ljust(110, b"\0") + data)))
    return found


# The page


@pytest.mark.parametrize("keys", [None, RING])
def test_all_codes_of_a_page_are_read_again(keys: KeyRing | None) -> None:
    assert read(draw_page(codes(BOOKINGS), keys), RING) == BOOKINGS


def test_a_sheet_is_a_pdf_in_a4_with_as_many_pages_as_it_takes(tmp_path: Path) -> None:
    bookings = [make_payload(f"Ann {'b' * n}", f"B-{n:02}", date(2026, 11, 20)) for n in range(A_PAGE + 1)]
    target = tmp_path / "new" / "sheet.pdf"
    assert write_sheet(codes(bookings), target, RING) == 2
    pdf = target.read_bytes()
    assert pdf.startswith(b"%PDF-")
    boxes = re.findall(rb"/MediaBox \[ ?([^\]]+?) ?\]", pdf)
    assert re.findall(rb"/Count (\d+)", pdf)[-1] == b"2"
    for box in boxes:
        assert [round(float(side) / 72 * 25.4) for side in box.split()] == [0, 0, 210, 297]
    first, second = pages_of(pdf)
    assert read(first, RING) + read(second, RING) == bookings
    assert len(pdf) < 300_000
    assert [each.name for each in target.parent.iterdir()] == ["sheet.pdf"]


def test_names_stand_under_their_codes() -> None:
    """Two names, the same otherwise: the pages differ below the code too, within the first field."""
    ann, zoe = (make_payload(name, "B-1", date(2026, 11, 20)) for name in ("Ann", "Zoë"))
    below = (slice(1400, 1520), slice(300, 1760))
    one, two, none = (
        np.asarray(page.convert("L"))[below]
        for page in (draw_page(codes([ann])), draw_page(codes([zoe])), draw_page([]))
    )
    assert (none == 255).all()
    assert (one == 0).sum() > 500
    assert (one != two).any()


def test_places_and_endings_are_refused_and_leave_nothing(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"written as \.pdf"):
        write_sheet(codes(BOOKINGS), tmp_path / "sheet.png")
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="can't write there"):
        write_sheet(codes(BOOKINGS), tmp_path / "file" / "sheet.pdf")
    with pytest.raises(BadInput, match="too many"):
        write_sheet(codes(BOOKINGS) * 1000, tmp_path / "sheet.pdf")
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_contact_is_in_a_sheets_codes_only_where_it_is_asked_for(tmp_path: Path) -> None:
    zoe = BOOKINGS[0]
    (plain,) = codes_in(gray(draw_page([SheetCode(zoe)])))
    (told,) = codes_in(gray(draw_page([SheetCode(zoe, CONTACT)])))
    assert parse_code(plain.text).besides.extras == Extras()
    assert parse_code(told.text).besides.extras == Extras(**CONTACT)
    assert parse_code(told.text).payload == zoe
    with pytest.raises(BadInput, match="a signed code holds no email"):
        write_sheet([SheetCode(zoe, CONTACT)], tmp_path / "sheet.pdf", RING)
