"""Identification in catalog terms: what of a card is looked at, what was read, and which jumps follow.

Lives here: choosing the files, keeping readings, handing plain values to `stinercut.sessions` and recording its
answer. Doesn't: reading films (`stinercut.identity.reader`), the rules of splitting (`stinercut.sessions`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from stinercut.catalog import events, jumps
from stinercut.catalog.loose import refresh_identify_key
from stinercut.catalog.models import (
    CardFile,
    EntryState,
    ImportedFile,
    Insertion,
    Jump,
    JumpFile,
    ManifestEntry,
    QrReading,
)
from stinercut.identity.reading import Reading, Reason
from stinercut.protocol import FileKind
from stinercut.sessions import CardVideo, SessionRules, split


@dataclass(frozen=True)
class EarlyFile:
    """A file to look for a code in. `card_file_id` is the video's, even where its proxy is the one that is read."""

    card_file_id: int
    name: str
    content_hash: str
    size: int
    known_reading: Reading | None


@dataclass(frozen=True)
class FileReading:
    """What looking at one file gave."""

    file: EarlyFile
    reading: Reading


@dataclass(frozen=True)
class FoundJump:
    """A jump that the card's files were found to be."""

    jump_key: str
    passenger: str | None
    clips: int
    why: str


def begin(session: Session, card_id: str) -> list[EarlyFile]:
    """The files of a card that belong to no jump yet and can be looked at, in order of recording."""
    events.clear_steps(session, card_id)
    files: dict[int, EarlyFile] = {}
    for insertion in _waiting(session, card_id):
        insertion.identify_error = None
        for file in [*_small_videos(session, insertion), *_proxies(session, insertion)]:
            files.setdefault(file.card_file_id, file)
    return list(files.values())


def _waiting(session: Session, card_id: str) -> Sequence[Insertion]:
    return (
        session.execute(
            select(Insertion)
            .where(Insertion.card_id == card_id, Insertion.identify_key.is_not(None))
            .order_by(Insertion.inserted_at)
        )
        .scalars()
        .all()
    )


def _small_videos(session: Session, insertion: Insertion) -> list[EarlyFile]:
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
        EarlyFile(file.card_file_id, file.name, imported.content_hash, imported.size, _known(known))
        for file, imported, known in rows
    ]


def _proxies(session: Session, insertion: Insertion) -> list[EarlyFile]:
    """Proxies of videos that are too large to be fetched before anybody knows whose they are."""
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
        EarlyFile(video.card_file_id, video.name, imported.content_hash, imported.size, _known(known))
        for video, imported, known in rows
    ]


def _known(row: QrReading | None) -> Reading | None:
    return Reading.model_validate(row.reading) if row is not None else None


def record_reading(session: Session, card_id: str, file: EarlyFile, reading: Reading) -> None:
    """Keep what was read in a file and tell those who watch."""
    if session.get(QrReading, file.card_file_id) is None:
        session.add(QrReading(card_file_id=file.card_file_id, reading=reading.model_dump(mode="json")))
    if reading.payload is not None:
        events.append(
            session,
            "pipeline:qr_decoded",
            card_id=card_id,
            jump_key=reading.payload.jump_key,
            passenger=reading.payload.passenger_name,
            booking=reading.payload.booking_id,
            file=file.name,
        )
    elif reading.reason is Reason.NO_QR_FOUND:
        events.append(session, "pipeline:no_qr_found", card_id=card_id, file=file.name)
    else:
        events.append(
            session, "pipeline:invalid_qr", card_id=card_id, file=file.name, raw=reading.raw, detail=reading.detail
        )


def finish(session: Session, card_id: str, readings: Sequence[FileReading], gap: timedelta) -> list[FoundJump]:
    """Split what waits on this card into jumps and record them."""
    by_file = {str(one.file.card_file_id): one.reading for one in readings}
    found: list[FoundJump] = []
    for insertion in _waiting(session, card_id):
        videos, unread = _videos(session, insertion, set(by_file))
        sessions = [
            jumps.FoundSession(
                payload=one.payload,
                qr_files=tuple(int(file) for file in one.qr_files),
                clips=tuple(int(file) for file in one.clips),
                why=one.why,
            )
            for one in split(videos, by_file, SessionRules(gap=gap), unread)
        ]
        touched = jumps.record_sessions(session, insertion, sessions)
        session.flush()
        refresh_identify_key(session, insertion)
        found += [_found(session, key) for key in dict.fromkeys(touched)]
    if found:
        events.append(session, "card:identified", card_id=card_id, jumps=[jump.jump_key for jump in found])
    return found


def _videos(session: Session, insertion: Insertion, looked_at: set[str]) -> tuple[list[CardVideo], set[str]]:
    """The manifest's videos without a jump; and those among them in which a code may be that nobody could read."""
    rows = session.execute(
        select(CardFile, ManifestEntry)
        .join(ManifestEntry, ManifestEntry.card_file_id == CardFile.card_file_id)
        .outerjoin(JumpFile, JumpFile.card_file_id == CardFile.card_file_id)
        .where(
            ManifestEntry.insertion_id == insertion.insertion_id,
            CardFile.kind == FileKind.VIDEO,
            JumpFile.jump_key.is_(None),
        )
    ).all()
    videos = [
        CardVideo(
            file_id=str(file.card_file_id),
            name=file.name,
            folder=file.folder,
            recorded=file.modified,
            size=file.size,
            recording=file.recording,
            chapter=file.chapter,
        )
        for file, _ in rows
    ]
    unread = {
        str(file.card_file_id)
        for file, entry in rows
        if (entry.early or entry.state == EntryState.FAILED) and str(file.card_file_id) not in looked_at
    }
    return videos, unread


def _found(session: Session, jump_key: str) -> FoundJump:
    jump = session.get_one(Jump, jump_key)
    session.refresh(jump)
    clips = sum(place.role == "clip" for place in jump.files)
    return FoundJump(jump_key, jump.passenger_name, clips, jump.reason)


def readings_of(session: Session, card_file_ids: Sequence[int]) -> dict[int, Reading]:
    """The kept readings of these files, by card file id."""
    rows = session.execute(select(QrReading).where(QrReading.card_file_id.in_(card_file_ids))).scalars()
    return {row.card_file_id: Reading.model_validate(row.reading) for row in rows}
