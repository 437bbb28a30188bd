"""The tables of cards: insertions, their manifests, and the files that were seen and imported.

Owns: columns, keys, and the states of a manifest's file. Not here: queries (`stinercut.cards`).

    card 1-n insertion 1-n manifest_entry n-1 card_file 1-0..1 imported_file n-1 (object in the store)
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, DateTime, ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from stinercut.catalog.models.base import Base, UtcMoment
from stinercut.catalog.moments import column_now


class EntryState(StrEnum):
    """The state of a file in a manifest."""

    KNOWN = "known"
    """Its content is in the store from an earlier import."""
    PROBABLE = "probable"
    """Looks like a known file; a sample of its content is asked for, and decides."""
    SKIPPED = "skipped"
    """Never asked for: thumbnails and files that are no footage (`stinercut.cards.uncopied_files`)."""
    NEW = "new"
    """New, not yet asked for."""
    REQUESTED = "requested"
    COPIED = "copied"
    FAILED = "failed"


OPEN = (EntryState.NEW, EntryState.PROBABLE, EntryState.REQUESTED)
"""Still to come from the card."""


class Card(Base):
    """A memory card, by its volume id (or a folder that stands for one)."""

    __tablename__ = "card"
    card_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    label: Mapped[str] = mapped_column(String(255))
    kind: Mapped[str] = mapped_column(String(16))
    first_seen_at: Mapped[datetime] = mapped_column(UtcMoment, default=column_now)


class Insertion(Base):
    """One stay of a card in a reader."""

    __tablename__ = "insertion"
    insertion_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    card_id: Mapped[str] = mapped_column(ForeignKey("card.card_id"), index=True)
    detector_id: Mapped[str] = mapped_column(String(64))
    inserted_at: Mapped[datetime] = mapped_column(UtcMoment)
    chunks_total: Mapped[int | None] = mapped_column(Integer)
    """Pieces of the file list; the manifest is complete when that many have arrived."""
    chunks_seen: Mapped[list[int]] = mapped_column(JSON, default=list)
    listed_at: Mapped[datetime | None] = mapped_column(UtcMoment)
    """When the manifest was complete."""
    identify_key: Mapped[str | None] = mapped_column(String(64), index=True)
    """Stands for the set of files that wait for identification; None if no file waits."""
    identify_error: Mapped[str | None] = mapped_column(Text)
    """Not None: the run that should identify them failed. In rows from before messages: the reason as a sentence."""
    identify_error_parts: Mapped[list[dict[str, Any]] | None] = mapped_column(JSON)
    """The reasons of the failure, as messages. `row_messages` reads and writes both."""
    removed_at: Mapped[datetime | None] = mapped_column(UtcMoment)
    error_code: Mapped[str | None] = mapped_column(String(32))
    """Why the card, or a part of it, could not be read this time; None if everything was read."""
    error_detail: Mapped[str | None] = mapped_column(Text)
    """The sentence of a row that a release before messages wrote. `row_messages` reads and writes both."""
    error_detail_parts: Mapped[list[dict[str, Any]] | None] = mapped_column(JSON)
    """Why, as messages; None in rows of before."""
    unreadable: Mapped[int] = mapped_column(Integer, default=0)
    """How many folders and files the manifest lacks for that reason."""
    passed_over: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    """How many entries of the card no detector lists: hidden ones, links, system folders."""
    card: Mapped[Card] = relationship()


class CardFile(Base):
    """A file seen on a card, known only by its metadata. The same file seen again is the same row."""

    __tablename__ = "card_file"
    __table_args__ = (
        UniqueConstraint("card_id", "folder", "name", "size", "modified"),
        Index("ix_card_file_card_size", "card_id", "size"),
    )
    card_file_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    card_id: Mapped[str] = mapped_column(ForeignKey("card.card_id"), index=True)
    folder: Mapped[str] = mapped_column(String(1024))
    name: Mapped[str] = mapped_column(String(255))
    size: Mapped[int] = mapped_column(BigInteger)
    modified: Mapped[datetime] = mapped_column(DateTime)
    """Wall-clock time as the camera wrote it, without a zone, floored to FAT's two seconds. The microseconds count
    files that came back with the same folder, name, size and time but other content (0 for the first).
    """
    kind: Mapped[str] = mapped_column(String(16))
    recording: Mapped[str] = mapped_column(String(1024))
    chapter: Mapped[int] = mapped_column(Integer)
    imported: Mapped[ImportedFile | None] = relationship(back_populates="card_file")


class ImportedFile(Base):
    """A card's file whose content is safe in the store. A file with such a row is not new."""

    __tablename__ = "imported_file"
    card_file_id: Mapped[int] = mapped_column(ForeignKey("card_file.card_file_id"), primary_key=True)
    content_hash: Mapped[str] = mapped_column(String(32), index=True)
    size: Mapped[int] = mapped_column(BigInteger, index=True)
    imported_at: Mapped[datetime] = mapped_column(UtcMoment, default=column_now)
    card_file: Mapped[CardFile] = relationship(back_populates="imported")


class CardFileAlias(Base):
    """Another finding of a known file: the same content on the same card, dated by another clock or zone."""

    __tablename__ = "card_file_alias"
    card_file_id: Mapped[int] = mapped_column(ForeignKey("card_file.card_file_id"), primary_key=True)
    same_as: Mapped[int] = mapped_column(ForeignKey("card_file.card_file_id"), index=True)


class ManifestEntry(Base):
    """One file of one insertion's manifest, under the opaque id that the detector gave it."""

    __tablename__ = "manifest_entry"
    __table_args__ = (Index("ix_manifest_entry_open", "insertion_id", "state"),)
    insertion_id: Mapped[str] = mapped_column(ForeignKey("insertion.insertion_id"), primary_key=True)
    file_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    card_file_id: Mapped[int] = mapped_column(ForeignKey("card_file.card_file_id"), index=True)
    main_file_id: Mapped[str | None] = mapped_column(String(64))
    """The entry of the same manifest to which this proxy or thumbnail belongs."""
    early: Mapped[bool] = mapped_column()
    """Asked for first, since it may contain a code: small videos and proxies."""
    state: Mapped[str] = mapped_column(String(16))
    error_code: Mapped[str | None] = mapped_column(String(32))
    error_detail: Mapped[str | None] = mapped_column(Text)
    """The sentence of a row that a release before messages wrote. `row_messages` reads and writes both."""
    error_detail_parts: Mapped[list[dict[str, Any]] | None] = mapped_column(JSON)
    """Why, as messages; None in rows of before."""
    changed_at: Mapped[datetime] = mapped_column(UtcMoment, default=column_now, onupdate=column_now)
    file: Mapped[CardFile] = relationship()
