"""One card that is in: its manifest, the queue of what the hub asked for, and the one copy that runs.

Lives here: the order of copies and what follows from how each ended. Doesn't: the copy itself (`copying`), what is
remembered (`journal`), when cards come and go (`service`).
"""

from __future__ import annotations

import asyncio
import heapq
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event

from detector.copying import Copied, CopyFailed, CopyStopped, Watch, card_removed, copy_file
from detector.events import CardRoot, shown
from detector.journal import Journal
from detector.scan import Manifest, SourceFile
from detector.threads import in_thread
from stinercut.errors import StoreDamaged
from stinercut.protocol import CopyError, ErrorCode, FileCopied, Progress
from stinercut.store import Store

log = logging.getLogger("detector")

PROGRESS_S = 1.0
LOOK_AGAIN_S = 1.0
REMOVAL_S = 2.0
"""How long a copy may take to notice that its card is out, before it is left behind."""


@dataclass(frozen=True)
class Surroundings:
    """What all cards of one detector share."""

    journal: Journal
    store: Store
    partial_prefix: str
    wake: Callable[[], None]
    progress: Callable[[Progress], None]
    on_chunk: Callable[[int], None] = lambda _done: None
    """Called in the copying thread after each chunk."""


class CopyQueue:
    """The files to copy: small ones before large ones, each class in the order it was asked for."""

    def __init__(self) -> None:
        self._heap: list[tuple[bool, int, str]] = []
        self._asked = 0

    def add(self, file_id: str, *, small: bool) -> None:
        """Ask for a file."""
        self._asked += 1
        heapq.heappush(self._heap, (not small, self._asked, file_id))

    def take(self) -> str | None:
        """The next file, None when there is none."""
        return heapq.heappop(self._heap)[2] if self._heap else None


@dataclass
class Offload:
    """The copying of one insertion. `run` works until it is cancelled or `card_out` is called."""

    insertion_id: str
    root: CardRoot
    manifest: Manifest
    around: Surroundings
    _queue: CopyQueue = field(default_factory=CopyQueue)
    _asked: asyncio.Event = field(default_factory=asyncio.Event)
    _stop: Event = field(default_factory=Event)
    _gone: asyncio.Event = field(default_factory=asyncio.Event)
    _in_flight: str | None = None

    def request(self, file_ids: list[str]) -> None:
        """The hub asks for files, in this order; durable when this returns. Ids that are none are answered as such."""
        known = [(file_id, self.manifest.sources[file_id]) for file_id in file_ids if file_id in self.manifest.sources]
        unknown = [file_id for file_id in file_ids if file_id not in self.manifest.sources]
        for file_id in self.around.journal.want(self.insertion_id, known, self._is_stored):
            self._queue.add(file_id, small=self.manifest.sources[file_id].small)
        if unknown:
            detail = "there is no such file on this card"
            self.around.journal.put(self._error(file_id, ErrorCode.UNKNOWN_ID, detail) for file_id in unknown)
        self.around.wake()
        self._asked.set()

    def _is_stored(self, content_hash: str, size: int) -> bool:
        try:
            self.around.store.require(content_hash, size)
        except StoreDamaged:
            return False
        return True

    async def run(self) -> None:
        """Copy what is asked for, one file after the other."""
        while not self._stop.is_set():
            self._in_flight = self._queue.take()
            if self._in_flight is None:
                self._asked.clear()
                await self._asked.wait()
                continue
            await self._copy(self._in_flight)
            self._in_flight = None

    async def card_out(self, work: asyncio.Task[None]) -> None:
        """The card is out: end `work` (the task of `run`), report the file that was being copied, drop the others."""
        self._stop.set()
        self._gone.set()
        self._asked.set()
        await asyncio.wait({work}, timeout=REMOVAL_S)
        if not work.done():  # A read that hangs. Its thread is left behind, and nobody is told of what it may still do.
            work.cancel()
            await asyncio.wait({work})
            if self._in_flight is not None:
                self._report_failure(self._in_flight, card_removed(self.manifest.sources[self._in_flight]))
        self.around.journal.card_out(self.insertion_id)
        self.around.wake()

    async def _copy(self, file_id: str) -> None:
        source = self.manifest.sources[file_id]
        started = time.monotonic()
        watch = Watch(on_chunk=self._reporter(file_id), should_stop=self._stop.is_set)
        watch.on_chunk(0)
        try:
            copied = await in_thread(
                lambda: copy_file(self.root, source, self.around.store, self.around.partial_prefix, watch), self._stop
            )
        except CopyStopped:
            self._report_failure(file_id, card_removed(source))
        except CopyFailed as failed:
            self._report_failure(file_id, failed)
            if failed.reason is ErrorCode.CARD_REMOVED:
                await self._until_there_again()
        else:
            self._report_success(file_id, source, copied, time.monotonic() - started)

    def _reporter(self, file_id: str) -> Callable[[int], None]:
        """Progress for the hub at most once a second and at the end, called from the copying thread."""
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
        """Wait while the card can't be seen: normally its removal is about to be reported, and ends this."""
        while not self._gone.is_set() and not self.root.is_there():
            try:
                async with asyncio.timeout(LOOK_AGAIN_S):
                    await self._gone.wait()
            except TimeoutError:
                continue

    def _report_success(self, file_id: str, source: SourceFile, copied: Copied, seconds: float) -> None:
        message = FileCopied(
            insertion_id=self.insertion_id, file_id=file_id, content_hash=copied.content_hash, size=copied.size
        )
        self.around.journal.copied(message)
        self.around.wake()
        log.info("%s copied and verified (%s in %.1f s)", _name(source), amount(copied.size), seconds)

    def _report_failure(self, file_id: str, failed: CopyFailed) -> None:
        log.warning("Not copied (%s): %s", failed.reason, failed.sentence())
        message = self._error(file_id, failed.reason, failed.sentence())
        self.around.journal.failed(self.insertion_id, file_id, message)
        self.around.wake()

    def _error(self, file_id: str, code: ErrorCode, detail: str) -> CopyError:
        return CopyError(insertion_id=self.insertion_id, file_id=file_id, code=code, detail=detail[:2000])


def amount(size: int) -> str:
    """A number of bytes as people say it, in decimal units as cards are labelled."""
    for unit, bytes_each in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= bytes_each:
            return f"{size / bytes_each:.1f} {unit}"
    return f"{size} bytes"


def _name(source: SourceFile) -> str:
    return shown(source.relative.replace("\\", "/").rsplit("/", 1)[-1])
