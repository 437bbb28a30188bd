"""Cards that went in, their manifests, and what is asked for from them.

Lives here: recording what a detector reports, marking what is known already, choosing what to ask for next, and
telling when a card's new files can be identified. Doesn't: how the files fall into jumps (`stinercut.sessions`).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from stinercut.catalog import events, jumps
from stinercut.catalog.models import (
    Card,
    CardFile,
    EntryState,
    ImportedFile,
    Insertion,
    JumpFile,
    ManifestEntry,
    now,
)
from stinercut.errors import NotFound
from stinercut.protocol import CopyError, ErrorCode, FileCopied, FileEntry, FileKind, FileList, Inserted, Progress
from stinercut.store import key_of

_OPEN = (EntryState.NEW, EntryState.REQUESTED)
_CARD_IS_OUT = (ErrorCode.CARD_REMOVED, ErrorCode.STALE_INSERT)


@dataclass(frozen=True)
class Wanted:
    """A new file of a manifest, as far as choosing the next request needs it."""

    file_id: str
    kind: FileKind
    early: bool
    modified: datetime
    name: str
    jump_key: str | None
    """The jump it was found to belong to, once that is known."""
    identified: bool
    """Whether that jump has a passenger."""


def plan_requests(wanted: Iterable[Wanted]) -> list[str]:
    """What to ask a detector for now, in order: file ids.

    Small files first, because the QR films are among them; then the low-resolution proxies; then what is known to
    belong to a jump, jump by jump in the order they were filmed, passengers before unidentified ones. A large file
    that belongs to no jump yet waits until the small ones were read.
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
        key=lambda file: (not file.identified, begun[file.jump_key or ""], file.modified, file.name),
    )
    return [file.file_id for file in (*small, *proxies, *sorted_large)]


def record_insertion(session: Session, detector_id: str, message: Inserted) -> None:
    """A card went in. Recording the same message again changes nothing."""
    if session.get(Insertion, message.insertion_id) is not None:
        return
    card = session.get(Card, message.card.card_id)
    if card is None:
        session.add(Card(card_id=message.card.card_id, label=message.card.label, kind=message.card.kind))
        session.flush()
    else:
        card.label = message.card.label
    # A card is in one reader at a time: an older insertion still open was cut short without a word.
    session.execute(
        update(Insertion)
        .where(Insertion.card_id == message.card.card_id, Insertion.removed_at.is_(None))
        .values(removed_at=now(), identify_key=None)
    )
    session.add(
        Insertion(
            insertion_id=message.insertion_id,
            card_id=message.card.card_id,
            detector_id=detector_id,
            inserted_at=message.inserted_at.astimezone(),
            chunks_seen=[],
        )
    )
    events.append(session, "card:inserted", card_id=message.card.card_id, label=message.card.label)


def record_file_list(session: Session, message: FileList, small_file_limit: int) -> bool:
    """A piece of a manifest. Returns True once the manifest is complete. A piece may come twice.

    Videos below `small_file_limit` bytes and proxies are marked as early: codes are looked for in them.
    """
    insertion = require_insertion(session, message.insertion_id)
    if message.index in insertion.chunks_seen:
        return insertion.listed_at is not None
    _add_entries(session, insertion, message.files, small_file_limit)
    insertion.chunks_seen = [*insertion.chunks_seen, message.index]
    insertion.chunks_total = message.total
    if len(insertion.chunks_seen) < message.total:
        return False
    insertion.listed_at = now()
    session.flush()
    refresh_identify_key(session, insertion)
    data: dict[str, Any] = {**_counts(session, insertion.insertion_id)}
    events.append(session, "card:file_list", card_id=insertion.card_id, **data)
    return True


def _floored(moment: datetime) -> datetime:
    # FAT stores times in steps of two seconds; the same file read through another driver may show the odd one.
    return moment.replace(second=moment.second - moment.second % 2, microsecond=0, tzinfo=None)


def _identity(folder: str, name: str, size: int, modified: datetime) -> tuple[str, str, int, datetime]:
    fold = unicodedata.normalize("NFC", f"{folder}/{name}").casefold()
    return (fold, "", size, _floored(modified))


def _add_entries(session: Session, insertion: Insertion, files: Sequence[FileEntry], small_file_limit: int) -> None:
    """Insert a piece's entries, each with its state. Three statements however long the list is."""
    known = {
        _identity(row.folder, row.name, row.size, row.modified): (row.card_file_id, row.content_hash is not None)
        for row in session.execute(
            select(
                CardFile.folder,
                CardFile.name,
                CardFile.size,
                CardFile.modified,
                CardFile.card_file_id,
                ImportedFile.content_hash,
            )
            .outerjoin(ImportedFile)
            .where(CardFile.card_id == insertion.card_id)
        )
    }
    fresh: dict[tuple[str, str, int, datetime], FileEntry] = {}
    for file in files:
        key = _identity(file.folder, file.name, file.size, file.modified)
        if key not in known:
            fresh.setdefault(key, file)
    if fresh:
        rows = session.execute(
            insert(CardFile).returning(CardFile.card_file_id, sort_by_parameter_order=True),
            [_card_file(insertion.card_id, file) for file in fresh.values()],
        ).scalars()
        known.update({key: (row, False) for key, row in zip(fresh, rows, strict=True)})
    entries: list[dict[str, object]] = []
    for file in files:
        card_file_id, imported = known[_identity(file.folder, file.name, file.size, file.modified)]
        entries.append(
            {
                "insertion_id": insertion.insertion_id,
                "file_id": file.file_id,
                "card_file_id": card_file_id,
                "main_file_id": file.main_file_id,
                "early": _is_early(file.kind, file.size, small_file_limit),
                "state": _first_state(file.kind, imported),
                "bytes_done": 0,
            }
        )
    if entries:
        session.execute(insert(ManifestEntry), entries)


def _card_file(card_id: str, file: FileEntry) -> dict[str, object]:
    return {
        "card_id": card_id,
        "folder": file.folder,
        "name": file.name,
        "size": file.size,
        "modified": _floored(file.modified),
        "kind": file.kind.value,
        "recording": file.recording,
        "chapter": file.chapter,
    }


def _first_state(kind: FileKind, imported: bool) -> str:
    if imported:
        return EntryState.KNOWN
    return EntryState.NEW if kind in (FileKind.VIDEO, FileKind.PROXY) else EntryState.SKIPPED


def _is_early(kind: FileKind, size: int, small_file_limit: int) -> bool:
    return kind is FileKind.PROXY or (kind is FileKind.VIDEO and size < small_file_limit)


def take_requests(session: Session, insertion_id: str) -> list[str]:
    """Choose what to ask for now and mark it as requested. Empty when there is nothing new to ask for."""
    rows = session.execute(
        select(ManifestEntry, CardFile, JumpFile.jump_key, jumps.is_identified())
        .join(CardFile, CardFile.card_file_id == ManifestEntry.card_file_id)
        .outerjoin(JumpFile, JumpFile.card_file_id == ManifestEntry.card_file_id)
        .outerjoin(jumps.Jump, jumps.Jump.jump_key == JumpFile.jump_key)
        .where(ManifestEntry.insertion_id == insertion_id, ManifestEntry.state == EntryState.NEW)
    ).all()
    wanted = [
        Wanted(entry.file_id, FileKind(file.kind), entry.early, file.modified, file.name, jump_key, bool(identified))
        for entry, file, jump_key, identified in rows
    ]
    chosen = plan_requests(wanted)
    if chosen:
        session.execute(
            update(ManifestEntry)
            .where(ManifestEntry.insertion_id == insertion_id, ManifestEntry.file_id.in_(chosen))
            .values(state=EntryState.REQUESTED)
        )
    return chosen


def record_copied(session: Session, message: FileCopied) -> None:
    """A file is durable in the store. Recording it twice changes nothing."""
    entry = _require_entry(session, message.insertion_id, message.file_id)
    if session.get(ImportedFile, entry.card_file_id) is None:
        session.add(ImportedFile(card_file_id=entry.card_file_id, content_hash=message.content_hash, size=message.size))
    if entry.state == EntryState.COPIED:
        return
    entry.state, entry.bytes_done = EntryState.COPIED, message.size
    entry.error_code = entry.error_detail = None
    session.flush()
    insertion = require_insertion(session, message.insertion_id)
    refresh_identify_key(session, insertion)
    jumps.refresh_jump_of_file(session, entry.card_file_id)
    events.append(
        session,
        "card:file_copied",
        card_id=insertion.card_id,
        file=entry.file.name,
        size=message.size,
        content_hash=message.content_hash,
    )


def record_copy_error(session: Session, message: CopyError) -> None:
    """A file could not be copied this time. It stays on the card's page until a later insertion brings it."""
    entry = _require_entry(session, message.insertion_id, message.file_id)
    if entry.state == EntryState.COPIED:
        return
    # A card that was pulled out is a wait, not a failure: it will be in again.
    entry.state = EntryState.NEW if message.code in _CARD_IS_OUT else EntryState.FAILED
    entry.error_code, entry.error_detail = message.code.value, message.detail
    session.flush()
    insertion = require_insertion(session, message.insertion_id)
    refresh_identify_key(session, insertion)
    events.append(
        session,
        "card:copy_error",
        card_id=insertion.card_id,
        file=entry.file.name,
        code=message.code.value,
        detail=message.detail,
    )


def record_progress(session: Session, message: Progress) -> None:
    """How far a copy is."""
    session.execute(
        update(ManifestEntry)
        .where(
            ManifestEntry.insertion_id == message.insertion_id,
            ManifestEntry.file_id == message.file_id,
            ManifestEntry.state == EntryState.REQUESTED,
        )
        .values(bytes_done=message.bytes_done, changed_at=now())
    )


def record_removed(session: Session, insertion_id: str) -> None:
    """A card is out. What was still to come waits for the next time it is in."""
    insertion = require_insertion(session, insertion_id)
    if insertion.removed_at is not None:
        return
    insertion.removed_at = now()
    session.execute(
        update(ManifestEntry)
        .where(ManifestEntry.insertion_id == insertion_id, ManifestEntry.state == EntryState.REQUESTED)
        .values(state=EntryState.NEW)
    )
    events.append(session, "card:removed", card_id=insertion.card_id)


def require_insertion(session: Session, insertion_id: str) -> Insertion:
    """The insertion, or NotFound."""
    insertion = session.get(Insertion, insertion_id)
    if insertion is None:
        raise NotFound(f"no card was put in under the id {insertion_id}")
    return insertion


def _require_entry(session: Session, insertion_id: str, file_id: str) -> ManifestEntry:
    entry = session.get(ManifestEntry, (insertion_id, file_id))
    if entry is None:
        raise NotFound(f"the manifest of insertion {insertion_id} has no file {file_id}")
    return entry


def refresh_identify_key(session: Session, insertion: Insertion) -> None:
    """Say whether this insertion has files to identify now: set or clear `identify_key`.

    It has, when its manifest is complete, no small file or proxy of it is still to come, and a video of it belongs to
    no jump yet. The key names just that set of files, so that one set is identified once.
    """
    insertion.identify_key = None
    if insertion.listed_at is None:
        return
    if _early_files_open(session, insertion.insertion_id):
        return
    loose = loose_files(session, insertion.insertion_id)
    if loose:
        insertion.identify_key = key_of(insertion.insertion_id, *sorted(loose))


def _early_files_open(session: Session, insertion_id: str) -> bool:
    return bool(
        session.execute(
            select(ManifestEntry.file_id)
            .where(
                ManifestEntry.insertion_id == insertion_id,
                ManifestEntry.early.is_(True),
                ManifestEntry.state.in_(_OPEN),
            )
            .limit(1)
        ).first()
    )


def loose_files(session: Session, insertion_id: str) -> list[int]:
    """The videos of a manifest that belong to no jump yet: card file ids."""
    return list(
        session.execute(
            select(ManifestEntry.card_file_id)
            .join(CardFile, CardFile.card_file_id == ManifestEntry.card_file_id)
            .outerjoin(JumpFile, JumpFile.card_file_id == ManifestEntry.card_file_id)
            .where(
                ManifestEntry.insertion_id == insertion_id,
                CardFile.kind == FileKind.VIDEO,
                JumpFile.jump_key.is_(None),
            )
        ).scalars()
    )


def _counts(session: Session, insertion_id: str) -> dict[str, int]:
    states = (
        session.execute(select(ManifestEntry.state).where(ManifestEntry.insertion_id == insertion_id)).scalars().all()
    )
    known = sum(state == EntryState.KNOWN for state in states)
    skipped = sum(state == EntryState.SKIPPED for state in states)
    return {"found": len(states) - skipped, "known": known, "new": len(states) - known - skipped}
