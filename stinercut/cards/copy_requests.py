"""Copy requests: which files the hub asks a card for, and in which order.

Owns: choosing the next request, and finding requests without an answer. Not here: sending them (`hub.cards.socket`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from stinercut.catalog.models import CardFile, EntryState, Insertion, JumpFile, ManifestEntry
from stinercut.jumps import jumps
from stinercut.protocol import FileKind


@dataclass(frozen=True)
class CopyCandidate:
    """A new file of a manifest, with the values that choosing the next request needs."""

    file_id: str
    kind: FileKind
    early: bool
    modified: datetime
    name: str
    jump_key: str | None
    """The jump to which it belongs, once that is known."""
    identified: bool
    """Whether that jump has a passenger."""


def plan_requests(wanted: Iterable[CopyCandidate]) -> list[str]:
    """The file ids to ask a detector for now, in order.

    Small files come first, because the QR films are among them; then the low-resolution proxies; then the files of
    known jumps, jump by jump in the order of filming, passengers before unidentified ones. Of each jump the videos come
    before the photos: work on a clip begins when it arrives. A large file or photo that belongs to no jump yet waits
    until the small files were read.
    """
    by_time = sorted(wanted, key=lambda file: (file.modified, file.name))
    small = [file for file in by_time if file.early and file.kind is FileKind.VIDEO]
    proxies = [file for file in by_time if file.early and file.kind is FileKind.PROXY]
    begun: dict[str, int] = {}
    for file in by_time:
        if file.jump_key is not None:
            begun.setdefault(file.jump_key, len(begun))
    sorted_large = sorted(
        (file for file in by_time if not file.early and file.jump_key is not None),
        key=lambda file: (
            not file.identified,
            begun[file.jump_key or ""],
            file.kind is FileKind.PHOTO,
            file.modified,
            file.name,
        ),
    )
    return [file.file_id for file in (*small, *proxies, *sorted_large)]


def take_requests(session: Session, insertion: Insertion) -> list[str]:
    """Choose the files of an insertion to ask for now and mark them as requested. Empty without new files.

    Nothing is asked for before the manifest is complete, or while the card is out.
    """
    if insertion.listed_at is None or insertion.removed_at is not None:
        return []
    may_be_asked_for = (
        ManifestEntry.insertion_id == insertion.insertion_id,
        ManifestEntry.state == EntryState.NEW,
        ManifestEntry.early.is_(True)
        | select(JumpFile.jump_key)
        .where(JumpFile.card_file_id == ManifestEntry.card_file_id)
        .correlate(ManifestEntry)
        .exists(),
    )
    rows = session.execute(
        select(
            ManifestEntry.file_id,
            CardFile.kind,
            ManifestEntry.early,
            CardFile.modified,
            CardFile.name,
            JumpFile.jump_key,
            jumps.is_identified(),
        )
        .join(CardFile, CardFile.card_file_id == ManifestEntry.card_file_id)
        .outerjoin(JumpFile, JumpFile.card_file_id == ManifestEntry.card_file_id)
        .outerjoin(jumps.Jump, jumps.Jump.jump_key == JumpFile.jump_key)
        .where(*may_be_asked_for)
    ).all()
    wanted = [
        CopyCandidate(file_id, FileKind(kind), early, modified, name, jump_key, bool(identified))
        for file_id, kind, early, modified, name, jump_key, identified in rows
    ]
    chosen = plan_requests(wanted)
    if chosen:
        session.execute(
            update(ManifestEntry)
            .where(*may_be_asked_for)
            .values(state=EntryState.REQUESTED)
            .execution_options(synchronize_session=False)
        )
    return chosen


def open_requests(session: Session, detector_id: str) -> list[tuple[str, list[str]]]:
    """Requests that a detector has not answered: (insertion id, file ids in the order of asking).

    With these, a request that was lost in a broken connection is sent again. A detector ignores requests that it has.
    """
    rows = session.execute(
        select(ManifestEntry.insertion_id, ManifestEntry.file_id)
        .join(Insertion, Insertion.insertion_id == ManifestEntry.insertion_id)
        .join(CardFile, CardFile.card_file_id == ManifestEntry.card_file_id)
        .where(
            Insertion.detector_id == detector_id,
            Insertion.removed_at.is_(None),
            ManifestEntry.state == EntryState.REQUESTED,
        )
        .order_by(Insertion.inserted_at, ManifestEntry.early.desc(), CardFile.modified, CardFile.name)
    )
    out: dict[str, list[str]] = {}
    for insertion_id, file_id in rows:
        out.setdefault(insertion_id, []).append(file_id)
    return list(out.items())


def insertions_with_new_files(session: Session, detector_ids: Iterable[str]) -> list[tuple[str, str]]:
    """Cards that are in at these detectors and have files that nobody asked for: (detector id, insertion id)."""
    rows = session.execute(
        select(Insertion.detector_id, Insertion.insertion_id)
        .where(
            Insertion.detector_id.in_(list(detector_ids)),
            Insertion.removed_at.is_(None),
            Insertion.listed_at.is_not(None),
            select(ManifestEntry.file_id)
            .where(ManifestEntry.insertion_id == Insertion.insertion_id, ManifestEntry.state == EntryState.NEW)
            .exists(),
        )
        .order_by(Insertion.inserted_at)
    )
    return [(detector_id, insertion_id) for detector_id, insertion_id in rows]
