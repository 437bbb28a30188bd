"""The outbox: what happened, in order; and how far each step is.

Lives here: appending and reading events and step progress. Doesn't: pushing them to anybody (`hub`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select, text
from sqlalchemy.orm import Session

from stinercut.catalog.models import Event, Step, StepStatus, now

_ORDER_LOCK = 0x57494E45
"""Any constant: the advisory lock that makes events of PostgreSQL commit in the order of their ids."""


def append(
    session: Session, type: str, *, card_id: str | None = None, jump_key: str | None = None, **data: Any
) -> None:
    """Put an event into the outbox; it is visible to watchers when the caller's transaction commits.

    `data` is whatever a watcher of this type of event needs, as JSON.
    """
    if session.get_bind().dialect.name == "postgresql":
        # Without it a lower id could become visible after a higher one, and a watcher would never see it.
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ORDER_LOCK})
    session.add(Event(type=type, card_id=card_id, jump_key=jump_key, data=data))
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
    label: str
    status: StepStatus
    progress: float = 0.0
    seconds: float | None = None
    message: str = ""
    run_id: str | None = None
    position: int = 0


def report_step(session: Session, report: StepReport) -> None:
    """Record how far a step is; the latest report counts."""
    row = session.get(Step, (report.subject, report.step))
    if row is None:
        row = Step(subject=report.subject, step=report.step)
        session.add(row)
    row.label, row.status, row.progress = report.label, report.status, report.progress
    row.seconds, row.message, row.run_id, row.position = report.seconds, report.message, report.run_id, report.position
    row.changed_at = now()


def clear_steps(session: Session, subject: str) -> None:
    """Forget the steps of an earlier run of this jump or card."""
    session.execute(delete(Step).where(Step.subject == subject))


def steps_of(session: Session, subject: str) -> Sequence[Step]:
    """The steps of a jump or card, in their order."""
    return (
        session.execute(select(Step).where(Step.subject == subject).order_by(Step.position, Step.step)).scalars().all()
    )


def subjects_changed_since(session: Session, moment: datetime) -> set[str]:
    """Jump keys and card ids with a step that reported at or after that moment."""
    return set(session.execute(select(Step.subject).where(Step.changed_at >= moment).distinct()).scalars())
