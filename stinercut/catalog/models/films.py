"""The table of films: each published film, and its inputs.

Owns: its columns. Not here: queries (`stinercut.jumps.film_records`), writing a row (`stinercut.films.film_row`).

    jump 1-n film
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Float, ForeignKey, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from stinercut.catalog.models.base import Base, UtcMoment
from stinercut.catalog.moments import column_now


class Film(Base):
    """A finished film that passed its checks. The newest film of a jump is shown."""

    __tablename__ = "film"
    film_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    jump_key: Mapped[str] = mapped_column(ForeignKey("jump.jump_key"), index=True)
    version: Mapped[str] = mapped_column(String(32))
    """The jump's wanted version from which this film was made."""
    file_name: Mapped[str] = mapped_column(String(255))
    outputs: Mapped[list[str] | None] = mapped_column(JSON)
    """The other videos and the photos that were published with it: paths below its folder. None for films of before:
    the note next to the film names theirs."""
    passenger_name: Mapped[str] = mapped_column(String(80))
    template: Mapped[str] = mapped_column(String(64))
    template_fingerprint: Mapped[str] = mapped_column(String(32))
    template_noted: Mapped[str | None] = mapped_column(String(128))
    """The template's data version in Dagster's lineage of this film; None for older films."""
    aspects: Mapped[dict[str, str] | None] = mapped_column(JSON)
    """Fingerprints of the template's aspects: clips, drawings and sound; None for older films."""
    drawn_seconds: Mapped[float | None] = mapped_column(Float)
    filmed_seconds: Mapped[float | None] = mapped_column(Float)
    """Seconds of all its outputs that are drawn, and that show footage. None for older films."""
    spent_per_second: Mapped[float | None] = mapped_column(Float)
    """Seconds of work for one encoded second; None when every part was there already."""
    seconds: Mapped[float] = mapped_column(Float)
    frames: Mapped[int] = mapped_column(Integer)
    size: Mapped[int] = mapped_column(BigInteger)
    checks: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    """Of each its name, whether it passed, and what it saw (`row_messages.check_row`; a sentence, `detail`, in rows of
    before)."""
    run_id: Mapped[str | None] = mapped_column(String(64))
    made_in: Mapped[float] = mapped_column(Float)
    """Seconds from the start of the run to the published film."""
    created_at: Mapped[datetime] = mapped_column(UtcMoment, default=column_now)
