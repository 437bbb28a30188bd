"""The numbers of a day: every jump of the day counts, and a film that may lack something is not called ready."""

from __future__ import annotations

from datetime import date

from support.cataloguing import copy, entry, film, passenger, put_in, record

from hub.jumps.day_numbers import DayNumbers, day_numbers
from stinercut.catalog import Catalog
from stinercut.jumps import film_records, jumps

DAY = date(2026, 6, 1)


def filmed(catalog: Catalog, letter: str, *, lacks: bool = False) -> str:
    """A jump with its film; with `lacks`, another clip of its card waits for a person."""
    files = [entry(f"GX01000{n}.MP4", 1000 * ord(letter) + n, minute=n, prefix=letter) for n in range(1, 4)]
    put_in(catalog, f"in-{letter}", files, f"card-{letter}")
    copy(catalog, f"in-{letter}", files)
    [key] = record(catalog, f"in-{letter}", passenger("Anna", f"B-{letter}"), files[:1], files[1:2])
    if lacks:
        record(catalog, f"in-{letter}", None, [], files[2:], "GX010003.MP4 could not be read")
    with catalog.write() as session:
        version = jumps.take_up(session, key, f"run-{letter}").version
        film_records.record_film(session, film(key, version, f"run-{letter}", name="Anna"))
    return key


def numbers(catalog: Catalog, day: date = DAY) -> DayNumbers:
    with catalog.read() as session:
        return day_numbers(session, day)


def test_an_empty_catalog_has_none(catalog: Catalog) -> None:
    assert numbers(catalog) == DayNumbers(day=DAY, in_work=0, ready=0, provisional=0, needs_a_person=0)


def test_ready_provisional_and_waiting_jumps_are_told_apart(catalog: Catalog) -> None:
    day = date.fromisoformat(filmed(catalog, "a")[:10])
    filmed(catalog, "b")
    filmed(catalog, "c", lacks=True)
    assert numbers(catalog, day) == DayNumbers(day=day, in_work=0, ready=2, provisional=1, needs_a_person=1)
    other = numbers(catalog, date(2020, 1, 1))
    assert (other.ready, other.provisional, other.needs_a_person) == (0, 0, 1)


def test_a_jump_that_waits_for_its_film_is_in_work(catalog: Catalog) -> None:
    files = [entry(f"GX01000{n}.MP4", n, minute=n, prefix="d") for n in range(1, 3)]
    put_in(catalog, "in-d", files, "card-d")
    copy(catalog, "in-d", files)
    record(catalog, "in-d", passenger("Anna", "B-d"), files[:1], files[1:])
    assert numbers(catalog).in_work == 1
