"""Groups under review: the jumps that wait for a person, with files, codes and earlier decisions.

Owns: these queries, and for which files a person's word is valid. Not here: deciding (`decisions`), pictures (`hub`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, aliased

from stinercut.cards import identification
from stinercut.cards.identification import Files
from stinercut.catalog.models import CardFile, Decision, ImportedFile, Jump, JumpFile, JumpState, ManifestEntry, Role
from stinercut.codes.reading import Reading
from stinercut.errors import NotFound
from stinercut.jumps import jumps
from stinercut.jumps.duplicates import counting_files
from stinercut.jumps.listing import NEWEST_FIRST, files_of
from stinercut.language.messages import Message
from stinercut.language.refusal_codes import RefusalCode
from stinercut.protocol import FileKind
from stinercut.review.decisions import What


@dataclass(frozen=True)
class Word:
    """A person's word that a file belongs to this jump."""

    decision_id: int
    who: str
    at: datetime


@dataclass(frozen=True)
class ReviewFile:
    """A file as people see it. `source`: the object from which pictures of it are made, as (content hash, bytes)."""

    card_file_id: int
    name: str
    role: Role
    recorded: datetime
    size: int
    is_here: bool
    source: tuple[str, int] | None
    reading: Reading | None
    is_photo: bool
    same_as: str
    """The name of another file of this jump with the same content, or empty. If it is set, this file isn't in
    the film.
    """


@dataclass(frozen=True)
class Group:
    """A jump, its files in their order, and the decisions about it, newest first."""

    jump: Jump
    files: tuple[ReviewFile, ...]
    decisions: tuple[Decision, ...]


def waiting(session: Session, limit: int = 200) -> list[str]:
    """Keys of the jumps for which a person must decide whose they are, newest first."""
    return _in_states(session, (JumpState.REVIEW,), limit)


def needing_a_person(session: Session, limit: int = 200) -> list[str]:
    """Keys of the jumps that need a person, newest first: those that wait for a decision, and those that failed."""
    return _in_states(session, (JumpState.REVIEW, JumpState.FAILED), limit)


def _in_states(session: Session, states: Sequence[JumpState], limit: int) -> list[str]:
    rows = session.execute(select(Jump.jump_key).where(Jump.state.in_(states)).order_by(*NEWEST_FIRST).limit(limit))
    return list(rows.scalars())


def group(session: Session, jump_key: str) -> Group:
    """A jump as people see it. Raises NotFound."""
    jumps.require_jump(session, jump_key)
    return groups(session, [jump_key])[0]


def groups(session: Session, jump_keys: Sequence[str]) -> list[Group]:
    """These jumps as people see them, in this order, without unknown ones. It takes as many queries as a single
    jump.
    """
    found = {row.jump_key: row for row in session.execute(select(Jump).where(Jump.jump_key.in_(jump_keys))).scalars()}
    files, decided = _files_in(session, jump_keys), decisions_on(session, jump_keys)
    return [
        Group(found[key], tuple(files.get(key, ())), tuple(decided.get(key, ()))) for key in jump_keys if key in found
    ]


def _files_in(session: Session, jump_keys: Sequence[str]) -> dict[str, list[ReviewFile]]:
    # A query instead of a list: many jumps may have more files than a statement may have parameters.
    ids = select(JumpFile.card_file_id).where(JumpFile.jump_key.in_(jump_keys))
    sources, readings = picture_sources(session, ids), identification.readings_of(session, ids)
    repeats = counting_files(session, jump_keys)
    out: dict[str, list[ReviewFile]] = defaultdict(list)
    for place, file, is_here in files_of(session, jump_keys):
        out[place.jump_key].append(
            ReviewFile(
                card_file_id=place.card_file_id,
                name=file.name,
                role=Role(place.role),
                recorded=file.modified,
                size=file.size,
                is_here=is_here,
                source=sources.get(place.card_file_id),
                reading=readings.get(place.card_file_id),
                is_photo=file.kind == FileKind.PHOTO,
                same_as=repeats.get(place.card_file_id, ""),
            )
        )
    return out


def picture_sources(session: Session, card_file_ids: Files) -> dict[int, tuple[str, int]]:
    """The object for pictures of each file, as (content hash, bytes): its proxy if that is here, else the file
    itself.
    """
    own = session.execute(select(ImportedFile).where(ImportedFile.card_file_id.in_(card_file_ids))).scalars()
    sources = {row.card_file_id: (row.content_hash, row.size) for row in own}
    main = aliased(ManifestEntry)
    proxies = session.execute(
        select(main.card_file_id, ImportedFile)
        .select_from(ManifestEntry)
        .join(main, (main.insertion_id == ManifestEntry.insertion_id) & (main.file_id == ManifestEntry.main_file_id))
        .join(CardFile, CardFile.card_file_id == ManifestEntry.card_file_id)
        .join(ImportedFile, ImportedFile.card_file_id == ManifestEntry.card_file_id)
        .where(main.card_file_id.in_(card_file_ids), CardFile.kind == FileKind.PROXY)
        .order_by(ImportedFile.imported_at)
    )
    return sources | {card_file_id: (proxy.content_hash, proxy.size) for card_file_id, proxy in proxies}


def picture_source(session: Session, card_file_id: int) -> tuple[str, int]:
    """The object for pictures of this file, as (content hash, bytes). Raises NotFound while nothing of it is here."""
    found = picture_sources(session, [card_file_id]).get(card_file_id)
    if found is None:
        nothing = Message.of(RefusalCode.NOTHING_OF_FILE_HERE, file=card_file_id)
        raise NotFound(nothing, advice=Message.of(RefusalCode.CARD_MAY_BE_COPYING))
    return found


def photo_name(session: Session, card_file_id: int) -> str | None:
    """The name of a file that is a photo; None for any other."""
    file = session.get(CardFile, card_file_id)
    return file.name if file is not None and file.kind == FileKind.PHOTO else None


def decisions_on(session: Session, jump_keys: Sequence[str]) -> dict[str, list[Decision]]:
    """The decisions about each of these jumps, and those that took files from it, newest first."""
    rows = session.execute(
        select(Decision)
        .where(or_(Decision.jump_key.in_(jump_keys), Decision.from_jump.in_(jump_keys)))
        .order_by(Decision.decision_id.desc())
    ).scalars()
    out: dict[str, list[Decision]] = {key: [] for key in jump_keys}
    for row in rows:
        for key in (row.jump_key, row.from_jump):
            if key in out:
                out[key].append(row)
    return out


def words_on(session: Session, jump_key: str, passenger_name: str, booking_id: str) -> dict[int, Word]:
    """The latest word on each file of a jump that a person has given to this passenger.

    A word is valid only for its identity: when the jump's name changes, it must be given again.
    """
    rows = session.execute(
        select(Decision)
        .where(Decision.jump_key == jump_key, Decision.what.in_((What.ASSIGNED, What.MOVED, What.JOINED)))
        .order_by(Decision.decision_id)
    ).scalars()
    return {
        file: Word(row.decision_id, row.who, row.at)
        for row in rows
        if (row.after.get("passenger_name"), row.after.get("booking_id")) == (passenger_name, booking_id)
        for file in row.after["files"]
    }
