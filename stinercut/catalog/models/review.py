"""The table of people's decisions about jumps.

Owns: its columns. Not here: deciding (`stinercut.review.decisions`, `stinercut.review.wishes`).

    jump 1-n decision
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from stinercut.catalog.models.base import Base, UtcMoment
from stinercut.catalog.moments import column_now


class Decision(Base):
    """A person's decision about a jump. Rows are only added, never changed."""

    __tablename__ = "decision"
    decision_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    at: Mapped[datetime] = mapped_column(UtcMoment, default=column_now)
    who: Mapped[str] = mapped_column(String(80))
    what: Mapped[str] = mapped_column(String(16))
    """One of `stinercut.review.decisions.What`, or `template` or `cut` (`stinercut.review.wishes`)."""
    jump_key: Mapped[str] = mapped_column(ForeignKey("jump.jump_key"), index=True)
    """The jump's key after the decision."""
    from_jump: Mapped[str | None] = mapped_column(String(128), index=True)
    """The jump that had the files before, if it was another one."""
    card_file_id: Mapped[int | None] = mapped_column(ForeignKey("card_file.card_file_id"))
    """The file concerned, if the decision is about a single file."""
    before: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    after: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    """Jump, passenger and booking; `files` are the card file ids that the decision put there."""
