"""The run queue's daemon looks when a run is queued in its process: what `app.engine.run_queue` relies on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from dagster._core.run_coordinator import QueuedRunCoordinator
from dagster._daemon.daemon import SpanMarker
from dagster._daemon.run_coordinator.queued_run_coordinator_daemon import QueuedRunCoordinatorDaemon
from dagster_shared.error import SerializableErrorInfo

from app.engine.run_queue import looks, wake_on_new_runs

FOR_EVER_S = 3600.0


class Looks:
    """Counts looks at a queue; the second one fails."""

    def __init__(self) -> None:
        self.seen = 0

    def __call__(self) -> Iterator[None]:
        self.seen += 1
        if self.seen == 2:
            raise RuntimeError("no database")
        yield None


def until_next_look(loop: Iterator[Any], looked: Looks) -> list[object]:
    """What the loop yields until it has looked once more."""
    before, said = looked.seen, list[object]()
    while looked.seen == before:
        said.append(next(loop))
    return said


def test_it_looks_at_once_when_something_is_queued_and_goes_on_after_an_error() -> None:
    queued, looked = threading.Event(), Looks()
    loop = looks(looked, FOR_EVER_S, queued)
    until_next_look(loop, looked)
    queued.set()
    failed = until_next_look(loop, looked)[-1]
    assert isinstance(failed, SerializableErrorInfo)
    assert "no database" in failed.message
    queued.set()
    assert until_next_look(loop, looked).count(SpanMarker.END_SPAN) == 1
    assert looked.seen == 3


def test_without_news_it_looks_when_the_interval_is_over() -> None:
    queued, looked = threading.Event(), Looks()
    loop = looks(looked, 0.0, queued)
    until_next_look(loop, looked)
    until_next_look(loop, looked)
    assert looked.seen == 2


def test_what_was_queued_during_a_look_is_looked_at_next() -> None:
    queued = threading.Event()
    seen: list[str] = []

    def look() -> Iterator[None]:
        seen.append("look")
        if len(seen) == 1:
            queued.set()
        yield None

    loop = looks(look, FOR_EVER_S, queued)
    while len(seen) < 2:
        next(loop)


def test_a_queued_run_wakes_the_daemon_of_its_process(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[str] = []

    def submit(_coordinator: object, run: str) -> str:
        given.append(run)
        return run

    monkeypatch.setattr(QueuedRunCoordinator, "submit_run", submit)
    monkeypatch.setattr(QueuedRunCoordinatorDaemon, "core_loop", QueuedRunCoordinatorDaemon.core_loop)
    looked = Looks()

    def run_iteration(_daemon: object, _context: object) -> Iterator[None]:
        return looked()

    monkeypatch.setattr(QueuedRunCoordinatorDaemon, "run_iteration", run_iteration)
    wake_on_new_runs()
    loop = QueuedRunCoordinatorDaemon(interval_seconds=FOR_EVER_S).core_loop(None, threading.Event())  # pyright: ignore
    until_next_look(loop, looked)
    assert QueuedRunCoordinator.submit_run(None, "run-1") == "run-1"  # pyright: ignore
    until_next_look(loop, looked)
    assert given == ["run-1"]


def test_dagsters_own_loop_still_is_one_that_looks_and_waits() -> None:
    """If it learns to be told, ours can go."""
    names = QueuedRunCoordinatorDaemon.core_loop.__code__.co_names
    assert {"run_iteration", "interval_seconds", "wait", "SpanMarker"} <= set(names)
