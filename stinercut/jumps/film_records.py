"""Records finished films, and finds the film of a jump that is shown.

Owns: these queries. Not here: the footage of a film (`jumps`), whether it should be made again (`staleness`), the files
themselves.
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
    """Record that a film passed its checks and is published.

    All films of a jump have the same place. If an outdated film comes last, it has replaced the wanted film, so the
    wanted one must be made again. The event names what the film lacks, which makes it provisional: files around the
    jump's own that wait for a person, and parts of its card that could not be read.
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
        missing=[{"jump": waiting.group, "files": len(waiting.files)} for waiting in missing],
        unread=[{"card": card.card_label, "unreadable": card.unreadable} for card in unread],
    )


def is_shown() -> ColumnElement[bool]:
    """The condition on a film and its jump that the film may be seen: it is at its place and has the jump's name.

    All films of a jump have the same place, so only the last one is there.
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

    A film is no longer shown if a person has corrected the name since, or if the jump's files were moved away.
    """
    rows = session.execute(
        select(Film).join(Jump, Jump.jump_key == Film.jump_key).where(Film.jump_key.in_(jump_keys), is_shown())
    ).scalars()
    return {film.jump_key: film for film in rows}
