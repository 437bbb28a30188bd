"""The queue of import folders, which are made one after the other in the background.

Owns: `ImportQueue`, and logging a folder that can't be made. Not here: what a folder holds and how it is made
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
    """Makes import folders one after the other, in the background."""

    def __init__(self, imports: Imports) -> None:
        self._imports = imports
        self._waiting: asyncio.Queue[str] = asyncio.Queue()
        self._queued: set[str] = set()

    def settled(self, insertion_id: str) -> None:
        """Queue an insertion of which a file has arrived, failed or turned out to be known: it may be the last."""
        if insertion_id not in self._queued:
            self._queued.add(insertion_id)
            self._waiting.put_nowait(insertion_id)

    def hear(self, news: CardNews) -> None:
        """Take the hub's news of a card; only news of a settled file counts."""
        if news.is_settled and news.insertion_id is not None:
            self.settled(news.insertion_id)

    async def run(self) -> None:
        """Make folders until cancelled. A folder that can't be made is only logged: the footage is safe without it."""
        await self._try(self._imports.clear)
        for insertion_id in await self._try(self._imports.recent) or []:
            self.settled(insertion_id)
        while True:
            insertion_id = await self._waiting.get()
            # From here on it can be queued again: the work below may miss files that arrive meanwhile.
            self._queued.discard(insertion_id)
            await self._try(lambda insertion_id=insertion_id: self._imports.finish(insertion_id))

    async def _try(self, work: Callable[[], _T]) -> _T | None:
        try:
            return await asyncio.to_thread(work)
        except (HostNotReady, StoreDamaged) as refused:
            log.warning("%s", refused.sentence())
        except (SQLAlchemyError, OSError):
            log.exception("An import folder could not be made.")
        return None
