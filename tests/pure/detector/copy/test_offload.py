"""The order of copies, and the words for amounts and waits."""

from __future__ import annotations

import asyncio
import threading

import pytest

from detector.copy.offload import CopyQueue
from detector.hanging.threads import in_thread
from detector.link import FIRST_WAIT_S, LONGEST_WAIT_S, next_wait
from stinercut.storage.store import amount


def test_small_and_large_files_are_taken_apart_each_in_the_order_asked() -> None:
    queue = CopyQueue()
    for name, small in (("big1", False), ("small1", True), ("big0", False), ("small0", True)):
        queue.add(name, small=small)
    assert [queue.take(small=True) for _ in range(3)] == ["small1", "small0", None]
    assert [queue.take(small=False) for _ in range(3)] == ["big1", "big0", None]


@pytest.mark.parametrize(
    ("size", "words"), [(0, "0 bytes"), (999, "999 bytes"), (1500, "1.5 kB"), (50_000_000, "50.0 MB"), (4e9, "4.0 GB")]
)
def test_amounts_are_said_as_cards_are_labelled(size: int, words: str) -> None:
    assert amount(size) == words


def test_waits_grow_to_five_seconds() -> None:
    waits = [FIRST_WAIT_S]
    while len(waits) < 8:
        waits.append(next_wait(waits[-1]))
    assert waits[:3] == [0.2, 0.4, 0.8]
    assert waits[-1] == LONGEST_WAIT_S


def test_work_in_a_thread_gives_its_result_and_its_error() -> None:
    async def story() -> None:
        assert await in_thread(lambda: 7, threading.Event()) == 7
        with pytest.raises(ZeroDivisionError):
            await in_thread(lambda: 1 // 0, threading.Event())

    asyncio.run(story())


def test_cancelled_work_is_told_to_stop_and_waited_for() -> None:
    async def story() -> None:
        stop, ended = threading.Event(), threading.Event()
        running = asyncio.Event()
        loop = asyncio.get_running_loop()

        def work() -> None:
            loop.call_soon_threadsafe(running.set)
            assert stop.wait(10)
            ended.set()

        task = asyncio.create_task(in_thread(work, stop))
        await running.wait()
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()
        assert ended.is_set()

    asyncio.run(story())
