"""A dropzone's desk in one test: the real hub, the real detector, folders as cards, and the invariant of all of it.

Owns: `Desk`, and `Desk.hold`, the invariant that every row of the crash matrix ends with. Not here: the faults
(`slow_card`, `relay`, `dying_detector`, `dying_hub`), the rows (`tests/process/detector/crash_matrix/test_*.py`).
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
import uvicorn
from sqlalchemy import select

from detector.hanging.watchdog import HUNG_S
from detector.service import run
from detector.sources.cards import eject_folder, insert_folder
from hub.app import create_app
from stinercut.catalog import Catalog
from stinercut.catalog.models import Card, Insertion
from stinercut.settings import Settings
from stinercut.storage.store import Store
from support.invariant import HEARD, Cards, Row, hold, hold_everything, rows
from support.ports import own_port
from support.slow_card import NotHere, mounted
from support.warm import Forked, fork

PATIENCE_S = 120.0
"""Limits only how long a test waits before it fails because something never came."""
HERE = Path(__file__).parent
FOLDER = "DCIM/100GOPRO"


@dataclass
class Desk:
    """One data folder with everything around it."""

    settings: Settings
    cards: Cards = field(default_factory=Cards)
    ended: list[BaseException | None] = field(default_factory=list[BaseException | None])
    """The error of a detector that should not have ended."""

    @classmethod
    def at(cls, base: Path, catalog: Path, **chosen: Any) -> Desk:
        """A desk below `base` with a copy of an empty, migrated catalog."""
        settings = Settings(data=base / "data", hub_port=own_port(), watch_mounts=False, **chosen)
        Store(settings.store_dir).make()
        shutil.copyfile(catalog, settings.data / "catalog.db")
        return cls(settings)

    # ---- cards ---------------------------------------------------------------------------------------------------

    def card(self, name: str, files: Mapping[str, int | bytes]) -> Path:
        """Make a card with these files, by name below DCIM/100GOPRO or by path; a size stands for that much noise."""
        root = self.settings.data.parent / name
        for place, content in files.items():
            self.put(root, place, content)
        return root

    def put(self, root: Path, place: str, content: int | bytes, *, minutes_ago: float = 60) -> Path:
        """Write a file to a card; a mere name is put below DCIM/100GOPRO."""
        file = root / (place if "/" in place else f"{FOLDER}/{place}")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(os.urandom(content) if isinstance(content, int) else content)
        when = (time.time() - minutes_ago * 60) // 2 * 2
        os.utime(file, (when, when))
        self.remember(root)
        return file

    def remember(self, root: Path) -> None:
        """The card is as it is now."""
        self.cards.remember(root)

    def insert(self, root: Path) -> None:
        """Put a card in (again)."""
        insert_folder(self.settings, root)

    def eject(self, root: Path) -> None:
        """Take it out."""
        eject_folder(self.settings, root)

    @contextmanager
    def in_reader(self, root: Path, *options: str) -> Iterator[Path]:
        """A card in a reader with faults (see `slow_card`); yields its mount point, the same each time."""
        place = root.with_name(f"{root.name}-reader")
        try:
            reader = mounted(root, place, *options)
            reader.__enter__()
        except NotHere as why:
            pytest.skip(f"needs FUSE: {why}")
        try:
            yield place
        finally:
            reader.__exit__(None, None, None)

    # ---- the two sides -------------------------------------------------------------------------------------------

    @contextmanager
    def hub(self, ping_s: float = 10) -> Iterator[None]:
        """The hub, in a thread."""
        listening = socket.create_server(("127.0.0.1", self.settings.hub_port))
        config = uvicorn.Config(
            create_app(self.settings),
            ws="websockets-sansio",
            ws_max_size=4 << 20,
            ws_ping_interval=ping_s,
            ws_ping_timeout=ping_s,
            timeout_graceful_shutdown=1,
            log_level="error",
        )
        server = uvicorn.Server(config)
        thread = Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        try:
            wait_for("the hub to answer", lambda: server.started or not thread.is_alive())
            assert thread.is_alive()
            yield
        finally:
            server.should_exit = True
            thread.join(PATIENCE_S)
            listening.close()
        assert not thread.is_alive()

    @contextmanager
    def detector(
        self, on_chunk: Callable[[int], None] = lambda _done: None, hung_s: float = HUNG_S, **chosen: Any
    ) -> Iterator[None]:
        """The detector, in a thread; an error that ends it too early is raised."""
        loop, begun = asyncio.new_event_loop(), Event()
        tasks: list[asyncio.Task[None]] = []
        settings = self.settings.model_copy(update=chosen)

        async def life() -> None:
            task = asyncio.create_task(run(settings, on_chunk=on_chunk, hung_s=hung_s))
            tasks.append(task)
            begun.set()
            await asyncio.wait({task})
            if not task.cancelled():
                self.ended.append(task.exception())

        thread = Thread(target=loop.run_until_complete, args=(life(),), daemon=True)
        thread.start()
        assert begun.wait(PATIENCE_S)
        try:
            yield
        finally:
            if thread.is_alive():
                loop.call_soon_threadsafe(tasks[0].cancel)
            thread.join(PATIENCE_S)
            loop.close()
        assert not self.ended

    @contextmanager
    def process(
        self, *command: str, through: Sequence[str] = (), **environment: str
    ) -> Iterator[subprocess.Popen[bytes] | Forked]:
        """A Python process of its own, `python -m detector` unless another one is given; ended at the end.

        `through`: a program that becomes `python` with these words.
        """
        words = command or ("-m", "detector")
        variables = os.environ | self.settings.environment() | environment
        with (self.settings.data / f"process-{time.monotonic_ns()}.log").open("wb") as log:
            process = (
                subprocess.Popen([*through, *words], env=variables, cwd=HERE.parents[1], stdout=log, stderr=log)
                if through
                else fork(*words, env=variables, stdout=log.fileno())
            )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait(PATIENCE_S)

    # ---- what is known -------------------------------------------------------------------------------------------

    def rows(self) -> list[Row]:
        """All files of all manifests, in the order in which the hub heard of their insertions."""
        with self._catalog() as catalog:
            return rows(catalog)

    def insertions(self, label: str) -> list[str]:
        """The ids of the card's insertions, in the order in which the hub heard of them."""
        wanted = select(Insertion.insertion_id).join(Card).where(Card.label == label).order_by(HEARD)
        with self._catalog() as catalog, catalog.read() as session:
            return list(session.execute(wanted).scalars())

    def newest(self, label: str) -> list[Row]:
        """The manifest of the newest insertion of the card with this label; empty before there is one."""
        insertions = self.insertions(label)
        return [row for row in self.rows() if row.insertion_id in insertions[-1:]]

    def states(self, label: str) -> dict[str, str]:
        """The state of each file of the card's newest manifest, with the code of its error."""
        return {
            row.name: f"{row.state} {row.error.split(':')[0]}" if row.error else row.state for row in self.newest(label)
        }

    @contextmanager
    def _catalog(self) -> Iterator[Catalog]:
        catalog = Catalog.open(self.settings.catalog_url)
        try:
            yield catalog
        finally:
            catalog.close()

    def until(self, label: str, *, insertions: int = 0, **states: str) -> None:
        """Wait until the card's files have these states; a name's dot is an underscore. Without any: all are here.

        `insertions`: so many times it must have been in by then.
        """
        wanted = {name.replace("_", "."): state for name, state in states.items()}

        def so() -> bool:
            assert not self.ended
            if len(self.insertions(label)) < insertions:
                return False
            now = self.states(label)
            if wanted:
                return wanted.items() <= now.items()
            return bool(now) and set(now.values()) <= {"copied", "known", "skipped"}

        wait_for(f"{label}: {wanted or 'everything here'}", so, lambda: str(self.rows()))

    # ---- what must hold ------------------------------------------------------------------------------------------

    def hold(self) -> None:
        """The invariant (`support.invariant`)."""
        with self._catalog() as catalog:
            hold(self.settings, catalog, self.cards)

    def hold_everything(self, *roots: Path, label: str | None = None) -> None:
        """And every file of these cards is here, and nothing partial is left."""
        with self._catalog() as catalog:
            hold_everything(self.settings, catalog, self.cards, {root: label or root.name for root in roots})
        left = {path: path.stat().st_size for path in (self.settings.store_dir / "partial").glob("*")}
        assert not left, f"partial files that nobody resumes: {left}"


def wait_for(what: str, true: Callable[[], object], said: Callable[[], str] = str) -> None:
    """Look repeatedly until something is true."""
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline, f"{what}: not within {PATIENCE_S} s; {said()}"
        time.sleep(0.02)


class Gate:
    """Holds a copying thread at a chunk until it is opened, so that things can happen in the middle of a copy."""

    def __init__(self, at: int = 1) -> None:
        self._at = at
        self.reached = Event()
        self.open = Event()

    def __call__(self, done: int) -> None:
        if done >= self._at and not self.reached.is_set():
            self.reached.set()
            assert self.open.wait(PATIENCE_S)
