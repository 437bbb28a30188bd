"""The queue of import folders: they are made one after the other while the hub does everything else.

Owns: `ImportQueue`, and what is said of a folder that can't be made. Not here: what a folder holds and how it is made
(`stinercut.cards.import_folders`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.exc import SQLAlchemyError

from hub.kit.catalog_watch import CardNews
from stinercut.cards.import_folders import Imports
from stinercut.errors import HostNotReady, StoreDamaged

log = logging.getLogger("hub.cards.import_queue")

_T = TypeVar("_T")


class ImportQueue:
    """Makes import folders one after the other, beside everything else the hub does."""

    def __init__(self, imports: Imports) -> None:
        self._imports = imports
        self._waiting: asyncio.Queue[str] = asyncio.Queue()
        self._queued: set[str] = set()

    def settled(self, insertion_id: str) -> None:
        """A file of this insertion has arrived, failed or turned out to be known: it may have been the last."""
        if insertion_id not in self._queued:
            self._queued.add(insertion_id)
            self._waiting.put_nowait(insertion_id)

    def hear(self, news: CardNews) -> None:
        """What the hub hears of a card; counts where a file is settled."""
        if news.is_settled and news.insertion_id is not None:
            self.settled(news.insertion_id)

    async def run(self) -> None:
        """Until cancelled. What can't be made is said in the log; the footage is safe without it."""
        await self._try(self._imports.clear)
        for insertion_id in await self._try(self._imports.recent) or []:
            self.settled(insertion_id)
        while True:
            insertion_id = await self._waiting.get()
            # From here on news counts again: the look below may miss what arrives during it.
            self._queued.discard(insertion_id)
            await self._try(lambda one=insertion_id: self._imports.finish(one))

    async def _try(self, work: Callable[[], _T]) -> _T | None:
        try:
            return await asyncio.to_thread(work)
        except (HostNotReady, StoreDamaged) as refused:
            log.warning("%s", refused.sentence())
        except (SQLAlchemyError, OSError):
            log.exception("An import folder could not be made.")
        return None
