"""`python -m app.codes.early_reader`: looks for codes in a card's early files as they arrive, so that names come first.

Owns: the process, which files are read next, several at a time. Not here: which files are early
(`stinercut.cards.early_files`), reading one (`stinercut.codes.reader`), splitting a card by what was read
(`stinercut_assets.cards.card_sessions`).

A step of Dagster costs most of a second, and identification begins when the last early file is here. By then this
process has read them, and the asset only records what they mean. Nothing depends on it: what it did not read,
identification reads itself.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from app.processes.signals import run_until_asked
from stinercut.cards import early_files, identification
from stinercut.cards.early_files import UnreadFile, early_reader_lock
from stinercut.catalog import Catalog
from stinercut.catalog.change_counter import ChangeCounter
from stinercut.codes.reading import Reading
from stinercut.errors import StinercutError
from stinercut.keyring import KeyRing
from stinercut.settings import Settings
from stinercut.storage import locks
from stinercut.storage.data_folder import keep_private
from stinercut.storage.store import Store

log = logging.getLogger("app.codes.early_reader")

LOOK_EVERY_S: Final = 0.2
"""Pause between two looks at the change counter, which cost next to nothing."""
ASK_EVERY_S: Final = 1.0
"""Pause between two questions to a database that has no such counter, while nothing is to be read."""
AT_ONCE: Final = 4
"""At most so many files at once, however many cores there are: films are rendered meanwhile."""

ReadFilm = Callable[[Path, KeyRing], Reading]


def read_film(path: Path, keys: KeyRing) -> Reading:
    """What a film says. Loads the decoders with the first one: at rest this process is small."""
    from stinercut.codes import reader

    return reader.read_film(path, keys)


@dataclass
class EarlyReader:
    """Reads early files of all cards. `at_once`: how many at a time."""

    catalog: Catalog
    store: Store
    keys: KeyRing
    at_once: int
    read: ReadFilm = read_film
    _in_hand: dict[asyncio.Future[None], int] = field(default_factory=dict["asyncio.Future[None]", int])
    _given_up: set[int] = field(default_factory=set[int])
    """Card file ids of files that could not be read from the store: identification says why."""

    async def run(self) -> None:
        """Read what arrives, until cancelled."""
        with ChangeCounter.at(self.catalog) as counter, ThreadPoolExecutor(self.at_once) as pool:
            is_due = True
            while True:
                if is_due or await asyncio.to_thread(counter.is_news):
                    await self._begin(pool)
                is_due = await self._rest(LOOK_EVERY_S if counter.counts or self._in_hand else ASK_EVERY_S)

    async def _rest(self, seconds: float) -> bool:
        """Wait that long, or until a file was read; whether one was."""
        if not self._in_hand:
            await asyncio.sleep(seconds)
            return False
        done, _ = await asyncio.wait(self._in_hand, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for one in done:
            del self._in_hand[one]
        return bool(done)

    async def _begin(self, pool: ThreadPoolExecutor) -> None:
        """Begin to read as many files as there is room for."""
        room = self.at_once - len(self._in_hand)
        if room <= 0:
            return
        try:
            unread = await asyncio.to_thread(self._next, room, {*self._in_hand.values(), *self._given_up})
        except SQLAlchemyError:
            log.exception("The catalog can't be asked for unread files; trying again.")
            return
        loop = asyncio.get_running_loop()
        for one in unread:
            self._in_hand[loop.run_in_executor(pool, self._read, one)] = one.file.card_file_id

    def _next(self, most: int, but: set[int]) -> list[UnreadFile]:
        with self.catalog.read() as session:
            unread = early_files.unread_files(session, self.keys)
            return list(islice((one for one in unread if one.file.card_file_id not in but), most))

    def _read(self, unread: UnreadFile) -> None:
        """Read one file and keep what it says. Never raises: the next file must not wait for this one's fault."""
        file = unread.file
        try:
            reading = self.read(self.store.require(file.content_hash, file.size), self.keys)
            with self.catalog.write() as session:
                identification.record_if_unread(session, unread.card_id, file, reading)
            log.info("%s: read in %.2f s", file.name, reading.seconds)
        except StinercutError as refused:
            self._given_up.add(file.card_file_id)
            log.warning("%s: %s", file.name, refused.sentence())
        except Exception:
            # Whatever it is: identification meets it again, in a step that a person sees.
            self._given_up.add(file.card_file_id)
            log.exception("%s could not be read ahead.", file.name)


async def read_alone(reader: EarlyReader, lock: Path) -> None:
    """Read, until cancelled, as the only one of this data folder; waits as long as another one reads."""
    while True:
        with locks.held_if_free(lock) as is_ours:
            if is_ours:
                await reader.run()
        await asyncio.sleep(ASK_EVERY_S)


def main() -> None:
    """Read until asked to end."""
    logging.basicConfig(format="%(asctime)s %(message)s", level=logging.INFO, stream=sys.stderr)
    try:
        settings = Settings()
        keep_private(settings)
        reader = EarlyReader(
            Catalog.open(settings.catalog_url),
            Store(settings.store_dir),
            settings.key_ring,
            min(AT_ONCE, os.cpu_count() or 1),
        )
        run_until_asked(read_alone(reader, early_reader_lock(settings.data)))
    except StinercutError as refused:
        sys.exit(refused.sentence())


if __name__ == "__main__":
    main()
