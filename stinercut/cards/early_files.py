"""Early files: what of a card is copied first, since a passenger's code may be in it, and which of them are unread.

Owns: choosing an insertion's early files, which of them nobody has looked into yet, and whether it is worth waiting for
their readings. Not here: reading (`stinercut.codes.reader`), who reads (`app.codes`), splitting a card by its readings
(`identification`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from stinercut.catalog.models import CardFile, EntryState, ImportedFile, Insertion, JumpFile, ManifestEntry, QrReading
from stinercut.catalog.moments import now_in
from stinercut.codes.reading import Reading
from stinercut.keyring import NO_KEYS, KeyRing
from stinercut.protocol import FileKind

NEWEST_INSERTIONS: Final = 16
"""Files of so many insertions are read ahead of identification; those before wait for it."""
READING_TAKES: Final = timedelta(seconds=10)
"""Where no early file came, and none was read, for so long, nobody reads them: identification does it itself."""


def early_reader_lock(data: Path) -> Path:
    """The lock file that the early reader holds as long as it runs (`app.codes.early_reader`)."""
    return data / "early-reader.lock"


@dataclass(frozen=True)
class EarlyFile:
    """A file in which to look for a code. `card_file_id` is the video's, even if its proxy is read instead."""

    card_file_id: int
    name: str
    content_hash: str
    size: int
    known_reading: Reading | None


def early_files_of(session: Session, insertion: Insertion, keys: KeyRing) -> list[EarlyFile]:
    """An insertion's files that a code may be in, that are here and belong to no jump: small videos, then proxies; each
    in order of recording.
    """
    return [*_small_videos(session, insertion, keys), *_proxies(session, insertion, keys)]


def _small_videos(session: Session, insertion: Insertion, keys: KeyRing) -> list[EarlyFile]:
    rows = session.execute(
        select(CardFile, ImportedFile, QrReading)
        .join(ManifestEntry, ManifestEntry.card_file_id == CardFile.card_file_id)
        .join(ImportedFile, ImportedFile.card_file_id == CardFile.card_file_id)
        .outerjoin(QrReading, QrReading.card_file_id == CardFile.card_file_id)
        .outerjoin(JumpFile, JumpFile.card_file_id == CardFile.card_file_id)
        .where(
            ManifestEntry.insertion_id == insertion.insertion_id,
            ManifestEntry.early.is_(True),
            CardFile.kind == FileKind.VIDEO,
            JumpFile.jump_key.is_(None),
        )
        .order_by(CardFile.modified, CardFile.name)
    )
    return [
        EarlyFile(file.card_file_id, file.name, imported.content_hash, imported.size, _standing(known, keys))
        for file, imported, known in rows
    ]


def _proxies(session: Session, insertion: Insertion, keys: KeyRing) -> list[EarlyFile]:
    """Proxies of videos that are too large to be copied before their jump is known."""
    main_entry, main_file = aliased(ManifestEntry), aliased(CardFile)
    rows = session.execute(
        select(main_file, ImportedFile, QrReading)
        .select_from(ManifestEntry)
        .join(CardFile, CardFile.card_file_id == ManifestEntry.card_file_id)
        .join(ImportedFile, ImportedFile.card_file_id == CardFile.card_file_id)
        .join(
            main_entry,
            (main_entry.insertion_id == ManifestEntry.insertion_id)
            & (main_entry.file_id == ManifestEntry.main_file_id),
        )
        .join(main_file, main_file.card_file_id == main_entry.card_file_id)
        .outerjoin(QrReading, QrReading.card_file_id == main_file.card_file_id)
        .outerjoin(JumpFile, JumpFile.card_file_id == main_file.card_file_id)
        .where(
            ManifestEntry.insertion_id == insertion.insertion_id,
            CardFile.kind == FileKind.PROXY,
            main_entry.early.is_(False),
            JumpFile.jump_key.is_(None),
        )
        .order_by(main_file.modified, main_file.name)
    )
    return [
        EarlyFile(video.card_file_id, video.name, imported.content_hash, imported.size, _standing(known, keys))
        for video, imported, known in rows
    ]


def _standing(row: QrReading | None, keys: KeyRing) -> Reading | None:
    """A reading that is still valid; None if the file must be read, or read again."""
    reading = Reading.kept(row.reading) if row is not None else None
    return None if reading is None or reading.is_outdated(keys) else reading


# What is unread


@dataclass(frozen=True)
class UnreadFile:
    """An early file of a card that nobody has looked into."""

    card_id: str
    file: EarlyFile


def unread_files(session: Session, keys: KeyRing = NO_KEYS) -> Iterator[UnreadFile]:
    """Early files without a reading, in the order in which they should be read.

    The card that went in last comes first: whoever put it in stands there. Of a card the smallest file: a film of a
    code is short, and what is long hides no code more often.
    """
    insertions = session.execute(
        select(Insertion)
        .where(Insertion.removed_at.is_(None) | Insertion.identify_key.is_not(None))
        .order_by(Insertion.inserted_at.desc())
        .limit(NEWEST_INSERTIONS)
    ).scalars()
    for insertion in insertions.all():
        unread = [file for file in early_files_of(session, insertion, keys) if file.known_reading is None]
        yield from (UnreadFile(insertion.card_id, file) for file in sorted(unread, key=lambda file: file.size))


def awaits_readings(session: Session, insertion: Insertion, keys: KeyRing = NO_KEYS) -> bool:
    """Whether early files of this insertion are being read at this moment, so that identification does well to wait.

    Where this machine's clock is behind that of whoever reads, nothing is waited for.
    """
    if all(file.known_reading is not None for file in early_files_of(session, insertion, keys)):
        return False
    last = _last_sign(session, insertion.insertion_id)
    return last is not None and last <= now_in(session) < last + READING_TAKES


def _last_sign(session: Session, insertion_id: str) -> datetime | None:
    """When the last early file of an insertion came, or was read."""
    main = aliased(ManifestEntry)
    moments = session.execute(
        select(func.max(ImportedFile.imported_at), func.max(QrReading.read_at))
        .select_from(ManifestEntry)
        .join(ImportedFile, ImportedFile.card_file_id == ManifestEntry.card_file_id)
        .outerjoin(
            main, (main.insertion_id == ManifestEntry.insertion_id) & (main.file_id == ManifestEntry.main_file_id)
        )
        .outerjoin(QrReading, QrReading.card_file_id == func.coalesce(main.card_file_id, ManifestEntry.card_file_id))
        .where(
            ManifestEntry.insertion_id == insertion_id,
            ManifestEntry.early.is_(True),
            ManifestEntry.state == EntryState.COPIED,
        )
    ).one()
    return max((moment for moment in moments if moment is not None), default=None)
