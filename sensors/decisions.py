"""What should run now, and what an ended run means. Plain functions over plain values.

Lives here: the decisions of all sensors, testable without Dagster. Doesn't: asking the catalog or Dagster.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from stinercut.catalog.arriving import Arriving
from stinercut.catalog.jumps import Ready
from stinercut.catalog.watching import InWork
from stinercut.store import key_of


@dataclass(frozen=True)
class Wanted:
    """A run that should exist: for one partition, once per `run_key`."""

    partition: str
    run_key: str


def film_run(ready: Ready) -> Wanted:
    """The run that makes the film of a jump that is ready: one for each turn of the jump."""
    return Wanted(ready.jump_key, key_of(ready.jump_key, ready.version, str(ready.turn)))


@dataclass(frozen=True)
class Requests:
    """What a tick asks for: partitions that must be added first, and runs."""

    new_partitions: tuple[str, ...]
    runs: tuple[Wanted, ...]


def requests(wanted: Iterable[Wanted], partitions: Collection[str]) -> Requests:
    """The partitions to add and the runs to request, each once, in order."""
    runs = tuple(dict.fromkeys(wanted))
    new = tuple(dict.fromkeys(one.partition for one in runs if one.partition not in partitions))
    return Requests(new, runs)


def ahead(
    new: Iterable[Arriving], asked: Mapping[str, str], waiting: Collection[str]
) -> tuple[list[Wanted], dict[str, str]]:
    """The runs that work ahead, and what to remember as asked for: the version of each jump that still waits."""
    wanted = [Wanted(one.jump_key, key_of("ahead", one.jump_key, one.version)) for one in new]
    remembered = {**asked, **{one.jump_key: one.version for one in new}}
    return wanted, {jump: version for jump, version in remembered.items() if jump in waiting}


class RunEnd(StrEnum):
    """How Dagster says that a run stands, as far as it matters here."""

    GOING = "going"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"
    GONE = "gone"
    """Dagster does not know this run (any more)."""
    RETRYING = "retrying"
    """It failed, and Dagster is about to begin it again by itself."""


_GOES_ON = frozenset({RunEnd.GOING, RunEnd.RETRYING})


def after_failure(will_retry: str | None, *, considered: bool, backfill_over: bool) -> RunEnd:
    """Whether a failed run that nothing follows yet is about to be begun again.

    `will_retry` is the tag that Dagster writes just after it wrote the failure itself (None: not yet). It is a promise
    that Dagster may break: `considered` says that its daemon has looked at this failure, and begun nothing;
    `backfill_over` that the run belongs to a backfill that has ended or was cancelled.
    """
    if will_retry == "false" or considered or backfill_over:
        return RunEnd.FAILED
    return RunEnd.RETRYING


def being_retried(in_work: Iterable[InWork], ends: Mapping[str, RunEnd]) -> list[str]:
    """The subjects whose run is about to be begun again."""
    return [one.subject for one in in_work if one.run_id is not None and ends.get(one.run_id) is RunEnd.RETRYING]


def verdicts(in_work: Iterable[InWork], ends: Mapping[str, RunEnd]) -> dict[str, str]:
    """Why what is being worked on failed: subject -> reason. What goes on, or came out well, is not in it.

    A run that ended as a success without bringing what it was for counts as failed: a success that lies is the one
    thing that must not happen. And one that failed counts as failed also where an older film is there, as when films
    are made anew with a changed template.
    """
    out: dict[str, str] = {}
    for one in in_work:
        if one.run_id is None or _is_settled(one, ends):
            continue
        end = ends.get(one.run_id, RunEnd.GONE)
        if end not in _GOES_ON:
            out[one.subject] = " ".join(one.step_errors) or _WORDS[end]
    return out


def settled(in_work: Iterable[InWork], ends: Mapping[str, RunEnd]) -> list[str]:
    """What has its film, and whose run came out well, though its state still says that one works on it.

    So ends a run that made single assets of a finished jump again.
    """
    return [one.subject for one in in_work if _is_settled(one, ends)]


def _is_settled(one: InWork, ends: Mapping[str, RunEnd]) -> bool:
    return one.finished and one.run_id is not None and ends.get(one.run_id) is RunEnd.SUCCEEDED


_WORDS = {
    RunEnd.SUCCEEDED: "The run ended without a film. Retry it; finished parts are kept.",
    RunEnd.FAILED: "The run was cut off. Retry it; finished parts are kept.",
    RunEnd.CANCELED: "The run was cancelled. Retry it; finished parts are kept.",
    RunEnd.GONE: "The run is gone from Dagster's records. Retry it; finished parts are kept.",
}


@dataclass(frozen=True)
class Told:
    """What the lineage was told about templates: fingerprints by name, and how far the telling of `name` has got.

    `after` is the jump key that was told last; empty at the beginning. `first`: nothing was told before, so that only
    the films count that were made with something else than what their template says now.
    """

    says: Mapping[str, str]
    name: str
    after: str
    fingerprint: str = ""
    first: bool = False

    def as_cursor(self) -> dict[str, object]:
        """Itself, as JSON holds it."""
        where = {"name": self.name, "after": self.after, "fingerprint": self.fingerprint}
        return {"says": dict(self.says), **where, "first": self.first}

    @classmethod
    def from_cursor(cls, said: Mapping[str, Any]) -> Told:
        """What `as_cursor` gave."""
        return cls(said["says"], said["name"], said["after"], said["fingerprint"], said.get("first", False))


FilmsOf = Callable[[str, str, str | None, int], Sequence[str]]
"""Jump keys of films with that template, those that are being made too, in order: the template's name, the key that
they come after, the fingerprint of those that are passed over, and how many at most."""


def tell_next(
    films_of: FilmsOf, current: Mapping[str, str], told: Told, limit: int
) -> tuple[list[tuple[str, str]], Told]:
    """The films (jump key, template name) to tell the lineage about next, and what will then have been told.

    One changed template after the other, in the order of jump keys, `limit` films at a time. A template that changes
    again meanwhile begins anew; one that is gone is forgotten: there is nothing to say of it.
    """
    news: list[tuple[str, str]] = []
    while True:
        more, told = _tell_one(films_of, current, told, limit - len(news))
        news += more
        if len(news) >= limit or told.says == current:
            return news, told


def _tell_one(
    films_of: FilmsOf, current: Mapping[str, str], told: Told, limit: int
) -> tuple[list[tuple[str, str]], Told]:
    says = {name: said for name, said in told.says.items() if name in current}
    changed = sorted(name for name, said in current.items() if says.get(name) != said)
    if not changed:
        return [], Told(says, "", "")
    name = told.name if told.name in changed else changed[0]
    goes_on = told.name == name and told.fingerprint == current[name]
    after = told.after if goes_on else ""
    concerned = films_of(name, after, current[name] if told.first else None, limit + 1)
    news = [(jump, name) for jump in concerned[:limit]]
    if len(concerned) > limit:
        return news, Told(says, name, news[-1][0], current[name], told.first)
    says = {**says, name: current[name]}
    return news, Told(says, "", "", first=told.first and says != current)
