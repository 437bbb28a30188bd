"""Never the wrong name: names over the world's scripts, through both forms of code and back."""

from __future__ import annotations

import runpy
import unicodedata
from datetime import date, timedelta

import cv2
import numpy as np
import pytest
from support.codes import codes_in
from support.repository import REPOSITORY

from stinercut.codes.making import qr_picture
from stinercut.codes.payload import Payload, make_payload, parse_payload
from stinercut.errors import BadInput
from stinercut.keyring import Key, KeyRing
from stinercut.synthetic.names import SCRIPTS, random_names

RING = KeyRing((Key(1, b"\x01" * 32), Key(2, b"\x02" * 32)))


def payloads(seed: int, count: int) -> list[Payload]:
    day = date(2020, 1, 1)
    names = [name for _, name in random_names(seed, count)]
    return [
        make_payload(name, f"B-{number}", day + timedelta(days=number % 4000), f"TM-{number}" if number % 3 else None)
        for number, name in enumerate(names)
    ]


def test_the_names_are_as_hard_as_they_should_be() -> None:
    names = list(random_names(1, 10_000))
    together = "".join(name for _, name in names)
    assert {script for script, _ in names} == set(SCRIPTS)
    assert len({name for _, name in names}) > 9_000
    assert {"\u200c", "\u200d"} <= set(together)
    assert any(ord(char) > 0xFFFF for char in together)
    assert sum(unicodedata.category(char)[0] == "M" for char in together) > 5_000
    assert {"L", "R", "AL", "NSM"} <= {unicodedata.bidirectional(char) for char in together}


def test_ten_thousand_names_through_both_forms() -> None:
    texts: set[str] = set()
    for payload in payloads(1, 10_000):
        for text in (payload.text(), payload.signed_text(RING)):
            assert text.isascii()
            assert parse_payload(text, RING) == payload
            texts.add(text)
    assert len(texts) == 20_000


@pytest.mark.parametrize("keys", [None, RING])
def test_a_sample_through_pictures(keys: KeyRing | None) -> None:
    """Two names of each script; `bench/names.py` does it with all 10,000."""
    for payload in payloads(2, 2 * len(SCRIPTS)):
        picture = cv2.imdecode(np.frombuffer(qr_picture(payload, 4, keys), np.uint8), cv2.IMREAD_GRAYSCALE)
        assert picture is not None
        (code,) = codes_in(np.asarray(picture))
        assert code.exact
        assert parse_payload(code.text, RING) == payload


def test_one_name_under_the_signature_of_another_is_refused() -> None:
    """Each of a hundred signed codes with every other's last characters, where the signature is."""
    texts = [payload.signed_text(RING) for payload in payloads(3, 100)]
    for one in texts[:10]:
        for other in texts:
            if one != other:
                with pytest.raises(BadInput):
                    parse_payload(one[:-15] + other[-15:], RING)


def test_the_bench_says_that_nothing_was_wrong() -> None:
    bench = runpy.run_path(str(REPOSITORY / "bench" / "names.py"), run_name="bench_names")
    for result in bench["measure"](40):
        assert (result.read, result.wrong, result.unread) == (40, 0, 0)
    for result in bench["measure_films"](2):
        assert (result.read, result.wrong, result.unread) == (2, 0, 0)
