"""A sensor's tick hears of what is written while it waits, looks when there is something to see, and ends in time."""

from __future__ import annotations

import threading

import pytest

from sensors.common import polling
from sensors.common.polling import wait_for_news
from stinercut.catalog import Catalog, events
from stinercut.catalog.change_counter import ChangeCounter


def write(catalog: Catalog) -> None:
    with catalog.write() as session:
        events.append(session, "test")


def newest(catalog: Catalog) -> int:
    with catalog.read() as session:
        return events.last_id(session)


def test_a_glance_says_whether_somebody_wrote(catalog: Catalog) -> None:
    with ChangeCounter.at(catalog) as counter:
        assert counter.is_news(), "the first time nothing is known"
        if catalog.engine.dialect.name == "sqlite":
            assert not counter.is_news()
        write(catalog)
        assert counter.is_news()


def test_what_is_written_meanwhile_is_found_and_there_is_no_look_without_need(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Who finds nothing before a tick is over waits until the test's own time is up.
    monkeypatch.setattr(polling, "LOOK_FOR_S", 3600)
    looks = 0

    def look() -> int:
        nonlocal looks
        looks += 1
        return newest(catalog)

    newest(catalog)  # The first connection sets the file up.
    writer = threading.Timer(1.3, write, [catalog])
    writer.start()
    assert wait_for_news(catalog, look) > 0
    if catalog.engine.dialect.name == "sqlite":
        assert looks == 2, "at once, and when something was written"
    writer.join()


def test_it_ends_when_nothing_comes(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "LOOK_FOR_S", 0.6)
    assert wait_for_news(catalog, lambda: newest(catalog)) == 0


def test_what_is_not_in_the_catalog_is_looked_for_each_time(catalog: Catalog) -> None:
    answers = iter([0, 0, 5])
    assert wait_for_news(catalog, lambda: next(answers), also_when=lambda: True) == 5
