"""Signed codes: the form, its keys, and everything that is refused."""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from pathlib import Path

import cbor2
import cv2
import numpy as np
import pytest
import segno
from hypothesis import given
from hypothesis import strategies as st

from stinercut.codes import base45, signing
from stinercut.codes.making import qr_picture, write_picture
from stinercut.codes.payload import Payload, make_payload, parse_payload
from stinercut.codes.reader import read_file, read_film
from stinercut.codes.reading import Reason
from stinercut.errors import BadInput
from stinercut.keyring import NO_KEYS, Key, KeyRing
from stinercut.settings import Settings
from stinercut.synthetic.camera import CameraSettings, Picture, film

NEW, OLD = Key(2, bytes(range(32))), Key(1, b"\x11" * 16)
RING = KeyRing((NEW, OLD))
ZOE = make_payload("Zoë Müller", "BK-1042", date(2026, 11, 20))
LUKASZ = make_payload("Łukasz Żółć", "B-2", date(1969, 12, 31), "TM-1")
FOREIGN = (
    "oC15dTmNLeA",
    "mVr4p60",
    "!MBOOT=1",
    "https://example.org/x",
    "WIFI:S:zone;T:WPA;P:x;;",
    "BEGIN:VCARD\nFN:Zoë\nEND:VCARD",
    "BCD\n002\n1\nSCT\n\nDropzone\nDE89370400440532013000\nEUR10",
    "M1MUELLER/ZOE         EABC123 FRAJFKLH 0400 325Y012A0042 100",
    "HC1:NCFOXN%TS3DH3ZSUZK+.V0ETD%65NL-AH-R6IOO6+IDOEI 2L",
)
"""The kinds of foreign codes that a camera meets: its own commands, addresses, networks, contacts, payments, passes."""


def refused(text: str, keys: KeyRing = RING) -> str:
    with pytest.raises(BadInput) as caught:
        parse_payload(text, keys)
    return str(caught.value)


def sealed(body: bytes, key: Key = NEW) -> str:
    """A text whose signature is right, whatever its body is."""
    signed = bytes([key.number]) + body
    tag = hmac.digest(key.secret, b"SJ1:" + signed, "sha256")[:10]
    return "SJ1:" + base45.encode(signed + tag)


# Base45


@pytest.mark.parametrize(
    ("data", "text"),
    [(b"AB", "BB8"), (b"Hello!!", "%69 VD92EX0"), (b"base-45", "UJCLQE7W581"), (b"ietf!", "QED8WEX0"), (b"", "")],
)
def test_base45_as_the_rfc_shows_it(data: bytes, text: str) -> None:
    assert base45.encode(data) == text
    assert base45.decode(text) == data


@pytest.mark.parametrize("text", ["GGW", "::", "A", "BB8A", "bb8", "BB8é0", ":::"])
def test_what_no_bytes_encode_to_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        base45.decode(text)


@given(st.binary(max_size=60))
def test_base45_and_back(data: bytes) -> None:
    assert base45.decode(base45.encode(data)) == data


# The form


@pytest.mark.parametrize("payload", [ZOE, LUKASZ, make_payload("王小明", "7", date(2026, 5, 1), "a_b")])
def test_signed_and_back(payload: Payload) -> None:
    text = payload.signed_text(RING)
    assert signing.is_signed(text)
    assert set(text) <= set(base45.ALPHABET)
    assert parse_payload(text, RING) == payload


def test_keys_rotate() -> None:
    before, after, later = KeyRing((OLD,)), RING, KeyRing((NEW,))
    printed = ZOE.signed_text(before)
    assert parse_payload(printed, after) == ZOE
    assert ZOE.signed_text(after) != printed
    assert "key 1 signed it, and the keys known here are 2" in refused(printed, later)


def test_a_signed_code_is_refused_where_there_are_no_keys() -> None:
    assert "STINERCUT_QR_KEYS is not set" in refused(ZOE.signed_text(RING), NO_KEYS)
    with pytest.raises(BadInput, match="no key to sign"):
        ZOE.signed_text(NO_KEYS)


def test_unsigned_codes_can_be_refused() -> None:
    strict = KeyRing((NEW,), only_signed=True)
    assert parse_payload(ZOE.signed_text(strict), strict) == ZOE
    assert "only signed ones are accepted" in refused(ZOE.text(), strict)
    assert parse_payload(ZOE.text(), RING) == ZOE


@pytest.mark.parametrize("payload", [ZOE, LUKASZ, make_payload("محمد", "B", date(2026, 1, 1))])
def test_every_flipped_bit_is_refused(payload: Payload) -> None:
    """Every bit of key number, body and tag, and every bit of every character."""
    text = payload.signed_text(RING)
    data = base45.decode(text.removeprefix("SJ1:"))
    for bit in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        assert "signed code that can't be taken" in refused("SJ1:" + base45.encode(bytes(flipped)))
    for place, char in enumerate(text):
        for bit in range(7):
            assert refused(text[:place] + chr(ord(char) ^ 1 << bit) + text[place + 1 :])


def test_a_text_that_is_cut_or_longer_is_refused() -> None:
    text = ZOE.signed_text(RING)
    for length in range(len(text)):
        assert refused(text[:length])
    for more in ("0", "00", "000", " ", "\n"):
        assert refused(text + more)
    assert "longer than any" in refused("SJ1:" + "0" * 4000)


def test_forged_signatures_are_refused() -> None:
    stranger = KeyRing((Key(2, b"\x22" * 32),))
    assert "signature is wrong" in refused(ZOE.signed_text(stranger))
    data = base45.decode(ZOE.signed_text(RING)[4:])
    # Another name under the tag of this one; no tag; a tag of another form.
    other = bytes([2]) + cbor2.dumps(["Someone Else", "BK-1042", 20777])
    assert "signature is wrong" in refused("SJ1:" + base45.encode(other + data[-10:]))
    assert "signature is wrong" in refused("SJ1:" + base45.encode(other + bytes(10)))
    unprefixed = hmac.digest(NEW.secret, other, "sha256")[:10]
    assert "signature is wrong" in refused("SJ1:" + base45.encode(other + unprefixed))


@pytest.mark.parametrize(
    "body",
    [
        b"\xff",
        b"\x83",
        b"\x9f\xff",
        b"\x9b" + b"\xff" * 8,
        b"\x81" * 900,
        cbor2.dumps({"name": "Zoë"}),
        cbor2.dumps(["Zoë", "B"]),
        cbor2.dumps(["Zoë", "B", 20777, "T", "more"]),
        cbor2.dumps(["Zoë", "B", "2026-01-01"]),
        cbor2.dumps(["Zoë", "B", True]),
        cbor2.dumps(["Zoë", "B", 20777.0]),
        cbor2.dumps(["Zoë", "B", 10**30]),
        cbor2.dumps(["Zoë", "B", 10**9]),
        cbor2.dumps(["Zoë", "B", 20777]) + b"\x00",
        b"\x9f" + cbor2.dumps(["Zoë", "B", 20777])[1:] + b"\xff",
    ],
)
def test_nonsense_with_a_right_signature_is_refused(body: bytes) -> None:
    assert "signed code that can't be taken" in refused(sealed(body))


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ([b"Zo\xc3\xab", "B", 20777], "the passenger's name"),
        (["Zoe\u0308", "B", 20777], "normal form"),
        (["Zoë", "a/b", 20777], "the booking must"),
        (["Zoë", 7, 20777], "the booking must"),
        (["Zoë", "B", 20777, "a b"], "the tandem master's id"),
        (["x" * 81, "B", 20777], "the passenger's name"),
    ],
)
def test_the_schema_holds_under_a_signature_too(fields: list[object], word: str) -> None:
    assert word in refused(sealed(cbor2.dumps(fields)))


@pytest.mark.parametrize("keys", [NO_KEYS, RING, KeyRing((NEW,), only_signed=True)])
@pytest.mark.parametrize("text", FOREIGN)
def test_foreign_codes_are_no_identity(text: str, keys: KeyRing) -> None:
    assert "not one of ours" in refused(text, keys)


@pytest.mark.parametrize("text", FOREIGN)
def test_foreign_codes_are_refused_as_they_are_filmed(text: str, tmp_path: Path) -> None:
    """With the raw text for the person who wonders what the camera saw."""
    segno.make(text, micro=False, error="m", encoding="utf-8").save(str(tmp_path / "code.png"), scale=8, border=4)
    reading = read_file(tmp_path / "code.png", RING)
    assert (reading.payload, reading.reason, reading.raw) == (None, Reason.INVALID_QR, text)
    assert "not one of ours" in reading.words


@given(st.text())
def test_any_text_behind_the_prefix_is_refused_and_never_crashes(text: str) -> None:
    assert refused("SJ1:" + text)


@given(st.binary(min_size=1, max_size=40))
def test_any_body_under_a_right_signature_is_a_payload_or_refused(body: bytes) -> None:
    try:
        payload = parse_payload(sealed(body), RING)
    except BadInput:
        return
    assert payload.signed_text(RING) == sealed(body)


# The reader


def test_a_signed_picture_is_read_in_one_look(tmp_path: Path) -> None:
    write_picture(ZOE, tmp_path / "signed.png", keys=RING)
    reading = read_file(tmp_path / "signed.png", RING)
    assert (reading.payload, reading.signed, reading.decoder) == (ZOE, True, "zxing-cpp")


def test_a_picture_with_a_stranger_signature_gives_nobody(tmp_path: Path) -> None:
    write_picture(ZOE, tmp_path / "forged.png", keys=KeyRing((Key(2, b"\x22" * 32),)))
    reading = read_file(tmp_path / "forged.png", RING)
    assert reading.reason is Reason.INVALID_QR
    assert "signature is wrong" in reading.words
    assert reading.hides_identity


def film_of(pictures: list[bytes | None], target: Path) -> Path:
    """A film with one frame a picture, 4 a second; None: nothing to see."""
    shot = CameraSettings(seconds=len(pictures) / 4, size=(480, 270), seed=1, fps=Fraction(4))

    def frames() -> Iterator[Picture]:
        for png in pictures:
            frame = np.full((270, 480, 3), 90, np.uint8)
            if png is not None:
                code = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
                frame[10:250, 100:340] = cv2.resize(code, (240, 240), interpolation=cv2.INTER_AREA)
            yield frame

    film(frames(), (480, 270), shot, target)
    return target


def test_a_signed_code_in_one_frame_of_a_film_is_enough(tmp_path: Path) -> None:
    nothing: list[bytes | None] = [None] * 4
    once = film_of([*nothing, qr_picture(ZOE, 4, RING), *nothing], tmp_path / "once.mp4")
    reading = read_film(once, RING)
    assert (reading.payload, reading.signed, reading.raw) == (ZOE, True, ZOE.signed_text(RING))
    assert read_film(once).reason is Reason.INVALID_QR
    unsigned = film_of([*nothing, qr_picture(ZOE, 4), *nothing], tmp_path / "unsigned.mp4")
    assert read_film(unsigned, RING).reason is Reason.NOT_CONFIRMED


def test_a_forged_code_spoils_a_film_and_two_passengers_too(tmp_path: Path) -> None:
    stranger = KeyRing((Key(2, b"\x22" * 32),))
    genuine, unsigned = qr_picture(ZOE, 4, RING), qr_picture(ZOE, 4)
    forged = film_of([unsigned] * 4 + [qr_picture(LUKASZ, 4, stranger)] * 4, tmp_path / "forged.mp4")
    reading = read_film(forged, RING)
    assert (reading.payload, reading.reason) == (None, Reason.INVALID_QR)
    assert "signature is wrong" in reading.words
    assert reading.raw == LUKASZ.signed_text(stranger)
    two = film_of([genuine] * 4 + [qr_picture(LUKASZ, 4)] * 4, tmp_path / "two.mp4")
    assert read_film(two, RING).reason is Reason.TWO_PAYLOADS
    both_forms = film_of([genuine] * 2 + [unsigned] * 2, tmp_path / "both.mp4")
    assert read_film(both_forms, RING).payload == ZOE
    strict = KeyRing(RING.keys, only_signed=True)
    unsigned_only = film_of([unsigned] * 4, tmp_path / "unsigned.mp4")
    assert "only signed ones are accepted" in read_film(unsigned_only, strict).words


# Keys


def test_keys_from_the_settings() -> None:
    settings = Settings.model_validate({"qr_keys": f"2:{NEW.secret.hex()}, 1:{OLD.secret.hex().upper()}"})
    assert settings.key_ring == RING
    assert Settings.model_validate({"qr_keys": " "}).key_ring == NO_KEYS
    again = Settings.model_validate(
        {name.removeprefix("STINERCUT_").lower(): value for name, value in settings.environment().items()}
    )
    assert again.key_ring == RING


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("deadbeef" * 8, "number:hex"),
        ("1:" + "ab" * 15, "30 hex digits"),
        ("1:" + "ab" * 65, "130 hex digits"),
        ("1:" + "a" * 33, "33 hex digits"),
        ("256:" + "ab" * 16, "256"),
        ("1:" + "ab" * 16 + ",1:" + "cd" * 16, "twice"),
        ("1:" + "ab" * 16 + ",", "number:hex"),
        ("1:" + "xy" * 16, "number:hex"),
    ],
)
def test_keys_that_are_none_are_refused_and_never_said(text: str, word: str) -> None:
    with pytest.raises(BadInput) as caught:
        KeyRing.parse(text)
    assert word in str(caught.value)
    assert "abab" not in str(caught.value)
    assert "deadbeef" not in str(caught.value)


def test_a_ring_shows_no_secrets_and_demands_keys_where_it_demands_signatures() -> None:
    assert NEW.secret.hex() not in repr(RING)
    assert repr(NEW.secret) not in repr(RING)
    with pytest.raises(BadInput, match="no keys"):
        Settings.model_validate({"qr_require_signed": True}).key_ring  # noqa: B018
