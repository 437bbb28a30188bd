"""Runs blocking work next to the event loop, in threads that never keep the process alive.

Owns: `in_thread`. asyncio.to_thread is no choice here: the process would wait for its threads at exit, and a read from
a pulled card can hang for as long as the kernel likes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Thread
from typing import TypeVar

T = TypeVar("T")

GRACE_S = 2.0
"""How long cancelled work may take to notice. After that its thread is left behind."""


async def in_thread(work: Callable[[], T], stop: Event) -> T:
    """The result of `work()`, run in a thread. When cancelled, sets `stop` and gives the work a moment to end."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if done.cancelled():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type]

    def body() -> None:
        result, error = None, None
        try:
            result = work()
        except BaseException as raised:
            error = raised
        with suppress(RuntimeError):  # The loop is closed when the work was left behind.
            loop.call_soon_threadsafe(settle, result, error)

    Thread(target=body, name="detector-work", daemon=True).start()
    try:
        return await asyncio.shield(done)
    except asyncio.CancelledError:
        stop.set()
        await asyncio.wait({done}, timeout=GRACE_S)
        done.add_done_callback(_look_at)
        raise


def _look_at(done: asyncio.Future[T]) -> None:
    """Look at a result that nobody waits for any more, so that asyncio does not complain about an unseen error."""
    if not done.cancelled():
        done.exception()
