"""What counts as an identity, and what doesn't."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stinercut.codes.extras import Extras, extras_of
from stinercut.codes.payload import make_payload, parse_code, parse_payload
from stinercut.errors import BadInput
from stinercut.language.messages import worded

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
        ({"passenger_name": "Jo 😀"}, "which can't be shown on a title"),
        ({"passenger_name": "Zo\ud800"}, "half of a character"),
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
        ({"jump_date": "0001-01-01"}, "the day of the jump is no day between the years"),
        ({"jump_date": "9999-12-31"}, "the day of the jump is no day between the years"),
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
        ("passenger_name", "the passenger's name is missing"),
        ("booking_id", "the booking is missing"),
        ("jump_date", "the day of the jump is missing"),
    ],
)
def test_a_missing_field_is_named(field: str, words: str) -> None:
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
        '{"passenger_name":"Zoë","booking_id":"B-1","flight":"XY12"}',
        '{"name":"Zoë","email":"zoe@example.org"}',
        '{"v":' + "1" * 5000 + "}",
    ],
)
def test_a_foreign_code_is_no_identity(text: str) -> None:
    assert "not one of ours" in refused(text)


def without(*names: str) -> dict[str, Any]:
    return {name: value for name, value in GOOD.items() if name not in names}


def test_a_text_without_a_version_is_of_version_1() -> None:
    """The form in which codes were promised first."""
    assert parse_payload(json.dumps(without("v"))) == parse_payload(json.dumps(GOOD))
    assert parse_payload(json.dumps(without("v", "tandem_master_id"))).v == 1
    assert "the booking" in refused({**without("v"), "booking_id": "a/b"})


def test_what_a_code_says_besides_is_kept_and_changes_nothing_of_who_jumps() -> None:
    said = parse_code(json.dumps({**GOOD, "email": "zoe@example.org", "phone": 420777123456, "shop": {"id": [1, "ü"]}}))
    assert said.payload == parse_payload(json.dumps(GOOD))
    assert (said.besides.extras.email, said.besides.extras.phone) == ("zoe@example.org", "420777123456")
    assert json.loads(said.besides.extras.unknown) == {"shop": {"id": [1, "ü"]}}
    assert said.besides.problems == ()


@pytest.mark.parametrize(
    ("besides", "words"),
    [
        ({"email": "zoe at example.org"}, "the email address can't be used and was left out"),
        ({"email": "x" * 250 + "@example.org"}, "email"),
        ({"email": "a@b.example\nBcc: c@d.example"}, "email"),
        ({"email": ["zoe@example.org"]}, "email"),
        ({"phone": "call me"}, "the phone number can't be used and was left out"),
        ({"phone": True}, "phone"),
        ({"phone": "1" * 33}, "phone"),
        ({"notes": "x" * 1000}, "too long"),
        ({"notes": 1e400}, "too long"),
    ],
)
def test_what_cannot_be_used_is_left_out_and_said_and_the_name_stands(besides: dict[str, Any], words: str) -> None:
    text = json.dumps({**GOOD, **besides}).replace("Infinity", "1e400")
    said = parse_code(text)
    assert said.payload.passenger_name == "Zoë Müller"
    assert said.besides.extras == Extras()
    assert words in worded(said.besides.problems[0])


def test_contact_is_in_a_code_only_where_it_is_asked_for() -> None:
    payload = parse_payload(json.dumps(GOOD))
    assert "email" not in payload.text()
    said = parse_code(payload.text({"email": "zoe@example.org"}))
    assert said.payload == payload
    assert said.besides.extras == Extras(email="zoe@example.org")


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


@settings(max_examples=40)
@given(st.dictionaries(st.text(), JSON, max_size=4), SCALARS | st.lists(SCALARS), SCALARS)
def test_anything_said_besides_never_crashes_and_is_bounded(
    unknown: dict[str, Any], email: object, phone: object
) -> None:
    heard = extras_of({"email": email, "phone": phone}, unknown)
    assert len(heard.extras.unknown) <= 1000
    assert heard.extras.unknown.isascii()
    Extras.model_validate(json.loads(json.dumps(heard.extras.model_dump(mode="json"))))
