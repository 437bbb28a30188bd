"""Which finished films have another template than they should, and what making them anew would cost.

Lives here: the comparison and the estimate, both plain functions over plain values, and their query. Doesn't: reading
templates (`stinercut.templates`), starting runs (Dagster's backfills).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from stinercut.catalog.films import is_shown
from stinercut.catalog.models import Film, Jump, JumpState

_SPENT_PER_SECOND = 1.5
"""Core seconds that encoding a second of film costs, until this installation has measured its own."""
_JOIN_SHARE = 0.03
"""What joining costs of a whole film: nothing of its picture is encoded (field measurement: 0.023)."""


@dataclass(frozen=True)
class Wanted:
    """A template as it is now. `aspects`: fingerprints of what it says about clips, drawings and sound."""

    name: str
    fingerprint: str
    aspects: Mapping[str, str]


@dataclass(frozen=True)
class FilmMade:
    """A jump's film as it was made. `template` is its jump's wish, None for the installation's choice."""

    jump_key: str
    template: str | None
    fingerprint: str
    aspects: Mapping[str, str]
    seconds: float
    drawn_seconds: float
    spent_per_second: float | None


@dataclass(frozen=True)
class Stale:
    """A film that should be made anew. `changed`: clips, drawings, sound. `seconds` of film are to be encoded."""

    jump_key: str
    template: str
    changed: tuple[str, ...]
    seconds: float


@dataclass(frozen=True)
class Cost:
    """What a backfill would cost: films, seconds of film to encode, seconds of work on that many cores."""

    films: int
    encoded_seconds: float
    work_seconds: float


def stale_films(films: Iterable[FilmMade], templates: Mapping[str, Wanted], default: str) -> list[Stale]:
    """The films whose template is no longer what they were made with, in the order given.

    A jump whose template is missing from `templates` is passed over: there is nothing to make it with.
    """
    out: list[Stale] = []
    for film in films:
        wanted = templates.get(film.template or default)
        if wanted is None or wanted.fingerprint == film.fingerprint:
            continue
        changed = tuple(sorted(name for name, said in wanted.aspects.items() if film.aspects.get(name) != said))
        out.append(Stale(film.jump_key, wanted.name, changed, _to_encode(film, changed)))
    return out


def cost_of(stale: Iterable[Stale], films: Iterable[FilmMade], workers: int) -> Cost:
    """What making these anew would cost, after what this installation's films cost so far."""
    measured = sorted(film.spent_per_second for film in films if film.spent_per_second)
    per_second = measured[len(measured) // 2] if measured else _SPENT_PER_SECOND
    seconds_of = {film.jump_key: film.seconds for film in films}
    count, encoded, work = 0, 0.0, 0.0
    for one in stale:
        count += 1
        encoded += one.seconds
        work += per_second * (one.seconds + _JOIN_SHARE * seconds_of.get(one.jump_key, one.seconds))
    return Cost(count, encoded, work / max(1, workers))


def films_made(session: Session) -> list[FilmMade]:
    """The shown films of the jumps that want no other footage, by the date of the jump, newest first.

    A jump whose film could not be made anew counts too: its older film is there, and still has the older template.
    One query, and only what is compared: there may be tens of thousands.
    """
    rows = session.execute(
        select(
            Jump.jump_key,
            Jump.template,
            Film.template_fingerprint,
            Film.aspects,
            Film.seconds,
            Film.drawn_seconds,
            Film.spent_per_second,
        )
        .join(Film, Film.jump_key == Jump.jump_key)
        .where(_wants_no_other_footage(), is_shown())
        .order_by(Jump.jump_date.desc(), Jump.jump_key)
    )
    return [
        FilmMade(key, template, fingerprint, aspects or {}, seconds, drawn or 0.0, spent)
        for key, template, fingerprint, aspects, seconds, drawn, spent in rows
    ]


def jumps_with(
    session: Session, template: str | None, *, after: str, made_otherwise_than: str | None, limit: int
) -> list[str]:
    """The keys of the jumps of `films_made` whose film should have this template (None: the installation's choice), in
    order, behind the key `after`; where a fingerprint is given, only those whose film was made with another one.
    """
    wanted = select(Jump.jump_key).join(Film, Film.jump_key == Jump.jump_key)
    wanted = wanted.where(_wants_no_other_footage(), is_shown(), Jump.jump_key > after)
    wanted = wanted.where(Jump.template.is_(None) if template is None else Jump.template == template)
    if made_otherwise_than is not None:
        wanted = wanted.where(Film.template_fingerprint != made_otherwise_than)
    return list(session.execute(wanted.order_by(Jump.jump_key).limit(limit)).scalars())


def _wants_no_other_footage() -> ColumnElement[bool]:
    return (Jump.state == JumpState.DONE) | ((Jump.state == JumpState.FAILED) & (Film.version == Jump.wanted_version))


def _to_encode(film: FilmMade, changed: tuple[str, ...]) -> float:
    """Seconds of film that are encoded anew: clips and drawings by themselves, nothing where only the sound changed."""
    filmed = max(0.0, film.seconds - film.drawn_seconds)
    return ("clips" in changed) * filmed + ("drawings" in changed) * film.drawn_seconds
