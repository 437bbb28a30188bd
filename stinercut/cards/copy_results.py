"""Copy results: files that were copied, or could not be copied.

Owns: recording a detector's messages about copies. Not here: copying (`detector`), the bytes
(`stinercut.storage.store`).
"""

from __future__ import annotations

from sqlalchemy.orm import Session

from stinercut.cards.insertions import record_removed
from stinercut.cards.probable_files import tell_apart
from stinercut.cards.unassigned_files import refresh_identify_key
from stinercut.catalog import events
from stinercut.catalog.models import EntryState, ImportedFile, Insertion, ManifestEntry
from stinercut.catalog.moments import now_in
from stinercut.catalog.row_messages import clear_error, give_error
from stinercut.errors import BadInput, NotFound
from stinercut.failures import without_folders
from stinercut.jumps import jumps
from stinercut.language.messages import Message, with_texts
from stinercut.language.refusal_codes import RefusalCode
from stinercut.protocol import CopyError, ErrorCode, FileCopied, FileKind
from stinercut.protocol.details import said_in

_CARD_IS_OUT = (ErrorCode.CARD_REMOVED, ErrorCode.STALE_INSERT)


def record_copied(session: Session, insertion: Insertion, message: FileCopied) -> None:
    """Record that a file is safe in the store. Recording it twice changes nothing.

    Raises NotFound for an unknown file, BadInput when the size is not the manifest's: then the stored file is not the
    one in the manifest.
    """
    entry = _require_entry(session, insertion, message.file_id)
    if message.size != entry.file.size:
        raise BadInput(
            Message.of(RefusalCode.OTHER_SIZE_COPIED, copied=message.size, size=entry.file.size), file=entry.file.name
        )
    if entry.state == EntryState.COPIED:
        return
    meant, imported = entry.card_file_id, session.get(ImportedFile, entry.card_file_id)
    if imported is not None and imported.content_hash != message.content_hash:
        tell_apart(session, entry)  # A jump may have that row: its content must never be replaced by another.
        session.flush()
        session.refresh(entry)
        imported = None
    if imported is None:
        session.add(ImportedFile(card_file_id=entry.card_file_id, content_hash=message.content_hash, size=message.size))
    else:
        imported.imported_at = now_in(session)
    entry.state = EntryState.COPIED
    clear_error(entry)
    _follow(session, insertion, entry)
    events.append(
        session,
        "card:file_copied",
        card_id=insertion.card_id,
        file=entry.file.name,
        size=message.size,
        content_hash=message.content_hash,
    )
    if meant != entry.card_file_id:
        jumps.refresh_jump_of_file(session, meant)  # That jump no longer waits for this file.


def record_copy_error(session: Session, insertion: Insertion, message: CopyError) -> None:
    """Record that a file could not be copied this time. It stays on the card's page until a later insertion brings it.

    A card that is out is no failure of the file: the card will be in again. So this only ends the insertion.
    """
    entry = _require_entry(session, insertion, message.file_id)
    if message.code in _CARD_IS_OUT:
        record_removed(session, insertion)
        return
    if entry.state in (EntryState.COPIED, EntryState.FAILED):
        return
    entry.state = EntryState.FAILED
    why = tuple(with_texts(part, without_folders) for part in said_in(message))
    give_error(entry, message.code.value, why)
    _follow(session, insertion, entry)
    events.append(
        session,
        "card:copy_error",
        card_id=insertion.card_id,
        file=entry.file.name,
        said={"detail": why},
        code=message.code.value,
    )


def _follow(session: Session, insertion: Insertion, entry: ManifestEntry) -> None:
    """Record what a file's new state means for its card and its jump."""
    session.flush()
    if entry.file.kind != FileKind.PHOTO:  # Photos hold no codes, and there may be thousands of them.
        refresh_identify_key(session, insertion)
    jumps.refresh_jump_of_file(session, entry.card_file_id)


def _require_entry(session: Session, insertion: Insertion, file_id: str) -> ManifestEntry:
    entry = session.get(ManifestEntry, (insertion.insertion_id, file_id))
    if entry is None:
        raise NotFound(Message.of(RefusalCode.NO_FILE_IN_MANIFEST, insertion=insertion.insertion_id, file=file_id))
    return entry
