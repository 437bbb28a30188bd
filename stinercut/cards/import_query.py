"""The query behind import folders: the files that an insertion brought.

Owns: whether all files of an insertion have arrived, and the files that its card had then. Not here: folders and
manifests (`import_folders`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from stinercut.cards.uncopied_files import NOTHING, Staying, staying_on
from stinercut.catalog.models import OPEN, Card, CardFile, EntryState, ImportedFile, Insertion, ManifestEntry

_HERE = (EntryState.COPIED, EntryState.KNOWN)


@dataclass(frozen=True)
class ImportedEntry:
    """A file of the card whose content is in the store."""

    folder: str
    name: str
    size: int
    modified: datetime
    """Wall-clock time as the camera wrote it, without a zone."""
    content_hash: str
    imported_at: datetime


@dataclass(frozen=True)
class CardImport:
    """A completed insertion: none of its card's files is still to come, and something was copied."""

    insertion_id: str
    label: str
    """The card's name for people."""
    inserted_at: datetime
    files: tuple[ImportedEntry, ...]
    """All files of the card that are in the store now, also from earlier insertions, in the order of their paths."""
    missing: int
    """How many files could not be copied."""
    unreadable: int
    """How many folders and files are missing even in the card's list, since they could not be read."""
    staying: Staying = NOTHING
    """The files of the card that are never copied."""


def finished_import(session: Session, insertion_id: str) -> CardImport | None:
    """The import of this insertion; None while files are still to come, or when nothing new was copied."""
    entry = select(ManifestEntry.state).where(ManifestEntry.insertion_id == insertion_id)
    if session.execute(entry.where(ManifestEntry.state.in_(OPEN)).limit(1)).first() is not None:
        return None
    if session.execute(entry.where(ManifestEntry.state == EntryState.COPIED).limit(1)).first() is None:
        return None
    insertion = session.get(Insertion, insertion_id)
    if insertion is None or insertion.listed_at is None:
        return None
    rows = session.execute(
        select(CardFile, ImportedFile)
        .join(ManifestEntry, ManifestEntry.card_file_id == CardFile.card_file_id)
        .join(ImportedFile, ImportedFile.card_file_id == CardFile.card_file_id)
        .where(ManifestEntry.insertion_id == insertion_id, ManifestEntry.state.in_(_HERE))
        .order_by(CardFile.folder, CardFile.name, CardFile.card_file_id)
    )
    files = tuple(
        ImportedEntry(file.folder, file.name, imported.size, file.modified, imported.content_hash, imported.imported_at)
        for file, imported in rows
    )
    failed = session.execute(entry.where(ManifestEntry.state == EntryState.FAILED)).scalars().all()
    label = session.get_one(Card, insertion.card_id).label
    return CardImport(
        insertion_id,
        label,
        insertion.inserted_at,
        files,
        len(failed),
        insertion.unreadable,
        staying_on(session, [insertion_id]).get(insertion_id, NOTHING),
    )


def insertions_since(session: Session, moment: datetime) -> list[str]:
    """The insertions since a moment, oldest first: a hub may have ended before it made their folders."""
    rows = session.execute(
        select(Insertion.insertion_id).where(Insertion.inserted_at >= moment).order_by(Insertion.inserted_at)
    )
    return list(rows.scalars())
