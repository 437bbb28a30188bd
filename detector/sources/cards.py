"""Watches for cards: merges every source into one stream of CardIn and CardOut.

Owns: the watching of notes and volumes and the merging of both. Not here: what a note or a mount means (`folders`,
`volumes`), what happens to a card (`detector.insertions`).
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from threading import Event, Thread

from watchfiles import awatch

from detector.card.events import CardEvent, CardIn, CardOut, Present, changes
from detector.hanging.threads import in_thread
from detector.sources.folders import NotedCards, eject_folder, insert_folder, noted
from detector.sources.volumes import watch_volumes
from stinercut.settings import Settings

__all__ = ["CardEvent", "CardIn", "CardOut", "eject_folder", "insert_folder", "watch_cards"]

log = logging.getLogger("detector")

LOOK_AGAIN_MS = 1000
"""A new or changed note wakes us at once; a folder that vanishes under its note is noticed after this long at most."""


async def watch_cards(settings: Settings, into: asyncio.Queue[CardEvent]) -> None:
    """Put each card that goes in or out into a queue, without end; first the cards that are in already."""

    async def drain(source: AsyncIterator[CardEvent]) -> None:
        async for event in source:
            into.put_nowait(event)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(drain(folder_cards(settings)))
        if settings.watch_mounts:
            tasks.create_task(drain(volume_cards()))


async def folder_cards(settings: Settings) -> AsyncIterator[CardEvent]:
    """The events of folders that stand for cards, as the notes in the cards folder tell."""
    settings.cards_dir.mkdir(parents=True, exist_ok=True)
    before = NotedCards()
    async with aclosing(_looks(settings)) as looks:
        async for now in looks:
            for problem in sorted(now.problems - before.problems):
                log.warning("%s", problem)
            for event in changes(before.cards, now.cards):
                yield event
            before = now


async def _looks(settings: Settings) -> AsyncGenerator[NotedCards]:
    """The noted cards: now, at each change of the cards folder, and once in a while."""
    yield await _noted(settings)
    watching = awatch(
        settings.cards_dir,
        watch_filter=None,  # The default one ignores any path with a folder like `.venv` or `node_modules` in it.
        debounce=200,
        step=20,
        rust_timeout=LOOK_AGAIN_MS,
        yield_on_timeout=True,
        recursive=False,
    )
    async for _changes in watching:
        yield await _noted(settings)


async def _noted(settings: Settings) -> NotedCards:
    """The noted cards, read in a thread: if a noted folder is on a card that hangs, it must not hold up the rest."""
    return await in_thread(lambda: noted(settings.cards_dir), Event())


async def volume_cards() -> AsyncIterator[CardEvent]:
    """The events of mounted volumes that are cards."""
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[Present] = asyncio.Queue()
    stop = Event()
    reading, writing = os.pipe()

    def report(present: Present) -> None:
        if not stop.is_set():
            loop.call_soon_threadsafe(queue.put_nowait, present)

    def watch() -> None:
        try:
            watch_volumes(report, stop, reading)
        finally:
            os.close(reading)

    # A daemon thread, because a look at a dead mount can hang and must not keep the process from ending.
    Thread(target=watch, name="volumes", daemon=True).start()
    before: Present = {}
    try:
        while True:
            now = await queue.get()
            for event in changes(before, now):
                yield event
            before = now
    finally:
        stop.set()
        os.write(writing, b"x")
        os.close(writing)
