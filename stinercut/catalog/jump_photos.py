"""A jump's photos while they are being fetched.

Owns: whether photos of a jump are still to come from a card that is in. Not here: what a jump waits for besides
(`jumps`), what is asked for from a card (`asking`).
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from stinercut.catalog.models import OPEN, Insertion, JumpFile, ManifestEntry, Role


def photos_coming(session: Session, jump_key: str) -> bool:
    """Whether photos of this jump are still being fetched from a card that is in."""
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
    """The keys of the jumps that have photos which this insertion has not brought yet."""
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
