"""Handles the cards that are in: a card that goes in or out, and what the hub asks of a card.

Owns: each insertion, from its scan to its end. Not here: noticing cards (`sources.cards`), the connection
(`link`), the order of copies (`copy.offload`).
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from dataclasses import dataclass, field
from threading import Event

from detector.card.events import CardEvent, CardIn, CardOut, CardRoot
from detector.card.scan import Manifest, chunked, scan
from detector.copy.failures import ScanFailed, card_silent, left_out, no_insertion, scan_failed
from detector.copy.journal import LeftOver
from detector.copy.offload import Offload, OffloadContext
from detector.copy.sampling import Sampler
from detector.hanging.watchdog import CardHeartbeat, Hung
from stinercut.failures import messages_for_pages
from stinercut.protocol import CardError, CopyError, CopyRequest, ErrorCode, FileList, Inserted, Message, SampleRequest
from stinercut.protocol.details import told

log = logging.getLogger("detector")

NAMED = 5
"""The hub gets the names of at most this many of the files and folders that could not be read on a card."""


@dataclass
class _OpenInsertion:
    """One insertion, with what is known about it so far."""

    insertion_id: str
    card: CardIn
    stop: Event = field(default_factory=Event)
    offload: Offload | None = None
    sampler: Sampler | None = None
    work: asyncio.Task[None] | None = None


class Insertions:
    """The open insertions, by the key of their card's event.

    `left_over` holds the files that the hub asked an earlier run of the detector for, and that it did not copy.
    """

    def __init__(self, around: OffloadContext, small_file_limit: int, left_over: list[LeftOver]) -> None:
        self._around = around
        self._small_file_limit = small_file_limit
        self._left_over = left_over
        self._insertions: dict[str, _OpenInsertion] = {}

    async def follow(self, events: asyncio.Queue[CardEvent]) -> None:
        """Act on each card that goes in or out, until cancelled. An error of one insertion ends all and is raised."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                match await events.get():
                    case CardIn() as card:
                        self._card_in(card, tasks)
                    case CardOut(key=key):
                        await self._card_out(key)

    def requested(self, request: CopyRequest | SampleRequest) -> None:
        """Take a request of the hub for files or samples; a request for files is durable when this returns."""
        for insertion in self._insertions.values():
            if insertion.insertion_id != request.insertion_id or insertion.offload is None or insertion.sampler is None:
                continue
            part = insertion.sampler if isinstance(request, SampleRequest) else insertion.offload
            part.request(request.file_ids)
            return
        known = self._around.journal.knows(request.insertion_id)
        code = ErrorCode.STALE_INSERT if known else ErrorCode.UNKNOWN_ID
        why = told([no_insertion(is_out=known)])
        errors: list[Message] = [
            CopyError(
                insertion_id=request.insertion_id,
                file_id=file_id,
                code=code,
                detail=why.detail,
                detail_parts=why.parts,
            )
            for file_id in request.file_ids
        ]
        self._around.journal.put(errors)
        self._around.wake()

    def _card_in(self, card: CardIn, tasks: asyncio.TaskGroup) -> None:
        insertion = _OpenInsertion(uuid.uuid4().hex, card)
        self._insertions[card.key] = insertion
        self._around.journal.card_in(
            Inserted(insertion_id=insertion.insertion_id, card=card.card, inserted_at=self._around.clock())
        )
        self._around.wake()
        insertion.work = tasks.create_task(self._serve(insertion))

    async def _serve(self, insertion: _OpenInsertion) -> None:
        """Scan a card, report what is on it, copy the files that the hub asks for."""
        card, label = insertion.card, insertion.card.card.label
        try:
            root, manifest = await self._scanned(insertion)
        except InterruptedError:
            return
        except ScanFailed as failed:
            if not insertion.stop.is_set():
                log.warning("Card %s: %s", label, failed.sentence())
                self._tell(_card_error(insertion.insertion_id, failed))
            return
        if insertion.stop.is_set():
            return
        for problem in manifest.unreadable:
            log.warning("Card %s: can't be read, left out: %s", label, problem)
        log.info("Card %s is in: %d files, %s", label, len(manifest.entries), _footage(manifest))
        # Report missing files before the list: somebody who sees a list that looks complete may pull the card out.
        self._tell(*_left_out(insertion.insertion_id, manifest), *_listed(insertion.insertion_id, manifest))
        insertion.offload = Offload(insertion.insertion_id, card.card.card_id, root, manifest, self._around)
        insertion.sampler = Sampler(insertion.insertion_id, root, manifest, self._around)
        again = self._take_left_over(card.card.card_id, manifest)
        if again:
            log.info("Card %s: resuming %d files that the hub had asked for before", label, len(again))
            insertion.offload.request(again)
        self._around.wake()
        async with insertion.sampler.working():
            await insertion.offload.run()

    def _tell(self, *messages: Message) -> None:
        self._around.journal.put(messages)
        self._around.wake()

    async def _scanned(self, insertion: _OpenInsertion) -> tuple[CardRoot, Manifest]:
        """A card's root and its manifest. Raises ScanFailed, InterruptedError.

        All of it runs in a thread: anything that touches a card may hang, and must not hold up the other cards.
        """
        pulse, given_up = CardHeartbeat(), Event()

        def should_stop() -> bool:
            pulse.beat()
            return insertion.stop.is_set() or given_up.is_set()

        def look() -> tuple[CardRoot, Manifest]:
            with pulse:
                root = CardRoot.at(insertion.card.root)
                manifest = scan(root.path, insertion.insertion_id, self._small_file_limit, should_stop)
                pulse.beat()
                root.require()  # If the card is gone by now, the manifest is half of one and would pass for complete.
                return root, manifest

        try:
            return await self._around.watchdog.run(look, pulse, given_up)
        except Hung:
            raise card_silent() from None
        except InterruptedError:
            raise
        except OSError as refused:
            raise scan_failed(refused) from None

    async def _card_out(self, key: str) -> None:
        insertion = self._insertions.pop(key)
        insertion.stop.set()
        label, journal = insertion.card.card.label, self._around.journal
        if insertion.offload is not None and insertion.work is not None:
            await insertion.offload.card_out(insertion.work)
        else:
            if insertion.work is not None:
                insertion.work.cancel()
                await asyncio.wait({insertion.work})
            journal.card_out(insertion.insertion_id)
            self._around.wake()
        log.info("Card %s is out", label)

    def _take_left_over(self, card_id: str, manifest: Manifest) -> list[str]:
        """The files of this card that the hub asked an earlier run of the detector for, if they still look the same."""
        now = {
            LeftOver(card_id, source.relative, source.size, source.mtime_ns): file_id
            for file_id, source in manifest.sources.items()
        }
        again = [now[left] for left in self._left_over if left in now]
        self._left_over = [left for left in self._left_over if left.card_id != card_id]
        return again


def _footage(manifest: Manifest) -> str:
    videos = f"{manifest.videos} videos"
    return f"{videos}, {manifest.photos} photos" if manifest.photos else videos


def _listed(insertion_id: str, manifest: Manifest) -> list[FileList]:
    return chunked(insertion_id, manifest.entries, manifest.passed_over)


def _card_error(insertion_id: str, failed: ScanFailed) -> CardError:
    why = told(messages_for_pages(failed))
    return CardError(
        insertion_id=insertion_id, code=failed.reason, unreadable=0, detail=why.detail, detail_parts=why.parts
    )


def _left_out(insertion_id: str, manifest: Manifest) -> list[CardError]:
    """The message about folders and files that are missing in the manifest, the first few by name."""
    if not manifest.unreadable:
        return []
    named = manifest.unreadable[:NAMED]
    more = len(manifest.unreadable) - len(named)
    what = "; ".join(named)[:1700]
    why = told(left_out(what, more))
    code, number = ErrorCode.SOURCE_IO, len(manifest.unreadable)
    return [
        CardError(insertion_id=insertion_id, code=code, unreadable=number, detail=why.detail, detail_parts=why.parts)
    ]
