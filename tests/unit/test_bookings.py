"""The office's list of bookings: imported, searched, refused as a whole; on SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import date

import pytest
from support.cataloguing import DAY

from stinercut.catalog import Catalog, bookings
from stinercut.errors import BadInput
from stinercut.identity.booking_list import require_bookings

HEAD = "passenger_name,booking_id,jump_date,tandem_master_id\n"


class TestListOfBookings:
    def test_new_changed_and_same(self, catalog: Catalog):
        first = require_bookings(HEAD + "Anna Müller,B-1,2026-06-01,TM-1\nĐorđe,B-2,2026-06-01,\n\n")
        second = require_bookings("\ufeffBooking_ID;Jump_Date;Passenger_Name;paid\nB-2;2026-06-01;Đorđo;x\n")
        with catalog.write() as session:
            assert bookings.import_list(session, first) == bookings.ListImported(2, 0, 0)
            assert bookings.import_list(session, first) == bookings.ListImported(0, 0, 2)
            assert bookings.import_list(session, second) == bookings.ListImported(0, 1, 0)
            names = [row.passenger_name for row in bookings.search(session, day=DAY)]
            assert names == ["Anna Müller", "Đorđo"]
            assert [row.booking_id for row in bookings.search(session, "b-2")] == ["B-2"]
            assert [row.booking_id for row in bookings.search(session, "đORĐO")] == ["B-2"]
            assert [row.booking_id for row in bookings.search(session, "MU\u0308LL")] == ["B-1"]
            assert bookings.search(session, "%") == []
            assert bookings.search(session, day=date(2026, 6, 2)) == []

    @pytest.mark.parametrize(
        ("text", "what"),
        [
            ("", "line 1: the heading lacks passenger_name"),
            ("name,booking_id,jump_date\nA,B,2026-06-01\n", "line 1: the heading lacks passenger_name"),
            (
                HEAD + "Anna,B-1,01.06.2026,\n",
                "line 2: the day of the jump, '01.06.2026', is no date; write YYYY-MM-DD",
            ),
            (HEAD + "Anna,B-1,2026-06-01,\nBo,B 2,2026-06-01,\n", "line 3: the booking must be 1 to 32"),
            (
                HEAD + "Anna,B-1,2026-06-01,\nBo,B-1,2026-06-01,\n",
                "line 3: booking B-1 on 2026-06-01 is in line 2 already",
            ),
            (HEAD + "Anna,unidentified-1,2026-06-01,\n", "line 2: the booking must not begin with"),
            (HEAD + "Anna,B-1\n", "line 2: 2 fields where the heading has 4"),
        ],
    )
    def test_a_list_with_an_error_is_refused_as_a_whole(self, text: str, what: str):
        with pytest.raises(BadInput, match=what):
            require_bookings(text)
