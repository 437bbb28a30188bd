"""Decides which films to report as stale: new data versions of templates for Dagster, a few films at each tick.

Owns: what to report next, and the cursor that remembers it. Not here: the queries (`stinercut.jumps.staleness`), the
sensor (`changed_templates`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Protocol

from stinercut.jumps.staleness import NotedJump


def template_version(film: NotedJump, current: str) -> str:
    """The data version that the lineage should have for the template of a jump. `current`: the template's fingerprint.

    It is the version that the lineage noted for the film if, and only if, the film has the template as it is now.
    Mostly that is the fingerprint itself. But a template may be saved while its film is made, before the lineage hears
    of it: then the lineage has noted the old fingerprint for a film that has the new template.
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
    """What the lineage was told about templates: fingerprints by name, and how far the reports about `name` have come.

    `after` is the jump key that was reported last; empty at the beginning. `film_id` is the newest film that was looked
    at; `caught_up` is true once all films that existed at the start have been.
    """

    says: Mapping[str, str]
    name: str = ""
    after: str = ""
    fingerprint: str = ""
    film_id: int = 0
    caught_up: bool = False

    def as_cursor(self) -> dict[str, object]:
        """This as JSON's types."""
        return {**asdict(self), "says": dict(self.says)}

    @classmethod
    def from_cursor(cls, cursor: Mapping[str, Any]) -> Told:
        """Read what `as_cursor` wrote; a cursor of an older version may lack fields."""
        return cls(**{field.name: cursor[field.name] for field in fields(cls) if field.name in cursor})


@dataclass(frozen=True)
class Telling:
    """A report about a jump's template: its data version, its name and its fingerprint."""

    jump_key: str
    version: str
    template: str
    fingerprint: str


class FilmQueries(Protocol):
    """The sensor's queries for films. An empty template name stands for the installation's default."""

    def with_template(self, name: str, after: str, limit: int) -> Sequence[NotedJump]:
        """The films with that template, also those being made, whose jump key comes after `after`, in key order."""
        ...

    def made_after(self, film_id: int) -> Sequence[NotedJump]:
        """Some of the films that were made after that one, in the order in which they were made."""
        ...


def tell_next(films: FilmQueries, current: Mapping[str, str], told: Told, limit: int) -> tuple[list[Telling], Told]:
    """What to tell the lineage next, `limit` jumps at most, and what it will have been told then.

    First come films that were made meanwhile: what the lineage was told while their step ran may not fit what they were
    made with. Films that existed at the first look are reported only if it doesn't fit. Then come films whose template
    has changed: one template after the other, in the order of jump keys. A template that changes again meanwhile starts
    over; a template that is gone is forgotten, as there is nothing to report about it.
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


def _tell_one(films: FilmQueries, current: Mapping[str, str], told: Told, limit: int) -> tuple[list[Telling], Told]:
    says = {name: fingerprint for name, fingerprint in told.says.items() if name in current}
    changed = sorted(name for name, fingerprint in current.items() if says.get(name) != fingerprint)
    if not changed:
        return [], _at_rest(told, says)
    name = told.name if told.name in changed else changed[0]
    continues = told.name == name and told.fingerprint == current[name]
    affected = films.with_template(name, told.after if continues else "", limit + 1)
    news = [_telling(film, name, current[name]) for film in affected[:limit]]
    if len(affected) > limit:
        return news, replace(told, says=says, name=name, after=news[-1].jump_key, fingerprint=current[name])
    return news, _at_rest(told, {**says, name: current[name]})


def _at_rest(told: Told, says: Mapping[str, str]) -> Told:
    return replace(told, says=says, name="", after="", fingerprint="")


def _telling(film: NotedJump, name: str, fingerprint: str) -> Telling:
    return Telling(film.jump_key, template_version(film, fingerprint), name, fingerprint)
