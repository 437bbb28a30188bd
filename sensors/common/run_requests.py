"""What should run now, and what an ended run means. Plain functions over plain values.

Lives here: the decisions of all sensors, testable without Dagster. Doesn't: asking the catalog or Dagster.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Protocol

from stinercut.failures import FailureRecord
from stinercut.jumps.arriving import Arriving
from stinercut.jumps.in_progress import InWork
from stinercut.jumps.jumps import Ready
from stinercut.jumps.staleness import NotedJump
from stinercut.storage.store import key_of


@dataclass(frozen=True)
class RequestedRun:
    """A run that should exist: for one partition, once per `run_key`."""

    partition: str
    run_key: str


def film_run(ready: Ready) -> RequestedRun:
    """The run that makes the film of a jump that is ready: one for each turn of the jump."""
    return RequestedRun(ready.jump_key, key_of(ready.jump_key, ready.version, str(ready.turn)))


@dataclass(frozen=True)
class Requests:
    """What a tick asks for: partitions that must be added first, and runs."""

    new_partitions: tuple[str, ...]
    runs: tuple[RequestedRun, ...]


def requests(wanted: Iterable[RequestedRun], partitions: Collection[str]) -> Requests:
    """The partitions to add and the runs to request, each once, in order."""
    runs = tuple(dict.fromkeys(wanted))
    new = tuple(dict.fromkeys(one.partition for one in runs if one.partition not in partitions))
    return Requests(new, runs)


def ahead(
    new: Iterable[Arriving], asked: Mapping[str, str], waiting: Collection[str]
) -> tuple[list[RequestedRun], dict[str, str]]:
    """The runs that work ahead, and what to remember as asked for: the version of each jump that still waits."""
    wanted = [RequestedRun(one.jump_key, key_of("ahead", one.jump_key, one.version)) for one in new]
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


def verdicts(
    in_work: Iterable[InWork],
    ends: Mapping[str, RunEnd],
    said: Mapping[str, tuple[FailureRecord, ...]] = MappingProxyType({}),
) -> dict[str, tuple[FailureRecord, ...]]:
    """Why what is being worked on failed: subject -> reasons. What goes on, or came out well, is not in it.

    What its own steps reported comes first. `said` is what Dagster knows of runs (by id) where they did not.

    A run that ended as a success without bringing what it was for counts as failed: a success that lies is the one
    thing that must not happen. And one that failed counts as failed also where an older film is there, as when films
    are made anew with a changed template.
    """
    out: dict[str, tuple[FailureRecord, ...]] = {}
    for one in in_work:
        if one.run_id is None or _is_settled(one, ends):
            continue
        end = ends.get(one.run_id, RunEnd.GONE)
        if end not in _GOES_ON:
            out[one.subject] = one.failures or said.get(one.run_id, ()) or (_ENDED[end],)
    return out


def settled(in_work: Iterable[InWork], ends: Mapping[str, RunEnd]) -> list[str]:
    """What has its film, and whose run came out well, though its state still says that one works on it.

    So ends a run that made single assets of a finished jump again.
    """
    return [one.subject for one in in_work if _is_settled(one, ends)]


def _is_settled(one: InWork, ends: Mapping[str, RunEnd]) -> bool:
    return one.finished and one.run_id is not None and ends.get(one.run_id) is RunEnd.SUCCEEDED


_RETRY_IT = "Retry it; finished parts are kept."
_ENDED = {
    RunEnd.SUCCEEDED: FailureRecord(code="RUN_WITHOUT_FILM", what="The run ended without a film.", advice=_RETRY_IT),
    RunEnd.FAILED: FailureRecord(code="RUN_CUT_OFF", what="The run was cut off.", advice=_RETRY_IT),
    RunEnd.CANCELED: FailureRecord(code="RUN_CANCELLED", what="The run was cancelled.", advice=_RETRY_IT),
    RunEnd.GONE: FailureRecord(code="RUN_GONE", what="The run is gone from Dagster's records.", advice=_RETRY_IT),
}


def template_version(film: NotedJump, current: str) -> str:
    """The data version of its template that the lineage should have for a jump: the one it noted for the film, if and
    only if that film has the template as it is now. `current`: the template's fingerprint.

    Mostly that is the fingerprint itself. But a template may be saved while its film is made, before the lineage is
    told: then the lineage has noted the fingerprint of before for a film that has the new template.
    """
    if film.made_with is None:
        return current
    noted = film.noted or film.made_with
    if film.made_with == current:
        return noted
    return current if noted != current else f"{current}, and the film has {film.made_with}"


def _is_as_noted(film: NotedJump, current: str) -> bool:
    return current == film.made_with == (film.noted or film.made_with)


@dataclass(frozen=True)
class Told:
    """What the lineage was told about templates: fingerprints by name, and how far the telling of `name` has got.

    `after` is the jump key that was told last; empty at the beginning. `film_id` is the newest film that was looked at;
    `caught_up`: all that were there before have been.
    """

    says: Mapping[str, str]
    name: str = ""
    after: str = ""
    fingerprint: str = ""
    film_id: int = 0
    caught_up: bool = False

    def as_cursor(self) -> dict[str, object]:
        """Itself, as JSON holds it."""
        return {**asdict(self), "says": dict(self.says)}

    @classmethod
    def from_cursor(cls, said: Mapping[str, Any]) -> Told:
        """What `as_cursor` gave; a cursor of before may lack something."""
        return cls(**{field.name: said[field.name] for field in fields(cls) if field.name in said})


@dataclass(frozen=True)
class Telling:
    """What to say of a jump's template: its data version, its name and its fingerprint."""

    jump_key: str
    version: str
    template: str
    fingerprint: str


class FilmRequests(Protocol):
    """The films that a sensor asks for; a template's name is empty for the installation's choice."""

    def with_template(self, name: str, after: str, limit: int) -> Sequence[NotedJump]:
        """Those with that template, which are being made too, in the order of jump keys, behind that key."""
        ...

    def made_after(self, film_id: int) -> Sequence[NotedJump]:
        """Some of those that were made after that one, in the order in which they were made."""
        ...


def tell_next(films: FilmRequests, current: Mapping[str, str], told: Told, limit: int) -> tuple[list[Telling], Told]:
    """What to tell the lineage next, and what will then have been told, `limit` jumps at a time.

    First of films that were made meanwhile: what the lineage was told while their step went on may not fit what they
    were made with. Of those that were there at the first look, only where it does not. Then of those whose template
    has changed: one template after the other, in the order of jump keys. A template that changes again meanwhile begins
    anew; one that is gone is forgotten: there is nothing to say of it.
    """
    news, told = _tell_new(films.made_after(told.film_id), current, told, limit)
    while len(news) < limit and told.says != current:
        more, told = _tell_one(films, current, told, limit - len(news))
        news += more
    return news, told


def _tell_new(
    made: Sequence[NotedJump], current: Mapping[str, str], told: Told, limit: int
) -> tuple[list[Telling], Told]:
    news: list[Telling] = []
    told = replace(told, caught_up=told.caught_up or not made)
    for film in made:
        name = film.template or ""
        if name in current and (told.caught_up or not _is_as_noted(film, current[name])):
            if len(news) == limit:
                break
            news.append(_telling(film, name, current[name]))
        told = replace(told, film_id=film.film_id or told.film_id)
    return news, told


def _tell_one(films: FilmRequests, current: Mapping[str, str], told: Told, limit: int) -> tuple[list[Telling], Told]:
    says = {name: said for name, said in told.says.items() if name in current}
    changed = sorted(name for name, said in current.items() if says.get(name) != said)
    if not changed:
        return [], _at_rest(told, says)
    name = told.name if told.name in changed else changed[0]
    goes_on = told.name == name and told.fingerprint == current[name]
    concerned = films.with_template(name, told.after if goes_on else "", limit + 1)
    news = [_telling(film, name, current[name]) for film in concerned[:limit]]
    if len(concerned) > limit:
        return news, replace(told, says=says, name=name, after=news[-1].jump_key, fingerprint=current[name])
    return news, _at_rest(told, {**says, name: current[name]})


def _at_rest(told: Told, says: Mapping[str, str]) -> Told:
    return replace(told, says=says, name="", after="", fingerprint="")


def _telling(film: NotedJump, name: str, fingerprint: str) -> Telling:
    return Telling(film.jump_key, template_version(film, fingerprint), name, fingerprint)
