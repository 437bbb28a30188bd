"""Errors say what happened as messages: in words at once, as codes for pages, and the same in another process."""

from __future__ import annotations

import pickle

import pytest

from stinercut.errors import BadInput, NotFound, StinercutError
from stinercut.failures import said_for_pages, what_for_pages
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message, as_written

MISSING = Message.of(MessageCode.NOT_COPIED, files=("A.MP4", "/srv/a/B.MP4"))


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (BadInput("it broke"), "it broke"),
        (BadInput("it broke", advice="Mend it."), "it broke. Mend it."),
        (BadInput("it {broke}", file="a.mp4", advice="Mend it."), "a.mp4: it {broke}. Mend it."),
        (BadInput(Message.of(MessageCode.CODES_READ_AGAIN), file="a"), "a: Its codes were read again."),
        (BadInput("it broke", advice=(*as_written("Wait"), *as_written("Go on"))), "it broke. Wait. Go on"),
    ],
)
def test_an_error_is_a_sentence(error: StinercutError, sentence: str) -> None:
    assert (str(error), error.sentence()) == (sentence, sentence)


def test_an_error_comes_over_from_another_process_with_its_codes() -> None:
    error = NotFound(MISSING, file="/srv/x", advice="Look.")
    other = pickle.loads(pickle.dumps(error))
    assert (type(other), other.what_parts, other.file) == (NotFound, (MISSING,), "/srv/x")
    assert (other.what, other.advice, other.advice_parts) == (error.what, "Look.", as_written("Look."))


def test_values_lose_their_folders_before_pages_get_them() -> None:
    error = NotFound(MISSING, file="/srv/data/x.mp4", advice="See /srv/data/hub.log.")
    what, advice = said_for_pages(error)
    [about] = [one.as_json() for one in what]
    missing = {"code": "not_copied", "values": {"files": ["A.MP4", "B.MP4"]}}
    assert about == {"code": "about_file", "values": {"file": "x.mp4", "what": [missing]}}
    assert advice == as_written("See hub.log.")
    assert what_for_pages(error) == ("x.mp4: Could not be copied: A.MP4, B.MP4.", "See hub.log.")
