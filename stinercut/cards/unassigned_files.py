"""Unassigned files: videos and photos that belong to no jump yet, and when they can be identified.

Owns: an insertion's `identify_key`, which insertions have one, and which of them need not wait for readings. Not here:
which files are early (`early_files`), reading codes and splitting the files (`identification`).
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from stinercut.cards.early_files import awaits_readings
from stinercut.catalog.models import OPEN, CardFile, EntryState, Insertion, Jump, JumpFile, JumpState, ManifestEntry
from stinercut.catalog.row_messages import clear_identify_error
from stinercut.keyring import KeyRing
from stinercut.protocol import FileKind
from stinercut.storage.store import key_of


@dataclass(frozen=True)
class ReadyCards:
    """Cards to identify now, each with the key of its set of files; `waiting`: more of them wait for readings only."""

    cards: list[tuple[str, str]]
    waiting: bool


def refresh_identify_key(session: Session, insertion: Insertion) -> None:
    """Set `identify_key` if this insertion has files to identify now; otherwise clear it.

    It has such files when its manifest is complete, no small file or proxy is still to come, no file is in doubt, and a
    video or photo belongs to no jump yet. The key stands for exactly this set of files, so that each set is identified
    once; and again after a person or a new key asked for it (`identification.read_again`).
    """
    insertion.identify_key = None
    clear_identify_error(insertion)
    if insertion.listed_at is None:
        return
    if early_files_open(session, insertion.insertion_id) or _any_in_doubt(session, insertion):
        return
    loose = loose_files(session, insertion.insertion_id)
    if loose:
        again = _readings_again(session, insertion.card_id)
        insertion.identify_key = key_of(insertion.insertion_id, *sorted(loose), *(["again", again] if again else []))


def _readings_again(session: Session, card_id: str) -> int:
    """How many of a card's unidentified groups were returned to identification, or given to other jumps."""
    return session.execute(
        select(func.count())
        .select_from(Jump)
        .where(Jump.card_id == card_id, Jump.booking_id.is_(None), Jump.state == JumpState.GONE)
    ).scalar_one()


def early_files_open(session: Session, insertion_id: str) -> bool:
    """Whether small files or proxies of a manifest are still to come."""
    return bool(
        session.execute(
            select(ManifestEntry.file_id)
            .where(
                ManifestEntry.insertion_id == insertion_id,
                ManifestEntry.early.is_(True),
                ManifestEntry.state.in_(OPEN),
            )
            .limit(1)
        ).first()
    )


def _any_in_doubt(session: Session, insertion: Insertion) -> bool:
    """Whether samples of a card that is in are still expected. They may show that a file has its jump already; placed
    before that, it would be there twice.
    """
    if insertion.removed_at is not None:
        return False
    in_doubt = select(ManifestEntry.file_id).where(
        ManifestEntry.insertion_id == insertion.insertion_id, ManifestEntry.state == EntryState.PROBABLE
    )
    return session.execute(in_doubt.limit(1)).first() is not None


def loose_files(session: Session, insertion_id: str) -> list[int]:
    """The card file ids of a manifest's videos and photos that belong to no jump yet, without empty files."""
    return list(
        session.execute(
            select(ManifestEntry.card_file_id)
            .join(CardFile, CardFile.card_file_id == ManifestEntry.card_file_id)
            .outerjoin(JumpFile, JumpFile.card_file_id == ManifestEntry.card_file_id)
            .where(
                ManifestEntry.insertion_id == insertion_id,
                CardFile.kind.in_((FileKind.VIDEO, FileKind.PHOTO)),
                # Photos of old lists, from a time when photos were not asked for.
                ManifestEntry.state != EntryState.SKIPPED,
                CardFile.size > 0,
                JumpFile.jump_key.is_(None),
            )
        ).scalars()
    )


def insertions_to_identify(session: Session, limit: int = 100) -> list[tuple[str, str, str]]:
    """Insertions with files to identify: (card id, insertion id, identify key), oldest first.

    Insertions whose run failed are left out: a person continues with them, and they must not keep others waiting.
    """
    rows = session.execute(
        select(Insertion.card_id, Insertion.insertion_id, Insertion.identify_key)
        .where(Insertion.identify_key.is_not(None), Insertion.identify_error.is_(None))
        .order_by(Insertion.inserted_at)
        .limit(limit)
    )
    return [(card, insertion, key) for card, insertion, key in rows if key is not None]


def ready_cards(session: Session, keys: KeyRing, *, is_read_ahead: bool) -> ReadyCards:
    """Cards to identify. `is_read_ahead`: whether an early reader runs; without one there is nothing to wait for."""
    found = insertions_to_identify(session)
    waiting = {
        insertion_id
        for _, insertion_id, _ in found
        if is_read_ahead and awaits_readings(session, session.get_one(Insertion, insertion_id), keys)
    }
    ready = [(card, key) for card, insertion_id, key in found if insertion_id not in waiting]
    return ReadyCards(ready, waiting=bool(waiting))
