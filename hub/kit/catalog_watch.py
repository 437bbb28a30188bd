"""One watch over the catalog for all parts of the hub that act on changes.

Owns: looking at the change counter, waking subscribers, and passing on the hub's own news of cards. Not here: what
follows from a change (each subscriber), the counter (`stinercut.catalog.change_counter`).

Each subscriber acts in its own task, so that a slow or failing one delays no other.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from stinercut.catalog import Catalog
from stinercut.catalog.change_counter import ChangeCounter

log = logging.getLogger("hub.kit.catalog_watch")

LOOK_EVERY_S = 0.6
"""The pause between two looks while somebody listens. Subscribers act within a second of a change."""
TRY_AGAIN_S = 2.0
"""The pause before a subscriber that failed acts again."""


@dataclass(frozen=True)
class CardNews:
    """Something has changed about an insertion, or (None) about any card that is in.

    `is_settled`: one of its files has arrived, failed or turned out to be known.
    """

    insertion_id: str | None
    is_settled: bool = False


@dataclass(frozen=True)
class _Subscription:
    """One subscriber: its action, whether it listens to changes now, and whether it also has to act without one."""

    name: str
    act: Callable[[], Awaitable[None]]
    listens: Callable[[], bool]
    has_more: Callable[[], bool]
    is_due: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, try_again_s: float) -> None:
        """Act whenever it is due, until cancelled. After a failure, try again until it succeeds."""
        while True:
            await self.is_due.wait()
            self.is_due.clear()  # A change during the action makes it due again.
            try:
                await self.act()
            except Exception:
                # Any error at all: a subscriber that ended would never hear of a change again.
                log.exception("Acting on a change of the catalog failed (%s); trying again.", self.name)
                self.is_due.set()
                await asyncio.sleep(try_again_s)


class CatalogWatch:
    """Wakes its subscribers when any process has changed the catalog. Rests while no subscriber listens.

    Used from the event loop's thread only. Subscribe before it runs.
    """

    def __init__(self, catalog: Catalog, look_every_s: float = LOOK_EVERY_S, try_again_s: float = TRY_AGAIN_S) -> None:
        self.catalog = catalog
        """The catalog that is watched."""
        self._look_every_s = look_every_s
        self._try_again_s = try_again_s
        self._subscriptions: list[_Subscription] = []
        self._hearers: list[Callable[[CardNews], None]] = []
        self._is_wanted = asyncio.Event()

    def on_change(
        self,
        name: str,
        act: Callable[[], Awaitable[None]],
        listens: Callable[[], bool],
        has_more: Callable[[], bool] = lambda: False,
    ) -> None:
        """Have `act` awaited after each change while `listens()` is true. When it becomes true, call `wake`.

        `has_more()` is asked at each look: if it is true, `act` is due even though the catalog has not changed.
        """
        self._subscriptions.append(_Subscription(name, act, listens, has_more))

    def on_card_news(self, hear: Callable[[CardNews], None]) -> None:
        """Have `hear` called with the hub's own news of cards. It must not wait for anything."""
        self._hearers.append(hear)

    def tell(self, news: CardNews) -> None:
        """Pass news of a card on to all its hearers."""
        for hear in self._hearers:
            try:
                hear(news)
            except Exception:
                log.exception("News of a card could not be handled.")

    def wake(self) -> None:
        """Somebody begins to listen: let all listening subscribers act once on the catalog as it is."""
        self._is_wanted.set()

    async def run(self) -> None:
        """Look repeatedly, until cancelled."""
        with self._counter() as counter:
            async with asyncio.TaskGroup() as acting:
                for subscription in self._subscriptions:
                    acting.create_task(subscription.serve(self._try_again_s))
                while True:
                    await self._rest()
                    await self._look(counter)
                    await asyncio.sleep(self._look_every_s)

    async def _rest(self) -> None:
        """Wait while nobody listens."""
        while not any(subscription.listens() for subscription in self._subscriptions):
            self._is_wanted.clear()
            await self._is_wanted.wait()

    async def _look(self, counter: ChangeCounter) -> None:
        is_wanted = self._is_wanted.is_set()
        self._is_wanted.clear()
        is_news = await asyncio.to_thread(counter.is_news) or is_wanted
        for subscription in self._subscriptions:
            if subscription.listens() and (is_news or subscription.has_more()):
                subscription.is_due.set()

    def _counter(self) -> ChangeCounter:
        try:
            return ChangeCounter.at(self.catalog)
        except sqlite3.Error:
            log.exception("The catalog's change counter can't be read; subscribers act at every look instead.")
            return ChangeCounter(None)
