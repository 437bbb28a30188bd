"""Staleness: finds finished films whose template has changed, and estimates the cost of rendering them again.

Owns: the comparison and the estimate, both plain functions of plain values, and their query. Not here: reading
templates (`stinercut.templates`), starting runs (Dagster's backfills).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from stinercut.catalog.models import Film, Jump, JumpState
from stinercut.jumps.film_records import is_shown

_SPENT_PER_SECOND = 1.5
"""Core seconds that encoding a second of film costs, until this installation has measured its own."""
_JOIN_SHARE = 0.03
"""The cost of joining, as a share of encoding the whole film: joining encodes no picture (field measurement: 0.023)."""


@dataclass(frozen=True)
class WantedTemplate:
    """A template as it is now. `aspects`: fingerprints of its parts for clips, drawings and sound."""

    name: str
    fingerprint: str
    aspects: Mapping[str, str]


@dataclass(frozen=True)
class FilmMade:
    """A jump's film as it was made. `template` is the jump's wish; None means the installation's choice.

    Its outputs together show drawings for `drawn_seconds`, and footage for `filmed_seconds`.
    """

    jump_key: str
    template: str | None
    fingerprint: str
    aspects: Mapping[str, str]
    drawn_seconds: float
    filmed_seconds: float
    spent_per_second: float | None
    made_at: datetime


@dataclass(frozen=True)
class Stale:
    """A film that should be made again, and was made at `made_at`. `changed`: clips, drawings, sound. `seconds` of its
    outputs must be encoded, which takes `work` seconds of one core.
    """

    jump_key: str
    template: str
    changed: tuple[str, ...]
    seconds: float
    work: float
    made_at: datetime


def stale_films(films: Sequence[FilmMade], templates: Mapping[str, WantedTemplate], default: str) -> list[Stale]:
    """The films whose template has changed since they were made, in the given order.

    A jump whose template is missing from `templates` is passed over: its film can't be made again. The cost is
    estimated from this installation's films so far.
    """
    per_second = _spent_per_second(films)
    out: list[Stale] = []
    for film in films:
        wanted = templates.get(film.template or default)
        if wanted is None or wanted.fingerprint == film.fingerprint:
            continue
        changed = tuple(sorted(name for name, aspect in wanted.aspects.items() if film.aspects.get(name) != aspect))
        seconds = ("clips" in changed) * film.filmed_seconds + ("drawings" in changed) * film.drawn_seconds
        whole = film.filmed_seconds + film.drawn_seconds
        work = per_second * (seconds + _JOIN_SHARE * whole)
        out.append(Stale(film.jump_key, wanted.name, changed, seconds, work, film.made_at))
    return out


def _spent_per_second(films: Sequence[FilmMade]) -> float:
    measured = sorted(film.spent_per_second for film in films if film.spent_per_second)
    return measured[len(measured) // 2] if measured else _SPENT_PER_SECOND


def films_made(session: Session) -> list[FilmMade]:
    """The shown films of jumps that want no other footage, by the date of the jump, newest first.

    A jump whose film could not be made again is included: its older film exists, and still has the older template.
    It is one query for only the values that are compared: there may be tens of thousands of films.
    """
    rows = session.execute(
        select(
            Jump.jump_key,
            Jump.template,
            Film.template_fingerprint,
            Film.aspects,
            Film.seconds,
            Film.drawn_seconds,
            Film.filmed_seconds,
            Film.spent_per_second,
            Film.created_at,
        )
        .join(Film, Film.jump_key == Jump.jump_key)
        .where(_wants_no_other_footage(), is_shown())
        .order_by(Jump.jump_date.desc(), Jump.jump_key)
    )
    return [
        FilmMade(
            jump_key=key,
            template=template,
            fingerprint=fingerprint,
            aspects=aspects or {},
            drawn_seconds=drawn or 0.0,
            filmed_seconds=filmed if filmed is not None else max(0.0, seconds - (drawn or 0.0)),
            spent_per_second=spent,
            made_at=made_at,
        )
        for key, template, fingerprint, aspects, seconds, drawn, filmed, spent, made_at in rows
    ]


@dataclass(frozen=True)
class NotedJump:
    """A jump and its template in the lineage. `template` is the jump's wish; None means the installation's choice.

    `made_with` is the fingerprint of its film's template; None without a film. `noted` is the template's data version
    that Dagster noted for that film: the last one observed when its step began.
    """

    jump_key: str
    template: str | None
    film_id: int | None
    made_with: str | None
    noted: str | None


def jumps_with(session: Session, template: str | None, *, after: str, limit: int) -> list[NotedJump]:
    """The jumps whose film has this template or will have it (None: the installation's choice), in the order of their
    keys, following the key `after`.

    This includes jumps that `films_made` leaves out: a film in the making may have read its template before a change.
    """
    is_to_come = _state().in_((JumpState.READY, JumpState.PRODUCING, JumpState.FAILED))
    is_there = (_state() == JumpState.DONE) & Film.film_id.is_not(None)
    wanted = _noted().outerjoin(Film, (Film.jump_key == Jump.jump_key) & is_shown())
    wanted = wanted.where(is_to_come | is_there, Jump.jump_key > after)
    wanted = wanted.where(Jump.template.is_(None) if template is None else Jump.template == template)
    return [NotedJump(*row) for row in session.execute(wanted.order_by(Jump.jump_key).limit(limit))]


def films_after(session: Session, film_id: int, *, limit: int) -> list[NotedJump]:
    """The shown films that were made after that one, in the order in which they were made."""
    wanted = _noted().join(Film, (Film.jump_key == Jump.jump_key) & is_shown())
    wanted = wanted.where(Film.film_id > film_id)
    return [NotedJump(*row) for row in session.execute(wanted.order_by(Film.film_id).limit(limit))]


def _noted() -> Select[str, str | None, int, str, str | None]:
    return select(Jump.jump_key, Jump.template, Film.film_id, Film.template_fingerprint, Film.template_noted)


def _wants_no_other_footage() -> ColumnElement[bool]:
    return (_state() == JumpState.DONE) | ((_state() == JumpState.FAILED) & (Film.version == Jump.wanted_version))


def _state() -> ColumnElement[str]:
    # As an expression, so that no database uses the index of states and then sorts nearly all jumps: by their keys a
    # page is found at once.
    return func.coalesce(Jump.state, "")
