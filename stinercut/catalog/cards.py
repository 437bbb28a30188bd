"""Cards that went in, their manifests, and what is asked for from them.

Lives here: recording what a detector reports, marking what is known already, choosing what to ask for next, and
telling when a card's new files can be identified. Doesn't: how the files fall into jumps (`stinercut.sessions`).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session, joinedload

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
from stinercut.errors import BadInput, NotFound
from stinercut.protocol import CopyError, ErrorCode, FileCopied, FileEntry, FileKind, FileList, Inserted
from stinercut.store import key_of

_OPEN = (EntryState.NEW, EntryState.REQUESTED)
_CARD_IS_OUT = (ErrorCode.CARD_REMOVED, ErrorCode.STALE_INSERT)

IsStored = Callable[[str, int], bool]
"""Says whether an object of that content hash and size lies in the store."""

_Identity = tuple[str, int, datetime]
"""What makes a file of a card the same file when it is seen again: folder and name, size, modification time."""


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
    for older in _open_insertions(session, message.card.card_id):
        _close(session, older)
        older.identify_key = None
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


def record_file_list(
    session: Session, message: FileList, small_file_limit: int, is_stored: IsStored = lambda _hash, _size: True
) -> bool:
    """A piece of a manifest. Returns True once the manifest is complete. A piece may come twice.

    Videos below `small_file_limit` bytes and proxies are marked as early: codes are looked for in them. A file that was
    imported before counts as known while `is_stored` says that its object is still there; otherwise it is fetched
    again. Raises NotFound for an unknown insertion, BadInput for a piece that can't be one.
    """
    insertion = require_insertion(session, message.insertion_id)
    if message.index >= message.total or insertion.chunks_total not in (None, message.total):
        raise BadInput(f"piece {message.index} of {message.total} does not fit the file list of {insertion.card_id}")
    if message.index in insertion.chunks_seen:
        return insertion.listed_at is not None
    _add_entries(session, insertion, message.files, _Rules(small_file_limit, is_stored))
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


def _identity(folder: str, name: str, size: int, modified: datetime) -> _Identity:
    # Drivers differ in the case of short names and in the Unicode form of long ones.
    return (unicodedata.normalize("NFC", f"{folder}/{name}").casefold(), size, _floored(modified))


@dataclass(frozen=True)
class _Rules:
    small_file_limit: int
    is_stored: IsStored


def _files_seen_before(session: Session, card_id: str) -> dict[_Identity, CardFile]:
    """The card's files of all insertions, each with what was imported of it."""
    rows = session.execute(
        select(CardFile).options(joinedload(CardFile.imported)).where(CardFile.card_id == card_id)
    ).scalars()
    return {_identity(file.folder, file.name, file.size, file.modified): file for file in rows}


def _add_entries(session: Session, insertion: Insertion, files: Sequence[FileEntry], rules: _Rules) -> None:
    """Insert a piece's entries, each with its state. Four statements however long the list is."""
    _refuse_double_ids(session, insertion.insertion_id, files)
    seen = _files_seen_before(session, insertion.card_id)
    rows = {identity: file.card_file_id for identity, file in seen.items()}
    fresh: dict[_Identity, FileEntry] = {}
    for file in files:
        identity = _identity(file.folder, file.name, file.size, file.modified)
        if identity not in rows:
            fresh.setdefault(identity, file)
    if fresh:
        made = session.execute(
            insert(CardFile).returning(CardFile.card_file_id, sort_by_parameter_order=True),
            [_card_file(insertion.card_id, file) for file in fresh.values()],
        ).scalars()
        rows.update(zip(fresh, made, strict=True))
    entries: list[dict[str, object]] = []
    for file in files:
        identity = _identity(file.folder, file.name, file.size, file.modified)
        before = seen.get(identity)
        imported = before.imported if before is not None else None
        is_known = imported is not None and rules.is_stored(imported.content_hash, imported.size)
        entries.append(
            {
                "insertion_id": insertion.insertion_id,
                "file_id": file.file_id,
                "card_file_id": rows[identity],
                "main_file_id": file.main_file_id,
                "early": _is_early(file.kind, file.size, rules.small_file_limit),
                "state": _first_state(file.kind, is_known),
            }
        )
    if entries:
        session.execute(insert(ManifestEntry), entries)


def _refuse_double_ids(session: Session, insertion_id: str, files: Sequence[FileEntry]) -> None:
    ids = {file.file_id for file in files}
    taken = session.execute(
        select(ManifestEntry.file_id).where(ManifestEntry.insertion_id == insertion_id, ManifestEntry.file_id.in_(ids))
    ).first()
    if taken is not None or len(ids) != len(files):
        raise BadInput(f"the file list of insertion {insertion_id} names two files with one id")


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


def _first_state(kind: FileKind, is_known: bool) -> str:
    if is_known:
        return EntryState.KNOWN
    return EntryState.NEW if kind in (FileKind.VIDEO, FileKind.PROXY) else EntryState.SKIPPED


def _is_early(kind: FileKind, size: int, small_file_limit: int) -> bool:
    return kind is FileKind.PROXY or (kind is FileKind.VIDEO and size < small_file_limit)


def take_requests(session: Session, insertion_id: str) -> list[str]:
    """Choose what to ask for now and mark it as requested. Empty when there is nothing new to ask for.

    Nothing is asked for before the manifest is complete, nor of a card that is out.
    """
    insertion = require_insertion(session, insertion_id)
    if insertion.listed_at is None or insertion.removed_at is not None:
        return []
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


def open_requests(session: Session, detector_id: str) -> list[tuple[str, list[str]]]:
    """What a detector was asked for and has not answered: (insertion id, file ids in the order of asking).

    A request that a broken connection swallowed is asked again with this; a detector ignores what it has already.
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
    """Cards that are in at these detectors and have files nobody asked for yet: (detector id, insertion id)."""
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


def record_copied(session: Session, message: FileCopied) -> None:
    """A file is durable in the store. Recording it twice changes nothing.

    Raises NotFound for an unknown file, BadInput when the size is not the manifest's: what was stored then is not the
    file that the manifest means.
    """
    entry = _require_entry(session, message.insertion_id, message.file_id)
    if message.size != entry.file.size:
        raise BadInput(f"{message.size} bytes were copied where the card has {entry.file.size}", file=entry.file.name)
    if entry.state == EntryState.COPIED:
        return
    imported = session.get(ImportedFile, entry.card_file_id)
    if imported is None:
        session.add(ImportedFile(card_file_id=entry.card_file_id, content_hash=message.content_hash, size=message.size))
    else:
        imported.content_hash, imported.imported_at = message.content_hash, now()
    entry.state = EntryState.COPIED
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
    """A file could not be copied this time. It stays on the card's page until a later insertion brings it.

    That the card is out is no failure of a file but a wait: it will be in again, so the insertion ends here.
    """
    entry = _require_entry(session, message.insertion_id, message.file_id)
    if message.code in _CARD_IS_OUT:
        record_removed(session, message.insertion_id)
        return
    if entry.state in (EntryState.COPIED, EntryState.FAILED):
        return
    entry.state = EntryState.FAILED
    entry.error_code, entry.error_detail = message.code.value, message.detail
    session.flush()
    insertion = require_insertion(session, message.insertion_id)
    refresh_identify_key(session, insertion)
    jumps.refresh_jump_of_file(session, entry.card_file_id)
    events.append(
        session,
        "card:copy_error",
        card_id=insertion.card_id,
        file=entry.file.name,
        code=message.code.value,
        detail=message.detail,
    )


def record_removed(session: Session, insertion_id: str) -> None:
    """A card is out. What was still to come waits for the next time it is in."""
    insertion = require_insertion(session, insertion_id)
    if insertion.removed_at is not None:
        return
    _close(session, insertion)
    events.append(session, "card:removed", card_id=insertion.card_id)


def _open_insertions(session: Session, card_id: str) -> Sequence[Insertion]:
    return (
        session.execute(select(Insertion).where(Insertion.card_id == card_id, Insertion.removed_at.is_(None)))
        .scalars()
        .all()
    )


def _close(session: Session, insertion: Insertion) -> None:
    insertion.removed_at = now()
    session.execute(
        update(ManifestEntry)
        .where(
            ManifestEntry.insertion_id == insertion.insertion_id,
            ManifestEntry.state == EntryState.REQUESTED,
        )
        .values(state=EntryState.NEW)
    )


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
    insertion.identify_key = insertion.identify_error = None
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
