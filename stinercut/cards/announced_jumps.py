"""Announced jumps: whose codes were read on a card, before the card is identified.

Owns: the query. Not here: jumps in the catalog (`stinercut.jumps.jumps`), what identification makes of a card
(`identification`), how one is shown (`hub.jumps.views`).

An announced jump is news and nothing else. No film is made of it, and no file is taken for its own, until the rules
have looked at the whole card.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from stinercut.catalog.models import CardFile, Insertion, Jump, JumpFile, JumpState, ManifestEntry, QrReading
from stinercut.codes.payload import Payload
from stinercut.codes.reading import Reading
from stinercut.protocol import FileKind

NEWEST_INSERTIONS: Final = 8
"""Cards that went in last. What an older one announced, somebody has seen."""


@dataclass(frozen=True)
class AnnouncedJump:
    """A passenger whose code was read, and the videos that show it."""

    payload: Payload
    files: tuple[CardFile, ...]

    @property
    def jump_key(self) -> str:
        """The key that its jump will have."""
        return self.payload.jump_key


def announced_jumps(session: Session) -> dict[str, AnnouncedJump]:
    """By jump key; without those that are in the catalog by now."""
    found: dict[str, AnnouncedJump] = {}
    for file, row in _unplaced(session):
        payload = Reading.kept(row.reading).payload
        if payload is not None:
            before = found.get(payload.jump_key)
            found[payload.jump_key] = AnnouncedJump(payload, (*(before.files if before else ()), file))
    known = session.execute(
        select(Jump.jump_key).where(Jump.jump_key.in_(found), Jump.state != JumpState.GONE)
    ).scalars()
    for key in known:
        del found[key]
    return found


def _unplaced(session: Session) -> Sequence[tuple[CardFile, QrReading]]:
    """Videos of the newest insertions that were read and belong to no jump, in the order of filming."""
    newest = select(Insertion.insertion_id).order_by(Insertion.inserted_at.desc()).limit(NEWEST_INSERTIONS)
    rows = session.execute(
        select(CardFile, QrReading)
        .join(ManifestEntry, ManifestEntry.card_file_id == CardFile.card_file_id)
        .join(QrReading, QrReading.card_file_id == CardFile.card_file_id)
        .outerjoin(JumpFile, JumpFile.card_file_id == CardFile.card_file_id)
        .where(
            ManifestEntry.insertion_id.in_(session.execute(newest).scalars().all()),
            CardFile.kind == FileKind.VIDEO,
            JumpFile.jump_key.is_(None),
        )
        .order_by(CardFile.modified, CardFile.name)
    )
    # A card that went in twice lists a file twice.
    return list({file.card_file_id: (file, reading) for file, reading in rows}.values())
