"""Jumps: their files, their state, and the version of the film that they should have.

Owns: recording sessions as jumps, a jump's state, its footage, taking it up for production.
Not here: splitting a card into sessions (`stinercut.recordings.session_rules`), the reason for a jump's state, in words
(`stinercut.catalog.row_messages`), finished films (`film_records`), people's decisions (`stinercut.review`), when a run
starts (`sensors`).
"""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, Row, func, select
from sqlalchemy.orm import Session

from stinercut.catalog import events
from stinercut.catalog.models import CardFile, ImportedFile, Insertion, Jump, JumpCut, JumpFile, JumpState, Role
from stinercut.catalog.row_messages import give_reason, reason_words, reasons_of
from stinercut.codes.payload import Payload
from stinercut.errors import BadInput, NotFound
from stinercut.failures import FailureRecord
from stinercut.jumps import film_records
from stinercut.jumps.cut import ClipTake, Cut, CutPiece, takes
from stinercut.jumps.duplicates import aliases_among
from stinercut.jumps.jump_photos import photos_coming
from stinercut.jumps.readiness import make_ready
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message, Said, parts_of
from stinercut.language.refusal_codes import RefusalCode
from stinercut.recordings.filming_order import RecordedFile, day_filmed, in_order
from stinercut.storage.store import key_of


@dataclass(frozen=True)
class FoundSession:
    """A session found on a card, in catalog terms: files are card file ids, in order of recording.

    A file that is in both `qr_files` and `clips` becomes a clip.
    """

    payload: Payload | None
    qr_files: tuple[int, ...]
    clips: tuple[int, ...]
    why: Message | None
    """The reason why its passenger is unknown, if so."""
    photos: tuple[int, ...] = ()


@dataclass(frozen=True)
class FootageFile:
    """A file of a jump whose content is in the store."""

    card_file_id: int
    name: str
    role: Role
    position: int
    size: int
    content_hash: str
    modified: datetime
    recording: str = ""
    """The card and its recording; the raw and the JPEG of one photo share it."""


@dataclass(frozen=True)
class JumpFootage:
    """The inputs of a film: the passenger, and the files in their order."""

    jump_key: str
    jump_date: date
    passenger_name: str
    booking_id: str
    version: str
    files: tuple[FootageFile, ...]
    template: str | None = None
    """The template that a person chose for this jump."""
    cut: Cut | None = None
    """The parts of the clips that are shown, if a person decided that."""
    tandem_master_id: str | None = None

    @property
    def takes(self) -> tuple[ClipTake[FootageFile], ...]:
        """The takes that the film shows, in its order. Raises BadInput when a cut leaves nothing."""
        return takes(self.clips, self.cut)

    @property
    def clips(self) -> tuple[FootageFile, ...]:
        """The files that the film can show, in order of recording."""
        return tuple(file for file in self.files if file.role is Role.CLIP)

    @property
    def qr_files(self) -> tuple[FootageFile, ...]:
        """The films that show the code."""
        return tuple(file for file in self.files if file.role is Role.QR)

    @property
    def photos(self) -> tuple[FootageFile, ...]:
        """The camera's photos, in order of recording."""
        return tuple(file for file in self.files if file.role is Role.PHOTO)


def is_identified() -> ColumnElement[bool]:
    """The condition that a jump has a passenger."""
    return Jump.booking_id.is_not(None)


def record_sessions(session: Session, insertion: Insertion, found: Sequence[FoundSession]) -> list[str]:
    """Make or extend the jumps of these sessions. Returns the keys of the changed jumps.

    Files that another identification has placed meanwhile stay where they are, so recording twice changes nothing.
    """
    placed = _placed(session, [file for group in found for file in (*group.qr_files, *group.clips, *group.photos)])
    touched: list[str] = []
    for group in found:
        # A long recording that shows the code is footage, too: as a clip it is in the film.
        qr_files = [file for file in group.qr_files if file not in placed and file not in group.clips]
        clips = [file for file in group.clips if file not in placed]
        photos = [file for file in group.photos if file not in placed]
        if not qr_files and not clips and not photos:
            continue
        jump = _jump_for(session, insertion, group, (qr_files or clips or photos)[0])
        for role, files in ((Role.QR, qr_files), (Role.CLIP, clips), (Role.PHOTO, photos)):
            session.add_all(
                JumpFile(card_file_id=file, jump_key=jump.jump_key, role=role, position=0) for file in files
            )
        session.flush()
        order_files(session, jump.jump_key)
        refresh_jump(session, jump.jump_key)
        touched.append(jump.jump_key)
    return touched


def _placed(session: Session, files: Sequence[int]) -> set[int]:
    return set(session.execute(select(JumpFile.card_file_id).where(JumpFile.card_file_id.in_(files))).scalars())


def _jump_for(session: Session, insertion: Insertion, found: FoundSession, first_file: int) -> Jump:
    """The jump to which a session belongs: the one with its key, or a new one."""
    if found.payload is None:
        return new_unidentified(session, insertion.card_id, found.why, first_file)
    payload = found.payload
    jump = session.get(Jump, payload.jump_key)
    if jump is not None and jump.passenger_name != payload.passenger_name:
        why = Message.of(
            MessageCode.BOOKING_UNDER_TWO_NAMES,
            booking=payload.booking_id,
            before=jump.passenger_name or "",
            now=payload.passenger_name,
        )
        return new_unidentified(session, insertion.card_id, why, first_file)
    return jump_of(session, payload, insertion.card_id)


def jump_of(session: Session, payload: Payload, card_id: str | None) -> Jump:
    """The jump of a booking. If it doesn't exist, it is added, without files. `card_id`: where it was first found."""
    jump = session.get(Jump, payload.jump_key)
    if jump is None:
        jump = Jump(
            jump_key=payload.jump_key,
            jump_date=payload.jump_date,
            booking_id=payload.booking_id,
            passenger_name=payload.passenger_name,
            tandem_master_id=payload.tandem_master_id,
            card_id=card_id,
            state=JumpState.WAITING,
        )
        session.add(jump)
        session.flush()
    return jump


def new_unidentified(session: Session, card_id: str, why: Message | None, first_file: int) -> Jump:
    """Add a jump that waits for a person, without files yet. Its date is that of `first_file`, a card file id."""
    recorded = day_filmed(session.get_one(CardFile, first_file).modified)
    prefix = f"{recorded.isoformat()}_unidentified-{card_id}-"
    taken = session.execute(
        select(func.count()).select_from(Jump).where(Jump.jump_key.startswith(prefix, autoescape=True))
    ).scalar_one()
    jump = Jump(
        jump_key=f"{prefix}{taken + 1}",
        jump_date=recorded,
        card_id=card_id,
        state=JumpState.REVIEW,
    )
    give_reason(jump, *([why] if why else []))
    session.add(jump)
    session.flush()
    return jump


def order_files(session: Session, jump_key: str) -> None:
    """Number a jump's files in order of recording, with chapters together, whichever card they came from."""
    rows = session.execute(select(JumpFile, CardFile).join(CardFile).where(JumpFile.jump_key == jump_key)).all()
    rows = sorted(rows, key=lambda row: (row[1].card_id, row[1].folder, row[1].name, row[1].card_file_id))
    rows = in_order(rows, lambda row: recorded_file(row[1]))
    for position, (jump_file, _) in enumerate(rows):
        jump_file.position = position
    session.flush()


def recorded_file(file: CardFile) -> RecordedFile:
    """The values that order a card's file by the time of filming."""
    return RecordedFile(file.card_id, file.folder, file.name, file.modified, file.recording, file.chapter)


def refresh_jump_of_file(session: Session, card_file_id: int) -> None:
    """Refresh the jump, if any, to which an arrived file belongs."""
    refresh_jumps_of_files(session, [card_file_id])


def refresh_jumps_of_files(session: Session, card_file_ids: Iterable[int]) -> None:
    """Refresh the jumps of files that have arrived, or that are no longer expected, each jump once."""
    places = session.execute(select(JumpFile).where(JumpFile.card_file_id.in_(list(card_file_ids)))).scalars()
    only_photos: dict[str, bool] = {}
    for place in places:
        only_photos[place.jump_key] = only_photos.get(place.jump_key, True) and place.role == Role.PHOTO
    for jump_key, are_photos in only_photos.items():
        # Only the last of its photos makes a difference, not each of hundreds.
        if not (are_photos and photos_coming(session, jump_key)):
            refresh_jump(session, jump_key)


def refresh_jump(session: Session, jump_key: str) -> None:
    """Work out a jump's state and wanted version from its files.

    A jump doesn't wait for files that were left out, and files that only repeat another one (`aliases`) are not part of
    its version. It waits for photos only while they are being copied: a photo that can't be read, or whose card is out,
    delays no film. A photo becomes part of the version when it arrives; the film's other parts then stay as they are.
    """
    jump = require_jump(session, jump_key)
    before = (jump.state, jump.wanted_version)
    places = _files_of(session, jump_key)
    repeats = aliases_among(session, jump_key)
    counting = [row for row in places if row[0].role != Role.LEFT_OUT and row[0].card_file_id not in repeats]
    rows = [row for row in counting if row[0].role != Role.PHOTO]
    jump.wanted_version = None
    if not places:
        jump.state = JumpState.GONE
        give_reason(jump, Message.of(MessageCode.FILES_MOVED_AWAY))
        return
    if jump.booking_id is None:
        jump.state = JumpState.REVIEW
        return
    if not any(place.role == Role.CLIP for place, _ in rows):
        jump.state = JumpState.NO_CLIPS
        give_reason(jump, _why_no_clips([place for place, _ in places]))
        return
    here = sum(imported is not None for _, imported in rows)
    if here < len(rows):
        jump.state = JumpState.WAITING
        give_reason(jump, Message.of(MessageCode.FILES_ARRIVING, here=here, files=len(rows)))
        return
    if photos_coming(session, jump_key):
        jump.state = JumpState.WAITING
        give_reason(jump, Message.of(MessageCode.PHOTOS_ARRIVING))
        return
    jump.wanted_version = key_of(
        jump.passenger_name,
        jump.booking_id,
        jump.jump_date,
        *(f"{place.role}:{imported.content_hash}" for place, imported in rows if imported is not None),
        # After all others, so that without photos the version is the same as before photos were supported.
        *(f"photo:{photo.content_hash}" for place, photo in counting if place.role == Role.PHOTO and photo is not None),
        *_wishes(session, jump),
    )
    if jump.wanted_version != jump.produced_version:
        if before != (JumpState.READY, jump.wanted_version):
            make_ready(jump)
    elif jump.state not in (JumpState.PRODUCING, JumpState.DONE, JumpState.FAILED):
        _back_to_produced(session, jump)


def _why_no_clips(places: Sequence[JumpFile]) -> Message:
    if any(place.role == Role.LEFT_OUT for place in places):
        return Message.of(MessageCode.EVERY_CLIP_LEFT_OUT)
    if any(place.role == Role.PHOTO for place in places):
        return Message.of(MessageCode.PHOTOS_WITHOUT_CLIP)
    return Message.of(MessageCode.CODE_WITHOUT_CLIP)


def _cut_of(session: Session, jump_key: str) -> Cut | None:
    row = session.get(JumpCut, jump_key)
    if row is None:
        return None
    return Cut(tuple(CutPiece(int(file), start, end) for file, start, end in row.pieces), frozenset(row.decided))


def _wishes(session: Session, jump: Jump) -> list[str]:
    """A person's wishes for this film, as parts of its version. Without wishes it adds nothing: old versions stay."""
    cut = session.get(JumpCut, jump.jump_key)
    wishes = [f"template:{jump.template}"] if jump.template else []
    return wishes + ([f"cut:{json.dumps([cut.pieces, cut.decided])}"] if cut else [])


def _back_to_produced(session: Session, jump: Jump) -> None:
    """Set the state of a jump that wants the version of its last run again: a clip came, and a person left it out."""
    # If that run is still active, its end corrects this.
    jump.state = JumpState.FAILED
    give_reason(jump, Message.of(MessageCode.FILM_NOT_FINISHED))
    session.flush()
    film = film_records.latest_film(session, jump.jump_key)
    if film is not None and film.version == jump.wanted_version:
        jump.state = JumpState.DONE
        give_reason(jump)


def _files_of(session: Session, jump_key: str) -> list[tuple[JumpFile, ImportedFile | None]]:
    rows = session.execute(
        select(JumpFile, ImportedFile)
        .outerjoin(ImportedFile, ImportedFile.card_file_id == JumpFile.card_file_id)
        .where(JumpFile.jump_key == jump_key)
        .order_by(JumpFile.position)
    )
    return [(place, imported) for place, imported in rows]


def require_jump(session: Session, jump_key: str) -> Jump:
    """The jump, or NotFound."""
    jump = session.get(Jump, jump_key)
    if jump is None:
        raise NotFound(Message.of(RefusalCode.NO_JUMP_KNOWN, jump=jump_key))
    return jump


@dataclass(frozen=True)
class Ready:
    """A jump whose film must be made: the version, and the jump's turn (how often it became ready)."""

    jump_key: str
    version: str
    turn: int


def ready_jumps(session: Session, limit: int = 100) -> list[Ready]:
    """Jumps whose film must be made: the latest days first, and within a day those that wait longest.

    At most `limit` at once: importing an archive must not delay today's jumps.
    """
    rows = session.execute(
        select(Jump.jump_key, Jump.wanted_version, Jump.turn)
        .where(Jump.state == JumpState.READY, Jump.wanted_version.is_not(None))
        .order_by(Jump.jump_date.desc(), Jump.changed_at)
        .limit(limit)
    )
    return [Ready(key, version, turn) for key, version, turn in rows if version is not None]


def footage_of(session: Session, jump_key: str) -> JumpFootage:
    """The footage for the jump's film. Raises BadInput if it isn't complete."""
    jump = require_jump(session, jump_key)
    if jump.wanted_version is None or jump.passenger_name is None or jump.booking_id is None:
        raise BadInput(Message.of(RefusalCode.JUMP_NOT_READY, jump=jump_key, why=reason_words(jump)))
    rows = session.execute(
        select(JumpFile, CardFile, ImportedFile)
        .join(CardFile, CardFile.card_file_id == JumpFile.card_file_id)
        .join(ImportedFile, ImportedFile.card_file_id == JumpFile.card_file_id)
        .where(JumpFile.jump_key == jump_key, JumpFile.role != Role.LEFT_OUT)
        .order_by(JumpFile.position)
    ).all()
    return JumpFootage(
        jump_key=jump_key,
        jump_date=jump.jump_date,
        passenger_name=jump.passenger_name,
        booking_id=jump.booking_id,
        version=jump.wanted_version,
        files=footage_files(rows, aliases_among(session, jump_key)),
        template=jump.template,
        cut=_cut_of(session, jump_key),
        tandem_master_id=jump.tandem_master_id,
    )


def footage_files(
    rows: Iterable[Row[JumpFile, CardFile, ImportedFile]], left_out: Container[int]
) -> tuple[FootageFile, ...]:
    """The files of these rows, in their order, except those with the card file ids of `left_out`."""
    return tuple(
        FootageFile(
            card_file_id=place.card_file_id,
            name=file.name,
            role=Role(place.role),
            position=place.position,
            size=imported.size,
            content_hash=imported.content_hash,
            modified=file.modified,
            recording=f"{file.card_id}/{file.recording}",
        )
        for place, file, imported in rows
        if place.card_file_id not in left_out
    )


def require_wanted(session: Session, footage: JumpFootage) -> None:
    """Raise BadInput if the jump by now wants a film of other footage."""
    wanted = require_jump(session, footage.jump_key).wanted_version
    if wanted != footage.version:
        raise BadInput(
            Message.of(RefusalCode.FOOTAGE_CHANGED, jump=footage.jump_key),
            advice=Message.of(RefusalCode.NEWER_FILM_COMES),
        )


def take_up(session: Session, jump_key: str, run_id: str) -> JumpFootage:
    """Record that a run begins to make this jump's film. Steps done ahead for it stay; those of an earlier film go."""
    footage = footage_of(session, jump_key)
    jump = require_jump(session, jump_key)
    if jump.run_id != run_id:
        events.clear_steps_of_run(session, jump_key, jump.run_id)
    jump.produced_version, jump.run_id = footage.version, run_id
    jump.state = JumpState.PRODUCING
    give_reason(jump)
    events.append(session, "pipeline:started", jump_key=jump_key, run_id=run_id, clips=len(footage.clips))
    return footage


def resume(session: Session, jump_key: str, run_id: str) -> None:
    """Record that a run works on this jump. If another run took it up, this is a re-execution: the jump is in work
    again.

    A jump that by now wants another film is left alone: its state asks for the next run, and this run ends by itself.
    """
    jump = require_jump(session, jump_key)
    if jump.wanted_version is None or jump.wanted_version != jump.produced_version:
        return
    if jump.run_id == run_id and jump.state == JumpState.PRODUCING:
        return
    jump.run_id, jump.state = run_id, JumpState.PRODUCING
    give_reason(jump)
    events.reopen_steps(session, jump_key)
    events.append(session, "pipeline:started", jump_key=jump_key, run_id=run_id, resumed=True)


def is_in_hand_of_another(session: Session, jump_key: str, run_id: str) -> bool:
    """Whether another run works on this jump's film, or was the last one. While it waits for files, no run does."""
    jump = session.get(Jump, jump_key)
    if jump is None or jump.state not in (JumpState.PRODUCING, JumpState.DONE, JumpState.FAILED):
        return False
    return jump.run_id is not None and jump.run_id != run_id


def record_failure(
    session: Session, jump_key: str, run_id: str, reason: Said, failures: Sequence[FailureRecord] = ()
) -> None:
    """Record that this jump's run ended without a film. A jump that is done meanwhile, or in another run, stays so.

    `reason` is for people; `failures` is the same in parts.
    """
    jump = require_jump(session, jump_key)
    if jump.state == JumpState.READY:
        # The run died before it took the jump up. Only a person's retry starts it again; otherwise it would never stop.
        jump.produced_version = jump.wanted_version
    elif jump.state != JumpState.PRODUCING or jump.run_id != run_id:
        return
    older = film_records.latest_film(session, jump_key) is not None
    jump.state, jump.run_id = JumpState.FAILED, run_id
    give_reason(jump, *parts_of(reason), *([Message.of(MessageCode.OLDER_FILM_STAYS)] if older else []))
    jump.failures = [failure.model_dump(mode="json") for failure in failures] or None
    codes, what = [failure.code for failure in failures], {"what": reasons_of(jump)}
    if codes:
        events.append(session, "pipeline:failed", jump_key=jump_key, said=what, run_id=run_id, codes=codes)
    else:
        events.append(session, "pipeline:failed", jump_key=jump_key, said=what, run_id=run_id)


def changed_since(session: Session, moment: datetime) -> dict[str, datetime]:
    """Jumps that changed at or after that moment, and when they changed."""
    rows = session.execute(select(Jump.jump_key, Jump.changed_at).where(Jump.changed_at >= moment))
    return {key: changed for key, changed in rows}


def leave_out(session: Session, jump_key: str, card_file_id: int) -> None:
    """Leave a clip out of the film, as a person decided. Raises NotFound or BadInput."""
    place = session.get(JumpFile, card_file_id)
    if place is None or place.jump_key != jump_key:
        raise NotFound(Message.of(RefusalCode.JUMP_WITHOUT_FILE, jump=jump_key, file=card_file_id))
    if place.role not in (Role.CLIP, Role.PHOTO):
        raise BadInput(Message.of(RefusalCode.ONLY_CLIP_OR_PHOTO_LEFT_OUT), file=place.file.name)
    place.role = Role.LEFT_OUT
    session.flush()
    refresh_jump(session, jump_key)
    events.append(session, "jump:clip_left_out", jump_key=jump_key, file=place.file.name)
