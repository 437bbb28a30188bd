"""Arriving jumps: footage that can be rendered while the rest is still being copied.

Owns: the queries behind "work on a clip starts when that clip has arrived". Not here: when a run starts
(`sensors`), complete jumps (`jumps`).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from stinercut.catalog import events
from stinercut.catalog.models import CardFile, ImportedFile, Jump, JumpFile, JumpState, Role, Step, StepStatus
from stinercut.errors import BadInput
from stinercut.jumps.duplicates import aliases_among
from stinercut.jumps.jumps import JumpFootage, footage_files, require_jump
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message
from stinercut.language.refusal_codes import RefusalCode
from stinercut.storage.store import key_of


@dataclass(frozen=True)
class Arriving:
    """A jump with a passenger that waits for files; `version` stands for its passenger and its clips so far."""

    jump_key: str
    jump_date: date
    version: str


@dataclass(frozen=True)
class PlannedClip:
    """A clip that the jump's film will show, whether or not it has arrived."""

    card_file_id: int
    name: str
    position: int


def clip_step_name(card_file_id: int) -> str:
    """The name of the step that renders a clip; stable within its jump."""
    return f"clip:{card_file_id}"


def arriving_jumps(session: Session, limit: int = 100) -> list[Arriving]:
    """Jumps with a passenger that wait for files. Those that changed last come first: their files are arriving now.

    A clip whose step has failed counts as not here: the film's run will report the fault.
    """
    rows = session.execute(
        select(Jump.jump_key, Jump.jump_date, Jump.passenger_name)
        .where(Jump.state == JumpState.WAITING, Jump.booking_id.is_not(None))
        .order_by(Jump.changed_at.desc(), Jump.jump_key)
        .limit(limit)
    ).all()
    if not rows:
        return []
    keys = [row.jump_key for row in rows]
    clips = session.execute(
        select(JumpFile.jump_key, JumpFile.card_file_id, ImportedFile.content_hash)
        .join(ImportedFile, ImportedFile.card_file_id == JumpFile.card_file_id)
        .where(JumpFile.jump_key.in_(keys), JumpFile.role == Role.CLIP)
        .order_by(JumpFile.position)
    ).all()
    failed, repeats = _failed_steps(session, keys), aliases_among(session, *keys)
    here: dict[str, list[str]] = {}
    for jump_key, card_file_id, content_hash in clips:
        if card_file_id not in repeats and (jump_key, clip_step_name(card_file_id)) not in failed:
            here.setdefault(jump_key, []).append(content_hash)
    return [Arriving(key, day, key_of(key, name, *here.get(key, []))) for key, day, name in rows]


def _failed_steps(session: Session, jump_keys: Collection[str]) -> set[tuple[str, str]]:
    rows = session.execute(
        select(Step.subject, Step.step).where(Step.subject.in_(jump_keys), Step.status == StepStatus.FAILED)
    )
    return {(subject, step) for subject, step in rows}


def begin_ahead(session: Session, jump_key: str) -> list[PlannedClip]:
    """Record that a run works ahead for this jump. Returns all clips of its film, so that people see how many are left.

    The steps of an earlier film are forgotten: they don't belong to the next one.
    """
    jump = require_jump(session, jump_key)
    events.clear_steps_of_run(session, jump_key, jump.run_id)
    rows = session.execute(
        select(JumpFile.card_file_id, CardFile.name, JumpFile.position)
        .join(CardFile, CardFile.card_file_id == JumpFile.card_file_id)
        .where(JumpFile.jump_key == jump_key, JumpFile.role == Role.CLIP)
        .order_by(JumpFile.position)
    )
    repeats = aliases_among(session, jump_key)
    return [PlannedClip(*row) for row in rows if row.card_file_id not in repeats]


def footage_here(session: Session, jump_key: str) -> JumpFootage:
    """The clips of a jump that can be rendered now, even if more are to come. No film is made from this footage.

    Raises NotFound, and BadInput for a jump without a passenger.
    """
    jump = require_jump(session, jump_key)
    if jump.passenger_name is None or jump.booking_id is None:
        raise BadInput(
            Message.of(RefusalCode.JUMP_WITHOUT_PASSENGER, jump=jump_key),
            advice=Message.of(MessageCode.SAY_WHOSE_JUMP),
        )
    rows = session.execute(
        select(JumpFile, CardFile, ImportedFile)
        .join(CardFile, CardFile.card_file_id == JumpFile.card_file_id)
        .join(ImportedFile, ImportedFile.card_file_id == JumpFile.card_file_id)
        .where(JumpFile.jump_key == jump_key, JumpFile.role == Role.CLIP)
        .order_by(JumpFile.position)
    ).all()
    broken = {step for _, step in _failed_steps(session, [jump_key])}
    out = {place.card_file_id for place, _, _ in rows if clip_step_name(place.card_file_id) in broken}
    files = footage_files(rows, out | aliases_among(session, jump_key).keys())
    version = key_of(jump_key, *(file.content_hash for file in files))
    return JumpFootage(jump_key, jump.jump_date, jump.passenger_name, jump.booking_id, version, files)
