"""The detector as a whole: its journal, its link to the hub, its cards, and the orderly end.

Owns: wiring the parts up, and starting again after the disk failed. Not here: the parts themselves.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import closing

from detector.card.events import CardEvent
from detector.copy.destination import Destination, destination
from detector.copy.journal import Journal
from detector.copy.offload import OffloadContext
from detector.copy.partials import Partials, partial_prefix
from detector.copy.verify import Verifier
from detector.hanging.watchdog import HUNG_S, Watchdog
from detector.insertions import Insertions
from detector.link import HubAddress, Link
from detector.sources.cards import watch_cards
from stinercut.errors import HostNotReady
from stinercut.language.messages import Message
from stinercut.language.setup_codes import SetupCode
from stinercut.protocol import CopyRequest, SampleRequest
from stinercut.settings import Settings
from stinercut.storage.store import Store

log = logging.getLogger("detector")

BEGIN_AGAIN_S = 5.0
"""Pause after a failed write: the disk may be full for a while, or its volume not mounted."""


async def run(
    settings: Settings, *, on_chunk: Callable[[int], None] = lambda _done: None, hung_s: float = HUNG_S
) -> None:
    """Run the detector until it is cancelled. Waits until the hub has made the store.

    `on_chunk` is called in the copying thread after each chunk, with the bytes of that file copied so far (tests slow
    a card down there). A read that takes longer than `hung_s` seconds is given up.
    Raises HostNotReady when another detector uses the same data folder or the disk can't be written, BadInput for an
    invalid hub address. When the disk fails later, the log says so, and the detector starts again from its journal.
    """
    watchdog = Watchdog(hung_s)
    began = False
    while True:
        home = await destination(settings.store_dir)
        try:
            with closing(Journal(settings.detector_dir / "journal.db")) as journal:
                life = _Life(settings, journal, home, watchdog, on_chunk)
                began = True
                await life.run()
        except HostNotReady as refused:
            if not began:
                raise
            log.warning("%s The detector begins again in %g s.", refused.sentence(), BEGIN_AGAIN_S)
            await asyncio.sleep(BEGIN_AGAIN_S)


class _Life:
    """One run, from an open journal to the end or to a failed disk. Raises HostNotReady for a read-only store."""

    def __init__(
        self,
        settings: Settings,
        journal: Journal,
        home: Destination,
        watchdog: Watchdog,
        on_chunk: Callable[[int], None],
    ) -> None:
        self._settings = settings
        store = Store(settings.store_dir)
        partials = Partials(journal, store, partial_prefix(settings.detector_id))
        try:
            partials.clear()
        except OSError as refused:
            raise HostNotReady(
                Message.of(SetupCode.STORE_NOT_WRITABLE, why=refused.strerror or str(refused)),
                file=store.root,
                advice=Message.of(SetupCode.CHECK_THAT_DISK),
            ) from None
        token = settings.token.get_secret_value() if settings.token else None
        address = HubAddress(settings.detector_url, settings.detector_id, token)
        self._link = Link(address, journal, self._requested)
        around = OffloadContext(
            journal=journal,
            store=store,
            partials=partials,
            verifier=Verifier(store),
            wake=self._link.wake,
            progress=self._link.progress,
            on_chunk=on_chunk,
            watchdog=watchdog,
            require_store=home.require,
        )
        self._insertions = Insertions(around, settings.small_file_limit, journal.start_over())

    async def run(self) -> None:
        """Run until cancelled. An error in one of the parts ends all of them and is raised as it is."""
        events: asyncio.Queue[CardEvent] = asyncio.Queue()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._link.run())
                tasks.create_task(watch_cards(self._settings, events))
                tasks.create_task(self._insertions.follow(events))
                log.info("Watching for cards.")
        except BaseExceptionGroup as several:
            raise _first(several) from None

    def _requested(self, request: CopyRequest | SampleRequest) -> None:
        self._insertions.requested(request)


def _first(error: BaseException) -> BaseException:
    """The error itself, where task groups have wrapped it."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
