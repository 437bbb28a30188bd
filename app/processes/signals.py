"""Runs work until a signal asks for its end: Ctrl-C, SIGTERM, a closed terminal.

Owns: what a signal does. Not here: the work, or ending it (`supervisor`).
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


def run_until_asked(main: Awaitable[T]) -> T | None:
    """Run an awaitable. SIGINT, SIGTERM and SIGHUP cancel it; a second signal also cancels its cleaning up.

    Returns None when a signal ended it.
    """

    async def outer() -> T | None:
        task = asyncio.ensure_future(main)
        asked = _cancel_on_signals(task)
        try:
            return await task
        except asyncio.CancelledError:
            if not asked:
                raise
            return None

    return asyncio.run(outer())


def _cancel_on_signals(task: asyncio.Future[T]) -> list[int]:
    asked: list[int] = []
    loop = asyncio.get_running_loop()

    def ask(number: int) -> None:
        asked.append(number)
        task.cancel()

    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"):
        number = getattr(signal, name, None)
        if number is None:
            continue
        try:
            loop.add_signal_handler(number, ask, number)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda received, _frame: loop.call_soon_threadsafe(ask, received))
    return asked
