"""The table of readings: the result of looking for a code in a file.

Owns: its columns. Not here: reading (`stinercut.codes`), queries (`stinercut.cards.identification`).

    card_file 1-0..1 qr_reading
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from stinercut.catalog.models.base import Base, UtcMoment
from stinercut.catalog.moments import column_now


class QrReading(Base):
    """The reading of a file's code. A file is read once, since its content does not change."""

    __tablename__ = "qr_reading"
    card_file_id: Mapped[int] = mapped_column(ForeignKey("card_file.card_file_id"), primary_key=True)
    reading: Mapped[dict[str, Any]] = mapped_column(JSON)
    """A `stinercut.codes.reading.Reading`, as JSON."""
    read_at: Mapped[datetime] = mapped_column(UtcMoment, default=column_now)
