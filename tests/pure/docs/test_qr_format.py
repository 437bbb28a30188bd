"""What docs/qr-format.md promises those who print codes, checked: its examples, sizes and test vectors."""

from __future__ import annotations

import hmac
import json
import re
from datetime import date
from typing import Any

import cbor2
import pytest
import segno
from support.repository import REPOSITORY

from stinercut.codes import base45
from stinercut.codes.making import qr_code
from stinercut.codes.payload import parse_payload
from stinercut.keyring import Key, KeyRing

PAGE = (REPOSITORY / "docs" / "qr-format.md").read_text()
KEYS = {7: Key(7, bytes(range(32))), 3: Key(3, bytes(range(0xFF, 0xDF, -1)))}
VECTORS = re.findall(
    r"### (.+)\n\n```json\n(.+)\n```\n\n.*\n.*\n\| key \| (\d+) \|\n\| body \| `(.+)` \|\n\| tag \| `(.+)` \|\n"
    r"\| text \| `(.+)` \|",
    PAGE,
)


def test_the_page_has_vectors() -> None:
    assert len(VECTORS) == PAGE.count("### ") - 1 == 4
    assert {int(vector[2]) for vector in VECTORS} == {3, 7}


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector[0])
def test_a_vector_is_what_we_write_and_read(vector: tuple[str, ...]) -> None:
    name, as_json, number, _, _, text = vector
    key = KEYS[int(number)]
    payload = parse_payload(as_json)
    assert payload.passenger_name == name
    assert payload.text() == as_json
    assert payload.signed_text(KeyRing((key,))) == text
    assert parse_payload(text, KeyRing(tuple(KEYS.values()))) == payload


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector[0])
def test_a_vector_follows_from_the_page_alone(vector: tuple[str, ...]) -> None:
    """Made as a stranger would who has only the page: no code of ours but base45, which has the RFC's own vectors."""
    _, as_json, number, body, tag, text = vector
    said: dict[str, Any] = json.loads(as_json)
    day = (date.fromisoformat(said["jump_date"]) - date(1970, 1, 1)).days
    items = [said["passenger_name"], said["booking_id"], day, said.get("tandem_master_id")]
    assert cbor2.loads(bytes.fromhex(body)) == [item for item in items if item is not None]
    signed = bytes([int(number)]) + bytes.fromhex(body)
    whole = hmac.new(KEYS[int(number)].secret, b"SJ1:" + signed, "sha256").digest()
    assert whole[:10].hex() == tag
    assert text == "SJ1:" + base45.encode(signed + whole[:10])
    assert segno.make_qr(text).mode == "alphanumeric"


def test_the_sizes_that_the_page_names() -> None:
    payload = parse_payload(VECTORS[0][1])
    sides = [len(qr_code(payload, keys).matrix) for keys in (None, KeyRing((KEYS[7],)))]
    assert f"{sides[0]} as JSON, {sides[1]} signed" in PAGE
    assert (payload.jump_date - date(1970, 1, 1)).days == 20777
