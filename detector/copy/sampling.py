"""Takes samples of a card's files, for the hub to tell whether it knows a file under another date.

Owns: the queue of requests, and reading a few places of a file. Not here: which places
(`stinercut.storage.file_samples`), what follows from a sample (the hub). Nothing is kept over a restart, because the
card then gets a new insertion and the hub asks again.
"""

from __future__ import annotations

import asyncio
import logging
import os
import stat
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

from detector.card.events import CardRoot, shown
from detector.card.scan import Manifest, SourceFile
from detector.copy.copying import READ_FLAGS, close_source
from detector.copy.offload import OffloadContext
from detector.hanging.watchdog import CardHeartbeat, Hung
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message
from stinercut.protocol import CopyError, ErrorCode, FileSample, Samples
from stinercut.protocol.details import told
from stinercut.storage.file_samples import sample_of

log = logging.getLogger("detector")

SAMPLES_PER_MESSAGE = 100


def take_sample(root: CardRoot, source: SourceFile) -> str | None:
    """The sample of a file; None if it can't be read or is not as the scan saw it. The card is only read."""
    path = root.path / source.relative
    try:
        if path.parent.resolve() != root.path.resolve() / Path(source.relative).parent:
            return None  # Its folder is a link by now.
        handle = os.open(path, READ_FLAGS)
    except OSError:
        return None
    try:
        seen = os.fstat(handle)
        if not stat.S_ISREG(seen.st_mode) or (seen.st_size, seen.st_mtime_ns) != (source.size, source.mtime_ns):
            return None
        return sample_of(handle, source.size)
    except (OSError, EOFError) as refused:
        log.warning("No sample of %s could be taken (%s); the whole file is copied.", shown(source.relative), refused)
        return None
    finally:
        close_source(handle)


@dataclass
class Sampler:
    """The samples of one insertion. `working` takes them while its block runs."""

    insertion_id: str
    root: CardRoot
    manifest: Manifest
    around: OffloadContext
    _asked: dict[str, None] = field(default_factory=dict[str, None])
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _stop: Event = field(default_factory=Event)
    _is_silent: bool = False
    """Set after a hung read: no more samples are taken, so all these files are copied."""

    def request(self, file_ids: Iterable[str]) -> None:
        """Take the hub's request for samples. Unknown ids are answered as unknown."""
        unknown: list[str] = []
        for file_id in file_ids:
            if file_id in self.manifest.sources:
                self._asked[file_id] = None
            else:
                unknown.append(file_id)
        if unknown:
            why = told([Message.of(MessageCode.NO_SUCH_FILE_ON_CARD)])
            self.around.journal.put(
                CopyError(
                    insertion_id=self.insertion_id,
                    file_id=file_id,
                    code=ErrorCode.UNKNOWN_ID,
                    detail=why.detail,
                    detail_parts=why.parts,
                )
                for file_id in unknown
            )
            self.around.wake()
        self._news.set()

    @asynccontextmanager
    async def working(self) -> AsyncGenerator[None]:
        """Take the requested samples while the block runs."""
        work = asyncio.create_task(self._run())
        try:
            yield
        finally:
            self._stop.set()
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            self._news.clear()
            while batch := list(self._asked)[:SAMPLES_PER_MESSAGE]:
                samples = await self._taken(batch)
                if samples is None:
                    return  # The card is out: from here on, no read proves anything.
                self.around.journal.put([Samples(insertion_id=self.insertion_id, samples=samples)])
                for file_id in batch:
                    del self._asked[file_id]
                self.around.wake()
            await self._news.wait()

    async def _taken(self, file_ids: list[str]) -> list[FileSample] | None:
        """The samples of these files; None when the card is out. Files that a hung card did not give have no sample."""
        taken: dict[str, str | None] = {}
        pulse, given_up = CardHeartbeat(), Event()

        def take() -> bool:
            for file_id in file_ids:
                if self._stop.is_set() or given_up.is_set():
                    break
                with pulse:
                    taken[file_id] = take_sample(self.root, self.manifest.sources[file_id])
            with pulse:
                return self.root.is_there()

        if not self._is_silent:
            try:
                if not await self.around.watchdog.run(take, pulse, given_up) or self._stop.is_set():
                    return None
            except Hung:
                log.warning("A read for a sample did not come back; the files without a sample are copied.")
                self._is_silent = True
        samples = dict(taken)
        return [FileSample(file_id=file_id, sample=samples.get(file_id)) for file_id in file_ids]
