"""The runs that a tick of a sensor requests, and the partitions that they need.

Owns: `Requests`, each run and partition once. Not here: which runs are wanted (`sensors.films`, `sensors.cards`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class RequestedRun:
    """A run that should exist: for one partition, once per `run_key`."""

    partition: str
    run_key: str


@dataclass(frozen=True)
class Requests:
    """The requests of one tick: partitions to add first, and runs."""

    new_partitions: tuple[str, ...]
    runs: tuple[RequestedRun, ...]


def requests(wanted: Iterable[RequestedRun], partitions: Collection[str]) -> Requests:
    """The partitions to add and the runs to request, each once, in order."""
    runs = tuple(dict.fromkeys(wanted))
    new = tuple(dict.fromkeys(run.partition for run in runs if run.partition not in partitions))
    return Requests(new, runs)
