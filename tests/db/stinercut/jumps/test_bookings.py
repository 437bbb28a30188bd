"""The office's list of bookings: as Excel writes it, row by row, and what importing it changes; on both databases."""

from __future__ import annotations

import csv
import io
from datetime import date
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.cataloguing import DAY, listed, passenger

from hub.review.bookings import Encoding
from stinercut.catalog import Catalog
from stinercut.catalog.models import Booking
from stinercut.codes.extras import Extras
from stinercut.codes.payload import make_payload
from stinercut.errors import BadInput
from stinercut.jumps import bookings
from stinercut.jumps.booking_list import (
    BadRow,
    BookingList,
    ListedBooking,
    damage_in,
    parse_list,
    read_list,
    require_whole,
)
from stinercut.jumps.bookings import Change, ListImported
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message, worded
from stinercut.text_encodings import ENCODINGS

HEAD = "passenger_name,booking_id,jump_date,tandem_master_id\n"
ZOE = make_payload("Zoë Müller", "B-1", DAY)


def taken(text: str | bytes, encoding: str | None = None) -> BookingList:
    return parse_list(text.encode() if isinstance(text, str) else text, encoding)


def whole(text: str) -> list[ListedBooking]:
    return list(require_whole(taken(text)).bookings)


class TestAsExcelWritesIt:
    def test_a_first_line_that_names_the_separator(self):
        for first in ("sep=;", '"sep=;"', "SEP=;;;"):
            found = taken(f"\ufeff{first}\r\npassenger_name;booking_id;jump_date\r\nZoë Müller;B-1;2026-06-01\r\n")
            assert found.bookings == (ListedBooking(3, ZOE, Extras()),)
        assert taken("sep=|\npassenger_name|booking_id|jump_date\nZoë Müller|B-1|2026-06-01\n").payloads == [ZOE]

    def test_separators_of_empty_last_cells_are_left_out(self):
        """Excel does so from the seventeenth row on, where a column is empty in blocks."""
        rows = "".join(f"Jo Test;B-{number};2026-06-01;TM-1\r\n" for number in range(2, 17))
        text = "\ufeffpassenger_name;booking_id;jump_date;tandem_master_id\r\n" + rows + "Zoë Müller;B-1;2026-06-01\r\n"
        found = taken(text)
        assert not found.refused
        assert found.payloads[-1] == ZOE

    def test_separators_too_many_at_the_end_of_rows_and_heading(self):
        found = taken(
            "passenger_name;booking_id;jump_date;;\nZoë Müller;B-1;2026-06-01;;\n;;;;\nJo;B-2;2026-06-01;;;;\n"
        )
        assert [one.booking_id for one in found.payloads] == ["B-1", "B-2"]
        assert not found.refused

    def test_commas_in_a_quoted_heading_separate_nothing(self):
        text = (
            '"passenger_name";"booking_id";"jump_date";"price, deposit, rest, tip"\nZoë Müller;B-1;2026-06-01;"1,2"\n'
        )
        assert taken(text).payloads == [ZOE]

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
    def test_the_unicode_forms_are_told_by_themselves(self, encoding: str):
        found = taken("passenger_name\tbooking_id\tjump_date\r\nZoë Müller\tB-1\t2026-06-01\r\n".encode(encoding))
        assert (found.payloads, found.assumed) == ([ZOE], "")

    def test_another_code_page_is_assumed_and_said_or_chosen(self):
        western = (HEAD + "Zoë Müller,B-1,2026-06-01,\n").encode("windows-1252")
        assert taken(western).payloads == [ZOE]
        assert "Windows-1252 (Western Europe) was assumed" in taken(western).assumed
        central = (HEAD + "Jiří Dvořák,B-1,2026-06-01,\n").encode("windows-1250")
        (chosen,) = taken(central, "windows-1250").payloads
        assert chosen.passenger_name == "Jiří Dvořák"
        with pytest.raises(BadInput, match="the encoding 'klingon' is not known"):
            taken(western, "klingon")
        with pytest.raises(BadInput, match="line 2: the text is not UTF-8"):
            taken(western, "utf-8")
        assert get_args(Encoding) == tuple(sorted(ENCODINGS, key=get_args(Encoding).index))
        assert set(get_args(Encoding)) == set(ENCODINGS)

    def test_damage_from_before_is_warned_of(self):
        spoilt = "Zoë Müller".encode().decode("windows-1252")
        found = taken(f"{HEAD}{spoilt},B-1,2026-06-01,\nM?ller,B-2,2026-06-01,\nZoë,B-3,2026-06-01,\n")
        assert len(found.bookings) == 3
        assert [row.line for row in found.warnings] == [2, 3]
        assert "looks like 'Zoë Müller' read in a wrong encoding" in found.warnings[0].what
        assert "question mark" in found.warnings[1].what
        spoilt = damage_in("Dvořák".encode().decode("windows-1250"))
        assert spoilt is not None
        assert "Dvořák" in worded(spoilt)
        for name in ("Zoë Müller", "王小明", "Łukasz Żółć", "Ñandú Ã", "Nguyễn Thị Ánh"):
            assert damage_in(name) is None

    def test_how_to_reach_a_passenger_is_taken_and_what_is_none_is_said(self):
        head = "Passenger Name;Booking-ID;jump_date;email;phone\n"
        found = taken(head + "Zoë Müller;B-1;2026-06-01;zoe@example.org;+420 777 123 456\nJo;B-2;2026-06-01;n/a;\n")
        assert found.bookings[0].contact == Extras(email="zoe@example.org", phone="+420 777 123 456")
        assert found.bookings[1].contact == Extras()
        assert found.warnings == (BadRow(3, Message.of(MessageCode.EMAIL_LEFT_OUT)),)


class TestRows:
    def test_a_wrong_row_is_said_with_its_line_and_the_others_are_taken(self):
        found = taken(
            HEAD + '"Two\nlines",B-1,2026-11-20\nAnn,B/2,2026-11-20\nAnn,B-3,20.11.2026\nAnn,B-4\n'
            "Ann,B-5,2026-11-20\n\nBob,B-5,2026-11-20\nAnn,B-6,20261120\n123,B-7,2026-11-20\n"
            'Müller, Zoë,B-8,2026-11-20,TM-1\nAnn "X" Lee,B-9,2026-11-20\n"Ann" Lee,B-10,2026-11-20\n'
            "Jo 😀,B-11,2026-11-20\n"
            "Last,B-12,2026-11-20\n"
        )
        assert [one.booking_id for one in found.payloads] == ["B-5", "B-9", "B-12"]
        said = [f"line {row.line}: {row.what}" for row in found.refused]
        for words in (
            "line 2: the passenger's name holds the invisible character U+000A",
            "line 4: the booking must be 1 to 32",
            "line 5: the day of the jump, '20.11.2026', is no date; write YYYY-MM-DD",
            "line 6: the day of the jump is missing",
            "line 9: booking B-5 on 2026-11-20 is in line 7 already",
            "line 10: the day of the jump",
            "line 11: the passenger's name holds no letter",
            "line 12: 5 fields where the heading has 4",
            "line 14: no CSV",
            "line 15: the passenger's name holds 😀 (U+1F600 GRINNING FACE), which can't be shown on a title",
        ):
            assert any(sentence.startswith(words) for sentence in said), words
        assert len(said) == 10

    def test_a_quote_that_is_never_closed_takes_its_own_row_alone(self):
        rows = '"Ann,B-1,2026-11-20\nBob,B-2,2026-11-20\n"Eva,B-3,2026-11-20\nDan,B-4,2026-11-20\n'
        found = taken(HEAD + rows)
        assert [one.booking_id for one in found.payloads] == ["B-2", "B-4"]
        assert [row.line for row in found.refused] == [2, 4]

    def test_quotes_without_end_are_given_up(self):
        rows = '"Ann\n' * 1000 + "Bob,B-2,2026-11-20\n"
        found = taken(HEAD + rows)
        assert [one.booking_id for one in found.payloads] == ["B-2"]
        assert len(found.refused) >= 200

    @pytest.mark.parametrize(
        ("data", "words"),
        [
            (b"", "line 1: the heading lacks passenger_name, booking_id, jump_date"),
            (b"passenger_name,booking_id\nAnn,B\n", "the heading lacks jump_date"),
            (HEAD.replace("booking_id", "booking_id,booking_id").encode(), "names booking_id twice"),
            (HEAD.encode(), "no bookings"),
            (HEAD.encode() + b"Zo\x81,B-2,2026-11-20\n", "line 2: the text is not Windows-1252"),
            (b"\xff\xfe\x00", "not UTF-16"),
            (HEAD.encode() + b'"Zo', "line 2: no CSV"),
            (HEAD.encode() + b'"' + b"\n" * 200_000, "more than 100,000 lines"),
            (HEAD.encode() + b"A\x00nn,B-2,2026-11-20\n", "line 2"),
        ],
    )
    def test_a_list_without_any_booking_is_refused(self, data: bytes, words: str):
        with pytest.raises(BadInput) as refused:
            taken(data)
        assert words in str(refused.value)

    def test_a_sheet_takes_all_rows_or_none(self):
        with pytest.raises(BadInput, match=r"line 3: the booking must be.*nothing of the list was taken"):
            require_whole(taken(HEAD + "Ann,B-1,2026-06-01,\nBo,B 2,2026-06-01,\n"))

    def test_files_that_cannot_be_read(self, tmp_path: Path):
        (tmp_path / "large.csv").write_bytes(b"x" * 5_000_001)
        with pytest.raises(BadInput, match="larger than 5 MB"):
            read_list(tmp_path / "large.csv")
        with pytest.raises(BadInput, match="can't be read"):
            read_list(tmp_path / "none.csv")

    @settings(max_examples=300, deadline=None)
    @given(st.binary(max_size=300) | st.binary(max_size=200).map(lambda rest: HEAD.encode() + rest))
    def test_any_bytes_are_a_list_or_refused_in_words(self, data: bytes):
        try:
            found = parse_list(data)
        except BadInput:
            return
        assert found.bookings

    @settings(max_examples=200, deadline=None)
    @given(st.lists(st.lists(st.text(max_size=12), max_size=6), max_size=5))
    def test_any_rows_stand_beside_a_good_one(self, rows: list[list[str]]):
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerows([["passenger_name", "booking_id", "jump_date", "email"], *rows, ["Zoë", "B-1", "2026-06-01"]])
        found = parse_list(out.getvalue().encode("utf-8", "replace"))
        assert "B-1" in [one.booking_id for one in found.payloads]
        assert len(found.bookings) + len(found.refused) <= len(rows) + 1


class TestListOfBookings:
    def test_new_changed_and_same(self, catalog: Catalog):
        first = whole(HEAD + "Anna Müller,B-1,2026-06-01,TM-1\nĐorđe,B-2,2026-06-01,\n\n")
        second = whole("\ufeffBooking_ID;Jump_Date;Passenger_Name;paid\nB-2;2026-06-01;Đorđo;x\n")
        with catalog.write() as session:
            assert bookings.import_list(session, first) == ListImported(2, 0, 0)
            assert bookings.import_list(session, first) == ListImported(0, 0, 2)
            (planned,) = bookings.planned_changes(session, second)
            assert (planned.change, planned.fields) == (Change.CHANGED, (("passenger_name", "Đorđe", "Đorđo"),))
            assert bookings.import_list(session, second) == ListImported(0, 1, 0)
            names = [row.passenger_name for row in bookings.search(session, day=DAY)]
            assert names == ["Anna Müller", "Đorđo"]
            assert [row.booking_id for row in bookings.search(session, "b-2")] == ["B-2"]
            assert [row.booking_id for row in bookings.search(session, "đORĐO")] == ["B-2"]
            assert [row.booking_id for row in bookings.search(session, "MU\u0308LL")] == ["B-1"]
            assert bookings.search(session, "%") == []
            assert bookings.search(session, day=date(2026, 6, 2)) == []

    def test_a_preview_changes_nothing(self, catalog: Catalog):
        with catalog.write() as session:
            planned = bookings.planned_changes(session, listed(passenger()))
            assert [one.change for one in planned] == [Change.NEW]
            assert bookings.search(session) == []

    def test_how_to_reach_somebody_stays_until_it_is_said_anew_and_goes_with_the_person(self, catalog: Catalog):
        anna, bob = passenger("Anna Müller", "B-1"), passenger("Bob", "B-1")
        reach = Extras(email="anna@example.org", phone="123 456")
        with catalog.write() as session:
            bookings.import_list(session, listed(anna, contact=reach))
            assert bookings.import_list(session, listed(anna)).same == 1
            bookings.import_list(session, listed(anna, contact=Extras(email="new@example.org")))
            row = session.get_one(Booking, anna.jump_key)
            assert (row.email, row.phone) == ("new@example.org", "123 456")
            bookings.import_list(session, listed(bob))
            assert (row.passenger_name, row.email, row.phone) == ("Bob", None, None)

    def test_a_code_tells_how_to_reach_its_passenger_and_overrules_nothing(self, catalog: Catalog):
        anna = passenger("Anna Müller", "B-1")
        with catalog.write() as session:
            bookings.note_contact(session, anna, Extras())
            assert bookings.search(session) == []
            bookings.note_contact(session, anna, Extras(email="anna@example.org"))
            bookings.note_contact(session, anna, Extras(email="else@example.org", phone="123 456"))
            row = session.get_one(Booking, anna.jump_key)
            assert (row.passenger_name, row.email, row.phone) == ("Anna Müller", "anna@example.org", "123 456")
            bookings.note_contact(session, passenger("Bob", "B-1"), Extras(email="bob@example.org"))
            assert row.email == "anna@example.org"
