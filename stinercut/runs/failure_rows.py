"""Reads failures from where they are kept: the failed steps, and the jump whose run ended with them.

Owns: reading these records, and the files that an error of a jump may name. Not here: the records themselves
(`stinercut.failures`), writing them (`stinercut.catalog.events`, `stinercut.jumps.jumps`), when a run has failed
(`stinercut.jumps.in_progress`, `sensors`).
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from stinercut.catalog.models import CardFile, ImportedFile, Jump, JumpFile, Step, StepStatus
from stinercut.catalog.row_messages import messages_of_step, reasons_of
from stinercut.failures import FailureRecord, NamedFile


def named_files(session: Session, jump_key: str) -> list[NamedFile]:
    """The files of a jump, in its order; none for a card."""
    rows = session.execute(
        select(JumpFile.card_file_id, CardFile.name, ImportedFile.content_hash)
        .join(CardFile, CardFile.card_file_id == JumpFile.card_file_id)
        .outerjoin(ImportedFile, ImportedFile.card_file_id == JumpFile.card_file_id)
        .where(JumpFile.jump_key == jump_key)
        .order_by(JumpFile.position)
    )
    return [NamedFile(*row) for row in rows]


def failures_of_steps(session: Session, subject: str) -> tuple[FailureRecord, ...]:
    """The failures of the failed steps of a jump or card, in their order."""
    rows = session.execute(
        select(Step).where(Step.subject == subject, Step.status == StepStatus.FAILED).order_by(Step.position, Step.step)
    ).scalars()
    return tuple(_of_step(row) for row in rows if row.failure is not None or messages_of_step(row))


def _of_step(row: Step) -> FailureRecord:
    if row.failure is not None:
        return FailureRecord.model_validate(row.failure)
    # The fleet's own line, and steps of older releases.
    return FailureRecord.of("ERROR", messages_of_step(row))


def failures_of_jump(jump: Jump) -> list[FailureRecord]:
    """The failures of a failed jump's run. If it failed before records were kept: its reason."""
    if jump.failures is not None:
        return [FailureRecord.model_validate(failure) for failure in jump.failures]
    return [FailureRecord.of("ERROR", reasons_of(jump))]
