"""The tables of runs' reports: the progress of each step, and the outbox of events.

Owns: their columns, and the states of a step. Not here: writing and reading them (`stinercut.catalog.events`).
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Float, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from stinercut.catalog.models.base import Base, UtcMoment
from stinercut.catalog.moments import column_now


class StepStatus(StrEnum):
    """The status of a step of a jump's production."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Step(Base):
    """The progress of a step of a jump or card, for people who watch. Dagster's event log holds the history."""

    __tablename__ = "step"
    subject: Mapped[str] = mapped_column(String(128), primary_key=True)
    """A jump key or card id."""
    step: Mapped[str] = mapped_column(String(96), primary_key=True)
    label: Mapped[str] = mapped_column(String(255))
    """Its name for people, in rows from a release before messages. `row_messages` reads and writes both columns."""
    label_parts: Mapped[list[dict[str, Any]] | None] = mapped_column(JSON)
    """Its name for people, as messages; None in older rows."""
    position: Mapped[int] = mapped_column(Integer, default=0)
    status: Mapped[str] = mapped_column(String(16))
    progress: Mapped[float] = mapped_column(Float, default=0.0)
    seconds: Mapped[float | None] = mapped_column(Float)
    message: Mapped[str] = mapped_column(Text, default="")
    """The sentence in rows from a release before messages. `row_messages` reads and writes both columns."""
    message_parts: Mapped[list[dict[str, Any]] | None] = mapped_column(JSON)
    """Its messages (`stinercut.language.messages`); None in older rows."""
    failure: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    """Its failure, as a `stinercut.failures.FailureRecord`; None if it did not fail."""
    run_id: Mapped[str | None] = mapped_column(String(64))
    changed_at: Mapped[datetime] = mapped_column(UtcMoment, default=column_now, index=True)


class Event(Base):
    """The outbox: events in their order, for everybody who watches."""

    __tablename__ = "event"
    event_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    at: Mapped[datetime] = mapped_column(UtcMoment, default=column_now)
    type: Mapped[str] = mapped_column(String(48))
    card_id: Mapped[str | None] = mapped_column(String(64))
    jump_key: Mapped[str | None] = mapped_column(String(128))
    data: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
