"""Lists of jumps: the newest, search results, unfinished ones; and the files of each.

Owns: which jumps are in a list, in which order, and their files. Not here: showing them (`hub`), jumps that wait for a
person (`stinercut.review.file_groups`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, Date, Select, String, func, literal, select, tuple_
from sqlalchemy.orm import Session

from stinercut.catalog.models import CardFile, ImportedFile, Jump, JumpFile, JumpState, Role, UtcMoment
from stinercut.catalog.search import holds
from stinercut.jumps import jumps

NEWEST_FIRST: Final = (Jump.jump_date.desc(), Jump.created_at.desc(), Jump.jump_key.desc())
"""The order of all lists of jumps; the index `ix_jump_newest` has the same order."""

UNFINISHED: Final = (
    JumpState.FAILED,
    JumpState.REVIEW,
    JumpState.NO_CLIPS,
    JumpState.WAITING,
    JumpState.READY,
    JumpState.PRODUCING,
)


@dataclass(frozen=True)
class JumpPage:
    """A page of a list: jump keys in its order. The next page begins after `older`; None at the end."""

    keys: Sequence[str]
    older: str | None


def newest(session: Session, limit: int, text: str = "", before: str | None = None) -> JumpPage:
    """The newest jumps, without those that have no files left.

    `text`: only jumps whose passenger's name or key, which holds the booking's id, contains it. `before`: only jumps
    that come after that jump in the list. Raises NotFound for a `before` that is no jump.
    """
    query = newest_query(text, jumps.require_jump(session, before) if before is not None else None)
    # One more than asked for, to know whether more exist.
    keys = session.execute(query.limit(limit + 1)).scalars().all()
    return JumpPage(keys[:limit], keys[limit - 1] if len(keys) > limit else None)


def newest_query(text: str = "", before: Jump | None = None) -> Select[str]:
    """The query for the keys of which `newest` takes the first ones."""
    query = select(Jump.jump_key).where(Jump.state != JumpState.GONE, holds(text, Jump.jump_key, Jump.passenger_name))
    if before is not None:
        query = query.where(_comes_after(before))
    return query.order_by(*NEWEST_FIRST)


def unfinished(session: Session, limit: int) -> Sequence[str]:
    """The keys of the jumps that are not done, newest first."""
    query = select(Jump.jump_key).where(Jump.state.in_(UNFINISHED)).order_by(*NEWEST_FIRST).limit(limit)
    return session.execute(query).scalars().all()


def _comes_after(jump: Jump) -> ColumnElement[bool]:
    place = tuple_(
        literal(jump.jump_date, Date()), literal(jump.created_at, UtcMoment()), literal(jump.jump_key, String())
    )
    return tuple_(Jump.jump_date, Jump.created_at, Jump.jump_key) < place


@dataclass(frozen=True)
class PhotoCounts:
    """How many photos a jump has. A raw and a JPEG of one stem are one picture in two files. `here`: in the store."""

    pictures: int = 0
    files: int = 0
    here: int = 0


def photo_counts(session: Session, jump_keys: Collection[str]) -> dict[str, PhotoCounts]:
    """The numbers of photos of those jumps that have any; only counted, since there may be thousands."""
    rows = session.execute(
        select(
            JumpFile.jump_key,
            func.count(func.distinct(CardFile.card_id + "/" + CardFile.recording)),
            func.count(),
            func.count(ImportedFile.card_file_id),
        )
        .join(CardFile, CardFile.card_file_id == JumpFile.card_file_id)
        .outerjoin(ImportedFile, ImportedFile.card_file_id == JumpFile.card_file_id)
        .where(JumpFile.jump_key.in_(jump_keys), JumpFile.role == Role.PHOTO)
        .group_by(JumpFile.jump_key)
    )
    return {key: PhotoCounts(pictures, files, here) for key, pictures, files, here in rows}


def files_of(
    session: Session, jump_keys: Collection[str], *, photos: bool = True
) -> list[tuple[JumpFile, CardFile, bool]]:
    """The files of these jumps, in each jump's order: place, file, and whether it is in the store.

    Photos are left out if `photos` is False.
    """
    wanted = () if photos else (JumpFile.role != Role.PHOTO,)
    rows = session.execute(
        select(JumpFile, CardFile, ImportedFile.card_file_id.is_not(None))
        .join(CardFile, CardFile.card_file_id == JumpFile.card_file_id)
        .outerjoin(ImportedFile, ImportedFile.card_file_id == JumpFile.card_file_id)
        .where(JumpFile.jump_key.in_(jump_keys), *wanted)
        .order_by(JumpFile.position)
    )
    return [(place, file, is_here) for place, file, is_here in rows]
