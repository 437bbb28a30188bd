"""The watch over the catalog: who hears of a change, that nobody stands in another's way, and rest."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy.exc import OperationalError

from hub.kit.catalog_watch import CardNews, CatalogWatch
from stinercut.catalog import Catalog, events
from stinercut.catalog.change_counter import ChangeCounter

PATIENCE_S = 30


def happen(catalog: Catalog) -> None:
    """Another process writes an event."""
    with catalog.write() as session:
        events.append(session, "test:happened")


class Acting:
    """What acts on changes: how often it did, and the errors that it has still to raise."""

    def __init__(self, *errors: Exception) -> None:
        self.times = 0
        self.errors = list(errors)
        self.has_acted = asyncio.Event()

    async def __call__(self) -> None:
        self.times += 1
        self.has_acted.set()
        if self.errors:
            raise self.errors.pop()

    async def once_more(self) -> None:
        """Wait until it acts."""
        async with asyncio.timeout(PATIENCE_S):
            await self.has_acted.wait()
        self.has_acted.clear()


@asynccontextmanager
async def running(watch: CatalogWatch) -> AsyncGenerator[None]:
    """The watch runs."""
    task = asyncio.create_task(watch.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def watch_of(catalog: Catalog) -> CatalogWatch:
    """A watch without long pauses."""
    return CatalogWatch(catalog, look_every_s=0.001, try_again_s=0.001)


def test_each_subscriber_acts_on_what_there_is_and_on_each_change(catalog: Catalog) -> None:
    async def scene() -> None:
        watch, first, second = watch_of(catalog), Acting(), Acting()
        watch.on_change("first", first, lambda: True)
        watch.on_change("second", second, lambda: True)
        async with running(watch):
            await first.once_more()
            await second.once_more()
            happen(catalog)
            await first.once_more()
            await second.once_more()

    asyncio.run(scene())


def test_one_that_fails_acts_again_and_stops_no_other(catalog: Catalog) -> None:
    async def scene() -> None:
        watch, other = watch_of(catalog), Acting()
        failing = Acting(OperationalError("", {}, Exception("locked")), ValueError("nobody thought of it"))
        watch.on_change("failing", failing, lambda: True)
        watch.on_change("other", other, lambda: True)
        async with running(watch):
            await other.once_more()
            async with asyncio.timeout(PATIENCE_S):
                while failing.times < 3:
                    await failing.once_more()
            happen(catalog)
            await other.once_more()
            await failing.once_more()

    asyncio.run(scene())


def test_one_that_is_slow_delays_no_other_and_hears_of_what_changed_meanwhile(catalog: Catalog) -> None:
    async def scene() -> None:
        watch, other, go_on, times = watch_of(catalog), Acting(), asyncio.Event(), 0
        came_again = asyncio.Event()

        async def slow() -> None:
            nonlocal times
            times += 1
            if times > 1:
                came_again.set()
            await go_on.wait()

        watch.on_change("slow", slow, lambda: True)
        watch.on_change("other", other, lambda: True)
        async with running(watch):
            for _ in range(3):
                await other.once_more()
                happen(catalog)
            await other.once_more()
            assert times == 1, "it still acts on the first"
            go_on.set()
            async with asyncio.timeout(PATIENCE_S):
                await came_again.wait()

    asyncio.run(scene())


def test_nothing_is_looked_at_while_nobody_listens(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    looks, look = 0, ChangeCounter.is_news

    def counted(self: ChangeCounter) -> bool:
        nonlocal looks
        looks += 1
        return look(self)

    monkeypatch.setattr(ChangeCounter, "is_news", counted)

    async def scene() -> None:
        listens = False
        watch, acting = watch_of(catalog), Acting()
        watch.on_change("one", acting, lambda: listens)
        async with running(watch):
            await asyncio.sleep(0)
            watch.wake()  # For nothing: nobody listens after all.
            for _ in range(20):
                await asyncio.sleep(0)
            happen(catalog)
            assert (looks, acting.times) == (0, 0)
            listens = True
            watch.wake()
            await acting.once_more()
            assert looks

    asyncio.run(scene())


def test_who_begins_to_listen_beside_another_acts_on_what_there_is(catalog: Catalog) -> None:
    async def scene() -> None:
        listens = False
        watch, first, late = watch_of(catalog), Acting(), Acting()
        watch.on_change("first", first, lambda: True)
        watch.on_change("late", late, lambda: listens)
        async with running(watch):
            await first.once_more()
            assert late.times == 0
            listens = True
            watch.wake()
            await late.once_more()

    asyncio.run(scene())


def test_news_of_a_card_reaches_all_even_past_one_that_fails(catalog: Catalog) -> None:
    heard: list[CardNews] = []

    def fail(_news: CardNews) -> None:
        raise ValueError("can't take it")

    watch = CatalogWatch(catalog)
    watch.on_card_news(fail)
    watch.on_card_news(heard.append)
    news = CardNews("in-1", is_settled=True)
    watch.tell(news)
    assert heard == [news]
