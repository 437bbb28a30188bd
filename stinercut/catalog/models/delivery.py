"""The tables of delivery: links for passengers, who got their film, and letters to them.

Owns: columns and keys. Not here: queries and rules (`stinercut.delivery`), sending letters (`hub.delivery.mailer`).

    share 1-n share_jump n-1 jump        share 1-n letter        jump 1-n hand_out
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from stinercut.catalog.models.base import Base, UtcMoment
from stinercut.catalog.moments import column_now


class HandOutWay(StrEnum):
    """How a passenger got the film."""

    CODE = "code"
    """A QR code on the desk's screen."""
    LINK = "link"
    """A copied link."""
    LETTER = "letter"
    """An e-mail."""
    PRINT = "print"
    """A printed QR code."""
    IN_PERSON = "in_person"
    """On a stick, or in another way that this program does not see."""


class LetterState(StrEnum):
    """The state of an e-mail."""

    WAITING = "waiting"
    """It is sent at `next_try_at`."""
    SENT = "sent"
    REFUSED = "refused"
    """The server refuses it for good: the address is wrong, or it takes nothing from here."""
    GIVEN_UP = "given_up"
    """No server took it for too long."""


class Share(Base):
    """A link to the films of one or several jumps, for whoever has it."""

    __tablename__ = "share"
    share_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    salt: Mapped[bytes] = mapped_column(LargeBinary(16))
    """With the installation's link key it gives the token: this table alone opens nothing."""
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    """SHA-256 of the token, to find the row of a link that somebody opens."""
    made_at: Mapped[datetime] = mapped_column(UtcMoment, default=column_now)
    made_by: Mapped[str] = mapped_column(String(80))
    until: Mapped[datetime] = mapped_column(UtcMoment, index=True)
    """From then on the link opens nothing."""
    pin_mac: Mapped[str | None] = mapped_column(String(64))
    """The PIN under the link key; None for a link without a PIN."""
    pin_failures: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    """Wrong PINs in a row."""
    pin_closed_until: Mapped[datetime | None] = mapped_column(UtcMoment)
    """Until then no PIN is taken."""
    revoked_at: Mapped[datetime | None] = mapped_column(UtcMoment)
    opened: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    opened_at: Mapped[datetime | None] = mapped_column(UtcMoment)
    """When it was opened last."""
    downloads: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    jumps: Mapped[list[ShareJump]] = relationship(order_by="ShareJump.position", cascade="all, delete-orphan")


class ShareJump(Base):
    """A jump whose film a link opens. `position` counts from 1 and stands in the link's addresses."""

    __tablename__ = "share_jump"
    share_id: Mapped[int] = mapped_column(ForeignKey("share.share_id"), primary_key=True)
    position: Mapped[int] = mapped_column(Integer, primary_key=True)
    jump_key: Mapped[str] = mapped_column(ForeignKey("jump.jump_key"), index=True)


class HandOut(Base):
    """A film was handed out."""

    __tablename__ = "hand_out"
    hand_out_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    jump_key: Mapped[str] = mapped_column(ForeignKey("jump.jump_key"), index=True)
    way: Mapped[str] = mapped_column(String(16))
    who: Mapped[str] = mapped_column(String(80))
    at: Mapped[datetime] = mapped_column(UtcMoment, default=column_now)


class Letter(Base):
    """An e-mail with a link."""

    __tablename__ = "letter"
    __table_args__ = (Index("ix_letter_due", "state", "next_try_at"),)
    letter_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    share_id: Mapped[int] = mapped_column(ForeignKey("share.share_id"), index=True)
    recipient: Mapped[str] = mapped_column(String(254))
    language: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16))
    tries: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    next_try_at: Mapped[datetime] = mapped_column(UtcMoment, default=column_now)
    made_at: Mapped[datetime] = mapped_column(UtcMoment, default=column_now)
    sent_at: Mapped[datetime | None] = mapped_column(UtcMoment)
    problem_parts: Mapped[list[dict[str, Any]] | None] = mapped_column(JSON)
    """Why the last try failed, as messages."""
