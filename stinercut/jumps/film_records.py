"""Finished films: recording one, and which one of a jump is shown.

Owns: those queries. Not here: what a film should be made of (`jumps`), whether it should be made again (`staleness`),
the files themselves.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session, aliased

from stinercut.catalog import events
from stinercut.catalog.models import Film, Jump, JumpState
from stinercut.catalog.row_messages import give_reason
from stinercut.jumps.readiness import make_ready
from stinercut.jumps.unread_cards import unread_cards
from stinercut.jumps.waiting_files import missing_of


def record_film(session: Session, film: Film) -> None:
    """A film passed its checks and is published.

    All films of a jump have the same place. One that was overtaken and came last lies where the wanted one lay, so that
    one is to be made again. What the film lacks is told with it, and makes it provisional: what waits for a person
    beside the jump's files, what of its card could not be read.
    """
    session.add(film)
    jump = session.get_one(Jump, film.jump_key)
    if jump.wanted_version == film.version:
        jump.state = JumpState.DONE
        give_reason(jump)
    elif jump.state == JumpState.DONE:
        make_ready(jump)
    session.flush()
    missing = missing_of(session, film.jump_key)
    unread = unread_cards(session, [film.jump_key]).get(film.jump_key, ())
    events.append(
        session,
        "pipeline:completed",
        jump_key=film.jump_key,
        run_id=film.run_id,
        seconds=film.seconds,
        made_in=film.made_in,
        complete=not missing and not unread,
        missing=[{"jump": one.group, "files": len(one.files)} for one in missing],
        unread=[{"card": one.card_label, "unreadable": one.unreadable} for one in unread],
    )


def is_shown() -> ColumnElement[bool]:
    """The condition, on a film and its jump, that the film may be seen: it is at its place and has the jump's name.

    All films of a jump have the same place, so only the last of them is there.
    """
    later = aliased(Film)
    after = select(later.film_id).where(later.jump_key == Film.jump_key, later.film_id > Film.film_id)
    is_last = ~after.correlate(Film).exists()
    return is_last & (Film.passenger_name == Jump.passenger_name) & (Jump.state != JumpState.GONE)


def latest_film(session: Session, jump_key: str) -> Film | None:
    """The film of a jump that is shown, if there is one."""
    return latest_films(session, [jump_key]).get(jump_key)


def latest_films(session: Session, jump_keys: Sequence[str]) -> dict[str, Film]:
    """The films that are shown, by jump key.

    A film under a name that a person corrected since, or of a jump whose files were moved away, is not shown any more.
    """
    rows = session.execute(
        select(Film).join(Jump, Jump.jump_key == Film.jump_key).where(Film.jump_key.in_(jump_keys), is_shown())
    ).scalars()
    return {film.jump_key: film for film in rows}
