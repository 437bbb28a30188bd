"""Refused codes are read again once their key is known; names that were read once stand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import select
from support import heard
from support.cataloguing import copied, entry, failed, passenger, put_in, row_ids

from stinercut.cards import identification, unassigned_files
from stinercut.cards.early_files import EarlyFile
from stinercut.cards.identification import FileReading
from stinercut.cards.insertions import require_insertion
from stinercut.catalog import Catalog, events
from stinercut.catalog.models import Booking, QrReading
from stinercut.catalog.row_messages import reason_words
from stinercut.codes.extras import Extras
from stinercut.codes.payload import Payload
from stinercut.codes.reading import READER_VERSION, Reading, Reason
from stinercut.errors import BadInput, NotFound
from stinercut.jumps import jumps
from stinercut.keyring import NO_KEYS, Key, KeyRing
from stinercut.language.messages import as_written
from stinercut.protocol import FileEntry
from stinercut.review import decisions, file_groups

OLD, NEW = Key(1, b"\x01" * 16), Key(2, b"\x02" * 16)
RING = KeyRing((OLD,))
WIDER = KeyRing((NEW, OLD))
ANNA, BOB = passenger(), passenger("Bob", "B-2")
NOTHING = Reading(reason=Reason.NO_QR_FOUND, reader=READER_VERSION, keys=RING.fingerprint)
GAP = timedelta(minutes=45)

ONE = [entry("GX010001.MP4", minute=0), entry("GX010002.MP4", minute=1)]
TWO = [entry("GX010003.MP4", minute=10), entry("GX010004.MP4", minute=11)]


def accepted(payload: Payload, keys: KeyRing = RING) -> Reading:
    return Reading(payload=payload, raw=payload.text(), reader=READER_VERSION, keys=keys.fingerprint)


def refused(keys: KeyRing = RING) -> Reading:
    return Reading(
        reason=Reason.INVALID_QR,
        raw="SJ1:X",
        detail_parts=as_written("key 2 signed it"),
        reader=READER_VERSION,
        keys=keys.fingerprint,
    )


def identify(catalog: Catalog, keys: KeyRing, codes: dict[str, Reading]) -> tuple[list[str], list[str]]:
    """Identification of card-1 as the asset does it: (names of files that were read, keys of jumps)."""
    with catalog.write() as session:
        files = identification.begin(session, "card-1", keys)
    readings = [FileReading(file, file.known_reading or codes.get(file.name, NOTHING)) for file in files]
    with catalog.write() as session:
        for one in readings:
            identification.record_reading(session, "card-1", one.file, one.reading)
        found = identification.finish(session, "card-1", readings, GAP)
    return [file.name for file in files if file.known_reading is None], [jump.jump_key for jump in found]


def put_card_in(catalog: Catalog, insertion: str, files: Sequence[FileEntry], keys: KeyRing = NO_KEYS) -> list[str]:
    """The card goes in, and what is new on it is copied. Gives the jumps that are read again for that."""
    put_in(catalog, insertion, files)
    with catalog.write() as session:
        again = identification.read_outdated_again(session, require_insertion(session, insertion), keys)
    for file in files:
        with catalog.write() as session:
            heard.record_copied(session, copied(insertion, file))
    return again


def waits(catalog: Catalog) -> bool:
    with catalog.read() as session:
        return bool(unassigned_files.insertions_to_identify(session))


def state_of(catalog: Catalog, key: str) -> tuple[str, str | None]:
    with catalog.read() as session:
        jump = jumps.require_jump(session, key)
        return jump.state, jump.passenger_name


def names_in(catalog: Catalog, key: str) -> list[str]:
    with catalog.read() as session:
        return [file.name for file in file_groups.group(session, key).files]


CODES = {"GX010001.MP4": accepted(ANNA), "GX010003.MP4": refused()}


def refused_second_jump(catalog: Catalog) -> tuple[str, str]:
    """A card with Anna's jump and one whose code was signed with a key that nobody knew. Keys of both jumps."""
    put_card_in(catalog, "in-1", [*ONE, *TWO])
    read, (anna, unknown) = identify(catalog, RING, CODES)
    assert len(read) == 4
    assert state_of(catalog, unknown) == ("review", None)
    return anna, unknown


def test_the_next_insertion_reads_what_was_refused_and_nothing_else(catalog: Catalog) -> None:
    anna, unknown = refused_second_jump(catalog)
    assert not waits(catalog)
    assert put_card_in(catalog, "in-2", [*ONE, *TWO], RING) == [], "the same keys would refuse it again"
    assert not waits(catalog)
    assert put_card_in(catalog, "in-3", [*ONE, *TWO], WIDER) == [unknown]
    assert waits(catalog)
    read, found = identify(catalog, WIDER, {"GX010003.MP4": accepted(BOB, WIDER)})
    assert read == ["GX010003.MP4"]
    assert found == [BOB.jump_key]
    assert state_of(catalog, BOB.jump_key) == ("ready", "Bob")
    assert names_in(catalog, BOB.jump_key) == [file.name for file in TWO]
    assert state_of(catalog, unknown)[0] == "gone"
    assert state_of(catalog, anna) == ("ready", "Anna Müller")
    assert not waits(catalog)


def test_new_files_of_its_card_bring_it_along(catalog: Catalog) -> None:
    _, unknown = refused_second_jump(catalog)
    more = [entry("GX010005.MP4", minute=20), entry("GX010006.MP4", minute=21)]
    assert put_card_in(catalog, "in-2", [*ONE, *TWO, *more], WIDER) == [], "files are still to come"
    codes = {"GX010003.MP4": accepted(BOB, WIDER), "GX010005.MP4": accepted(passenger("Cy", "B-3"))}
    read, found = identify(catalog, WIDER, codes)
    assert sorted(read) == ["GX010003.MP4", "GX010005.MP4", "GX010006.MP4"]
    assert found == [BOB.jump_key, "2026-06-01_B-3"]
    assert state_of(catalog, unknown)[0] == "gone"
    assert names_in(catalog, BOB.jump_key) == [file.name for file in TWO]


def test_a_person_asks_for_it(catalog: Catalog) -> None:
    _, unknown = refused_second_jump(catalog)
    with catalog.write() as session:
        identification.read_again(session, unknown)
    assert waits(catalog)
    read, found = identify(catalog, RING, {"GX010003.MP4": accepted(BOB)})
    assert read == [file.name for file in TWO], "whatever was read before"
    assert found == [BOB.jump_key]
    with catalog.read() as session:
        assert "card:read_again" in [event.type for event in events.since(session, 0)]


def test_what_is_refused_again_waits_again_and_can_be_asked_for_again(catalog: Catalog) -> None:
    _, unknown = refused_second_jump(catalog)
    seen = {unknown}
    for _ in range(3):
        with catalog.write() as session:
            identification.read_again(session, unknown)
        assert waits(catalog)
        _, (unknown,) = identify(catalog, RING, CODES)
        assert state_of(catalog, unknown) == ("review", None)
        assert unknown not in seen
        seen.add(unknown)


def test_each_reading_again_is_asked_of_the_pipeline(catalog: Catalog) -> None:
    """A run is requested once for a key: the same files must come under another one."""
    put_card_in(catalog, "in-1", TWO)
    asked: set[str] = set()
    for _ in range(3):
        with catalog.read() as session:
            ((_, _, key),) = unassigned_files.insertions_to_identify(session)
        assert key not in asked
        asked.add(key)
        _, (unknown,) = identify(catalog, RING, CODES)
        with catalog.write() as session:
            identification.read_again(session, unknown)


def test_what_people_decided_and_what_is_known_is_left_alone(catalog: Catalog) -> None:
    anna, unknown = refused_second_jump(catalog)
    with catalog.write() as session:
        apart = decisions.split(session, "Kim", unknown, row_ids(catalog, "in-1", TWO[:1]))
    assert put_card_in(catalog, "in-2", [*ONE, *TWO], WIDER) == []
    assert state_of(catalog, apart)[0] == "review"
    for key, error in ((anna, BadInput), ("nobody", NotFound)):
        with catalog.write() as session, pytest.raises(error):
            identification.read_again(session, key)


def test_nothing_is_taken_apart_while_small_files_are_to_come(catalog: Catalog) -> None:
    _, unknown = refused_second_jump(catalog)
    more = entry("GX010005.MP4", minute=20)
    put_in(catalog, "in-2", [*ONE, *TWO, more])
    with catalog.write() as session, pytest.raises(BadInput, match="still to come"):
        identification.read_again(session, unknown)
    assert state_of(catalog, unknown)[0] == "review"
    with catalog.write() as session:
        heard.record_copy_error(session, failed("in-2", more))
        identification.read_again(session, unknown)


def test_a_key_that_is_taken_away_takes_no_name_away(catalog: Catalog) -> None:
    put_card_in(catalog, "in-1", [*ONE, *TWO])
    codes = {"GX010001.MP4": accepted(ANNA, WIDER), "GX010003.MP4": accepted(BOB, WIDER)}
    _, found = identify(catalog, WIDER, codes)
    assert found == [ANNA.jump_key, BOB.jump_key]
    assert put_card_in(catalog, "in-2", [*ONE, *TWO], NO_KEYS) == []
    assert not waits(catalog)
    with catalog.read() as session:
        kept = identification.readings_of(session, row_ids(catalog, "in-1", [ONE[0], TWO[0]]))
        assert [kept[file].payload for file in sorted(kept)] == [ANNA, BOB]
        for key, payload in ((ANNA.jump_key, ANNA), (BOB.jump_key, BOB)):
            assert jumps.footage_of(session, key).passenger_name == payload.passenger_name


def test_a_clip_that_comes_later_than_its_code_waits_for_a_person(catalog: Catalog) -> None:
    """What was known of the card may have been overruled since; and a code of its own is believed as ever."""
    put_card_in(catalog, "in-1", ONE[:1])
    identify(catalog, RING, {"GX010001.MP4": accepted(ANNA)})
    put_card_in(catalog, "in-2", [*ONE, *TWO])
    _, (alone, bob) = identify(catalog, RING, {"GX010003.MP4": accepted(BOB)})
    assert state_of(catalog, alone) == ("review", None)
    with catalog.read() as session:
        assert "Anna Müller, which an earlier insertion brought" in reason_words(jumps.require_jump(session, alone))
    assert names_in(catalog, bob) == [file.name for file in TWO]


def test_a_number_that_follows_a_code_of_an_earlier_insertion_contradicts(catalog: Catalog) -> None:
    """By its time the clip is Bob's; by its number it was filmed before Anna's code."""
    anna = [entry("GX010010.MP4", minute=30), entry("GX010011.MP4", minute=31)]
    put_card_in(catalog, "in-1", anna)
    identify(catalog, RING, {"GX010010.MP4": accepted(ANNA)})
    bob = [entry("GX010003.MP4", minute=10), entry("GX010012.MP4", minute=11)]
    put_card_in(catalog, "in-2", [*bob, *anna])
    _, found = identify(catalog, RING, {"GX010003.MP4": accepted(BOB)})
    assert [state_of(catalog, key) for key in found] == [("no_clips", "Bob"), ("review", None)]


@pytest.mark.parametrize(
    ("reading", "again"),
    [
        (accepted(ANNA), False),
        (accepted(ANNA).model_copy(update={"reader": 0, "lost_decoders": ("zbar",)}), False),
        (refused(), True),
        (refused(WIDER), False),
        (refused(WIDER).model_copy(update={"reader": READER_VERSION - 1}), True),
        (refused(WIDER).model_copy(update={"raw": None}), False),
        (refused(RING).model_copy(update={"raw": None}), False),
        (NOTHING, False),
        (NOTHING.model_copy(update={"reader": READER_VERSION - 1}), True),
        (NOTHING.model_copy(update={"lost_decoders": ("zxing-cpp",)}), True),
        (Reading(reason=Reason.TWO_PAYLOADS, raw="a\nb", reader=READER_VERSION, keys=RING.fingerprint), True),
    ],
)
def test_which_readings_are_outdated(reading: Reading, again: bool) -> None:
    assert reading.is_outdated(WIDER) is again


def test_readings_of_before_these_fields_are_read_again_unless_they_gave_a_name() -> None:
    old = {"payload": None, "raw": None, "reason": "no_qr_found", "detail": "", "decoder": None, "seconds": 0.1}
    assert Reading.model_validate(old).is_outdated(NO_KEYS)
    named = old | {"payload": ANNA.model_dump(mode="json"), "reason": None}
    assert not Reading.model_validate(named).is_outdated(NO_KEYS)


def test_a_ring_is_known_by_what_it_accepts() -> None:
    rings = [NO_KEYS, RING, WIDER, KeyRing((NEW,)), KeyRing((OLD,), only_signed=True), KeyRing((Key(2, OLD.secret),))]
    assert len({ring.fingerprint for ring in rings}) == len(rings)
    assert KeyRing((OLD, NEW)).fingerprint == WIDER.fingerprint, "who signs changes nothing of what is accepted"
    assert OLD.secret.hex() not in RING.fingerprint


def test_a_reading_is_replaced_when_its_file_was_read_again(catalog: Catalog) -> None:
    put_card_in(catalog, "in-1", TWO)
    with catalog.write() as session:
        file: EarlyFile = identification.begin(session, "card-1", RING)[0]
        identification.record_reading(session, "card-1", file, refused())
    with catalog.write() as session:
        assert identification.begin(session, "card-1", RING)[0].known_reading == refused()
        assert identification.begin(session, "card-1", WIDER)[0].known_reading is None
        identification.record_reading(session, "card-1", file, accepted(BOB, WIDER))
    with catalog.write() as session:
        assert identification.begin(session, "card-1", NO_KEYS)[0].known_reading == accepted(BOB, WIDER)


def test_a_code_tells_the_booking_how_to_reach_its_passenger(catalog: Catalog) -> None:
    put_card_in(catalog, "in-1", ONE)
    reading = accepted(ANNA).model_copy(update={"extras": Extras(email="anna@example.org", unknown='{"shop":7}')})
    identify(catalog, RING, {ONE[0].name: reading})
    with catalog.read() as session:
        booking = session.get_one(Booking, ANNA.jump_key)
        assert (booking.passenger_name, booking.email) == (ANNA.passenger_name, "anna@example.org")
        (kept,) = session.execute(select(QrReading.reading)).scalars().fetchmany(1)
        assert kept["extras"]["unknown"] == '{"shop":7}'
