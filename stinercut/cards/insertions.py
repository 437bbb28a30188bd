"""Insertions: cards that go in and out.

Owns: recording an insertion, its end, and a card that could not be read. Not here: the files on the card
(`manifests`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from stinercut.cards.unassigned_files import refresh_identify_key
from stinercut.catalog import events
from stinercut.catalog.models import Card, EntryState, Insertion, ManifestEntry
from stinercut.catalog.moments import now_in
from stinercut.catalog.row_messages import give_error
from stinercut.errors import NotFound
from stinercut.failures import without_folders
from stinercut.jumps import jumps
from stinercut.jumps.jump_photos import jumps_with_photos_open
from stinercut.language.messages import Message, with_texts
from stinercut.language.refusal_codes import RefusalCode
from stinercut.protocol import CardError, ErrorCode, Inserted
from stinercut.protocol.details import said_in


def record_insertion(session: Session, detector_id: str, message: Inserted) -> None:
    """Record that a card went in. Recording the same message again changes nothing.

    Raises NotFound if another detector has put in a card under this id.
    """
    if session.get(Insertion, message.insertion_id) is not None:
        require_own_insertion(session, message.insertion_id, detector_id)
        return
    card = session.get(Card, message.card.card_id)
    if card is None:
        session.add(Card(card_id=message.card.card_id, label=message.card.label, kind=message.card.kind))
        session.flush()
    else:
        card.label = message.card.label
    # A card is in one reader at a time, so an older open insertion ended without a message.
    for older in _open_insertions(session, message.card.card_id):
        _close(session, older)
        older.identify_key = None
    session.add(
        Insertion(
            insertion_id=message.insertion_id,
            card_id=message.card.card_id,
            detector_id=detector_id,
            inserted_at=_moment(session, message),
            chunks_seen=[],
        )
    )
    events.append(session, "card:inserted", card_id=message.card.card_id, label=message.card.label)


def _moment(session: Session, message: Inserted) -> datetime:
    """When a card went in, adjusted to the order of the hub's messages.

    Detectors have their own clocks, which may differ by hours. So the newest insertion of a card is the one that was
    reported last, whatever its time; a time that is ahead of the hub's clock is not believed.
    """
    reported = min(message.inserted_at.astimezone(UTC), now_in(session))
    recorded = select(Insertion.inserted_at).where(Insertion.card_id == message.card.card_id)
    last = session.execute(recorded.order_by(Insertion.inserted_at.desc()).limit(1)).scalar_one_or_none()
    return reported if last is None or reported > last else last + timedelta(microseconds=1)


def record_removed(session: Session, insertion: Insertion) -> None:
    """Record that a card is out. Files still to come wait until it is in again."""
    if insertion.removed_at is not None:
        return
    _close(session, insertion)
    events.append(session, "card:removed", card_id=insertion.card_id)


def record_card_error(session: Session, insertion: Insertion, message: CardError) -> None:
    """Record that a card could not be read, at least in part. Recording the same message again changes nothing.

    The file list may come before or after it: once the list came, the card no longer counts as unlisted.
    """
    if message.code is ErrorCode.CARD_REMOVED:
        record_removed(session, insertion)
        return
    is_recorded = insertion.error_code is not None and insertion.unreadable >= message.unreadable
    if is_recorded or (insertion.listed_at is not None and not message.unreadable):
        return
    # Older detectors name the folders of their cards and of the store.
    why = tuple(with_texts(part, without_folders) for part in said_in(message))
    give_error(insertion, message.code.value, why)
    insertion.unreadable = message.unreadable
    events.append(
        session, "card:error", card_id=insertion.card_id, said={"detail": why}, code=message.code.value,
        unreadable=message.unreadable,
    )  # fmt: skip


def require_insertion(session: Session, insertion_id: str) -> Insertion:
    """The insertion, or NotFound."""
    insertion = session.get(Insertion, insertion_id)
    if insertion is None:
        raise NotFound(Message.of(RefusalCode.NO_CARD_UNDER_ID, insertion=insertion_id))
    return insertion


def require_own_insertion(session: Session, insertion_id: str, detector_id: str) -> Insertion:
    """The insertion. Raises NotFound also if another detector reported it: each reports only its own cards."""
    insertion = require_insertion(session, insertion_id)
    if insertion.detector_id != detector_id:
        raise NotFound(Message.of(RefusalCode.NO_CARD_OF_DETECTOR, detector=detector_id, insertion=insertion_id))
    return insertion


def is_any_in(session: Session, detector_ids: Iterable[str]) -> bool:
    """Whether any of these detectors has a card in."""
    open_ones = select(Insertion.insertion_id).where(
        Insertion.detector_id.in_(list(detector_ids)), Insertion.removed_at.is_(None)
    )
    return session.execute(open_ones.limit(1)).first() is not None


def _open_insertions(session: Session, card_id: str) -> Sequence[Insertion]:
    return (
        session.execute(select(Insertion).where(Insertion.card_id == card_id, Insertion.removed_at.is_(None)))
        .scalars()
        .all()
    )


def _close(session: Session, insertion: Insertion) -> None:
    insertion.removed_at = now_in(session)
    session.execute(
        update(ManifestEntry)
        .where(
            ManifestEntry.insertion_id == insertion.insertion_id,
            ManifestEntry.state == EntryState.REQUESTED,
        )
        .values(state=EntryState.NEW)
    )
    session.flush()
    if insertion.identify_key is None and insertion.identify_error is None:
        refresh_identify_key(session, insertion)  # It no longer waits for samples of probable files.
    # Films are made without the photos that were still being copied.
    for jump_key in jumps_with_photos_open(session, insertion.insertion_id):
        jumps.refresh_jump(session, jump_key)
