"""Why something could not be done travels as a sentence and as codes and values, to hubs of other releases too."""

from __future__ import annotations

import json

import pytest

from detector.copy.failures import (
    CopyFailed,
    ScanFailed,
    card_silent,
    full,
    left_out,
    no_insertion,
    scan_failed,
)
from stinercut.failures import messages_for_pages, sentence_for_pages
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message, all_worded, as_written
from stinercut.protocol import CardError, CopyError, ErrorCode, ProtocolError, decode, encode
from stinercut.protocol.details import said_in, told
from stinercut.protocol.messages import MAX_DETAIL
from stinercut.protocol.older import frame_for


def copy_error(*said: Message) -> CopyError:
    why = told(said)
    return CopyError(insertion_id="i", file_id="f", code=ErrorCode.SOURCE_IO, detail=why.detail, detail_parts=why.parts)


NESTED = Message.of(
    MessageCode.BOOKING_WITH_DIFFERENT_CODES,
    booking="B-1",
    day="2026-06-01",
    claims=("Anna", Message.of(MessageCode.PASSENGER_WITHOUT_MASTER, passenger="Ben")),
)
NUMBERS = Message.of(MessageCode.FILE_ENDED, done=64 * 2**30, size=0.5)


def test_what_is_said_arrives_as_it_is() -> None:
    sent = copy_error(NESTED, NUMBERS)
    read = decode(encode(sent)).body
    assert isinstance(read, CopyError)
    assert said_in(read) == (NESTED, NUMBERS)
    assert read.detail == all_worded((NESTED, NUMBERS))


def test_texts_are_made_to_fit() -> None:
    sent = copy_error(Message.of(MessageCode.CARD_UNREADABLE_HERE, why="\0" + "x" * 5000))
    [read] = said_in(sent)
    assert read.values["why"] == ("\ufffd" + "x" * 5000)[:MAX_DETAIL]
    assert (len(sent.detail), "\0" in sent.detail) == (MAX_DETAIL, False)
    assert decode(encode(sent)).body == sent


def test_a_hub_of_before_gets_the_sentence_alone() -> None:
    card = CardError(
        insertion_id="i", code=ErrorCode.SOURCE_IO, unreadable=1, detail="x", detail_parts=told([NUMBERS]).parts
    )
    for sent in (copy_error(NUMBERS), card):
        frame = encode(sent)
        assert frame_for(3, frame) == frame
        for version in (1, 2):
            older = json.loads(frame_for(version, frame))
            assert older["body"] == sent.model_dump(mode="json", exclude={"detail_parts"})
            read = decode(json.dumps(older)).body
            assert isinstance(read, CopyError | CardError)
            assert said_in(read) == as_written(sent.detail)


@pytest.mark.parametrize("depth", [30, 150, 50_000])
def test_however_deep_it_is_nested_a_frame_is_read_or_refused(depth: int) -> None:
    part = '{"code":"a","values":{"of":' * depth + "1" + "}}" * depth
    frame = '{"id":"m","body":{"type":"sd:copy_error","insertion_id":"i","file_id":"f","code":"SOURCE_IO","detail":"x",'
    frame += f'"detail_parts":[{part}]}}}}'
    try:
        read = decode(frame).body
    except ProtocolError:
        assert depth > 30
    else:
        assert isinstance(read, CopyError)
        assert all_worded(said_in(read)).count("A (of:") == depth


@pytest.mark.parametrize(
    ("failed", "words"),
    [
        (
            scan_failed(OSError(5, "Input/output error")),
            "the card could not be read (Input/output error). Take the card out and put it in again, in another "
            "reader if you can. Don't format it.",
        ),
        (
            scan_failed(FileNotFoundError(2, "gone")),
            "the card was taken out while it was being looked at. Put it in again.",
        ),
        (
            full("/store/partial/GX01.MP4", Message.of(MessageCode.ROOM_NEEDED, needed="12.3", free="0.1")),
            "GX01.MP4: no room in the store: 12.3 GB are needed and 0.1 GB are free for it. Free some space, then "
            "put the card in again. The card still has the file.",
        ),
    ],
)
def test_the_words_are_those_of_the_release_before(failed: CopyFailed | ScanFailed, words: str) -> None:
    assert sentence_for_pages(failed) == words
    assert told(messages_for_pages(failed)).detail == words


def test_what_is_left_out_is_said_with_its_number() -> None:
    again = "Take the card out and put it in again, in another reader if you can. Don't format it."
    assert all_worded(left_out("DCIM/1; DCIM/2", 0)) == f"Left out: DCIM/1; DCIM/2. {again}"
    assert all_worded(left_out("DCIM/1", 3)) == f"Left out: DCIM/1; and 3 more. {again}"
    assert all_worded([no_insertion(is_out=True)]) == "that card is out again"
    assert all_worded([no_insertion(is_out=False)]) == "there was no such insertion"
    assert card_silent().what.startswith("the card gives no answer: listing")
