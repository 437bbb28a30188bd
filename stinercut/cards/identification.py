"""Identification in the catalog: which files of a card are looked at, what was read, and which jumps follow.

Owns: keeping readings, handing plain values to `stinercut.recordings.session_rules` and recording its answer.
Not here: which files are looked at (`early_files`), reading films (`stinercut.codes.reader`), the rules of splitting
(`stinercut.recordings.session_rules`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Select, delete, select
from sqlalchemy.orm import Session

from stinercut.cards.early_files import EarlyFile, early_files_of
from stinercut.cards.unassigned_files import early_files_open, refresh_identify_key
from stinercut.catalog import events
from stinercut.catalog.models import (
    CardFile,
    Decision,
    EntryState,
    Insertion,
    Jump,
    JumpFile,
    JumpState,
    ManifestEntry,
    QrReading,
)
from stinercut.catalog.moments import now_in
from stinercut.catalog.row_messages import clear_identify_error, give_reason, reason_words
from stinercut.codes.reading import Reading, Reason
from stinercut.errors import BadInput
from stinercut.jumps import bookings, jumps
from stinercut.jumps.card_videos import card_video
from stinercut.keyring import NO_KEYS, KeyRing
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message
from stinercut.language.refusal_codes import RefusalCode
from stinercut.protocol import FileKind
from stinercut.recordings.filming_order import CardVideo
from stinercut.recordings.session_rules import Session as SplitSession
from stinercut.recordings.session_rules import SessionRules, split

Files = Collection[int] | Select[int]
"""Card file ids, or a query for them."""


@dataclass(frozen=True)
class FileReading:
    """A file and its reading."""

    file: EarlyFile
    reading: Reading


@dataclass(frozen=True)
class FoundJump:
    """A jump that was found among the card's files."""

    jump_key: str
    passenger: str | None
    clips: int
    why: str
    photos: int = 0


def begin(session: Session, card_id: str, keys: KeyRing = NO_KEYS) -> list[EarlyFile]:
    """The files of a card that belong to no jump yet and can be read, in order of recording.

    Files with a code that was refused before are included if these keys, or this reader, may accept it.
    """
    events.clear_steps(session, card_id)
    files: dict[int, EarlyFile] = {}
    for insertion in _waiting(session, card_id):
        read_outdated_again(session, insertion, keys)
        clear_identify_error(insertion)
        for file in early_files_of(session, insertion, keys):
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


def known_readings(session: Session, card_id: str, keys: KeyRing = NO_KEYS) -> list[FileReading]:
    """What was read in those of a card's files that are to be identified, by whoever did."""
    files = [file for insertion in _waiting(session, card_id) for file in early_files_of(session, insertion, keys)]
    return [FileReading(file, file.known_reading) for file in files if file.known_reading is not None]


def record_if_unread(session: Session, card_id: str, file: EarlyFile, reading: Reading) -> bool:
    """Keep what was read in a file ahead of identification; False where somebody else has read it meanwhile."""
    if session.get(QrReading, file.card_file_id) is not None:
        return False
    record_reading(session, card_id, file, reading)
    return True


def record_reading(session: Session, card_id: str, file: EarlyFile, reading: Reading) -> None:
    """Keep the reading of a file and append an event for watchers."""
    row = session.get(QrReading, file.card_file_id)
    if row is None:
        session.add(QrReading(card_file_id=file.card_file_id, reading=reading.model_dump(mode="json")))
    elif reading != file.known_reading:
        row.reading, row.read_at = reading.model_dump(mode="json"), now_in(session)
    lost = list(reading.lost_decoders)
    if reading.payload is not None:
        bookings.note_contact(session, reading.payload, reading.extras)
        events.append(
            session,
            "pipeline:qr_decoded",
            card_id=card_id,
            jump_key=reading.payload.jump_key,
            passenger=reading.payload.passenger_name,
            booking=reading.payload.booking_id,
            file=file.name,
            said={"detail": reading.said},
            lost_decoders=lost,
        )
    elif reading.reason is Reason.NO_QR_FOUND:
        events.append(
            session,
            "pipeline:no_qr_found",
            card_id=card_id,
            file=file.name,
            said={"detail": reading.said},
            lost_decoders=lost,
        )
    else:
        events.append(
            session,
            "pipeline:invalid_qr",
            card_id=card_id,
            file=file.name,
            raw=reading.raw,
            reason=reading.reason.value if reading.reason is not None else None,
            said={"detail": reading.said},
            lost_decoders=lost,
        )


def finish(session: Session, card_id: str, readings: Sequence[FileReading], gap: timedelta) -> list[FoundJump]:
    """Split the waiting files of this card into jumps and record them."""
    by_file = {read.file.card_file_id: read.reading for read in readings}
    found: list[FoundJump] = []
    for insertion in _waiting(session, card_id):
        videos = _videos(session, insertion)
        loose = {file for file, video in videos.items() if video.is_loose}
        known = readings_of(session, videos.keys()) | by_file
        unread = {file for file, video in videos.items() if video.may_hide_a_code and file not in known}
        sessions = split(
            [video.video for video in videos.values()],
            known,
            SessionRules(gap=gap),
            unread,
        )
        empty_files = {file for file, video in videos.items() if not video.video.size}
        parts = [part for found_session in sessions if (part := _new(found_session, loose, empty_files))]
        touched = jumps.record_sessions(session, insertion, parts)
        session.flush()
        refresh_identify_key(session, insertion)
        found += [_found(session, key) for key in dict.fromkeys(touched)]
    if found:
        events.append(session, "card:identified", card_id=card_id, jumps=[jump.jump_key for jump in found])
    return found


@dataclass(frozen=True)
class _Video:
    """A video or photo of a manifest. One that belongs to a jump already only tells the order of the others."""

    video: CardVideo
    is_loose: bool
    may_hide_a_code: bool


def _videos(session: Session, insertion: Insertion) -> dict[int, _Video]:
    """The manifest's videos and photos by card file id.

    An empty file has no recording: it hides no code, is no clip, and tells nothing about the order. If its proxy is not
    empty, the recording counts, but only for the order.
    """
    proxied = _with_proxies(session, insertion)
    rows = session.execute(
        select(CardFile, ManifestEntry, JumpFile.card_file_id.is_(None))
        .join(ManifestEntry, ManifestEntry.card_file_id == CardFile.card_file_id)
        .outerjoin(JumpFile, JumpFile.card_file_id == CardFile.card_file_id)
        .where(
            ManifestEntry.insertion_id == insertion.insertion_id,
            CardFile.kind.in_((FileKind.VIDEO, FileKind.PHOTO)),
            (ManifestEntry.state != EntryState.SKIPPED) | (CardFile.size == 0),
        )
    )
    return {
        file.card_file_id: _Video(
            video=card_video(file),
            is_loose=is_loose and file.size > 0,
            may_hide_a_code=file.kind == FileKind.VIDEO
            and (entry.early or entry.state == EntryState.FAILED or file.size == 0),
        )
        for file, entry, is_loose in rows
        if file.size or entry.file_id in proxied
    }


def _with_proxies(session: Session, insertion: Insertion) -> set[str]:
    """The file ids of videos that have a proxy that is not empty."""
    rows = session.execute(
        select(ManifestEntry.main_file_id)
        .join(CardFile, CardFile.card_file_id == ManifestEntry.card_file_id)
        .where(ManifestEntry.insertion_id == insertion.insertion_id, CardFile.kind == FileKind.PROXY, CardFile.size > 0)
    )
    return {file_id for file_id in rows.scalars() if file_id is not None}


def _new(found: SplitSession, loose: AbstractSet[int], empty: AbstractSet[int]) -> jumps.FoundSession | None:
    """The files of a session that belong to no jump yet; None when there are no such files.

    The result has a passenger only if a code is among these files: a person may have overruled a code of an earlier
    insertion.
    """
    qr_files = tuple(file for file in found.qr_files if file in loose)
    clips = tuple(file for file in found.clips if file in loose)
    photos = tuple(file for file in found.photos if file in loose)
    if not qr_files and not clips and not photos:
        return None
    if found.payload is not None and not qr_files:
        by_proxy = not empty.isdisjoint(found.qr_files)
        passenger = found.payload.passenger_name
        why = (
            Message.of(MessageCode.CODE_IN_PROXY_ONLY, passenger=passenger)
            if by_proxy
            else Message.of(MessageCode.CODE_OF_EARLIER_INSERTION, passenger=passenger)
        )
        return jumps.FoundSession(None, qr_files, clips, why, photos)
    return jumps.FoundSession(found.payload, qr_files, clips, found.why, photos)


def _found(session: Session, jump_key: str) -> FoundJump:
    jump = session.get_one(Jump, jump_key)
    session.refresh(jump)
    clips = sum(place.role == "clip" for place in jump.files)
    photos = sum(place.role == "photo" for place in jump.files)
    return FoundJump(jump_key, jump.passenger_name, clips, reason_words(jump), photos)


def readings_of(session: Session, card_file_ids: Files) -> dict[int, Reading]:
    """The kept readings of these files, by card file id."""
    rows = session.execute(select(QrReading).where(QrReading.card_file_id.in_(card_file_ids))).scalars()
    return {row.card_file_id: Reading.kept(row.reading) for row in rows}


# Reading again


def read_again(session: Session, jump_key: str) -> None:
    """Look for codes again in the files of an unidentified jump, whatever was read in them before.

    From now on they belong to no jump, until identification, which starts by itself, has placed them. Raises NotFound;
    BadInput if their passenger is known, or if some small files of their card are still to come.
    """
    jump = jumps.require_jump(session, jump_key)
    if jump.state != JumpState.REVIEW:
        raise BadInput(Message.of(RefusalCode.JUMP_WAITS_FOR_NOBODY, jump=jump_key))
    files = _files_of(session, jump_key)
    insertions = _newest_insertions(session, files)
    if any(early_files_open(session, insertion.insertion_id) for insertion in insertions):
        raise BadInput(Message.of(RefusalCode.SMALL_FILES_TO_COME), advice=Message.of(RefusalCode.LEAVE_CARD_IN))
    session.execute(delete(QrReading).where(QrReading.card_file_id.in_(files)))
    _give_back(session, jump, insertions)


def read_outdated_again(session: Session, insertion: Insertion, keys: KeyRing) -> list[str]:
    """Return jumps of this card to identification that wait for a person because of a refused code, if these keys or
    this version of the reader may accept it. Returns the jumps' keys.

    Jumps with a person's decision are left to people. Nothing is done while early files are still to come.
    """
    if early_files_open(session, insertion.insertion_id):
        return []
    rows = session.execute(
        select(Jump, QrReading)
        .join(JumpFile, JumpFile.jump_key == Jump.jump_key)
        .join(QrReading, QrReading.card_file_id == JumpFile.card_file_id)
        .join(ManifestEntry, ManifestEntry.card_file_id == JumpFile.card_file_id)
        .where(
            ManifestEntry.insertion_id == insertion.insertion_id,
            Jump.state == JumpState.REVIEW,
            ~select(Decision.decision_id).where(Decision.jump_key == Jump.jump_key).exists(),
        )
    ).all()
    outdated = {jump.jump_key: jump for jump, row in rows if Reading.kept(row.reading).is_outdated(keys)}
    for jump in outdated.values():
        _give_back(session, jump, [insertion])
    return list(outdated)


def _files_of(session: Session, jump_key: str) -> list[int]:
    return list(session.execute(select(JumpFile.card_file_id).where(JumpFile.jump_key == jump_key)).scalars())


def _newest_insertions(session: Session, files: Collection[int]) -> list[Insertion]:
    """The last insertion of each card on which these files were seen."""
    rows = session.execute(
        select(Insertion)
        .join(ManifestEntry, ManifestEntry.insertion_id == Insertion.insertion_id)
        .where(ManifestEntry.card_file_id.in_(files), Insertion.listed_at.is_not(None))
        .order_by(Insertion.inserted_at)
    ).scalars()
    return list({insertion.card_id: insertion for insertion in rows}.values())


def _give_back(session: Session, jump: Jump, insertions: Iterable[Insertion]) -> None:
    session.execute(delete(JumpFile).where(JumpFile.jump_key == jump.jump_key))
    session.expire_all()
    jumps.refresh_jump(session, jump.jump_key)
    give_reason(jump, Message.of(MessageCode.CODES_READ_AGAIN))
    session.flush()
    for insertion in insertions:
        refresh_identify_key(session, insertion)
        events.append(session, "card:read_again", card_id=insertion.card_id, jump_key=jump.jump_key)
