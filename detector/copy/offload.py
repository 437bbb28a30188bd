"""The offload of one card: the queue of files that the hub asked for, and the copies that run.

Owns: the order of copies and what follows from how each ended. Not here: the copy itself (`copying`, `verify`), what is
remembered (`journal`), when cards come and go (`detector.insertions`).

A card is read by two lanes, one for small files, one for large ones. While the small lane has anything to do, a large
copy pauses between two chunks, so that no passenger waits to be recognised until gigabytes are copied. A file that was
read to its end is verified while its lane reads the next one.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Event

from detector.card.events import CardRoot, shown
from detector.card.scan import Manifest, SourceFile
from detector.copy.copying import CardSource, CopyCallbacks, fetch
from detector.copy.failures import Copied, CopyFailed, CopyStopped, card_removed, destination_failed, silent
from detector.copy.journal import Journal, LeftOver
from detector.copy.partials import PartialFile, Partials
from detector.copy.resume import Checkpoint
from detector.copy.space import Space
from detector.copy.verify import Verifier
from detector.hanging.watchdog import CardHeartbeat, Hung, Watchdog
from stinercut.clock import Clock, machine_clock
from stinercut.errors import StoreDamaged
from stinercut.failures import messages_for_pages
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message
from stinercut.protocol import CopyError, ErrorCode, FileCopied, Progress
from stinercut.protocol.details import DetailOnWire, told
from stinercut.storage.store import Store, amount

log = logging.getLogger("detector")

PROGRESS_S = 1.0
LOOK_AGAIN_S = 1.0
TURN_S = 0.1
"""How soon a paused large copy notices that it must stop."""
REMOVAL_S = 2.0
"""How long a copy may take to notice that its card is out. After that its thread is left behind."""
UNVERIFIED = 2
"""How many files of one lane may be in verification or wait for it. Until one is done, the lane reads no further."""
HUNG_READS = 2
"""After this many hung reads, nothing more is read from a card until it is put in again."""
RESUMABLE = frozenset({ErrorCode.CARD_REMOVED, ErrorCode.SOURCE_IO})
"""Failures after which the partial file is kept: its content is as good as before."""


@dataclass(frozen=True)
class OffloadContext:
    """The parts that all cards of one detector share."""

    journal: Journal
    store: Store
    partials: Partials
    verifier: Verifier
    wake: Callable[[], None]
    progress: Callable[[Progress], None]
    on_chunk: Callable[[int], None] = lambda _done: None
    """Called in the copying thread after each chunk."""
    space: Space = field(default_factory=Space)
    watchdog: Watchdog = field(default_factory=Watchdog)
    clock: Clock = machine_clock
    require_store: Callable[[], None] = lambda: None
    """Raises HostNotReady when another folder is in the store's place: nothing must be written then."""


class CopyQueue:
    """The files to copy: one queue of small and one of large files, each in the order of the hub's requests."""

    def __init__(self) -> None:
        self._waiting: dict[bool, deque[str]] = {True: deque(), False: deque()}

    def add(self, file_id: str, *, small: bool) -> None:
        """Put a file at the end of its queue."""
        self._waiting[small].append(file_id)

    def take(self, *, small: bool) -> str | None:
        """Take the next file out; None when that queue is empty."""
        return self._waiting[small].popleft() if self._waiting[small] else None


@dataclass
class Offload:
    """The copying of one insertion. `run` works until it is cancelled or `card_out` is called."""

    insertion_id: str
    card_id: str
    root: CardRoot
    manifest: Manifest
    around: OffloadContext
    _queue: CopyQueue = field(default_factory=CopyQueue)
    _asked: asyncio.Event = field(default_factory=asyncio.Event)
    _stop: Event = field(default_factory=Event)
    _gone: asyncio.Event = field(default_factory=asyncio.Event)
    _large_may_read: Event = field(default_factory=Event)
    """Set while no small file waits or is read."""
    _reading: set[str] = field(default_factory=set[str])
    _lanes: list[asyncio.Task[None]] = field(default_factory=list[asyncio.Task[None]])
    _hung: int = 0

    def request(self, file_ids: list[str]) -> None:
        """Take the hub's request for files, in this order; durable when this returns. Unknown ids are answered so."""
        known = [(file_id, self.manifest.sources[file_id]) for file_id in file_ids if file_id in self.manifest.sources]
        unknown = [file_id for file_id in file_ids if file_id not in self.manifest.sources]
        for file_id in self.around.journal.want(self.insertion_id, known, self._is_stored):
            small = self.manifest.sources[file_id].small
            self._queue.add(file_id, small=small)
            if small:
                self._large_may_read.clear()
        if unknown:
            why = told([Message.of(MessageCode.NO_SUCH_FILE_ON_CARD)])
            self.around.journal.put(self._error(file_id, ErrorCode.UNKNOWN_ID, why) for file_id in unknown)
        self.around.wake()
        self._asked.set()

    def _is_stored(self, content_hash: str, size: int) -> bool:
        try:
            self.around.store.require(content_hash, size)
        except StoreDamaged:
            return False
        return True

    async def run(self) -> None:
        """Copy what the hub asks for. After the card is out, ends once every fully read file is verified."""
        async with asyncio.TaskGroup() as tasks:
            self._lanes += [tasks.create_task(self._lane(tasks, small=small)) for small in (True, False)]

    async def card_out(self, work: asyncio.Task[None]) -> None:
        """End after the card went out: report the files that were being read, drop those that were not begun.

        `work` is the task of `run`. Fully read files are still verified and reported; a large one may finish after this
        returns.
        """
        self._stop.set()
        self._gone.set()
        self._asked.set()
        if self._lanes:
            await asyncio.wait(self._lanes, timeout=REMOVAL_S)
        for lane in self._lanes:  # A hung read is left behind; whatever it still does, nobody hears of it.
            lane.cancel()
        if self._lanes:
            await asyncio.wait(self._lanes)
        for file_id in sorted(self._reading):
            self._report_failure(file_id, card_removed(self.manifest.sources[file_id]))
        self._reading.clear()
        await asyncio.wait({work}, timeout=REMOVAL_S)
        self.around.journal.card_out(self.insertion_id)
        self.around.wake()

    async def _lane(self, tasks: asyncio.TaskGroup, *, small: bool) -> None:
        """Read one file after the other. Each is verified in a task of its own."""
        room = asyncio.Semaphore(UNVERIFIED)
        while not self._stop.is_set():
            file_id = self._queue.take(small=small) if small or self._large_may_read.is_set() else None
            if file_id is None:
                self._asked.clear()
                if small and not self._large_may_read.is_set():
                    self._large_may_read.set()
                    self._asked.set()
                await self._asked.wait()
                continue
            await room.acquire()
            started = time.monotonic()
            self._reading.add(file_id)
            if (fetched := await self._fetch(file_id)) is not None:
                settling = tasks.create_task(self._settle(file_id, *fetched, started))
                settling.add_done_callback(lambda _done: room.release())
            else:
                room.release()
            self._reading.discard(file_id)

    async def _fetch(self, file_id: str) -> tuple[PartialFile, Copied] | None:
        """Read one file into its partial file. None when that failed; the failure is reported by then."""
        source = self.manifest.sources[file_id]
        try:
            if self._stop.is_set():
                raise card_removed(source)
            if self._hung >= HUNG_READS:
                raise silent(source)
            part = self._claim(source)
        except CopyFailed as failed:
            self._report_failure(file_id, failed)
            return None
        keep, copied = True, None
        try:
            copied = await self._read(file_id, part)
        except CopyStopped:
            self._report_failure(file_id, card_removed(source))
        except Hung:
            self._hung += 1
            self._report_failure(file_id, silent(source))
        except CopyFailed as failed:
            keep = failed.reason in RESUMABLE
            self._report_failure(file_id, failed)
            if failed.reason is ErrorCode.CARD_REMOVED:
                self._reading.discard(file_id)
                await self._until_there_again()
        finally:
            if copied is None:
                self.around.partials.release(part, keep=keep)
        return (part, copied) if copied is not None else None

    def _claim(self, source: SourceFile) -> PartialFile:
        self.around.require_store()
        try:
            return self.around.partials.claim(self._identity(source))
        except OSError as refused:
            raise destination_failed(refused, self.around.store.root) from None

    def _identity(self, source: SourceFile) -> LeftOver:
        return LeftOver(self.card_id, source.relative, source.size, source.mtime_ns)

    async def _read(self, file_id: str, part: PartialFile) -> Copied:
        """Read one file. If the disk is full, remove the partial files that nobody uses and try once more."""
        try:
            return await self._attempt(file_id, part)
        except CopyFailed as failed:
            if failed.reason is not ErrorCode.DEST_FULL or not self.around.partials.drop_idle():
                raise
        if not part.checkpoints:
            with suppress(OSError):  # If the file stays in the way, the next attempt reports it.
                part.path.unlink(missing_ok=True)
        return await self._attempt(file_id, part)

    async def _attempt(self, file_id: str, part: PartialFile) -> Copied:
        source, given_up = self.manifest.sources[file_id], Event()
        watch = CopyCallbacks(
            on_chunk=self._reporter(file_id),
            should_stop=lambda: self._stop.is_set() or given_up.is_set(),
            wait_turn=(lambda: None) if source.small else (lambda: self._let_small_ones_by(given_up)),
            on_checkpoint=self._noter(part, self._identity(source)),
        )
        watch.on_chunk(0)
        whole = CardSource(self.root, source, self.around.space)
        return await self.around.watchdog.run(lambda: fetch(whole, part, watch), watch.pulse, given_up)

    def _let_small_ones_by(self, given_up: Event) -> None:
        """Hold a large copy, in its thread, while small files are read."""
        while not (self._large_may_read.is_set() or self._stop.is_set() or given_up.is_set()):
            self._large_may_read.wait(TURN_S)

    async def _settle(self, file_id: str, part: PartialFile, copied: Copied, started: float) -> None:
        source, keep = self.manifest.sources[file_id], True
        try:
            self.around.require_store()
            await self.around.verifier.verify(part.path, copied, small=source.small)
        except CopyFailed as failed:
            keep = False
            self._report_failure(file_id, failed)
        else:
            keep = False
            self._report_success(file_id, source, copied, time.monotonic() - started)
        finally:
            self.around.partials.release(part, keep=keep)

    def _noter(self, part: PartialFile, file: LeftOver) -> Callable[[Checkpoint], None]:
        """A callback that hands checkpoints from the copying thread to the journal."""
        loop = asyncio.get_running_loop()

        def note(at: Checkpoint) -> None:
            with suppress(RuntimeError):  # The loop is closed when the copy was left behind.
                loop.call_soon_threadsafe(self.around.partials.checkpoint, part, file, at)

        return note

    def _reporter(self, file_id: str) -> Callable[[int], None]:
        """A callback for the copying thread that reports progress to the hub, at most once a second and at the end."""
        loop = asyncio.get_running_loop()
        size = self.manifest.sources[file_id].size
        last = 0.0

        def on_chunk(done: int) -> None:
            nonlocal last
            now = time.monotonic()
            if now - last >= PROGRESS_S or done >= size:
                last = now
                message = Progress(insertion_id=self.insertion_id, file_id=file_id, bytes_done=done)
                loop.call_soon_threadsafe(self.around.progress, message)
            if done:
                self.around.on_chunk(done)

        return on_chunk

    async def _until_there_again(self) -> None:
        """Wait while the card can't be seen. Normally its removal is reported soon, which ends the wait."""
        while not self._gone.is_set() and not await self._is_there():
            try:
                async with asyncio.timeout(LOOK_AGAIN_S):
                    await self._gone.wait()
            except TimeoutError:
                continue

    async def _is_there(self) -> bool:
        pulse = CardHeartbeat()

        def look() -> bool:
            with pulse:
                return self.root.is_there()

        try:
            return await self.around.watchdog.run(look, pulse, Event())
        except Hung:
            return False

    def _report_success(self, file_id: str, source: SourceFile, copied: Copied, seconds: float) -> None:
        message = FileCopied(
            insertion_id=self.insertion_id, file_id=file_id, content_hash=copied.content_hash, size=copied.size
        )
        self.around.journal.copied(message)
        self.around.wake()
        log.info("%s copied and verified (%s in %.1f s)", _name(source), amount(copied.size), seconds)

    def _report_failure(self, file_id: str, failed: CopyFailed) -> None:
        log.warning("Not copied (%s): %s", failed.reason, failed.sentence())
        # The whole path is for this log only, since the hub shows what it gets on its pages.
        message = self._error(file_id, failed.reason, told(messages_for_pages(failed)))
        self.around.journal.failed(self.insertion_id, file_id, message)
        self.around.wake()

    def _error(self, file_id: str, code: ErrorCode, why: DetailOnWire) -> CopyError:
        return CopyError(
            insertion_id=self.insertion_id, file_id=file_id, code=code, detail=why.detail, detail_parts=why.parts
        )


def _name(source: SourceFile) -> str:
    return shown(source.relative.replace("\\", "/").rsplit("/", 1)[-1])
