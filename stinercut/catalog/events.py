"""The outbox: what happened, in order; and how far each step is.

Owns: appending and reading events and step progress. Not here: pushing them to anybody (`hub`).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import delete, func, null, select, update
from sqlalchemy.orm import Session

from stinercut.catalog.models import Event, Step, StepStatus
from stinercut.catalog.moments import now_in
from stinercut.catalog.row_messages import as_event_data, give_step_label, give_step_messages
from stinercut.failures import FailureRecord
from stinercut.language.messages import Message, Said

NOTHING_SAID: Mapping[str, Said] = MappingProxyType({})


def append(
    session: Session,
    type: str,
    *,
    card_id: str | None = None,
    jump_key: str | None = None,
    said: Mapping[str, Said] = NOTHING_SAID,
    **data: Any,
) -> None:
    """Put an event into the outbox; it is visible to watchers when the caller's transaction commits.

    `data` is whatever a watcher of this type of event needs, as JSON; `said` is what people read of it, by name: its
    words are made where the event is shown (`row_messages.worded_data`).

    Events become visible in the order of their ids, since writers go one after another (`Catalog.write`): a watcher
    that remembers the last id it saw misses none.
    """
    session.add(Event(type=type, card_id=card_id, jump_key=jump_key, data={**data, **as_event_data(said)}))
    session.flush()


def since(session: Session, event_id: int, limit: int = 500) -> Sequence[Event]:
    """Events after that one, oldest first."""
    return (
        session.execute(select(Event).where(Event.event_id > event_id).order_by(Event.event_id).limit(limit))
        .scalars()
        .all()
    )


def last_id(session: Session) -> int:
    """The id of the newest event; 0 when there is none."""
    return session.execute(select(func.coalesce(func.max(Event.event_id), 0))).scalar_one()


@dataclass(frozen=True)
class StepReport:
    """What a step says of itself. `subject` is a jump key or card id, `step` stable within it."""

    subject: str
    step: str
    label: Said
    """What people call it."""
    status: StepStatus
    progress: float = 0.0
    seconds: float | None = None
    messages: tuple[Message, ...] = ()
    """What people read next to it."""
    run_id: str | None = None
    position: int = 0
    failure: FailureRecord | None = None


def overall(shares: Iterable[float]) -> float:
    """How far the whole is, 0 to 1 in four digits, from how far each step is.

    1.0 only when every step is done; 0.0 where there is none.
    """
    steps = list(shares)
    if not steps:
        return 0.0
    share = math.floor(sum(steps) / len(steps) * 10_000) / 10_000
    return 1.0 if min(steps) >= 1.0 else min(share, 0.9999)


def progress_of(session: Session, subject: str) -> float:
    """How far a jump or card is, over all of its planned steps. Lines with a negative position are no work."""
    return overall(step.progress for step in steps_of(session, subject) if step.position >= 0)


def report_step(session: Session, report: StepReport) -> None:
    """Record how far a step is; the latest report counts.

    But for the progress, which never goes back: a step that is done once more begins where it was, since what was made
    is kept.
    """
    row = session.get(Step, (report.subject, report.step))
    if row is None:
        row = Step(subject=report.subject, step=report.step, progress=0.0)
        session.add(row)
    row.status, row.progress = report.status, max(row.progress, report.progress)
    row.seconds, row.run_id, row.position = report.seconds, report.run_id, report.position
    give_step_label(row, report.label)
    give_step_messages(row, report.messages)
    row.failure = report.failure.model_dump(mode="json") if report.failure is not None else None
    row.changed_at = now_in(session)


def clear_steps(session: Session, subject: str) -> None:
    """Forget the steps of an earlier run of this jump or card."""
    session.execute(delete(Step).where(Step.subject == subject))


def clear_steps_of_run(session: Session, subject: str, run_id: str | None) -> None:
    """Forget all steps of this jump or card if that run has reported any of them."""
    if run_id is None:
        return
    reported = select(Step.step).where(Step.subject == subject, Step.run_id == run_id)
    if session.execute(reported.limit(1)).first() is not None:
        clear_steps(session, subject)


def keep_only_steps(session: Session, subject: str, steps: Collection[str]) -> None:
    """Forget steps that are not planned any more. Lines that are no work stay."""
    session.execute(delete(Step).where(Step.subject == subject, Step.step.not_in(steps), Step.position >= 0))


def steps_of(session: Session, subject: str) -> Sequence[Step]:
    """The steps of a jump or card, in their order."""
    return (
        session.execute(select(Step).where(Step.subject == subject).order_by(Step.position, Step.step)).scalars().all()
    )


def reopen_steps(session: Session, subject: str) -> None:
    """A re-execution begins: what had failed or was cut short waits again. What is done stays done."""
    session.execute(
        update(Step)
        .where(Step.subject == subject, Step.status.in_((StepStatus.FAILED, StepStatus.RUNNING)))
        .values(status=StepStatus.WAITING, message="", message_parts=null(), failure=null(), changed_at=now_in(session))
    )


def steps_reported_since(session: Session, moment: datetime) -> dict[str, tuple[datetime, int]]:
    """Jumps and cards whose steps reported at or after that moment: when the latest did, and how many did.

    The reporting machine's clock counts; ask for some minutes and compare with the answer before.
    """
    rows = session.execute(
        select(Step.subject, func.max(Step.changed_at), func.count())
        .where(Step.changed_at >= moment)
        .group_by(Step.subject)
    )
    return {subject: (latest, count) for subject, latest, count in rows}


def forget(session: Session, before: datetime) -> int:
    """Delete events older than that moment, except the newest of all, whose id must not be given again."""
    newest = last_id(session)
    gone = session.execute(delete(Event).where(Event.at < before, Event.event_id < newest).returning(Event.event_id))
    return len(gone.all())
