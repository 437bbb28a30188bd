"""Codes as pictures."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import cv2
import numpy as np
import pytest
from support.codes import codes_in

from stinercut.codes.making import BORDER, qr_code, qr_picture, write_picture
from stinercut.codes.payload import make_payload
from stinercut.errors import BadInput

PAYLOAD = make_payload("Łukasz Żółć", "B-1", date(2026, 5, 1))


def decoded(png: bytes) -> np.ndarray:
    picture = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    return np.asarray(picture)


def test_a_picture_holds_the_payload_with_its_quiet_zone() -> None:
    picture = decoded(qr_picture(PAYLOAD, scale=6))
    modules = qr_code(PAYLOAD).symbol_size(scale=1, border=0)[0]
    assert picture.shape == (6 * (modules + 2 * BORDER),) * 2
    assert (picture[: 6 * BORDER] == 255).all()
    assert [code.text for code in codes_in(picture)] == [PAYLOAD.text()]


def test_png_and_svg_by_suffix(tmp_path: Path) -> None:
    write_picture(PAYLOAD, tmp_path / "new" / "code.png")
    write_picture(PAYLOAD, tmp_path / "code.SVG")
    assert (tmp_path / "new" / "code.png").read_bytes() == qr_picture(PAYLOAD)
    assert (tmp_path / "code.SVG").read_text().startswith("<svg")


def test_other_suffixes_sizes_and_places_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"\.png or \.svg"):
        write_picture(PAYLOAD, tmp_path / "code.gif")
    with pytest.raises(BadInput, match="pixels per module"):
        qr_picture(PAYLOAD, scale=0)
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="can't write"):
        write_picture(PAYLOAD, tmp_path / "file" / "code.png")
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_the_longest_payload_fits() -> None:
    longest = make_payload("Ш" * 80, "B" * 32, date(2026, 5, 1), "T" * 32)
    assert [code.text for code in codes_in(decoded(qr_picture(longest, scale=4)))] == [longest.text()]
