"""Making films again after a template changed: which films a backfill is started for, and what it costs the hub."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.cataloguing import ask, copy, empty_catalog, entry, film, passenger, put_in, ready_jump, record
from support.dagsters import FakeDagster

from hub.films import rerender
from hub.films.rerender import BackfillRequest, Renewal, StaleView, busy_with, to_make
from hub.kit.dagster_client import Backfill
from stinercut.catalog import Catalog
from stinercut.errors import BadInput
from stinercut.jumps import film_records, jumps, staleness
from stinercut.jumps.staleness import Stale
from stinercut.review import wishes

NOW = datetime(2026, 6, 1, 15, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
STALE = Stale("", "classic", ("drawings",), 7.0, 14.0, NOW)


@pytest.fixture
def known(tmp_path: Path) -> Iterator[Catalog]:
    url = empty_catalog(tmp_path)
    opened = Catalog.open(url)
    yield opened
    opened.close()


def renewal(catalog: Catalog, dagster: FakeDagster) -> Renewal:
    return Renewal(catalog, dagster.client(), (), "classic", 2)


def stale_film(catalog: Catalog) -> str:
    """A finished jump whose film was made with an older template."""
    key, _ = ready_jump(catalog)
    with catalog.write() as session:
        film_records.record_film(session, film(key, jumps.take_up(session, key, "run-1").version))
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


class TestBusyWith:
    def busy(self, made_at: datetime, *going_on: tuple[str, datetime]) -> str | None:
        """The backfill that is yet to make a film of that moment, of those that are for it: id and when it began."""
        backfills = [Backfill(name, asked_at, ("jump", "another")) for name, asked_at in going_on]
        return busy_with([replace(STALE, jump_key="jump", made_at=made_at)], backfills).get("jump")

    def test_a_film_that_is_older_than_the_backfill(self) -> None:
        assert self.busy(NOW, ("one", NOW + MINUTE)) == "one"
        assert self.busy(NOW, ("one", NOW)) == "one"
        assert self.busy(NOW) is None

    def test_one_that_it_has_made_is_stale_again(self) -> None:
        assert self.busy(NOW, ("one", NOW - MINUTE)) is None

    def test_of_several_backfills_the_last_one_tells(self) -> None:
        """The first one made it, and is not over yet; the second one is yet to make it, or has."""
        first, second = ("first", NOW - MINUTE), ("second", NOW + MINUTE)
        for going_on in ((first, second), (second, first)):
            assert self.busy(NOW, *going_on) == "second"
            assert self.busy(NOW - 2 * MINUTE, *going_on) == "second"
            assert self.busy(NOW + 2 * MINUTE, *going_on) is None

    def test_a_backfill_of_other_films(self) -> None:
        assert busy_with([replace(STALE, jump_key="jump")], [Backfill("one", NOW + MINUTE, ("another",))]) == {}


def test_what_a_backfill_has_made_and_is_stale_again_is_for_the_next_one(known: Catalog) -> None:
    key = stale_film(known)
    with known.read() as session:
        [made] = staleness.films_made(session)

    def going_on(asked_at: datetime) -> FakeDagster:
        return FakeDagster(
            backfills=[{"id": "first", "timestamp": asked_at.timestamp(), "partitionNames": [key, "not-made-yet"]}]
        )

    async def ask(dagster: FakeDagster) -> tuple[list[str | None], list[str]]:
        one = renewal(known, dagster)
        found = await one.renewable()
        return [film.backfill for film in found.films], (await one.start(BackfillRequest())).jumps

    assert asyncio.run(ask(going_on(made.made_at + MINUTE))) == (["first"], [])
    assert asyncio.run(ask(going_on(made.made_at - MINUTE))) == ([None], [key])


@pytest.mark.parametrize(
    ("status", "state", "words"),
    [
        ("REQUESTED", "going", "goes on"),
        ("COMPLETED_SUCCESS", "done", "has ended"),
        ("COMPLETED_FAILED", "failed", "ended badly"),
        ("FAILING", "failed", "ended badly"),
        ("FAILED", "failed", "ended badly"),
        ("CANCELED", "cancelled", "was cancelled"),
    ],
)
def test_what_came_of_the_last_backfill_is_said_with_the_films_that_it_made(
    known: Catalog, status: str, state: str, words: str
) -> None:
    key = stale_film(known)
    with known.read() as session:
        [made] = staleness.films_made(session)
    ours = [{"key": "stinercut/work", "value": "backfill"}]

    def backfill(name: str, later: timedelta, tags: list[dict[str, str]]) -> dict[str, Any]:
        asked_at = (made.made_at + later).timestamp()
        return {"id": name, "timestamp": asked_at, "status": status, "partitionNames": [key, "other"], "tags": tags}

    backfills = [
        backfill("before", -2 * MINUTE, ours),
        backfill("last", -MINUTE, ours),
        backfill("elsewhere", MINUTE, []),
    ]
    last = asyncio.run(renewal(known, FakeDagster(backfills=backfills)).renewable()).last
    assert last
    assert (last.backfill, last.state, last.films, last.made) == ("last", state, 2, 1)
    assert words in last.outcome
    assert "1 of 2 films" in last.outcome


def test_without_a_backfill_nothing_is_said_of_one(known: Catalog) -> None:
    assert asyncio.run(renewal(known, FakeDagster()).renewable()).last is None


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

    monkeypatch.setattr(rerender, "StaleView", view)
    key = stale_film(known)
    assert [one.jump for one in asyncio.run(renewal(known, FakeDagster()).renewable()).films] == [key]
    assert made_in
    assert threading.get_ident() not in made_in


class TestBrokenTemplates:
    """What is known when a backfill begins is said then, and not by each of its runs."""

    def shelf(self, catalog: Catalog, dagster: FakeDagster, tmp_path: Path) -> Renewal:
        broken = tmp_path / "templates" / "classic"
        broken.mkdir(parents=True)
        (broken / "template.json").write_text("{")
        return replace(renewal(catalog, dagster), folders=(tmp_path / "templates",))

    @pytest.mark.parametrize("by_name", [True, False])
    def test_a_backfill_is_refused_with_the_templates_name_and_what_is_wrong(
        self, known: Catalog, tmp_path: Path, by_name: bool
    ) -> None:
        dagster, key = FakeDagster(), stale_film(known)
        shelf = self.shelf(known, dagster, tmp_path)
        with pytest.raises(BadInput, match=r"The template classic can't be used: .*template\.json") as refused:
            asyncio.run(shelf.start(BackfillRequest(jumps=[key] if by_name else None)))
        assert "template check" in refused.value.advice
        assert dagster.launched == []

    def test_the_others_are_made_and_it_is_said_which_are_not(self, known: Catalog, tmp_path: Path) -> None:
        dagster, key = FakeDagster(), stale_film(known)
        other = another_stale_film(known, "classic")
        shelf = replace(self.shelf(known, dagster, tmp_path), default="sunset")
        started = asyncio.run(shelf.start(BackfillRequest()))
        assert (started.jumps, other in started.jumps) == ([key], False)
        assert "The template classic can't be used" in started.problem


def another_stale_film(catalog: Catalog, template: str) -> str:
    files = [entry(f"GX02000{number}.MP4", 1000 + number, minute=number) for number in (1, 2)]
    put_in(catalog, "in-2", files, "card-2")
    ask(catalog, "in-2")
    copy(catalog, "in-2", files)
    [key] = record(catalog, "in-2", passenger("Ben Okafor", "B-2"), files[:1], files[1:])
    with catalog.write() as session:
        wishes.choose_template(session, key, template, "Eva")
        film_records.record_film(session, film(key, jumps.take_up(session, key, "run-2").version, name="Ben Okafor"))
    return key
