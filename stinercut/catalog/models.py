"""The tables of the catalog.

Owns: columns, keys and the words their states use. Not here: queries. A change here needs a migration.

    card 1-n insertion 1-n manifest_entry n-1 card_file 1-0..1 imported_file n-1 (object in the store)
    jump 1-n jump_file n-1 card_file        jump 1-n film        card_file 1-0..1 qr_reading
    jump 1-0..1 jump_cut    jump 1-n decision (what people decided)
    booking (the office's list; a jump may come from one)
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, DateTime, Float, ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from sqlalchemy.types import TypeDecorator

from stinercut.catalog.moments import column_now


class UtcMoment(TypeDecorator[datetime]):
    """A moment in UTC. SQLite forgets zones, so they are put back when reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        """Refuse moments without a zone: they would silently shift."""
        if value is not None and value.tzinfo is None:
            raise ValueError("a moment without a time zone")
        return value.astimezone(UTC) if value is not None else None

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        """Give back a moment with its zone."""
        if value is not None and value.tzinfo is None:
            return value.replace(tzinfo=UTC)
        return value


class Base(DeclarativeBase):
    """The catalog's metadata."""


class EntryState(StrEnum):
    """Where a file of a manifest stands."""

    KNOWN = "known"
    """Its content is in the store from an earlier import."""
    PROBABLE = "probable"
    """Looks like a file that is known; a sample of its content is asked for, and decides."""
    SKIPPED = "skipped"
    """Never asked for: thumbnails and what is no footage (`staying`)."""
    NEW = "new"
    """New, not yet asked for."""
    REQUESTED = "requested"
    COPIED = "copied"
    FAILED = "failed"


OPEN = (EntryState.NEW, EntryState.PROBABLE, EntryState.REQUESTED)
"""Still to come from the card."""


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


class StepStatus(StrEnum):
    """Where a step of a jump's production stands."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Card(Base):
    """A memory card, by its volume id (or a folder that stands for one)."""

    __tablename__ = "card"
    card_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    label: Mapped[str] = mapped_column(String(255))
    kind: Mapped[str] = mapped_column(String(16))
    first_seen_at: Mapped[datetime] = mapped_column(UtcMoment, default=column_now)


class Insertion(Base):
    """One time that a card was in."""

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
    """Names the set of files that wait for identification; None when none does."""
    identify_error: Mapped[str | None] = mapped_column(Text)
    """Not None: the run that was to identify them failed. Of a row of before messages, the sentence that says why."""
    identify_error_parts: Mapped[list[dict[str, Any]] | None] = mapped_column(JSON)
    """Why it failed, as messages. `row_messages` reads and writes both."""
    removed_at: Mapped[datetime | None] = mapped_column(UtcMoment)
    error_code: Mapped[str | None] = mapped_column(String(32))
    """Why the card, or a part of it, could not be read this time; None where all of it was."""
    error_detail: Mapped[str | None] = mapped_column(Text)
    unreadable: Mapped[int] = mapped_column(Integer, default=0)
    """Folders and files that the manifest lacks for that reason."""
    passed_over: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    """Entries of the card that the manifest lacks since no detector lists them: hidden ones, links, system folders."""
    card: Mapped[Card] = relationship()


class CardFile(Base):
    """A file seen on a card, known by its metadata alone. The same file seen again is the same row."""

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
    """Wall-clock time as the camera wrote it, no zone, floored to FAT's two seconds. The microseconds count files that
    came back under the same folder, name, size and time with other content (0 for the first)."""
    kind: Mapped[str] = mapped_column(String(16))
    recording: Mapped[str] = mapped_column(String(1024))
    chapter: Mapped[int] = mapped_column(Integer)
    imported: Mapped[ImportedFile | None] = relationship(back_populates="card_file")


class ImportedFile(Base):
    """A card's file whose content is durable in the store. Its being here is what "not new" means."""

    __tablename__ = "imported_file"
    card_file_id: Mapped[int] = mapped_column(ForeignKey("card_file.card_file_id"), primary_key=True)
    content_hash: Mapped[str] = mapped_column(String(32), index=True)
    size: Mapped[int] = mapped_column(BigInteger, index=True)
    imported_at: Mapped[datetime] = mapped_column(UtcMoment, default=column_now)
    card_file: Mapped[CardFile] = relationship(back_populates="imported")


class CardFileAlias(Base):
    """A second finding of a file that is known: the same content on the same card, dated by another clock or zone."""

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
    """The entry of the same manifest that this proxy or thumbnail belongs to."""
    early: Mapped[bool] = mapped_column()
    """Asked for in the first round, since a code may be in it: small videos and proxies."""
    state: Mapped[str] = mapped_column(String(16))
    error_code: Mapped[str | None] = mapped_column(String(32))
    error_detail: Mapped[str | None] = mapped_column(Text)
    changed_at: Mapped[datetime] = mapped_column(UtcMoment, default=column_now, onupdate=column_now)
    file: Mapped[CardFile] = relationship()


class QrReading(Base):
    """What looking for a code in a file gave. Looked at once; content does not change."""

    __tablename__ = "qr_reading"
    card_file_id: Mapped[int] = mapped_column(ForeignKey("card_file.card_file_id"), primary_key=True)
    reading: Mapped[dict[str, Any]] = mapped_column(JSON)
    """A `stinercut.codes.reading.Reading`, as JSON."""
    read_at: Mapped[datetime] = mapped_column(UtcMoment, default=column_now)


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


class Film(Base):
    """A finished film that passed its checks. The newest of a jump is the one shown."""

    __tablename__ = "film"
    film_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    jump_key: Mapped[str] = mapped_column(ForeignKey("jump.jump_key"), index=True)
    version: Mapped[str] = mapped_column(String(32))
    """The jump's wanted version that this film has."""
    file_name: Mapped[str] = mapped_column(String(255))
    passenger_name: Mapped[str] = mapped_column(String(80))
    template: Mapped[str] = mapped_column(String(64))
    template_fingerprint: Mapped[str] = mapped_column(String(32))
    template_noted: Mapped[str | None] = mapped_column(String(128))
    """The data version of the template that Dagster's lineage noted for this film; None for older films."""
    aspects: Mapped[dict[str, str] | None] = mapped_column(JSON)
    """Fingerprints of what the template said about clips, drawings and sound; None for older films."""
    drawn_seconds: Mapped[float | None] = mapped_column(Float)
    filmed_seconds: Mapped[float | None] = mapped_column(Float)
    """How much of all its outputs is drawn, and how much shows footage. None for older films."""
    spent_per_second: Mapped[float | None] = mapped_column(Float)
    """Seconds of work that one encoded second cost; None when every part was there already."""
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


class Decision(Base):
    """What a person decided about a jump. Only ever added to."""

    __tablename__ = "decision"
    decision_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    at: Mapped[datetime] = mapped_column(UtcMoment, default=column_now)
    who: Mapped[str] = mapped_column(String(80))
    what: Mapped[str] = mapped_column(String(16))
    """One of `stinercut.review.decisions.What`, or `template` or `cut` (`stinercut.review.wishes`)."""
    jump_key: Mapped[str] = mapped_column(ForeignKey("jump.jump_key"), index=True)
    """The jump as it is called after the decision."""
    from_jump: Mapped[str | None] = mapped_column(String(128), index=True)
    """The jump that the files were in before, where that was another one."""
    card_file_id: Mapped[int | None] = mapped_column(ForeignKey("card_file.card_file_id"))
    """The file that it is about, where it is about one."""
    before: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    after: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    """Jump, passenger and booking; `files` are the card file ids that the decision put there."""


class Step(Base):
    """How far a step of a jump or card is, for people who watch. Dagster's event log holds the history."""

    __tablename__ = "step"
    subject: Mapped[str] = mapped_column(String(128), primary_key=True)
    """A jump key or card id."""
    step: Mapped[str] = mapped_column(String(96), primary_key=True)
    label: Mapped[str] = mapped_column(String(255))
    """What it is called, in a row that a release before messages wrote. `row_messages` reads and writes both."""
    label_parts: Mapped[list[dict[str, Any]] | None] = mapped_column(JSON)
    """What it is called, as messages; None in rows of before."""
    position: Mapped[int] = mapped_column(Integer, default=0)
    status: Mapped[str] = mapped_column(String(16))
    progress: Mapped[float] = mapped_column(Float, default=0.0)
    seconds: Mapped[float | None] = mapped_column(Float)
    message: Mapped[str] = mapped_column(Text, default="")
    """The sentence of a row that a release before messages wrote. `row_messages` reads and writes both."""
    message_parts: Mapped[list[dict[str, Any]] | None] = mapped_column(JSON)
    """What it says, as messages (`stinercut.language.messages`); None in rows of before."""
    failure: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    """What it failed with, as `stinercut.failures.FailureRecord` has it; None where it did not fail."""
    run_id: Mapped[str | None] = mapped_column(String(64))
    changed_at: Mapped[datetime] = mapped_column(UtcMoment, default=column_now, index=True)


class Event(Base):
    """The outbox: what happened, in order, for everybody who watches."""

    __tablename__ = "event"
    event_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    at: Mapped[datetime] = mapped_column(UtcMoment, default=column_now)
    type: Mapped[str] = mapped_column(String(48))
    card_id: Mapped[str | None] = mapped_column(String(64))
    jump_key: Mapped[str | None] = mapped_column(String(128))
    data: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
