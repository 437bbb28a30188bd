"""A jump's photos that are still being copied, or did not come.

Owns: whether photos of a jump are still to come from a card that is in, and which did not come. Not here: a jump's
other files (`jumps`), the requests to a card (`stinercut.cards.copy_requests`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from stinercut.catalog.models import (
    OPEN,
    Card,
    CardFile,
    ImportedFile,
    Insertion,
    Jump,
    JumpFile,
    JumpState,
    ManifestEntry,
    Role,
)

_MADE_WITHOUT = (JumpState.READY, JumpState.PRODUCING, JumpState.DONE, JumpState.FAILED)
"""States in which a jump's film is made from the files that are here."""


def photos_coming(session: Session, jump_key: str) -> bool:
    """Whether photos of this jump are still being copied from a card that is in."""
    coming = (
        select(ManifestEntry.file_id)
        .join(JumpFile, JumpFile.card_file_id == ManifestEntry.card_file_id)
        .join(Insertion, Insertion.insertion_id == ManifestEntry.insertion_id)
        .where(
            JumpFile.jump_key == jump_key,
            JumpFile.role == Role.PHOTO,
            ManifestEntry.state.in_(OPEN),
            Insertion.removed_at.is_(None),
        )
        .limit(1)
    )
    return session.execute(coming).first() is not None


def jumps_with_photos_open(session: Session, insertion_id: str) -> Sequence[str]:
    """The keys of jumps with photos that this insertion has not brought yet."""
    keys = session.execute(
        select(JumpFile.jump_key)
        .join(ManifestEntry, ManifestEntry.card_file_id == JumpFile.card_file_id)
        .where(
            ManifestEntry.insertion_id == insertion_id,
            ManifestEntry.state.in_(OPEN),
            JumpFile.role == Role.PHOTO,
        )
        .distinct()
    )
    return keys.scalars().all()


def photos_not_here(session: Session, jump_keys: Collection[str]) -> Sequence[tuple[str, str, CardFile]]:
    """Photos that are missing in the films of these jumps, since they could not be copied or their card is out: jump
    key, label of the card, file; in each jump's order.
    """
    rows = session.execute(
        select(JumpFile.jump_key, Card.label, CardFile)
        .join(CardFile, CardFile.card_file_id == JumpFile.card_file_id)
        .join(Card, Card.card_id == CardFile.card_id)
        .join(Jump, Jump.jump_key == JumpFile.jump_key)
        .outerjoin(ImportedFile, ImportedFile.card_file_id == JumpFile.card_file_id)
        .where(
            JumpFile.jump_key.in_(jump_keys),
            JumpFile.role == Role.PHOTO,
            Jump.state.in_(_MADE_WITHOUT),
            ImportedFile.card_file_id.is_(None),
        )
        .order_by(JumpFile.jump_key, JumpFile.position)
    )
    return [(jump_key, label, file) for jump_key, label, file in rows]
