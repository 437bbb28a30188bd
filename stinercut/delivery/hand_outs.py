"""Who has got their film: noted at the desk, and by itself when a link or a letter goes out.

Owns: these notes. Not here: links (`shares`), letters (`letters`).
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from stinercut.catalog import events
from stinercut.catalog.models import HandOut, HandOutWay
from stinercut.catalog.moments import now_in
from stinercut.errors import Conflict
from stinercut.jumps import jumps
from stinercut.language.delivery_codes import DeliveryCode
from stinercut.language.messages import Message


def note_hand_out(session: Session, jump_key: str, way: HandOutWay, who: str) -> HandOut:
    """Note that the jump's film was handed out. Raises NotFound."""
    jumps.require_jump(session, jump_key)
    note = HandOut(jump_key=jump_key, way=way, who=who, at=now_in(session))
    session.add(note)
    events.append(session, "jump:handed_out", jump_key=jump_key, way=way.value, who=who)
    return note


def take_back(session: Session, jump_key: str, who: str) -> None:
    """Forget the notes of a jump, whose film was not handed out after all. Raises NotFound, and Conflict without
    notes.
    """
    jumps.require_jump(session, jump_key)
    gone = session.execute(delete(HandOut).where(HandOut.jump_key == jump_key).returning(HandOut.hand_out_id)).all()
    if not gone:
        raise Conflict(Message.of(DeliveryCode.NOT_HANDED_OUT))
    events.append(session, "jump:hand_out_taken_back", jump_key=jump_key, who=who)


def handed_out(session: Session, jump_keys: Collection[str]) -> dict[str, HandOut]:
    """The first note of each of these jumps that has one."""
    query = select(HandOut).where(HandOut.jump_key.in_(jump_keys)).order_by(HandOut.hand_out_id.desc())
    return {note.jump_key: note for note in session.execute(query).scalars()}
