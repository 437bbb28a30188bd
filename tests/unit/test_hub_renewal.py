"""Making films anew after a template changed: which ones a backfill is started for, and what that costs the hub."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.cataloguing import film, ready_jump
from support.dagsters import FakeDagster

import hub.renewal
from hub.renewal import BackfillRequest, Renewal, StaleView, to_make
from stinercut.catalog import Catalog, films, jumps, migrate
from stinercut.catalog.staleness import Stale

STALE = Stale("", "classic", ("drawings",), 7.0, 14.0)


@pytest.fixture
def known(tmp_path: Path) -> Iterator[Catalog]:
    url = f"sqlite:///{tmp_path / 'catalog.db'}"
    migrate(url)
    opened = Catalog.open(url)
    yield opened
    opened.close()


def renewal(catalog: Catalog, dagster: FakeDagster) -> Renewal:
    return Renewal(catalog, dagster.client(), (), "classic", 2)


def stale_film(catalog: Catalog) -> str:
    """A finished jump whose film was made with an older template."""
    key, _ = ready_jump(catalog)
    with catalog.write() as session:
        films.record_film(session, film(key, jumps.take_up(session, key, "run-1").version))
    return key


class Counted(list[str]):
    """Keys that are asked for, and how often somebody went through them."""

    read = 0

    def __iter__(self) -> Iterator[str]:
        self.read += 1
        return super().__iter__()


class TestWhatToMake:
    def test_stale_films_that_no_backfill_is_busy_with_in_their_order(self) -> None:
        stale = [replace(STALE, jump_key=key) for key in "dcba"]
        assert to_make(stale, {"c": "backfill"}, None) == ["d", "b", "a"]
        assert to_make(stale, {"c": "backfill"}, ["a", "c", "d", "fresh"]) == ["d", "a"]
        assert to_make(stale, {}, []) == []

    def test_what_is_asked_for_is_read_once_however_many_films_there_are(self) -> None:
        """The command names every film: once for each of 20,000 kept the hub from everything else for a minute."""
        keys = [f"jump-{number:05}" for number in range(2_000)]
        asked = Counted(keys)
        assert to_make([replace(STALE, jump_key=key) for key in keys], {}, asked) == keys
        assert asked.read == 1


def test_a_backfill_is_started_for_the_films_that_are_stale(known: Catalog) -> None:
    key, dagster = stale_film(known), FakeDagster()
    started = asyncio.run(renewal(known, dagster).start(BackfillRequest(jumps=[key, "unknown"])))
    assert (started.backfill, started.jumps) == ("started", [key])
    assert [one["partitionNames"] for one in dagster.launched] == [[key]]


def test_the_views_of_stale_films_are_not_made_where_the_hub_answers_everybody(
    known: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_in: set[int] = set()

    def view(**said: Any) -> StaleView:
        made_in.add(threading.get_ident())
        return StaleView(**said)

    monkeypatch.setattr(hub.renewal, "StaleView", view)
    key = stale_film(known)
    assert [one.jump for one in asyncio.run(renewal(known, FakeDagster()).renewable()).films] == [key]
    assert made_in
    assert threading.get_ident() not in made_in
