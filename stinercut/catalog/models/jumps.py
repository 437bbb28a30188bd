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
    """Where a jump stands."""

    REVIEW = "review"
    """A person must say whose it is, or what to do."""
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
    """A person moved all of its files to other jumps. It is kept for the decisions that name it, and not shown."""


class Role(StrEnum):
    """What a file is for a jump."""

    QR = "qr"
    CLIP = "clip"
    PHOTO = "photo"
    LEFT_OUT = "left_out"
    """A person decided that this clip or photo stays out of the film and what goes with it."""


class Jump(Base):
    """One passenger's jump: a partition of everything that is made for it."""

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
    """The card it was first found on."""
    state: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(Text, default="")
    """The sentence of a row that a release before messages wrote. `row_messages` reads and writes both."""
    reason_parts: Mapped[list[dict[str, Any]] | None] = mapped_column(JSON)
    """Why it is where it is, as messages (`stinercut.language.messages`); None in rows of before."""
    failures: Mapped[list[dict[str, Any]] | None] = mapped_column(JSON)
    """What its last run that failed ended with, as `stinercut.failures.FailureRecord` has it. Means something only
    while the state is FAILED."""
    wanted_version: Mapped[str | None] = mapped_column(String(32))
    """Names identity and footage that the film should have; None while files are missing or a person is needed."""
    produced_version: Mapped[str | None] = mapped_column(String(32))
    """The wanted version that the last run took up."""
    turn: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    """How often it became ready. A film may be wanted again as it was before; each turn gets a run of its own."""
    template: Mapped[str | None] = mapped_column(String(64))
    """The template that a person chose for it; None: the installation's own choice."""
    run_id: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcMoment, default=column_now, index=True)
    changed_at: Mapped[datetime] = mapped_column(UtcMoment, default=column_now, onupdate=column_now, index=True)
    files: Mapped[list[JumpFile]] = relationship(back_populates="jump", order_by="JumpFile.position")


class JumpFile(Base):
    """A file's place in a jump. A file belongs to one jump at most."""

    __tablename__ = "jump_file"
    card_file_id: Mapped[int] = mapped_column(ForeignKey("card_file.card_file_id"), primary_key=True)
    jump_key: Mapped[str] = mapped_column(ForeignKey("jump.jump_key"), index=True)
    role: Mapped[str] = mapped_column(String(16))
    position: Mapped[int] = mapped_column(Integer)
    """Order in the film."""
    jump: Mapped[Jump] = relationship(back_populates="files")
    file: Mapped[CardFile] = relationship()


class JumpCut(Base):
    """Which parts of its clips a jump's film shows, where a person decided that."""

    __tablename__ = "jump_cut"
    jump_key: Mapped[str] = mapped_column(ForeignKey("jump.jump_key"), primary_key=True)
    pieces: Mapped[list[list[float]]] = mapped_column(JSON)
    """In the order of the film: card file id, first and last second."""
    decided: Mapped[list[int]] = mapped_column(JSON)
    """The clips that there were to choose from. A clip that came later is shown whole, at the end."""
    made_at: Mapped[datetime] = mapped_column(UtcMoment, default=column_now, onupdate=column_now)


class Booking(Base):
    """A booking as the office's list has it: somebody who is to jump. What a jump says of itself counts more."""

    __tablename__ = "booking"
    jump_key: Mapped[str] = mapped_column(String(128), primary_key=True)
    """The key that a jump of this booking has."""
    jump_date: Mapped[date] = mapped_column(index=True)
    booking_id: Mapped[str] = mapped_column(String(32))
    passenger_name: Mapped[str] = mapped_column(String(80))
    tandem_master_id: Mapped[str | None] = mapped_column(String(32))
    email: Mapped[str | None] = mapped_column(String(254))
    phone: Mapped[str | None] = mapped_column(String(32))
    """How to reach the passenger; lengths as in `stinercut.codes.extras`."""
    imported_at: Mapped[datetime] = mapped_column(UtcMoment, default=column_now)
