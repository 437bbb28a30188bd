"""Early files are read as they arrive: which comes next, when identification waits for them, whom they announce."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update
from support.cataloguing import copy, entry, passenger, put_in, record, row_ids
from support.clocks import filming_day

from stinercut.cards import identification
from stinercut.cards.announced_jumps import announced_jumps
from stinercut.cards.early_files import READING_TAKES, unread_files
from stinercut.cards.insertions import require_insertion
from stinercut.cards.unassigned_files import ready_cards
from stinercut.catalog import Catalog
from stinercut.catalog.models import ImportedFile, Jump, JumpFile, QrReading
from stinercut.codes.payload import Payload
from stinercut.codes.reading import READER_VERSION, Reading, Reason
from stinercut.keyring import NO_KEYS
from stinercut.protocol import FileEntry, FileKind

CODE, CLIP = entry("GX010001.MP4", 9_000_000), entry("GX010002.MP4", 40_000_000, minute=1)
LARGE = entry("GX010003.MP4", 900_000_000, minute=2)
PROXY = entry("GL010003.LRV", 20_000_000, minute=2, kind=FileKind.PROXY, main=LARGE.file_id)
CARD = [CODE, CLIP, LARGE, PROXY]
NOTHING = Reading(reason=Reason.NO_QR_FOUND, reader=READER_VERSION)


def of(payload: Payload) -> Reading:
    return Reading(payload=payload, raw=payload.text(), reader=READER_VERSION)


def unread(catalog: Catalog) -> list[tuple[str, str]]:
    with catalog.read() as session:
        return [(one.card_id, one.file.name) for one in unread_files(session)]


def read(catalog: Catalog, name: str, reading: Reading) -> bool:
    """The early reader has read this file. Whether it was the first to."""
    with catalog.write() as session:
        one = next(one for one in unread_files(session) if one.file.name == name)
        return identification.record_if_unread(session, one.card_id, one.file, reading)


def arrive(catalog: Catalog, insertion: str, *files: FileEntry, before: timedelta = timedelta(0)) -> None:
    """These files became durable just now, or some time before."""
    copy(catalog, insertion, files)
    with catalog.write() as session:
        session.execute(
            update(ImportedFile)
            .where(ImportedFile.card_file_id.in_(row_ids(catalog, insertion, files)))
            .values(imported_at=filming_day() - before)
        )


def ready(catalog: Catalog, *, is_read_ahead: bool = True) -> tuple[list[str], bool]:
    with catalog.read() as session:
        found = ready_cards(session, NO_KEYS, is_read_ahead=is_read_ahead)
    return [card for card, _ in found.cards], found.waiting


class TestWhatIsReadNext:
    def test_each_file_as_soon_as_it_is_here_the_smallest_first(self, catalog: Catalog):
        put_in(catalog, "in-1", CARD)
        assert unread(catalog) == []
        arrive(catalog, "in-1", CLIP, PROXY)
        assert unread(catalog) == [("card-1", "GX010003.MP4"), ("card-1", "GX010002.MP4")]
        arrive(catalog, "in-1", CODE)
        assert unread(catalog)[0] == ("card-1", "GX010001.MP4")

    def test_the_card_that_went_in_last_comes_first(self, catalog: Catalog):
        put_in(catalog, "in-1", [CODE])
        arrive(catalog, "in-1", CODE)
        other = entry("GX010009.MP4", 30_000_000, prefix="o")
        put_in(catalog, "in-2", [other], card="card-2")
        arrive(catalog, "in-2", other)
        with catalog.write() as session:
            newest = require_insertion(session, "in-2")
            newest.inserted_at = filming_day() + timedelta(minutes=1)
        assert [card for card, _ in unread(catalog)] == ["card-2", "card-1"]

    def test_nothing_is_read_twice(self, catalog: Catalog):
        put_in(catalog, "in-1", CARD)
        arrive(catalog, "in-1", CODE, CLIP)
        assert read(catalog, "GX010001.MP4", of(passenger()))
        assert unread(catalog) == [("card-1", "GX010002.MP4")]

    def test_what_identification_has_read_meanwhile_stays(self, catalog: Catalog):
        put_in(catalog, "in-1", CARD)
        arrive(catalog, "in-1", CODE)
        with catalog.write() as session:
            [one] = unread_files(session)
            identification.record_reading(session, one.card_id, one.file, of(passenger()))
            assert not identification.record_if_unread(session, one.card_id, one.file, NOTHING)
            [row] = row_ids(catalog, "in-1", [CODE])
            assert session.get_one(QrReading, row).reading["payload"]["passenger_name"] == "Anna Müller"

    def test_files_that_have_their_jump_are_left_alone(self, catalog: Catalog):
        put_in(catalog, "in-1", [CODE, CLIP])
        arrive(catalog, "in-1", CODE, CLIP)
        record(catalog, "in-1", passenger(), [CODE], [CLIP])
        assert unread(catalog) == []


class TestWhenIdentificationBegins:
    def card(self, catalog: Catalog, before: timedelta = timedelta(0)) -> None:
        put_in(catalog, "in-1", [CODE, CLIP])
        arrive(catalog, "in-1", CODE, CLIP, before=before)

    def test_it_waits_for_readings_that_are_under_way(self, catalog: Catalog):
        self.card(catalog)
        assert ready(catalog) == ([], True)
        read(catalog, "GX010001.MP4", of(passenger()))
        assert ready(catalog) == ([], True)
        read(catalog, "GX010002.MP4", NOTHING)
        assert ready(catalog) == (["card-1"], False)

    def test_it_waits_for_nobody_where_nobody_reads_ahead(self, catalog: Catalog):
        self.card(catalog)
        assert ready(catalog, is_read_ahead=False) == (["card-1"], False)

    @pytest.mark.parametrize("before", [READING_TAKES, timedelta(hours=-1)])
    def test_it_reads_itself_what_nobody_has_read_for_a_while(self, catalog: Catalog, before: timedelta):
        """Also where the clock of whoever copied is ahead of ours: then nothing tells how long it was."""
        self.card(catalog, before)
        assert ready(catalog) == (["card-1"], False)

    def test_what_was_read_ahead_is_all_that_it_needs(self, catalog: Catalog):
        self.card(catalog)
        read(catalog, "GX010001.MP4", of(passenger()))
        read(catalog, "GX010002.MP4", NOTHING)
        with catalog.write() as session:
            files = identification.begin(session, "card-1")
            assert all(file.known_reading is not None for file in files)
            known = identification.known_readings(session, "card-1")
            [jump] = identification.finish(session, "card-1", [], timedelta(minutes=45))
        assert [one.file.name for one in known] == ["GX010001.MP4", "GX010002.MP4"]
        assert (jump.passenger, jump.clips) == ("Anna Müller", 1)


class TestAnnouncedJumps:
    def announced(self, catalog: Catalog) -> dict[str, list[str]]:
        with catalog.read() as session:
            return {
                one.payload.passenger_name: [file.name for file in one.files]
                for one in announced_jumps(session).values()
            }

    def test_a_code_announces_its_passenger_before_the_card_is_copied(self, catalog: Catalog):
        put_in(catalog, "in-1", CARD)
        arrive(catalog, "in-1", CODE)
        assert self.announced(catalog) == {}
        read(catalog, "GX010001.MP4", of(passenger()))
        assert self.announced(catalog) == {"Anna Müller": ["GX010001.MP4"]}

    def test_a_proxy_announces_as_its_video(self, catalog: Catalog):
        put_in(catalog, "in-1", CARD)
        arrive(catalog, "in-1", PROXY)
        read(catalog, "GX010003.MP4", of(passenger()))
        assert self.announced(catalog) == {"Anna Müller": ["GX010003.MP4"]}

    def test_nobody_is_announced_who_has_a_jump(self, catalog: Catalog):
        put_in(catalog, "in-1", [CODE, CLIP])
        arrive(catalog, "in-1", CODE, CLIP)
        read(catalog, "GX010001.MP4", of(passenger()))
        record(catalog, "in-1", passenger(), [CODE], [CLIP])
        assert self.announced(catalog) == {}

    def test_an_announcement_is_no_jump(self, catalog: Catalog):
        """No row and no file of it: whatever the rules say of the card in the end, nothing is to be taken back."""
        put_in(catalog, "in-1", CARD)
        arrive(catalog, "in-1", CODE)
        read(catalog, "GX010001.MP4", of(passenger()))
        with catalog.read() as session:
            assert session.execute(select(Jump)).first() is None
            assert session.execute(select(JumpFile)).first() is None
