"""Jumps and cards in progress: finds them, and records that their run failed.

Owns: the queries behind "did the run bring its film?". Not here: asking Dagster (`sensors`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from stinercut.catalog import events
from stinercut.catalog.models import (
    Card,
    CardFile,
    Film,
    ImportedFile,
    Insertion,
    Jump,
    JumpFile,
    JumpState,
)
from stinercut.catalog.row_messages import give_identify_error, give_reason, reasons_of
from stinercut.failures import FailureRecord
from stinercut.jumps import film_records
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message
from stinercut.runs.failure_rows import failures_of_steps


@dataclass(frozen=True)
class InWork:
    """A jump or card that a run works on, or should work on."""

    subject: str
    run_id: str | None
    """None when no run was found for it yet."""
    finished: bool = False
    """Whether the film that the jump wants exists, from this run or from an earlier one."""
    failures: tuple[FailureRecord, ...] = ()
    """The failures of its failed steps."""


def unfinished_jumps(session: Session) -> list[InWork]:
    """The jumps that a run is working on, as far as the catalog knows."""
    film_is_there = (
        select(Film.film_id)
        .where(Film.jump_key == Jump.jump_key, Film.version == Jump.produced_version, film_records.is_shown())
        .exists()
    )
    rows = session.execute(select(Jump, film_is_there).where(Jump.state == JumpState.PRODUCING))
    return [
        InWork(jump.jump_key, jump.run_id, bool(finished), failures_of_steps(session, jump.jump_key))
        for jump, finished in rows
    ]


def unfinished_cards(session: Session) -> list[tuple[str, str]]:
    """Cards that wait for identification and are not yet known to have failed: (card id, identify key)."""
    rows = session.execute(
        select(Insertion.card_id, Insertion.identify_key).where(
            Insertion.identify_key.is_not(None), Insertion.identify_error.is_(None)
        )
    )
    return [(card, key) for card, key in rows if key is not None]


def record_identify_failure(session: Session, identify_key: str, run_id: str, why: Sequence[Message]) -> None:
    """Record that the run for identifying these files failed. Its card shows that until a retry begins."""
    insertions = session.execute(
        select(Insertion).where(Insertion.identify_key == identify_key, Insertion.identify_error.is_(None))
    ).scalars()
    for insertion in insertions.all():
        give_identify_error(insertion, why)
        said = {"what": tuple(why)}
        events.append(session, "pipeline:failed", card_id=insertion.card_id, said=said, run_id=run_id)


def failed_subjects(session: Session) -> list[str]:
    """The jumps and cards whose run failed, longest ago first: these are retried by a retry of everything."""
    jumps = session.execute(
        select(Jump.jump_key).where(Jump.state == JumpState.FAILED).order_by(Jump.changed_at, Jump.jump_key)
    ).scalars()
    cards = session.execute(
        select(Insertion.card_id)
        .where(Insertion.identify_key.is_not(None), Insertion.identify_error.is_not(None))
        .order_by(Insertion.inserted_at)
    ).scalars()
    return list(dict.fromkeys([*cards, *jumps]))


def cards_of(session: Session, jump_key: str) -> list[tuple[str, str]]:
    """The cards that a jump's files came from: card id and label, in the order of the files."""
    rows = session.execute(
        select(Card.card_id, Card.label)
        .join(CardFile, CardFile.card_id == Card.card_id)
        .join(JumpFile, JumpFile.card_file_id == CardFile.card_file_id)
        .where(JumpFile.jump_key == jump_key)
        .order_by(JumpFile.position)
    )
    return list(dict.fromkeys((card, label) for card, label in rows))


def overdue_jumps(session: Session, before: datetime) -> list[tuple[str, str]]:
    """Jumps without a film whose last file came before that moment: (jump key, state), oldest first."""
    last = func.max(ImportedFile.imported_at)
    rows = session.execute(
        select(Jump.jump_key, Jump.state)
        .join(JumpFile, JumpFile.jump_key == Jump.jump_key)
        .join(ImportedFile, ImportedFile.card_file_id == JumpFile.card_file_id)
        .where(Jump.state.in_((JumpState.READY, JumpState.PRODUCING, JumpState.FAILED)))
        .group_by(Jump.jump_key, Jump.state)
        .having(last < before)
        .order_by(last)
    )
    return [(key, state) for key, state in rows]


def settle(session: Session, jump_key: str) -> None:
    """Record that the run that touched this jump ended and that its film exists.

    A person may have had single assets of a finished jump made again; such a run makes no new film.
    """
    jump = session.get_one(Jump, jump_key)
    if jump.state == JumpState.PRODUCING:
        jump.state = JumpState.DONE
        give_reason(jump)


def say_retried(session: Session, jump_key: str) -> None:
    """Record that this jump's run was cut off and will be started again, until the new run reports itself."""
    jump = session.get_one(Jump, jump_key)
    retried = Message.of(MessageCode.RUN_BEING_RETRIED)
    if jump.state in (JumpState.READY, JumpState.PRODUCING) and reasons_of(jump) != (retried,):
        give_reason(jump, retried)
        events.append(session, "pipeline:retrying", jump_key=jump_key, run_id=jump.run_id)
