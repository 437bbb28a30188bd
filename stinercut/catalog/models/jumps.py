"""The tables of jumps: a jump, its files and cut, and the office's list of bookings.

Owns: columns, keys, a jump's states and the roles of its files. Not here: queries (`stinercut.jumps`).

    jump 1-n jump_file n-1 card_file        jump 1-0..1 jump_cut
    booking (the office's list; a jump may come from one)
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from stinercut.catalog.models.base import Base, UtcMoment
from stinercut.catalog.models.cards import CardFile
from stinercut.catalog.moments import column_now


class JumpState(StrEnum):
    """The state of a jump."""

    REVIEW = "review"
    """A person must decide whose it is, or what to do."""
    NO_CLIPS = "no_clips"
    """A code was filmed, and nothing after it (yet)."""
    WAITING = "waiting"
    """Files are still to come from a card."""
    READY = "ready"
    """All files are here; the next sensor tick requests the film."""
    PRODUCING = "producing"
    DONE = "done"
    FAILED = "failed"
    GONE = "gone"
    """A person moved all its files to other jumps. It is kept for the decisions that name it, and not shown."""


class Role(StrEnum):
    """The role of a file in a jump."""

    QR = "qr"
    CLIP = "clip"
    PHOTO = "photo"
    LEFT_OUT = "left_out"
    """A person decided that this clip or photo stays out of the film and its other outputs."""


class Jump(Base):
    """One passenger's jump: a partition in Dagster."""

    __tablename__ = "jump"
    __table_args__ = (
        Index("ix_jump_wanted", "state", "wanted_version"),
        Index("ix_jump_newest", "jump_date", "created_at", "jump_key"),
    )
    jump_key: Mapped[str] = mapped_column(String(128), primary_key=True)
    jump_date: Mapped[date] = mapped_column()
    booking_id: Mapped[str | None] = mapped_column(String(32), index=True)
    passenger_name: Mapped[str | None] = mapped_column(String(80))
    tandem_master_id: Mapped[str | None] = mapped_column(String(32))
    card_id: Mapped[str | None] = mapped_column(ForeignKey("card.card_id"))
    """The card on which it was first found."""
    state: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(Text, default="")
    """The sentence in rows from a release before messages. `row_messages` reads and writes both columns."""
    reason_parts: Mapped[list[dict[str, Any]] | None] = mapped_column(JSON)
    """The reasons for its state, as messages (`stinercut.language.messages`); None in older rows."""
    failures: Mapped[list[dict[str, Any]] | None] = mapped_column(JSON)
    """The failures of its last failed run, as `stinercut.failures.FailureRecord`. Only valid while the state is
    FAILED.
    """
    wanted_version: Mapped[str | None] = mapped_column(String(32))
    """Stands for the identity and footage of the wanted film; None while files are missing or a person is needed."""
    produced_version: Mapped[str | None] = mapped_column(String(32))
    """The wanted version that the last run took up."""
    turn: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    """How often it became ready. The same version may be wanted again; each turn gets its own run."""
    template: Mapped[str | None] = mapped_column(String(64))
    """The template that a person chose for it; None means the installation's choice."""
    run_id: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcMoment, default=column_now, index=True)
    changed_at: Mapped[datetime] = mapped_column(UtcMoment, default=column_now, onupdate=column_now, index=True)
    files: Mapped[list[JumpFile]] = relationship(back_populates="jump", order_by="JumpFile.position")


class JumpFile(Base):
    """A file's place in a jump. A file belongs to at most one jump."""

    __tablename__ = "jump_file"
    card_file_id: Mapped[int] = mapped_column(ForeignKey("card_file.card_file_id"), primary_key=True)
    jump_key: Mapped[str] = mapped_column(ForeignKey("jump.jump_key"), index=True)
    role: Mapped[str] = mapped_column(String(16))
    position: Mapped[int] = mapped_column(Integer)
    """Order in the film."""
    jump: Mapped[Jump] = relationship(back_populates="files")
    file: Mapped[CardFile] = relationship()


class JumpCut(Base):
    """A person's decision which parts of its clips a jump's film shows."""

    __tablename__ = "jump_cut"
    jump_key: Mapped[str] = mapped_column(ForeignKey("jump.jump_key"), primary_key=True)
    pieces: Mapped[list[list[float]]] = mapped_column(JSON)
    """In the order of the film: card file id, first and last second."""
    decided: Mapped[list[int]] = mapped_column(JSON)
    """The clips that existed when the cut was made. A clip that came later is shown whole, at the end."""
    made_at: Mapped[datetime] = mapped_column(UtcMoment, default=column_now, onupdate=column_now)


class Booking(Base):
    """A booking of the office's list: somebody who will jump. A jump's own values take precedence."""

    __tablename__ = "booking"
    jump_key: Mapped[str] = mapped_column(String(128), primary_key=True)
    """The key of a jump for this booking."""
    jump_date: Mapped[date] = mapped_column(index=True)
    booking_id: Mapped[str] = mapped_column(String(32))
    passenger_name: Mapped[str] = mapped_column(String(80))
    tandem_master_id: Mapped[str | None] = mapped_column(String(32))
    email: Mapped[str | None] = mapped_column(String(254))
    phone: Mapped[str | None] = mapped_column(String(32))
    """How to reach the passenger; lengths as in `stinercut.codes.extras`."""
    imported_at: Mapped[datetime] = mapped_column(UtcMoment, default=column_now)
