"""Two decoders, each in a child process that may die."""

from __future__ import annotations

import io
import os
import signal
import struct
import subprocess
import sys
from datetime import date
from pathlib import Path

import cv2
import numpy as np
import pytest
import segno
import zxingcpp
from support import decoders as ends
from support.decoders import failing, failing_command, failing_once, impatient

from stinercut.codes.decoders import PACKAGES, ZBAR, ZXING, Decoder, DecoderLost, Decoders, Gray, command_of, to_code
from stinercut.codes.payload import make_payload
from stinercut.language.messages import worded
from stinercut.synthetic.card import PASSENGERS

FULL_JSON = '{{"v":1,"passenger_name":"{}","booking_id":"B-1","jump_date":"2026-05-01"}}'
BLACK = np.zeros((720, 1280), np.uint8)


def picture_of(code: segno.QRCode, scale: int = 5) -> Gray:
    out = io.BytesIO()
    code.save(out, kind="png", scale=scale, border=4)
    picture = cv2.imdecode(np.frombuffer(out.getvalue(), np.uint8), cv2.IMREAD_GRAYSCALE)
    return np.asarray(picture, np.uint8)


def said_of(decoder: Decoder) -> str:
    assert decoder.obituary is not None
    return worded(decoder.obituary)


HELLO = picture_of(segno.make("hello", micro=False))


def test_raw_utf8_comes_back_unchanged_from_both() -> None:
    """Plain pyzbar changes 9 of 20 names here, inside JSON that stays valid."""
    with Decoder(ZXING) as zxing, Decoder(ZBAR) as zbar:
        for name in PASSENGERS:
            text = FULL_JSON.format(name)
            for eci in (False, True):
                picture = picture_of(segno.make(text, error="m", micro=False, encoding="utf-8", eci=eci))
                for decoder in (zxing, zbar):
                    assert [code.text for code in decoder.look(picture).codes] == [text]


def test_bytes_that_are_no_utf8_are_not_exact() -> None:
    assert not to_code("Müller".encode("latin-1"), "x").exact
    with Decoder(ZXING) as zxing:
        (code,) = zxing.look(picture_of(segno.make("Müller-Lüdenscheidt", encoding="latin-1"))).codes
    assert not code.exact
    assert code.text == "M\\xfcller-L\\xfcdenscheidt"


def test_all_codes_of_a_picture_and_only_qr() -> None:
    one, two = (picture_of(segno.make(text, micro=False, version=3)) for text in ("one", "two"))
    both = np.hstack([one, two])
    matrix = np.array(zxingcpp.create_barcode("one", zxingcpp.BarcodeFormat.DataMatrix).to_image(scale=5))
    assert zxingcpp.read_barcodes(matrix)[0].text == "one"
    with Decoder(ZXING) as zxing:
        places = {code.text: code.corners for code in zxing.look(both).codes}
    assert max(places["one"][::2]) < one.shape[1] < min(places["two"][::2])
    for name in (ZXING, ZBAR):
        with Decoder(name) as decoder:
            assert {code.text for code in decoder.look(both).codes} == {"one", "two"}
            assert decoder.look(matrix).codes == ()


def test_rotated_and_inverted_codes_and_parts_of_pictures_are_read() -> None:
    payload = make_payload("Zoë", "B1", date(2026, 5, 1))
    picture = picture_of(segno.make(payload.text(), error="m"))
    around = np.full((picture.shape[0] + 40, picture.shape[1] + 60), 128, np.uint8)
    around[20:-20, 30:-30] = picture
    with Decoder(ZXING) as zxing:
        for turned in (np.rot90(picture), np.asarray(255 - picture, np.uint8), around[20:-20, 30:-30]):
            assert zxing.look(turned).codes[0].text == payload.text()


def test_a_code_that_cannot_be_decoded_leaves_a_trace() -> None:
    picture = picture_of(segno.make("x" * 60, error="l", micro=False))
    third = picture.shape[0] // 3
    picture = picture.copy()
    picture[third : 2 * third, third : 2 * third] = 255
    with Decoder(ZXING) as zxing:
        look = zxing.look(picture)
    assert look.codes == ()
    assert look.damaged
    assert look.undecoded, "it says where the code lies"
    middle = np.array(look.undecoded[0]).reshape(4, 2).mean(axis=0)
    assert np.abs(middle - picture.shape[0] / 2).max() < 0.1 * picture.shape[0]


def test_nothing_in_noise_or_nothing() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (240, 320), dtype=np.uint8)
    for name in (ZXING, ZBAR):
        with Decoder(name) as decoder:
            for picture in (noise, np.zeros((240, 320), np.uint8), np.full((2, 2), 255, np.uint8)):
                look = decoder.look(picture)
                assert not look.codes
                assert not look.damaged


def test_in_a_flat_picture_only_codes_with_enough_check_bytes_are_looked_for() -> None:
    """A micro code has two, so one of many tries would read something into noise."""
    micro = picture_of(segno.make("12345", micro=True))
    with Decoder(ZXING) as zxing:
        assert zxing.look(micro).codes[0].text == "12345"
        assert zxing.look(micro, flat=True).codes == ()
        assert zxing.look(HELLO, flat=True).codes[0].text == "hello"


# Ends before their time


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("name", [ZXING, ZBAR])
@pytest.mark.parametrize(
    ("end", "words"),
    [
        (ends.SEGFAULT, "ended by SIGSEGV"),
        (ends.ABORT, "ended by SIGABRT"),
        (ends.KILLED, "ended by SIGKILL"),
        (ends.EXIT, "ended with exit status 3"),
    ],
)
def test_a_decoder_that_dies_over_a_picture_costs_that_picture_only(name: str, end: str, words: str) -> None:
    with failing(name, end, "width > 1000") as decoder:
        assert decoder.look(HELLO).codes[0].text == "hello"
        with pytest.raises(DecoderLost, match=words):
            decoder.look(BLACK)
        assert decoder.look(HELLO).codes[0].text == "hello"
        assert said_of(decoder) == f"the decoder {name} {words} and was started again"
        assert not decoder.is_left_out


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("end", [ends.STOPPED, ends.ENDLESS])
@pytest.mark.parametrize("name", [ZXING, ZBAR])
def test_a_decoder_that_hangs_over_a_picture_is_ended_in_time(name: str, end: str) -> None:
    with failing(name, end, "width > 1000") as decoder:
        assert decoder.look(HELLO).codes[0].text == "hello"
        with impatient(decoder), pytest.raises(DecoderLost, match=r"took longer than 0\.8 s for one picture"):
            decoder.look(BLACK)
        assert decoder.look(HELLO).codes[0].text == "hello"


def test_a_decoder_lost_again_and_again_is_left_out() -> None:
    with failing(ZXING, ends.EXIT) as decoder:
        for _ in range(3):
            assert not decoder.is_left_out
            with pytest.raises(DecoderLost):
                decoder.look(HELLO)
        assert decoder.is_left_out
        with pytest.raises(DecoderLost, match="left out from then on"):
            decoder.look(HELLO)
        assert decoder.process_id is None


@pytest.mark.parametrize(
    "program",
    [
        "print('no answer of ours')",
        "import sys; sys.stdout.buffer.write(b'\\0\\1\\0\\0\\0\\xff\\xff\\xff\\xff' + b'x' * 99)",
    ],
)
def test_an_answer_that_is_none(program: str) -> None:
    with Decoder(ZXING, (sys.executable, "-c", program)) as decoder, pytest.raises(DecoderLost, match="ended"):
        decoder.look(BLACK)


def test_a_program_that_is_not_there_is_said() -> None:
    with Decoder(ZBAR, ("/nowhere/zbar",)) as zbar, pytest.raises(DecoderLost, match="could not be started"):
        zbar.look(np.zeros((2, 2), np.uint8))


def test_a_package_that_is_not_installed_is_an_error_of_the_installation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PACKAGES, ZXING, "zxingcpp_that_is_nowhere")
    with pytest.raises(ModuleNotFoundError, match="zxingcpp"):
        command_of(ZXING)


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("name", [ZXING, ZBAR])
def test_a_child_killed_from_outside_is_started_again_and_nothing_is_lost(name: str, tmp_path: Path) -> None:
    with Decoder(name) as decoder:
        assert decoder.look(HELLO).codes[0].decoder == name
        child = decoder.process_id
        assert child is not None
        os.kill(child, signal.SIGKILL)
        assert decoder.look(HELLO).codes[0].text == "hello"
        assert "ended by SIGKILL and was started again" in said_of(decoder)
        second = decoder.process_id
        assert second is not None
    for gone in (child, second):
        with pytest.raises(ProcessLookupError):
            os.kill(gone, 0)
    with failing_once(name, ends.KILLED, tmp_path / "killed") as decoder:
        assert [decoder.look(HELLO).codes[0].text for _ in range(3)] == ["hello"] * 3
        assert (decoder.losses, (tmp_path / "killed").exists()) == (0, True)


@pytest.mark.parametrize("name", [ZXING, ZBAR])
def test_a_child_that_hangs_when_nobody_guards_it_any_more_ends_itself(name: str) -> None:
    command = failing_command(name, ends.ENDLESS, orphan_seconds=1)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
        assert child.stdin is not None
        child.stdin.write(struct.pack("<II", 4, 4) + bytes(16))
        child.stdin.flush()
        assert child.wait(timeout=120) == 1


# One stands in for the other


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("end", [ends.SEGFAULT, ends.STOPPED])
def test_zbar_stands_in_where_zxing_is_lost_and_it_is_said(end: str) -> None:
    zxing = failing(ZXING, end, "answer[0]")
    with Decoders(zxing) as both:
        with impatient(zxing):
            look = both.look(HELLO)
        assert [(code.text, code.decoder) for code in look.codes] == [("hello", ZBAR)]
        assert look.missed
        assert not both.look(BLACK).missed
        assert both.lost == (ZXING,)
        assert ZXING in worded(both.obituaries[0])


@pytest.mark.parametrize("end", [ends.ABORT, ends.EXIT])
def test_zxing_goes_on_where_zbar_is_lost(end: str) -> None:
    with Decoders(second=failing(ZBAR, end)) as both:
        assert both.second_look(HELLO).codes == ()
        assert [(code.text, code.decoder) for code in both.look(HELLO).codes] == [("hello", ZXING)]
        assert both.lost == (ZBAR,)


def test_nothing_is_raised_when_both_are_lost() -> None:
    def broken(name: str) -> Decoder:
        return Decoder(name, ("/nowhere",))

    with Decoders(broken(ZXING), broken(ZBAR)) as both:
        for _ in range(5):
            assert both.look(HELLO).missed
        assert both.lost == (ZXING, ZBAR)
        assert not both.has_second
