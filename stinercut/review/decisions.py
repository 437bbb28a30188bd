"""People's decisions about jumps, and the record of who decided what.

Owns: giving a jump to a booking, moving files between jumps, leaving clips out, reading codes again.
Not here: showing groups to people (`file_groups`), making the film again (a decision changes the jump's wanted version;
`sensors` does the rest), wishes for a film (`wishes`).

There are two rules. A name that contradicts a known booking, or a code among the files, is refused until the person
confirms exactly that name. And a person's decision overrules a code, visibly: see `file_groups.words_on`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Sequence
from enum import StrEnum
from typing import Any

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from stinercut.cards import identification
from stinercut.catalog import events
from stinercut.catalog.models import Booking, CardFile, Decision, ImportedFile, Jump, JumpFile, JumpState, Role
from stinercut.codes.payload import Payload
from stinercut.errors import BadInput, NameConflict, NotFound
from stinercut.jumps import jumps
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message
from stinercut.language.refusal_codes import RefusalCode
from stinercut.protocol import FileKind
from stinercut.recordings.filming_order import in_order

MAX_WHO = 80


class What(StrEnum):
    """Kinds of decisions."""

    ASSIGNED = "assigned"
    """All files of a jump belong to this booking."""
    MOVED = "moved"
    JOINED = "joined"
    SPLIT = "split"
    LEFT_OUT = "left_out"
    PUT_BACK = "put_back"
    READ_AGAIN = "read_again"
    """The codes in a jump's files are read again; for that, the files left the jump."""


def assign(session: Session, who: str, jump_key: str, payload: Payload, confirmed_name: str | None = None) -> str:
    """Give all files of this jump to this booking. Returns the key of the booking's jump, which has them now.

    It also corrects a name, a booking or a date. Raises NameConflict, with both names, if the booking is known under
    another name or a code among the files names somebody else, unless `confirmed_name` is the payload's name; NotFound;
    BadInput.
    """
    who, jump = named(who), _live(session, jump_key)
    target = session.get(Jump, payload.jump_key)
    files = _files(session, jump_key)
    known = [
        *_known_names(session, payload, target),
        *_codes_against(session, files, payload.passenger_name, payload.booking_id),
    ]
    _require_confirmed(known, payload.passenger_name, payload.booking_id, confirmed_name)
    before = _as_it_is(jump, files)
    target = jumps.jump_of(session, payload, jump.card_id)
    target.passenger_name = payload.passenger_name
    target.tandem_master_id = payload.tandem_master_id or target.tandem_master_id
    booking = session.get(Booking, payload.jump_key)
    if booking is not None:
        booking.passenger_name = payload.passenger_name
    session.flush()
    if target is not jump:
        _place(session, files, jump, target)
    jumps.refresh_jump(session, target.jump_key)
    _keep(session, Decision(who=who, what=What.ASSIGNED, before=before), target, _files(session, target.jump_key))
    return target.jump_key


def move(  # noqa: PLR0913, PLR0917 - who, what, from where, to where
    session: Session, who: str, jump_key: str, files: Sequence[int], to: str, confirmed_name: str | None = None
) -> None:
    """Move these files to another existing jump. Raises NameConflict as `assign` does; NotFound; BadInput."""
    what = What.JOINED if set(files) == set(_files(session, jump_key)) else What.MOVED
    who, jump, target = named(who), _live(session, jump_key), _live(session, to)
    if target is jump:
        raise BadInput(Message.of(RefusalCode.FILES_IN_THAT_JUMP))
    _require_among(session, jump_key, files)
    if target.passenger_name is not None and target.booking_id is not None:
        codes = _codes_against(session, files, target.passenger_name, target.booking_id)
        _require_confirmed(codes, target.passenger_name, target.booking_id, confirmed_name)
    before = _as_it_is(jump, files)
    _place(session, files, jump, target)
    jumps.refresh_jump(session, target.jump_key)
    decision = Decision(who=who, what=what, before=before, card_file_id=files[0] if len(files) == 1 else None)
    _keep(session, decision, target, files)


def join(session: Session, who: str, jump_key: str, into: str, confirmed_name: str | None = None) -> None:
    """Move all files of this jump to another one. Raises as `move` does."""
    move(session, who, jump_key, _files(session, jump_key), into, confirmed_name)


def split(session: Session, who: str, jump_key: str, files: Sequence[int]) -> str:
    """Split off files of somebody else: they wait as a new jump. Returns its key. Raises NotFound or BadInput."""
    who, jump = named(who), _live(session, jump_key)
    _require_among(session, jump_key, files)
    if set(files) == set(_files(session, jump_key)):
        all_chosen = Message.of(RefusalCode.ALL_FILES_CHOSEN)
        raise BadInput(all_chosen, advice=Message.of(RefusalCode.CHOOSE_OF_SOMEBODY_ELSE))
    first = in_order([session.get_one(CardFile, file) for file in sorted(files)], jumps.recorded_file)[0]
    why = (
        Message.of(MessageCode.SPLIT_FROM_JUMP, who=who, passenger=jump.passenger_name)
        if jump.passenger_name
        else Message.of(MessageCode.SPLIT_FROM_UNIDENTIFIED, who=who)
    )
    before = _as_it_is(jump, files)
    fresh = jumps.new_unidentified(session, first.card_id, why, first.card_file_id)
    _place(session, files, jump, fresh)
    jumps.refresh_jump(session, fresh.jump_key)
    _keep(session, Decision(who=who, what=What.SPLIT, before=before), fresh, files)
    return fresh.jump_key


def leave_out(session: Session, who: str, jump_key: str, file: int) -> None:
    """Leave a clip out of its jump's film. Raises NotFound or BadInput."""
    who, before = named(who), _role_of(session, jump_key, file)
    jumps.leave_out(session, jump_key, file)
    _keep_role(session, who, What.LEFT_OUT, jump_key, file, before)


def put_back(session: Session, who: str, jump_key: str, file: int) -> None:
    """Put a clip that was left out into the film again. Raises NotFound or BadInput."""
    who, before = named(who), _role_of(session, jump_key, file)
    if before != Role.LEFT_OUT:
        raise BadInput(Message.of(RefusalCode.FILE_NOT_LEFT_OUT), file=session.get_one(CardFile, file).name)
    for place in _left_out_like(session, jump_key, file):
        is_photo = session.get_one(CardFile, place.card_file_id).kind == FileKind.PHOTO
        place.role = Role.PHOTO if is_photo else Role.CLIP
    session.flush()
    jumps.refresh_jump(session, jump_key)
    _keep_role(session, who, What.PUT_BACK, jump_key, file, before)


def read_again(session: Session, who: str, jump_key: str) -> None:
    """Read the codes in the files of an unidentified jump again. Raises as `identification.read_again` does."""
    who, jump = named(who), jumps.require_jump(session, jump_key)
    before = _as_it_is(jump, _files(session, jump_key))
    identification.read_again(session, jump_key)
    _keep(session, Decision(who=who, what=What.READ_AGAIN, before=before), jump, [])


# The parts of a decision


def named(who: str) -> str:
    """The name of the deciding person, normalised. Raises BadInput for an invalid name."""
    name = " ".join(unicodedata.normalize("NFC", who).split())
    if not 1 <= len(name) <= MAX_WHO or not name.isprintable():
        no_name = Message.of(RefusalCode.WHO_MUST_BE_NAME, most=MAX_WHO)
        raise BadInput(no_name, advice=Message.of(RefusalCode.CHOOSE_NAME_FIRST))
    return name


def _live(session: Session, jump_key: str) -> Jump:
    jump = jumps.require_jump(session, jump_key)
    if jump.state == JumpState.GONE:
        moved = Message.of(RefusalCode.FILES_OF_JUMP_MOVED, jump=jump_key)
        raise NotFound(moved, advice=Message.of(RefusalCode.LOOK_AT_PAGE_AGAIN))
    return jump


def _files(session: Session, jump_key: str) -> list[int]:
    rows = session.execute(
        select(JumpFile.card_file_id).where(JumpFile.jump_key == jump_key).order_by(JumpFile.position)
    )
    return list(rows.scalars())


def _require_among(session: Session, jump_key: str, files: Sequence[int]) -> None:
    if not files:
        raise BadInput(Message.of(RefusalCode.NO_FILE_CHOSEN))
    strange = set(files) - set(_files(session, jump_key))
    if strange:
        unknown = Message.of(RefusalCode.JUMP_WITHOUT_FILE, jump=jump_key, file=min(strange))
        raise NotFound(unknown, advice=Message.of(RefusalCode.LOOK_AT_PAGE_AGAIN))


def _known_names(session: Session, payload: Payload, target: Jump | None) -> list[Message]:
    """Names other than the payload's under which its booking is known, in words."""
    number, day = payload.booking_id, payload.jump_date.isoformat()
    booking = session.get(Booking, payload.jump_key)
    said: list[Message] = []
    film_name = target.passenger_name if target is not None and target.state != JumpState.GONE else None
    if film_name is not None and film_name != payload.passenger_name:
        said.append(Message.of(RefusalCode.BOOKING_IS, booking=number, day=day, passenger=film_name))
    if booking is not None and booking.passenger_name not in (film_name, payload.passenger_name):
        listed = booking.passenger_name
        said.append(Message.of(RefusalCode.BOOKING_IS_IN_LIST, booking=number, day=day, passenger=listed))
    return said


def _codes_against(session: Session, files: Sequence[int], passenger_name: str, booking_id: str) -> list[Message]:
    """Codes among these files that name somebody else, in words."""
    said: list[Message] = []
    for file, reading in identification.readings_of(session, files).items():
        code = reading.payload
        if code is not None and (code.passenger_name, code.booking_id) != (passenger_name, booking_id):
            name = session.get_one(CardFile, file).name
            said.append(
                Message.of(
                    RefusalCode.CODE_IN_FILE_SAYS, file=name, passenger=code.passenger_name, booking=code.booking_id
                )
            )
    return said


def _require_confirmed(known: Sequence[Message], name: str, booking: str, confirmed: str | None) -> None:
    if known and confirmed != name:
        raise NameConflict(
            Message.of(RefusalCode.KNOWN_OTHERWISE, known=tuple(known), passenger=name, booking=booking),
            advice=Message.of(RefusalCode.CONFIRM_NAME, name=name),
        )


def _place(session: Session, files: Collection[int], jump: Jump, target: Jump) -> None:
    """Move files, and refresh the jump that they leave."""
    session.execute(update(JumpFile).where(JumpFile.card_file_id.in_(files)).values(jump_key=target.jump_key))
    session.expire_all()
    jumps.order_files(session, target.jump_key)
    jumps.refresh_jump(session, jump.jump_key)
    events.append(session, "jump:files_moved", jump_key=jump.jump_key, to=target.jump_key, files=len(files))


def _as_it_is(jump: Jump, files: Sequence[int]) -> dict[str, Any]:
    return {
        "jump": jump.jump_key,
        "passenger_name": jump.passenger_name,
        "booking_id": jump.booking_id,
        "files": list(files),
    }


def _keep(session: Session, decision: Decision, jump: Jump, files: Sequence[int]) -> None:
    """Record a decision, and append an event for watchers."""
    decision.jump_key, decision.after = jump.jump_key, _as_it_is(jump, files)
    decision.from_jump = decision.before["jump"] if decision.before["jump"] != jump.jump_key else None
    session.add(decision)
    events.append(session, "jump:decided", jump_key=jump.jump_key, who=decision.who, what=str(decision.what))


def _role_of(session: Session, jump_key: str, file: int) -> str:
    place = session.get(JumpFile, file)
    if place is None or place.jump_key != jump_key:
        raise NotFound(Message.of(RefusalCode.JUMP_WITHOUT_FILE, jump=jump_key, file=file))
    return place.role


def _left_out_like(session: Session, jump_key: str, file: int) -> Sequence[JumpFile]:
    """The places of this file and of left-out files with the same content: any of them would keep all of them out."""
    content = select(ImportedFile.content_hash).where(ImportedFile.card_file_id == file).scalar_subquery()
    rows = session.execute(
        select(JumpFile)
        .outerjoin(ImportedFile, ImportedFile.card_file_id == JumpFile.card_file_id)
        .where(
            JumpFile.jump_key == jump_key,
            JumpFile.role == Role.LEFT_OUT,
            or_(JumpFile.card_file_id == file, ImportedFile.content_hash == content),
        )
    )
    return rows.scalars().all()


def _keep_role(  # noqa: PLR0913, PLR0917
    session: Session, who: str, what: What, jump_key: str, file: int, before: str
) -> None:
    after = session.get_one(JumpFile, file).role
    session.add(
        Decision(
            who=who,
            what=what,
            jump_key=jump_key,
            card_file_id=file,
            before={"jump": jump_key, "role": str(before), "files": [file]},
            after={"jump": jump_key, "role": str(after), "files": [file]},
        )
    )
    events.append(session, "jump:decided", jump_key=jump_key, who=who, what=str(what))
