"""The detector as a whole: cards come and go, the hub asks, files are copied.

Lives here: what follows from a card event and from a request, and the orderly end. Doesn't: each of the parts.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Event

from detector.cards import watch_cards
from detector.events import CardEvent, CardIn, CardOut, CardRoot
from detector.journal import Journal, LeftOver
from detector.link import Address, Link
from detector.offload import Offload, Surroundings
from detector.partials import Partials, partial_prefix
from detector.sampling import Sampler
from detector.scan import Manifest, chunked, scan
from detector.threads import in_thread
from detector.verify import Verifier
from detector.watchdog import HUNG_S, Watchdog
from stinercut.errors import HostNotReady
from stinercut.protocol import CopyError, CopyRequest, ErrorCode, Inserted, Message, SampleRequest
from stinercut.settings import Settings
from stinercut.store import Store

log = logging.getLogger("detector")


async def run(
    settings: Settings, *, on_chunk: Callable[[int], None] = lambda _done: None, hung_s: float = HUNG_S
) -> None:
    """Run the detector until it is cancelled.

    `on_chunk` is called in the copying thread after each chunk with the bytes copied of that file (tests slow a card
    down there). A read that takes longer than `hung_s` seconds is given up.
    Raises HostNotReady when another detector uses the same data folder or the disk can't be written, BadInput for a hub
    address that is none.
    """
    store = Store(settings.store_dir)
    with closing(Journal(settings.detector_dir / "journal.db")) as journal:
        partials = Partials(journal, store, partial_prefix(settings.detector_id))
        try:
            partials.clear()
        except OSError as refused:
            raise HostNotReady(
                f"the store can't be written ({refused.strerror})", file=store.root, advice="Check that disk."
            ) from None
        await _Detector(settings, partials, on_chunk, Watchdog(hung_s)).run()


@dataclass
class _CardSession:
    """One insertion: what is known of it so far."""

    insertion_id: str
    card: CardIn
    stop: Event = field(default_factory=Event)
    offload: Offload | None = None
    sampler: Sampler | None = None
    work: asyncio.Task[None] | None = None


class _Detector:
    """Holds the sessions of the cards that are in, by the key of their event."""

    def __init__(
        self, settings: Settings, partials: Partials, on_chunk: Callable[[int], None], watchdog: Watchdog
    ) -> None:
        journal, store = partials.journal, partials.store
        self._settings = settings
        self._journal = journal
        self._sessions: dict[str, _CardSession] = {}
        self._left_over = journal.start_over()
        token = settings.token.get_secret_value() if settings.token else None
        self._link = Link(Address(settings.detector_url, settings.detector_id, token), journal, self._requested)
        self._around = Surroundings(
            journal=journal,
            store=store,
            partials=partials,
            verifier=Verifier(store),
            wake=self._link.wake,
            progress=self._link.progress,
            on_chunk=on_chunk,
            watchdog=watchdog,
        )

    async def run(self) -> None:
        """Until cancelled. An error of one of the parts ends all and is raised as it is."""
        events: asyncio.Queue[CardEvent] = asyncio.Queue()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._link.run())
                tasks.create_task(watch_cards(self._settings, events))
                log.info("Watching for cards.")
                while True:
                    match await events.get():
                        case CardIn() as card:
                            self._card_in(card, tasks)
                        case CardOut(key=key):
                            await self._card_out(key)
        except BaseExceptionGroup as several:
            raise _first(several) from None

    def _card_in(self, card: CardIn, tasks: asyncio.TaskGroup) -> None:
        session = _CardSession(uuid.uuid4().hex, card)
        self._sessions[card.key] = session
        self._journal.card_in(
            Inserted(insertion_id=session.insertion_id, card=card.card, inserted_at=datetime.now(UTC))
        )
        self._link.wake()
        session.work = tasks.create_task(self._serve(session))

    async def _serve(self, session: _CardSession) -> None:
        """Scan a card, tell what is on it, copy what is asked for."""
        card, label = session.card, session.card.card.label
        try:
            limit = self._settings.small_file_limit
            # All in the thread: whatever touches a card may hang, and the other cards must not.
            root, manifest, is_there = await in_thread(lambda: _look(session, limit), session.stop)
        except InterruptedError:
            return
        except OSError as refused:
            log.warning("Card %s can't be read (%s). Take it out and put it in again.", label, refused.strerror)
            return
        if session.stop.is_set() or not is_there:
            return  # Half a manifest would be taken for the whole one.
        for problem in manifest.unreadable:
            log.warning("Card %s: can't be read, left out: %s", label, problem)
        log.info("Card %s is in: %d files, %d videos", label, len(manifest.entries), manifest.videos)
        self._journal.put(chunked(session.insertion_id, manifest.entries))
        session.offload = Offload(session.insertion_id, card.card.card_id, root, manifest, self._around)
        session.sampler = Sampler(session.insertion_id, root, manifest, self._journal, self._link.wake)
        again = self._take_left_over(card.card.card_id, manifest)
        if again:
            log.info("Card %s: going on with %d files that were asked for before", label, len(again))
            session.offload.request(again)
        self._link.wake()
        async with session.sampler.working():
            await session.offload.run()

    async def _card_out(self, key: str) -> None:
        session = self._sessions.pop(key)
        session.stop.set()
        if session.offload is not None and session.work is not None:
            await session.offload.card_out(session.work)
        else:
            if session.work is not None:
                session.work.cancel()
                await asyncio.wait({session.work})
            self._journal.card_out(session.insertion_id)
            self._link.wake()
        log.info("Card %s is out", session.card.card.label)

    def _requested(self, request: CopyRequest | SampleRequest) -> None:
        """The hub asks for files or for samples; a request for files is durable when this returns."""
        for session in self._sessions.values():
            if session.insertion_id != request.insertion_id or session.offload is None or session.sampler is None:
                continue
            part = session.sampler if isinstance(request, SampleRequest) else session.offload
            part.request(request.file_ids)
            return
        known = self._journal.knows(request.insertion_id)
        code = ErrorCode.STALE_INSERT if known else ErrorCode.UNKNOWN_ID
        detail = "that card is out again" if known else "there was no such insertion"
        errors: list[Message] = [
            CopyError(insertion_id=request.insertion_id, file_id=file_id, code=code, detail=detail)
            for file_id in request.file_ids
        ]
        self._journal.put(errors)
        self._link.wake()

    def _take_left_over(self, card_id: str, manifest: Manifest) -> list[str]:
        """The files of this card that an earlier life of the detector was asked for and that look just the same."""
        now = {
            LeftOver(card_id, source.relative, source.size, source.mtime_ns): file_id
            for file_id, source in manifest.sources.items()
        }
        again = [now[left] for left in self._left_over if left in now]
        self._left_over = [left for left in self._left_over if left.card_id != card_id]
        return again


def _look(session: _CardSession, small_limit: int) -> tuple[CardRoot, Manifest, bool]:
    """A card's root, its manifest, and whether it was still there after. Raises OSError, InterruptedError."""
    root = CardRoot.at(session.card.root)
    manifest = scan(root.path, session.insertion_id, small_limit, session.stop.is_set)
    return root, manifest, root.is_there()


def _first(error: BaseException) -> BaseException:
    """The error itself, where task groups have wrapped it."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
