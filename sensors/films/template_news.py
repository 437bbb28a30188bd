"""Which films to call stale: data versions of templates that Dagster is told, a few films at each tick.

Owns: what is told next, and the cursor that remembers it. Not here: the queries (`stinercut.jumps.staleness`), the
sensor (`changed_templates`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Protocol

from stinercut.jumps.staleness import NotedJump


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


class FilmQueries(Protocol):
    """The films that a sensor asks for; a template's name is empty for the installation's choice."""

    def with_template(self, name: str, after: str, limit: int) -> Sequence[NotedJump]:
        """Those with that template, which are being made too, in the order of jump keys, behind that key."""
        ...

    def made_after(self, film_id: int) -> Sequence[NotedJump]:
        """Some of those that were made after that one, in the order in which they were made."""
        ...


def tell_next(films: FilmQueries, current: Mapping[str, str], told: Told, limit: int) -> tuple[list[Telling], Told]:
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


def _tell_one(films: FilmQueries, current: Mapping[str, str], told: Told, limit: int) -> tuple[list[Telling], Told]:
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
