"""What counts as an identity, and what doesn't."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stinercut.errors import BadInput
from stinercut.identity.payload import make_payload, parse_payload

GOOD: dict[str, Any] = {
    "v": 1,
    "passenger_name": "Zoë Müller",
    "booking_id": "B-17_x",
    "jump_date": "2026-05-01",
    "tandem_master_id": "TM-1",
}


def refused(fields: object) -> str:
    with pytest.raises(BadInput) as caught:
        parse_payload(fields if isinstance(fields, str) else json.dumps(fields))
    return str(caught.value)


def test_a_good_text_is_an_identity() -> None:
    payload = parse_payload(json.dumps(GOOD))
    assert payload.passenger_name == "Zoë Müller"
    assert payload.jump_key == "2026-05-01_B-17_x"
    assert (
        parse_payload(json.dumps({k: v for k, v in GOOD.items() if k != "tandem_master_id"})).tandem_master_id is None
    )


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"v": 2}, "the version must be the number 1"),
        ({"v": True}, "the version must be the number 1"),
        ({"v": 1.0}, "the version must be the number 1"),
        ({"v": "1"}, "the version must be the number 1"),
        ({"extra": 1}, "the field extra is not known here"),
        ({"passenger_name": ""}, "the passenger's name must be 1 to 80 characters"),
        ({"passenger_name": "x" * 81}, "the passenger's name must be 1 to 80 characters"),
        ({"passenger_name": 7}, "the passenger's name must be a text"),
        ({"passenger_name": "Zoe\u0308"}, "normal form"),
        ({"passenger_name": " Zoë"}, "space"),
        ({"passenger_name": "Zo\ufffd"}, "damaged"),
        ({"passenger_name": "Zo\x07"}, "U+0007"),
        ({"passenger_name": "Zo\u202e"}, "U+202E"),
        ({"passenger_name": "\u3164"}, "U+3164"),
        ({"passenger_name": "123"}, "letter"),
        ({"booking_id": "a/b"}, "the booking must be 1 to 32 letters A-Z"),
        ({"booking_id": "a\n"}, "letters A-Z"),
        ({"booking_id": "-a"}, "letters A-Z"),
        ({"booking_id": "unidentified-card-1"}, "unidentified"),
        ({"booking_id": "Unidentified"}, "unidentified"),
        ({"jump_date": "2026-02-30"}, "the day of the jump is no day of the calendar"),
        ({"jump_date": "2026-5-1"}, "YYYY-MM-DD"),
        ({"jump_date": "2026-05-01\n"}, "YYYY-MM-DD"),
        ({"jump_date": "٢٠٢٦-٠٥-٠١"}, "YYYY-MM-DD"),
        ({"jump_date": 20260501}, "the day of the jump must be written YYYY-MM-DD"),
        ({"tandem_master_id": "a b"}, "the tandem master's id must be 1 to 32"),
    ],
)
def test_one_wrong_field_refuses_the_whole(change: dict[str, Any], word: str) -> None:
    assert word in refused({**GOOD, **change})


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("v", "not one of ours"),
        ("passenger_name", "the passenger's name is missing"),
        ("booking_id", "the booking is missing"),
        ("jump_date", "the day of the jump is missing"),
    ],
)
def test_a_missing_field_is_named_or_makes_it_foreign(field: str, words: str) -> None:
    assert words in refused({name: value for name, value in GOOD.items() if name != field})


@pytest.mark.parametrize(
    "text",
    [
        "oC15dTmNLeA",
        "mVr4p60",
        "!MBOOT=1",
        "https://example.org/x",
        "WIFI:S:zone;T:WPA;P:x;;",
        "BEGIN:VCARD\nFN:Zoë\nEND:VCARD",
        "",
        "null",
        "[]",
        "1",
        "{}",
        "[" * 100_000,
        '{"v":NaN}',
        '{"v":' + "1" * 5000 + "}",
    ],
)
def test_a_foreign_code_is_no_identity(text: str) -> None:
    assert "not one of ours" in refused(text)


def test_a_field_given_twice_is_refused() -> None:
    assert "twice" in refused(json.dumps(GOOD)[:-1] + ', "passenger_name": "Somebody Else"}')


def test_what_a_person_typed_is_brought_into_form() -> None:
    payload = make_payload("  Zoe\u0308 ", " B1 ", date(2026, 5, 1))
    assert (payload.passenger_name, payload.booking_id) == ("Zo\u00eb", "B1")
    with pytest.raises(BadInput, match="letters A-Z"):
        make_payload("Zoë", "B 1", date(2026, 5, 1))


@given(st.text(max_size=90), st.dates(min_value=date(1900, 1, 1)))
def test_text_and_back_changes_nothing_and_is_ascii(name: str, on: date) -> None:
    try:
        payload = make_payload(name, "B1", on)
    except BadInput:
        return
    assert payload.text().isascii()
    assert parse_payload(payload.text()) == payload


SCALARS = st.none() | st.booleans() | st.integers() | st.text()
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))


@given(JSON)
def test_any_other_json_is_refused_and_never_crashes(value: object) -> None:
    with pytest.raises(BadInput):
        parse_payload(json.dumps(value))


@given(st.text())
def test_any_text_is_refused_and_never_crashes(text: str) -> None:
    with pytest.raises(BadInput):
        parse_payload(text)
