"""Two decoders, and one of them in a child process that may die."""

from __future__ import annotations

import io
import os
import signal
import sys
import time
from datetime import date

import cv2
import numpy as np
import pytest
import segno
import zxingcpp

from stinercut.identity.decoders import Gray, Zbar, ZbarLost, to_code, zxing
from stinercut.identity.payload import make_payload
from stinercut.synthetic.card import PASSENGERS

FULL_JSON = '{{"v":1,"passenger_name":"{}","booking_id":"B-1","jump_date":"2026-05-01"}}'


def picture_of(code: segno.QRCode, scale: int = 5) -> Gray:
    out = io.BytesIO()
    code.save(out, kind="png", scale=scale, border=4)
    picture = cv2.imdecode(np.frombuffer(out.getvalue(), np.uint8), cv2.IMREAD_GRAYSCALE)
    return np.asarray(picture, np.uint8)


def test_raw_utf8_comes_back_unchanged_from_both() -> None:
    """Plain pyzbar changes 9 of 20 names here, inside JSON that stays valid."""
    with Zbar() as zbar:
        for name in PASSENGERS:
            text = FULL_JSON.format(name)
            for eci in (False, True):
                picture = picture_of(segno.make(text, error="m", micro=False, encoding="utf-8", eci=eci))
                assert [code.text for code in zxing(picture).codes] == [text]
                assert [code.text for code in zbar.look(picture).codes] == [text]


def test_bytes_that_are_no_utf8_are_not_exact() -> None:
    assert not to_code("Müller".encode("latin-1"), "x").exact
    code = zxing(picture_of(segno.make("Müller-Lüdenscheidt", encoding="latin-1"))).codes[0]
    assert not code.exact
    assert code.text == "M\\xfcller-L\\xfcdenscheidt"


def test_all_codes_of_a_picture_and_only_qr() -> None:
    one, two = (picture_of(segno.make(text, micro=False, version=3)) for text in ("one", "two"))
    both = np.hstack([one, two])
    assert {code.text for code in zxing(both).codes} == {"one", "two"}
    with Zbar() as zbar:
        assert {code.text for code in zbar.look(both).codes} == {"one", "two"}
    matrix = np.array(zxingcpp.create_barcode("one", zxingcpp.BarcodeFormat.DataMatrix).to_image(scale=5))
    assert zxingcpp.read_barcodes(matrix)[0].text == "one"
    assert zxing(matrix).codes == ()


def test_rotated_and_inverted_codes_are_read() -> None:
    payload = make_payload("Zoë", "B1", date(2026, 5, 1))
    picture = picture_of(segno.make(payload.text(), error="m"))
    assert zxing(np.rot90(picture)).codes[0].text == payload.text()
    assert zxing(np.asarray(255 - picture, np.uint8)).codes[0].text == payload.text()


def test_a_code_that_cannot_be_decoded_leaves_a_trace() -> None:
    picture = picture_of(segno.make("x" * 60, error="l", micro=False))
    third = picture.shape[0] // 3
    picture = picture.copy()
    picture[third : 2 * third, third : 2 * third] = 255
    look = zxing(picture)
    assert look.codes == ()
    assert look.damaged


def test_nothing_in_noise_or_nothing() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (240, 320), dtype=np.uint8)
    with Zbar() as zbar:
        for picture in (noise, np.zeros((240, 320), np.uint8), np.full((2, 2), 255, np.uint8)):
            assert not zxing(picture).codes
            assert not zxing(picture).damaged
            assert not zbar.look(picture).codes


@pytest.mark.parametrize(
    "program",
    [
        "import os; os.abort()",
        "import sys; sys.stdin.buffer.read(8); import os; os.abort()",
        "import sys; sys.stdout.buffer.write(b'\\x01\\0\\0\\0\\x09\\0\\0\\0abc')",
        "raise SystemExit(3)",
    ],
)
def test_a_child_that_dies_costs_only_itself(program: str) -> None:
    picture = np.zeros((720, 1280), np.uint8)
    with Zbar(command=(sys.executable, "-c", program)) as zbar:
        with pytest.raises(ZbarLost, match="left out"):
            zbar.look(picture)
        with pytest.raises(ZbarLost, match="left out"):
            zbar.look(picture)


def test_a_child_that_hangs_is_ended_in_time() -> None:
    began = time.monotonic()
    with (
        Zbar(command=(sys.executable, "-c", "import time; time.sleep(60)"), timeout=0.3) as zbar,
        pytest.raises(ZbarLost, match="-9"),
    ):
        zbar.look(np.zeros((720, 1280), np.uint8))
    assert time.monotonic() - began < 10


def test_a_program_that_is_not_there_is_said() -> None:
    with Zbar(command=("/nowhere/zbar",)) as zbar, pytest.raises(ZbarLost, match="could not be started"):
        zbar.look(np.zeros((2, 2), np.uint8))


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_the_real_child_killed_between_two_pictures() -> None:
    picture = picture_of(segno.make("hello", micro=False))
    with Zbar() as zbar:
        assert zbar.look(picture).codes[0].text == "hello"
        assert zbar.look(picture).codes[0].decoder == "zbar"
        child = zbar.process_id
        assert child is not None
        os.kill(child, signal.SIGKILL)
        with pytest.raises(ZbarLost, match="-9"):
            zbar.look(picture)
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)
