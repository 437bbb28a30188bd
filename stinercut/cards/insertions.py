"""Insertions: cards that go in and out.

Owns: recording an insertion, its end, and a card that could not be read. Not here: what is on the card
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
from stinercut.errors import NotFound
from stinercut.failures import without_folders
from stinercut.jumps import jumps
from stinercut.jumps.jump_photos import jumps_with_photos_open
from stinercut.protocol import CardError, ErrorCode, Inserted


def record_insertion(session: Session, detector_id: str, message: Inserted) -> None:
    """A card went in. Recording the same message again changes nothing.

    Raises NotFound where another detector has put in a card under this id.
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
    # A card is in one reader at a time: an older insertion still open was cut short without a word.
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
    """When a card went in, in the order in which the hub heard of it.

    Detectors go by their own clocks, and these may differ by hours. So the newest insertion of a card is the one that
    was heard of last, whatever they say; a clock that is ahead of the hub's is not believed.
    """
    said = min(message.inserted_at.astimezone(UTC), now_in(session))
    heard = select(Insertion.inserted_at).where(Insertion.card_id == message.card.card_id)
    last = session.execute(heard.order_by(Insertion.inserted_at.desc()).limit(1)).scalar_one_or_none()
    return said if last is None or said > last else last + timedelta(microseconds=1)


def record_removed(session: Session, insertion: Insertion) -> None:
    """A card is out. What was still to come waits for the next time it is in."""
    if insertion.removed_at is not None:
        return
    _close(session, insertion)
    events.append(session, "card:removed", card_id=insertion.card_id)


def record_card_error(session: Session, insertion: Insertion, message: CardError) -> None:
    """A card could not be read, or not all of it. Recording the same message again changes nothing.

    In any order with the file list: where that came, a card is not one that could not be listed.
    """
    if message.code is ErrorCode.CARD_REMOVED:
        record_removed(session, insertion)
        return
    is_said = insertion.error_code is not None and insertion.unreadable >= message.unreadable
    if is_said or (insertion.listed_at is not None and not message.unreadable):
        return
    detail = without_folders(message.detail)  # A detector of before names where its cards and the store lie.
    insertion.error_code, insertion.error_detail = message.code.value, detail
    insertion.unreadable = message.unreadable
    events.append(
        session, "card:error", card_id=insertion.card_id, code=message.code.value, detail=detail,
        unreadable=message.unreadable,
    )  # fmt: skip


def require_insertion(session: Session, insertion_id: str) -> Insertion:
    """The insertion, or NotFound."""
    insertion = session.get(Insertion, insertion_id)
    if insertion is None:
        raise NotFound(f"no card was put in under the id {insertion_id}")
    return insertion


def require_own_insertion(session: Session, insertion_id: str, detector_id: str) -> Insertion:
    """The insertion, or NotFound; also where another detector put that card in: each speaks for its own cards."""
    insertion = require_insertion(session, insertion_id)
    if insertion.detector_id != detector_id:
        raise NotFound(f"detector {detector_id} has put in no card under the id {insertion_id}")
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
        refresh_identify_key(session, insertion)  # What was in doubt is not waited for any more.
    # Films are made without the photos that were being fetched from it.
    for jump_key in jumps_with_photos_open(session, insertion.insertion_id):
        jumps.refresh_jump(session, jump_key)
