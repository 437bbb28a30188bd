"""The outbox: events in their order, and the progress of each step.

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
    """Put an event into the outbox. Watchers see it when the caller's transaction commits.

    `data` holds the values for watchers of this type of event, as JSON. `said` holds the messages for people, by name:
    their words are made where the event is shown (`row_messages.worded_data`).

    Events become visible in the order of their ids, since writers work one after another (`Catalog.write`): a watcher
    that remembers the last id misses no event.
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
    """The id of the newest event; 0 without events."""
    return session.execute(select(func.coalesce(func.max(Event.event_id), 0))).scalar_one()


@dataclass(frozen=True)
class StepReport:
    """A step's report. `subject` is a jump key or card id; `step` is stable within it."""

    subject: str
    step: str
    label: Said
    """Its name for people."""
    status: StepStatus
    progress: float = 0.0
    seconds: float | None = None
    messages: tuple[Message, ...] = ()
    """Messages for people, shown next to the step."""
    run_id: str | None = None
    position: int = 0
    failure: FailureRecord | None = None


def overall(shares: Iterable[float]) -> float:
    """The overall progress, 0 to 1 in four digits, from the progress of each step.

    It is 1.0 only when every step is done, and 0.0 without steps.
    """
    steps = list(shares)
    if not steps:
        return 0.0
    share = math.floor(sum(steps) / len(steps) * 10_000) / 10_000
    return 1.0 if min(steps) >= 1.0 else min(share, 0.9999)


def progress_of(session: Session, subject: str) -> float:
    """The progress of a jump or card, over all its planned steps. Lines with a negative position are no work."""
    return overall(step.progress for step in steps_of(session, subject) if step.position >= 0)


def report_step(session: Session, report: StepReport) -> None:
    """Record a step's report. The latest report counts.

    Only the progress never goes back: a step that runs again begins where it was, since its results are kept.
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
    """Forget steps that are no longer planned. Lines that are no work stay."""
    session.execute(delete(Step).where(Step.subject == subject, Step.step.not_in(steps), Step.position >= 0))


def steps_of(session: Session, subject: str) -> Sequence[Step]:
    """The steps of a jump or card, in their order."""
    return (
        session.execute(select(Step).where(Step.subject == subject).order_by(Step.position, Step.step)).scalars().all()
    )


def reopen_steps(session: Session, subject: str) -> None:
    """Prepare for a re-execution: steps that failed or were cut short wait again. Finished steps stay finished."""
    session.execute(
        update(Step)
        .where(Step.subject == subject, Step.status.in_((StepStatus.FAILED, StepStatus.RUNNING)))
        .values(status=StepStatus.WAITING, message="", message_parts=null(), failure=null(), changed_at=now_in(session))
    )


def steps_reported_since(session: Session, moment: datetime) -> dict[str, tuple[datetime, int]]:
    """Jumps and cards whose steps reported at or after that moment: the time of the latest report, and their number.

    The reporting machine's clock counts. Ask for the last minutes, and compare with the previous answer.
    """
    rows = session.execute(
        select(Step.subject, func.max(Step.changed_at), func.count())
        .where(Step.changed_at >= moment)
        .group_by(Step.subject)
    )
    return {subject: (latest, count) for subject, latest, count in rows}


def forget(session: Session, before: datetime) -> int:
    """Delete events older than that moment, except the newest event, whose id must not be used again."""
    newest = last_id(session)
    gone = session.execute(delete(Event).where(Event.at < before, Event.event_id < newest).returning(Event.event_id))
    return len(gone.all())
