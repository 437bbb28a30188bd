"""The live state of copies: which detectors are connected, and how far each copy is.

Owns: numbers that may be lost with the process, so that a progress message costs no commit. Not here: anything
that must survive (`stinercut.catalog`).
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

WINDOW_S = 5.0
"""Seconds over which a rate is averaged: long enough to be readable, short enough to notice a stall."""
_SHORTEST_SPAN_S = 0.25


@dataclass(frozen=True)
class ProgressSnapshot:
    """The live state at one moment, safe to hand to another thread."""

    connected: frozenset[str] = frozenset()
    """Detector ids."""
    done: Mapping[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])
    """The bytes copied so far of files that are being copied, by insertion id and file id."""
    rates: Mapping[str, float] = field(default_factory=dict[str, float])
    """The bytes per second of insertions with a running copy, by insertion id."""

    @property
    def copying(self) -> frozenset[str]:
        """The insertions with a running copy."""
        return frozenset(insertion_id for insertion_id, _ in self.done)


@dataclass
class _Flow:
    """The bytes that came in from one insertion: their running sum, and the moments when it grew."""

    total: int = 0
    points: deque[tuple[float, int]] = field(default_factory=deque[tuple[float, int]])

    def add(self, size: int, at: float) -> None:
        self.total += size
        self.points.append((at, self.total))
        while self.points[0][0] < at - WINDOW_S:
            self.points.popleft()

    def rate(self, at: float) -> float | None:
        first, last = self.points[0], self.points[-1]
        span = last[0] - first[0]
        if at - last[0] > WINDOW_S or span < _SHORTEST_SPAN_S:
            return None
        return (last[1] - first[1]) / span


MOST_COPIES = 1000
"""The most copies that are followed. A detector makes only a few at a time; a faulty one must not fill the memory."""


class Live:
    """The live state itself. Used from the event loop's thread only; other threads get a `ProgressSnapshot`."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._connected: set[str] = set()
        self._done: dict[tuple[str, str], int] = {}
        self._flows: dict[str, _Flow] = {}
        self._detector_of: dict[str, str] = {}

    def connect(self, detector_id: str) -> None:
        """Note that a detector is connected."""
        self._connected.add(detector_id)

    def disconnect(self, detector_id: str) -> None:
        """Note that a detector is gone; how far its copies are is unknown then."""
        self._connected.discard(detector_id)
        for insertion_id in [key for key, detector in self._detector_of.items() if detector == detector_id]:
            self.removed(insertion_id)

    def progress(self, detector_id: str, insertion_id: str, file_id: str, bytes_done: int) -> None:
        """Note how many bytes of a file are copied by now."""
        self._detector_of[insertion_id] = detector_id
        key = (insertion_id, file_id)
        before = self._done.get(key)
        self._done[key] = bytes_done
        if len(self._done) > MOST_COPIES:
            self.removed(next(iter(self._done))[0])
        flow = self._flows.setdefault(insertion_id, _Flow())
        flow.add(max(bytes_done - (before or 0), 0), self._clock())

    def finished(self, insertion_id: str, file_id: str, size: int) -> None:
        """Note that a file is copied, with all its `size` bytes, or has failed (size 0)."""
        before = self._done.pop((insertion_id, file_id), 0)
        flow = self._flows.get(insertion_id)
        if flow is not None:
            flow.add(max(size - before, 0), self._clock())

    def removed(self, insertion_id: str) -> None:
        """Note that a card is out: none of its files is being copied."""
        self._flows.pop(insertion_id, None)
        self._detector_of.pop(insertion_id, None)
        for key in [key for key in self._done if key[0] == insertion_id]:
            del self._done[key]

    def picture(self) -> ProgressSnapshot:
        """The state at this moment."""
        at = self._clock()
        rates = {key: rate for key, flow in self._flows.items() if (rate := flow.rate(at)) is not None}
        return ProgressSnapshot(frozenset(self._connected), dict(self._done), rates)
