"""What detectors say and what follows from it, without sockets: real catalog, real store."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import event
from support.cataloguing import (
    LARGE,
    SMALL_LIMIT,
    empty_catalog,
    entry,
    failed,
    inserted,
    is_out,
    list_of,
    passenger,
    record,
    row_ids,
    states,
)
from support.clocks import filming_day

from hub.cards.detector_messages import FILES_PER_REQUEST, Conversation, Effects
from hub.cards.socket import hello_problem
from stinercut.cards import unassigned_files
from stinercut.catalog import Catalog
from stinercut.catalog.models import QrReading
from stinercut.codes.reading import READER_VERSION, Reading, Reason
from stinercut.jumps import jumps
from stinercut.keyring import Key, KeyRing
from stinercut.protocol import (
    Ack,
    CardError,
    CopyRequest,
    Envelope,
    ErrorCode,
    FileCopied,
    FileEntry,
    FileList,
    FileSample,
    Hello,
    Message,
    Refused,
    Removed,
    Samples,
    Welcome,
)
from stinercut.storage.store import Store, hash_file, sync_file


@pytest.fixture
def talk(tmp_path: Path) -> Conversation:
    url = empty_catalog(tmp_path)
    return Conversation(Catalog.open(url, filming_day), Store(tmp_path / "store"), SMALL_LIMIT)


def say(talk: Conversation, body: Message, message_id: str = "m1") -> Effects:
    return talk.handle("det", Envelope(id=message_id, body=body))


def stored(talk: Conversation, file: FileEntry, insertion: str = "in-1") -> FileCopied:
    """Put content of that file's size into the store; returns the message about it."""
    partial = talk.store.partial_path()
    partial.write_bytes(file.name.encode().ljust(file.size, b"."))
    sync_file(partial)
    content = hash_file(partial)
    talk.store.add_object(partial, content)
    return FileCopied(insertion_id=insertion, file_id=file.file_id, content_hash=content, size=file.size)


CODE, CLIP = entry("GX010001.MP4", 1000), entry("GX010002.MP4", LARGE, minute=1)


def card_in(talk: Conversation, files: list[FileEntry], insertion: str = "in-1") -> Effects:
    assert say(talk, inserted(insertion)).reply == Ack(of="m1")
    return say(talk, list_of(insertion, files))


def asked(*file_ids: str, insertion: str = "in-1") -> tuple[CopyRequest, ...]:
    return (CopyRequest(insertion_id=insertion, file_ids=list(file_ids)),)


def test_a_list_is_answered_with_the_small_files(talk: Conversation):
    assert card_in(talk, [CLIP, CODE]) == Effects(Ack(of="m1"), asked(CODE.file_id))


def test_a_list_twice_asks_once(talk: Conversation):
    card_in(talk, [CODE])
    assert say(talk, list_of("in-1", [CODE]), "m2") == Effects(Ack(of="m2"))


def test_a_copy_that_is_in_the_store_counts(talk: Conversation):
    card_in(talk, [CODE])
    message = stored(talk, CODE)
    assert say(talk, message) == Effects(Ack(of="m1"))
    assert say(talk, message, "again") == Effects(Ack(of="again"))
    assert states(talk.catalog, "in-1") == {CODE.name: "copied"}


def test_a_copy_that_the_hub_does_not_find_is_an_error_for_people(talk: Conversation):
    card_in(talk, [CODE])
    message = FileCopied(insertion_id="in-1", file_id=CODE.file_id, content_hash="0" * 32, size=CODE.size)
    reply = say(talk, message).reply
    assert isinstance(reply, Refused)
    assert (reply.of, reply.code) == ("m1", ErrorCode.DEST_IO)
    assert states(talk.catalog, "in-1") == {CODE.name: "failed"}


def test_a_copy_that_is_shorter_in_the_store_is_an_error(talk: Conversation):
    card_in(talk, [CODE])
    message = stored(talk, CODE)
    path = talk.store.object_path(message.content_hash)
    path.write_bytes(path.read_bytes()[:-1])
    reply = say(talk, message).reply
    assert isinstance(reply, Refused)
    assert reply.code is ErrorCode.DEST_IO
    assert states(talk.catalog, "in-1") == {CODE.name: "failed"}


@pytest.mark.parametrize(
    "body",
    [
        list_of("nobody", []),
        FileCopied(insertion_id="in-1", file_id="nobody", content_hash="0" * 32, size=1),
        failed("nobody", CODE),
        Removed(insertion_id="nobody"),
    ],
    ids=lambda body: body.type,
)
def test_unknown_ids_are_refused(talk: Conversation, body: Message):
    card_in(talk, [CODE])
    if isinstance(body, FileCopied):
        body = stored(talk, CODE).model_copy(update={"file_id": "nobody"})
    reply = say(talk, body).reply
    assert isinstance(reply, Refused)
    assert (reply.of, reply.code) == ("m1", ErrorCode.UNKNOWN_ID)


@pytest.mark.parametrize("body", [Welcome(version=1), Hello(detector_id="det"), *asked("a")], ids=lambda one: one.type)
def test_what_no_detector_says_is_refused(talk: Conversation, body: Message):
    reply = say(talk, body).reply
    assert isinstance(reply, Refused)
    assert reply.code is ErrorCode.BAD_MESSAGE


def test_a_list_that_does_not_fit_is_refused(talk: Conversation):
    say(talk, inserted("in-1"))
    reply = say(talk, list_of("in-1", [CODE], 3, 2)).reply
    assert isinstance(reply, Refused)
    assert reply.code is ErrorCode.BAD_MESSAGE


def test_what_the_store_has_lost_is_asked_for_again(talk: Conversation):
    card_in(talk, [CODE])
    message = stored(talk, CODE)
    say(talk, message)
    assert card_in(talk, [CODE], "in-2").requests == ()
    talk.store.object_path(message.content_hash).unlink()
    assert card_in(talk, [CODE], "in-3").requests == asked(CODE.file_id, insertion="in-3")


def test_open_requests_are_asked_again_after_a_broken_connection(talk: Conversation):
    card_in(talk, [CODE, entry("GX010003.MP4", 2000, minute=3)])
    assert talk.asked_before("det") == asked(CODE.file_id, "f-GX010003_MP4")
    assert talk.asked_before("other") == ()
    say(talk, stored(talk, CODE))
    assert talk.asked_before("det") == asked("f-GX010003_MP4")
    say(talk, Removed(insertion_id="in-1"))
    assert talk.asked_before("det") == ()


def test_identified_jumps_bring_the_large_files(talk: Conversation):
    card_in(talk, [CODE, CLIP])
    say(talk, stored(talk, CODE))
    assert talk.next_requests(["det"]) == {}
    record(talk.catalog, "in-1", passenger(), [CODE], [CLIP])
    assert talk.next_requests(["other"]) == {}
    assert talk.next_requests(["det"]) == {"det": asked(CLIP.file_id)}
    assert talk.next_requests(["det"]) == {}


def test_a_stale_card_is_not_asked_again_and_again(talk: Conversation):
    card_in(talk, [CODE])
    assert say(talk, failed("in-1", CODE, ErrorCode.STALE_INSERT)).reply == Ack(of="m1")
    assert talk.asked_before("det") == ()
    assert talk.next_requests(["det"]) == {}


def test_long_requests_are_cut(talk: Conversation):
    say(talk, inserted("in-1"))
    files = [entry(f"F{n:05d}.MP4", 1000, minute=n) for n in range(FILES_PER_REQUEST + 1)]
    pieces = [files[start : start + 500] for start in range(0, len(files), 500)]
    for index, piece in enumerate(pieces):
        effects = say(talk, list_of("in-1", piece, index, len(pieces)))
    assert [len(request.file_ids) for request in effects.requests] == [FILES_PER_REQUEST, 1]


@pytest.mark.parametrize(
    ("body", "token", "code"),
    [
        (Hello(detector_id="det"), None, None),
        (Hello(detector_id="det", token="right"), "right", None),
        (Hello(detector_id="det", token="anything"), None, None),
        (Hello(detector_id="det", token="wröng"), "right", ErrorCode.BAD_TOKEN),
        (Hello(detector_id="det"), "right", ErrorCode.BAD_TOKEN),
        (Hello(detector_id="det", min_version=4, max_version=5), None, ErrorCode.BAD_VERSION),
        (Hello(detector_id="det", min_version=0, max_version=5), None, None),
        (Removed(insertion_id="x"), None, ErrorCode.BAD_MESSAGE),
    ],
)
def test_who_is_let_in(body: Message, token: str | None, code: ErrorCode | None):
    problem = hello_problem(body, token)
    assert (problem[0] if problem else None) == code


def test_a_refused_code_is_read_again_when_its_card_comes_back_and_the_key_is_known(talk: Conversation):
    ring = KeyRing((Key(1, b"k" * 16),))
    card_in(talk, [CODE])
    say(talk, stored(talk, CODE))
    (unknown,) = record(talk.catalog, "in-1", None, [], [CODE], "a code that is no passenger's")
    (file,) = row_ids(talk.catalog, "in-1", [CODE])
    refused = Reading(reason=Reason.INVALID_QR, raw="SJ1:X", reader=READER_VERSION, keys=talk.keys.fingerprint)
    with talk.catalog.write() as session:
        session.add(QrReading(card_file_id=file, reading=refused.model_dump(mode="json")))

    def waiting() -> tuple[str, int]:
        with talk.catalog.read() as session:
            return jumps.require_jump(session, unknown).state, len(unassigned_files.insertions_to_identify(session))

    card_in(talk, [CODE], "in-2")
    assert waiting() == ("review", 0)
    card_in(replace(talk, keys=ring), [CODE], "in-3")
    assert waiting() == ("gone", 1)


class TestOneTransactionForEachMessage:
    """The insertion is looked up once, in the transaction that writes; a sample is compared in one that reads."""

    @pytest.fixture
    def statements(self, talk: Conversation) -> list[str]:
        said: list[str] = []

        def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
            said.append(" ".join(statement.split()))

        event.listen(talk.catalog.engine, "before_cursor_execute", note)
        event.listen(talk.catalog.engine, "begin", lambda _connection: said.append("a transaction"))
        return said

    @pytest.mark.parametrize(
        ("body", "transactions"),
        [
            (list_of("in-1", [CODE]), 1),
            (failed("in-1", CLIP), 1),
            (CardError(insertion_id="in-1", code=ErrorCode.SOURCE_IO, detail="", unreadable=1), 1),
            (Samples(insertion_id="in-1", samples=[FileSample(file_id=CLIP.file_id, sample="0" * 32)]), 2),
            (Removed(insertion_id="in-1"), 1),
        ],
        ids=lambda one: getattr(one, "type", str(one)),
    )
    def test_what_a_message_costs(
        self, talk: Conversation, statements: list[str], body: Message, transactions: int
    ) -> None:
        say(talk, inserted("in-1"))
        if not isinstance(body, FileList):
            say(talk, list_of("in-1", [CLIP]))
        statements.clear()
        assert isinstance(say(talk, body).reply, Ack)
        looked_up = [
            one for one in statements if re.match(r"SELECT insertion\.insertion_id.* FROM insertion WHERE", one)
        ]
        assert (statements.count("a transaction"), len(looked_up)) == (transactions, transactions)

    def test_what_a_copied_file_costs(self, talk: Conversation, statements: list[str]) -> None:
        card_in(talk, [CODE])
        message = stored(talk, CODE)
        statements.clear()
        assert isinstance(say(talk, message).reply, Ack)
        assert statements.count("a transaction") == 1


@pytest.mark.parametrize(
    "body",
    [
        inserted("in-1"),
        list_of("in-1", [CLIP]),
        FileCopied(insertion_id="in-1", file_id=CODE.file_id, content_hash="0" * 32, size=CODE.size),
        failed("in-1", CODE),
        CardError(insertion_id="in-1", code=ErrorCode.SOURCE_IO, detail="", unreadable=0),
        Samples(insertion_id="in-1", samples=[FileSample(file_id=CODE.file_id, sample="0" * 32)]),
        Removed(insertion_id="in-1"),
    ],
    ids=lambda body: body.type,
)
def test_a_detector_speaks_for_its_own_cards(talk: Conversation, body: Message):
    card_in(talk, [CODE])
    reply = talk.handle("another", Envelope(id="m1", body=body)).reply
    assert isinstance(reply, Refused)
    assert (reply.of, reply.code) == ("m1", ErrorCode.UNKNOWN_ID)
    assert states(talk.catalog, "in-1") == {CODE.name: "requested"}
    assert not is_out(talk.catalog, "in-1")
