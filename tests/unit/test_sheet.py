"""Sheets of codes: lists of bookings with everything that is wrong with them, and pages that are read again."""

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

from stinercut.errors import BadInput
from stinercut.identity.booking_list import BadRow, parse_bookings, read_bookings
from stinercut.identity.decoders import Gray
from stinercut.identity.payload import Payload, make_payload, parse_payload
from stinercut.identity.sheet import A_PAGE, draw_page, write_sheet
from stinercut.keyring import Key, KeyRing

RING = KeyRing((Key(1, b"\x01" * 32),))
HEAD = "passenger_name,booking_id,jump_date\n"
NAMES = ("Zoë Müller", "محمد عبد الله", "सिद्धार्थ", "Łukasz Żółć", "Nguyễn Thị Ánh", "Ελένη", "שרה כהן", "Ш" * 80)
BOOKINGS = [make_payload(name, f"B-{n}", date(2026, 11, 20)) for n, name in enumerate(NAMES)]


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


# The list


def test_a_list_as_programs_write_it(tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_bytes(
        "\ufeffBooking_ID;Price;passenger_name;jump_date;tandem_master_id\r\n"
        'B-1;199,00;"Müller; Zoë";2026-11-20;TM-1\r\n\r\n;;;;\r\nB-2;0; Zoe\u0308 ;2026-11-21;\r\n'.encode()
    )
    assert read_bookings(file) == [
        make_payload("Müller; Zoë", "B-1", date(2026, 11, 20), "TM-1"),
        make_payload("Zoë", "B-2", date(2026, 11, 21)),
    ]


def test_every_bad_row_is_named_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_text(
        HEAD + '"Two\nlines",B-1,2026-11-20\nAnn,B/2,2026-11-20\nAnn,B-3,20.11.2026\nAnn,B-4\n'
        "Ann,B-5,2026-11-20\n\nBob,B-5,2026-11-20\nAnn,B-6,20261120\n123,B-7,2026-11-20\n"
    )
    with pytest.raises(BadInput) as caught:
        read_bookings(file)
    said = str(caught.value)
    for words in (
        "line 2: the passenger's name holds the invisible character U+000A",
        "line 4: the booking must be 1 to 32",
        "line 5: the day of the jump, '20.11.2026', is no date",
        "line 6: 2 fields where the heading has 3",
        "line 9: booking B-5 on 2026-11-20 is in line 7 already",
        "line 10: the day of the jump",
        "line 11: the passenger's name holds no letter",
        "nothing of the list was taken",
    ):
        assert words in said
    assert said.count("line ") == 8


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "line 1: the heading lacks passenger_name, booking_id, jump_date"),
        (b"passenger_name,booking_id\nAnn,B\n", "the heading lacks jump_date"),
        (HEAD.replace("booking_id", "booking_id,booking_id").encode(), "names booking_id twice"),
        (HEAD.encode(), "no bookings"),
        (HEAD.encode() + b"Ann,B-1,2026-11-20\nZo\xeb,B-2,2026-11-20\n", "line 3: the text is not UTF-8"),
        (HEAD.encode() + b'Ann,B-1,2026-11-20\n"Zo', "no CSV"),
        (HEAD.encode() + b"Ann,B-1,2026-11-20\nA\x00nn,B-2,2026-11-20\n", "line 3"),
        (b"x" * 5_000_001, "larger than 5 MB"),
    ],
)
def test_what_is_no_list_is_refused(tmp_path: Path, data: bytes, words: str) -> None:
    (tmp_path / "list.csv").write_bytes(data)
    with pytest.raises(BadInput, match=re.escape(words)):
        read_bookings(tmp_path / "list.csv")


def test_no_list_at_all(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="can't be read"):
        read_bookings(tmp_path / "none.csv")
    assert parse_bookings("a,b\n") == (
        [],
        [BadRow(1, "the heading lacks passenger_name, booking_id, jump_date")],
    )


# The page


@pytest.mark.parametrize("keys", [None, RING])
def test_all_codes_of_a_page_are_read_again(keys: KeyRing | None) -> None:
    assert read(draw_page(BOOKINGS, keys), RING) == BOOKINGS


def test_a_sheet_is_a_pdf_in_a4_with_as_many_pages_as_it_takes(tmp_path: Path) -> None:
    bookings = [make_payload(f"Ann {'b' * n}", f"B-{n:02}", date(2026, 11, 20)) for n in range(A_PAGE + 1)]
    target = tmp_path / "new" / "sheet.pdf"
    assert write_sheet(bookings, target, RING) == 2
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
        np.asarray(page.convert("L"))[below] for page in (draw_page([ann]), draw_page([zoe]), draw_page([]))
    )
    assert (none == 255).all()
    assert (one == 0).sum() > 500
    assert (one != two).any()


def test_places_and_endings_are_refused_and_leave_nothing(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"written as \.pdf"):
        write_sheet(BOOKINGS, tmp_path / "sheet.png")
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="can't write there"):
        write_sheet(BOOKINGS, tmp_path / "file" / "sheet.pdf")
    with pytest.raises(BadInput, match="too many"):
        write_sheet(BOOKINGS * 1000, tmp_path / "sheet.pdf")
    assert [each.name for each in tmp_path.iterdir()] == ["file"]
