"""Days, zones, summer time and the 29 February: rules go by the moment that they are given, wherever they run."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from support import heard
from support.cataloguing import copied, entry, put_in, states
from support.clocks import NOON, RunningClock

from detector.card.scan import wall_clock
from stinercut.cards.known_files import BELIEVED_FOR, is_believed, is_quarter_shift
from stinercut.catalog import Catalog
from stinercut.catalog.models import Booking, Event, ImportedFile, Insertion
from stinercut.clock import local_day, machine_clock
from stinercut.codes.extras import Extras
from stinercut.codes.payload import make_payload
from stinercut.jumps import bookings
from stinercut.jumps.booking_list import ListedBooking
from stinercut.pipeline_names import OLDER_PRIORITY, TODAY_PRIORITY, film_priority

ZONES = ["UTC", "Pacific/Auckland", "America/St_Johns", "Europe/Vienna", "Pacific/Kiritimati", "Etc/GMT+12"]
NIGHTS = [
    datetime(2028, 2, 28, 23, 30, tzinfo=UTC),
    datetime(2028, 2, 29, 11, 30, tzinfo=UTC),
    datetime(2027, 12, 31, 23, 59, 59, tzinfo=UTC),
    datetime(2027, 3, 28, 1, 30, tzinfo=UTC),  # Summer time begins in Vienna,
    datetime(2027, 10, 31, 0, 30, tzinfo=UTC),  # and ends there.
    datetime(2027, 4, 3, 13, 30, tzinfo=UTC),  # It ends in Auckland.
]


@pytest.fixture(params=ZONES)
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[ZoneInfo]:
    """The zone that this machine is in."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield ZoneInfo(request.param)
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("moment", NIGHTS)
def test_the_local_day_is_that_of_the_machines_zone(zone: ZoneInfo, moment: datetime) -> None:
    assert local_day(moment) == moment.astimezone(zone).date()
    assert local_day(moment.astimezone(ZoneInfo("Asia/Kathmandu"))) == local_day(moment)


def test_the_machines_clock_is_of_any_zone() -> None:
    assert machine_clock().utcoffset() == timedelta()


@pytest.mark.parametrize("today", [date(2028, 2, 29), date(2028, 3, 1), date(2027, 3, 1), date(2027, 1, 1)])
def test_films_of_today_and_yesterday_come_first(today: date) -> None:
    said = [film_priority(today - timedelta(days=ago), today) for ago in range(4)]
    assert said == [TODAY_PRIORITY, TODAY_PRIORITY, OLDER_PRIORITY, OLDER_PRIORITY]


@given(
    moment=st.datetimes(datetime(2024, 1, 1), datetime(2032, 1, 1), timezones=st.just(UTC)),
    camera=st.integers(-12 * 4, 14 * 4).map(lambda quarters: timezone(timedelta(minutes=15 * quarters))),
    days=st.floats(0, 178),
)
def test_footage_that_is_fetched_within_months_is_believed_wherever_it_was_filmed(
    moment: datetime, camera: timezone, days: float
) -> None:
    filmed = moment.astimezone(camera).replace(tzinfo=None)
    assert is_believed(filmed, moment + timedelta(days=days))
    assert not is_believed(filmed, moment + BELIEVED_FOR + timedelta(days=2))


@given(mtime=st.integers(1_700_000_000, 1_950_000_000))
@pytest.mark.parametrize("other", ZONES)
def test_one_file_read_in_two_zones_is_probably_the_same(other: str, mtime: int) -> None:
    shown = datetime.fromtimestamp(mtime, ZoneInfo(other)).replace(tzinfo=None)
    assert is_quarter_shift(wall_clock(mtime * 10**9), shown)


def test_a_files_time_is_what_the_wall_clock_showed(zone: ZoneInfo) -> None:
    for moment in NIGHTS:
        shown = wall_clock(int(moment.timestamp()) * 10**9)
        assert shown == moment.astimezone(zone).replace(tzinfo=None)


def test_a_jump_on_the_29_february_has_its_day() -> None:
    assert make_payload("Anna Müller", "B-1", date(2028, 2, 29)).jump_key == "2028-02-29_B-1"


# ------------------------------------------------------------------------------------------------ the catalog's clock

FILES = [entry("GX010001.MP4"), entry("GX010002.MP4", minute=3)]


def put_in_and_copied(catalog: Catalog, insertion: str) -> list[str]:
    """Returns what was asked for."""
    put_in(catalog, insertion, FILES)
    with catalog.write() as session:
        wanted = heard.take_requests(session, insertion)
        for file in FILES:
            if file.file_id in wanted:
                heard.record_copied(session, copied(insertion, file))
    return wanted


def test_a_card_that_comes_back_thirteen_months_later_is_known(catalog_url: str) -> None:
    """It was imported on the day it was filmed; on which day it comes again is all the same."""
    then, later = (Catalog.open(catalog_url, RunningClock(NOON + timedelta(days=days))) for days in (0, 395))
    assert len(put_in_and_copied(then, "in-1")) == 2
    assert put_in_and_copied(later, "in-2") == []
    assert set(states(later, "in-2").values()) == {"known"}
    then.close()
    later.close()


def test_a_card_of_a_clock_that_was_wrong_is_looked_into_again(catalog_url: str) -> None:
    """Thirteen months before it was imported: its files may be others than the last ones of these names."""
    wrong = Catalog.open(catalog_url, RunningClock(NOON + timedelta(days=395)))
    assert len(put_in_and_copied(wrong, "in-1")) == 2
    put_in_and_copied(wrong, "in-2")
    assert set(states(wrong, "in-2").values()) == {"probable"}
    wrong.close()


def test_every_moment_in_the_catalog_is_told_by_its_clock(catalog_url: str) -> None:
    leap_day = datetime(2028, 2, 29, 23, 59, tzinfo=UTC)
    catalog = Catalog.open(catalog_url, lambda: leap_day)
    put_in_and_copied(catalog, "in-1")
    with catalog.write() as session:
        heard.record_removed(session, "in-1")
        for row, name in enumerate(("Anna Müller", "Anna Maier")):
            bookings.import_list(session, [ListedBooking(row, make_payload(name, "B-1", leap_day.date()), Extras())])
    with catalog.read() as session:
        insertion = session.get_one(Insertion, "in-1")
        told = {insertion.listed_at, insertion.removed_at}
        for column in (ImportedFile.imported_at, Booking.imported_at, Event.at):
            told |= set(session.execute(select(column)).scalars())
    assert told == {leap_day}
    catalog.close()
