"""What codes say besides who jumps: no part of the verdict, and kept only where all of them agree."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.cataloguing import DAY

from stinercut.codes.decoders import Code, DecodedPicture
from stinercut.codes.evidence import FileEvidence
from stinercut.codes.extras import Extras
from stinercut.codes.payload import make_payload
from stinercut.codes.reading import Reading, Reason
from stinercut.keyring import Key, KeyRing
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message, as_written

ZOE = make_payload("Zoë Müller", "B-1", DAY)
RING = KeyRing((Key(1, b"\x01" * 32),))
SEEDS: dict[str, Any] = {
    "passenger_name": "Zoë Müller",
    "booking_id": "B-1",
    "tandem_master_id": None,
    "jump_date": DAY.isoformat(),
}


def seen(*texts: str, keys: KeyRing | None = None) -> FileEvidence:
    """A film with one of these codes in each second."""
    found = FileEvidence(keys) if keys is not None else FileEvidence()
    for moment, text in enumerate(texts):
        found.add(float(moment), DecodedPicture((Code(text, True, "zxing-cpp"),)))
    return found


def test_the_first_form_without_a_version_names_its_passenger_in_two_frames() -> None:
    text = json.dumps(SEEDS)
    assert seen(text).judged(timed=True).reason is Reason.NOT_CONFIRMED
    assert seen(text, text).judged(timed=True).payload == ZOE
    assert seen(text, ZOE.text()).judged(timed=True).payload == ZOE


def test_what_is_said_besides_is_kept_with_the_reading() -> None:
    text = json.dumps({**SEEDS, "email": "zoe@example.org", "shop": 7})
    reading = seen(text, text).judged(timed=True)
    assert reading.extras == Extras(email="zoe@example.org", unknown='{"shop":7}')
    assert type(reading).kept(reading.model_dump(mode="json")) == reading


def test_where_codes_differ_besides_the_name_stands_and_nothing_else_is_kept() -> None:
    one, other = (json.dumps({**SEEDS, "email": f"{who}@example.org"}) for who in ("zoe", "eve"))
    for texts in ((one, other), (one, json.dumps(SEEDS)), (one, one, other)):
        reading = seen(*texts).judged(timed=True)
        assert (reading.payload, reading.extras) == (ZOE, Extras())
        assert "none of that was kept" in reading.words


def test_another_name_is_another_passenger_whatever_else_is_equal() -> None:
    one, other = (json.dumps({**SEEDS, "passenger_name": name, "email": "a@b.example"}) for name in ("Zoë", "Zoe"))
    assert seen(one, other, one, other).judged(timed=True).reason is Reason.TWO_PAYLOADS


def test_beside_a_signed_code_an_unsigned_one_says_nothing() -> None:
    """Nobody can have a film sent to himself by holding a code of his own beside a passenger's."""
    added = json.dumps({**SEEDS, "email": "eve@example.org"})
    reading = seen(ZOE.signed_text(RING), added, added, keys=RING).judged(timed=True)
    assert (reading.payload, reading.signed, reading.extras) == (ZOE, True, Extras())


@pytest.mark.parametrize("name", ["Jo 😀 Test", "Ann \U00030000"])
def test_a_name_that_cannot_be_shown_waits_for_a_person_with_the_reason_and_the_text(name: str) -> None:
    text = json.dumps({**SEEDS, "passenger_name": name})
    reading = seen(text, text).judged(timed=True)
    assert type(reading).kept(json.loads(json.dumps(reading.model_dump(mode="json")))) == reading
    assert (reading.payload, reading.reason, reading.hides_identity) == (None, Reason.INVALID_QR, True)
    assert "which can't be shown on a title" in reading.words
    assert reading.raw == text


def test_what_is_to_be_said_is_one_message_of_all_in_turn() -> None:
    found = seen("https://example.org", "SJ1:X")
    found.notes.append(Message.of(MessageCode.AROUND_SECOND, second=2.04, why=as_written("it broke")))
    reading = found.judged(timed=True)
    [said] = reading.detail_parts
    assert said.code == "several"
    assert reading.words == (
        "a signed code that can't be taken: it is cut short: base45 never ends with one character over; "
        "2 different codes; around 2.0 s: it broke"
    )


def test_both_passengers_of_a_film_are_named() -> None:
    other = make_payload("Anna", "B-2", DAY)
    reading = seen(ZOE.text(), other.text()).judged(timed=True)
    assert reading.words == f"codes of 2 passengers in one file: Zoë Müller (B-1, {DAY}), Anna (B-2, {DAY})"


@pytest.mark.parametrize("sentence", ["a code that {nobody} knows", ""])
def test_a_reading_of_a_release_before_messages_says_its_sentence(sentence: str) -> None:
    row = {"payload": None, "raw": "x", "reason": "invalid_qr", "detail": sentence, "decoder": None, "seconds": 0.1}
    kept = Reading.kept(row)
    assert (kept.words, kept.said) == (sentence, as_written(sentence))
    assert Reading.kept(kept.model_dump(mode="json")) == kept
