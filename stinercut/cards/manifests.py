"""Manifests: the list of files of an insertion, each with the state that it begins with.

Owns: recording the pieces of a file list. Not here: files seen before (`seen_files`), the rule that decides which files
are known (`known_files`, pure), which files are asked for (`copy_requests`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from stinercut.cards.known_files import NEVER_SEEN, Facts, FileVerdict, Judgement, SeenFile, floored, folded, judge
from stinercut.cards.seen_files import IsStored, seen_before
from stinercut.cards.unassigned_files import refresh_identify_key
from stinercut.catalog import events
from stinercut.catalog.bulk import Value, insert_rows, table_of
from stinercut.catalog.models import CardFile, EntryState, Insertion, ManifestEntry
from stinercut.catalog.moments import now_in
from stinercut.catalog.row_messages import clear_error
from stinercut.errors import BadInput
from stinercut.language.messages import Message
from stinercut.language.refusal_codes import RefusalCode
from stinercut.protocol import FileEntry, FileKind, FileList
from stinercut.protocol.messages import FILES_PER_CHUNK, MAX_FILES
from stinercut.protocol.small_files import is_small
from stinercut.recordings.photo_names import is_photo

_FOOTAGE = (FileKind.VIDEO, FileKind.PHOTO, FileKind.PROXY)
"""The kinds that are asked for."""


_IDENTITY = ("folder", "name", "size", "modified")
_Exact = tuple[str, str, int, datetime]
"""The values by which a file of a card is found as the same row when it is seen again: folder, name, size, time."""


def record_file_list(
    session: Session,
    insertion: Insertion,
    message: FileList,
    small_file_limit: int,
    is_stored: IsStored = lambda _hash, _size: True,
) -> bool:
    """Record a piece of an insertion's manifest. Returns True once it is complete. A piece may come twice.

    Videos below `small_file_limit` bytes and proxies are marked as early: they may contain codes. A file that was
    imported before counts as known if its object is still stored (`is_stored`); otherwise it is copied again. Raises
    BadInput for an impossible piece.
    """
    if message.index >= message.total or insertion.chunks_total not in (None, message.total):
        card = insertion.card_id
        raise BadInput(Message.of(RefusalCode.PIECE_DOES_NOT_FIT, piece=message.index, pieces=message.total, card=card))
    if message.index in insertion.chunks_seen:
        return insertion.listed_at is not None
    _refuse_too_many(session, insertion, len(message.files))
    _add_entries(session, insertion, message.files, _Rules(small_file_limit, is_stored))
    insertion.chunks_seen = [*insertion.chunks_seen, message.index]
    insertion.chunks_total = message.total
    insertion.passed_over = max(insertion.passed_over, message.passed_over)
    if len(insertion.chunks_seen) < message.total:
        return False
    insertion.listed_at = now_in(session)
    if not insertion.unreadable:  # The whole card was listed after all.
        clear_error(insertion)
    session.flush()
    refresh_identify_key(session, insertion)
    data: dict[str, Any] = {**_counts(session, insertion.insertion_id)}
    events.append(session, "card:file_list", card_id=insertion.card_id, **data)
    return True


@dataclass(frozen=True)
class _Rules:
    small_file_limit: int
    is_stored: IsStored


def _exactly(file: FileEntry) -> _Exact:
    return (folded(file.folder), folded(file.name), file.size, floored(file.modified))


def _add_entries(session: Session, insertion: Insertion, files: Sequence[FileEntry], rules: _Rules) -> None:
    """Insert a piece's entries, each with its state, in a few statements however long the list is."""
    _refuse_impossible(insertion.insertion_id, files)
    card_id = insertion.card_id
    alike = seen_before(session, card_id, (file.size for file in files), rules.is_stored)
    judged = [(file, _judged(card_id, file, alike.get((folded(file.name), file.size)))) for file in files]
    rows = _new_rows(session, card_id, [file for file, judgement in judged if judgement.exact is None])
    entries: list[dict[str, Value]] = [
        {
            "file_id": file.file_id,
            "card_file_id": _row_of(judgement) or rows[_exactly(file)],
            "main_file_id": file.main_file_id,
            "early": _is_early(file.kind, file.size, rules.small_file_limit),
            "state": _first_state(file, judgement.verdict),
        }
        for file, judgement in judged
    ]
    in_all = {"insertion_id": insertion.insertion_id, "changed_at": now_in(session)}
    try:
        insert_rows(session, table_of(ManifestEntry), entries, in_all)
    except IntegrityError:
        raise _two_with_one_id(insertion.insertion_id) from None


def _judged(card_id: str, file: FileEntry, alike: Sequence[SeenFile] | None) -> Judgement:
    return judge(Facts(card_id, file.folder, file.name, file.size, file.modified), alike) if alike else NEVER_SEEN


def _row_of(judgement: Judgement) -> int | None:
    exact = judgement.exact
    if exact is None:
        return None
    is_known_elsewhere = judgement.verdict is FileVerdict.KNOWN and exact.same_as is not None
    return exact.same_as if is_known_elsewhere else exact.card_file_id


def _new_rows(session: Session, card_id: str, files: Iterable[FileEntry]) -> dict[_Exact, int]:
    """Make the rows of files that were never seen. Returns their ids by their identifying values."""
    fresh: dict[_Exact, FileEntry] = {}
    for file in files:
        fresh.setdefault(_exactly(file), file)
    rows = [_card_file(file) for file in fresh.values()]
    made = insert_rows(session, table_of(CardFile), rows, {"card_id": card_id}, ("card_file_id", *_IDENTITY))
    return {(folded(row.folder), folded(row.name), row.size, row.modified): row.card_file_id for row in made}


def _refuse_impossible(insertion_id: str, files: Sequence[FileEntry]) -> None:
    """Raise BadInput for a list that can't be recorded; the protocol refuses single values."""
    if len({file.file_id for file in files}) != len(files):
        raise _two_with_one_id(insertion_id)


def _refuse_too_many(session: Session, insertion: Insertion, more: int) -> None:
    """Raise BadInput if a list grows beyond the limit. The files are counted only if that is possible."""
    at_most = FILES_PER_CHUNK * len(insertion.chunks_seen) + more
    if at_most > MAX_FILES and sum(_states(session, insertion.insertion_id).values()) + more > MAX_FILES:
        raise BadInput(
            Message.of(RefusalCode.TOO_MANY_FILES_ON_CARD, card=insertion.card_id, most=MAX_FILES),
            advice=Message.of(RefusalCode.MOVE_OFF_CARD),
        )


def _two_with_one_id(insertion_id: str) -> BadInput:
    return BadInput(Message.of(RefusalCode.TWO_FILES_OF_ONE_ID, insertion=insertion_id))


def _card_file(file: FileEntry) -> dict[str, Value]:
    return {
        "folder": file.folder,
        "name": file.name,
        "size": file.size,
        "modified": floored(file.modified),
        "kind": kind_of(file).value,
        "recording": file.recording,
        "chapter": file.chapter,
    }


def kind_of(file: FileEntry) -> FileKind:
    """The kind of a file. Detectors of protocol version 1 know no photos: their photos are recognised by name here."""
    return FileKind.PHOTO if file.kind is FileKind.OTHER and is_photo(file.name) else file.kind


def _first_state(file: FileEntry, verdict: FileVerdict) -> str:
    if not file.size:
        return EntryState.SKIPPED  # An empty file: nothing was recorded in it, no code and no clip.
    if verdict is FileVerdict.KNOWN:
        return EntryState.KNOWN
    if kind_of(file) not in _FOOTAGE:
        return EntryState.SKIPPED
    return EntryState.PROBABLE if verdict is FileVerdict.PROBABLE else EntryState.NEW


def _is_early(kind: FileKind, size: int, small_file_limit: int) -> bool:
    """Whether a file is asked for first: small ones of the kinds that may contain a code."""
    return size > 0 and kind in (FileKind.VIDEO, FileKind.PROXY) and is_small(kind, size, small_file_limit)


def _states(session: Session, insertion_id: str) -> dict[str, int]:
    """How many files of an insertion's manifest are in each state."""
    rows = session.execute(
        select(ManifestEntry.state, func.count())
        .where(ManifestEntry.insertion_id == insertion_id)
        .group_by(ManifestEntry.state)
    )
    return {state: files for state, files in rows}


def _counts(session: Session, insertion_id: str) -> dict[str, int]:
    states = _states(session, insertion_id)
    known, skipped = states.get(EntryState.KNOWN, 0), states.get(EntryState.SKIPPED, 0)
    found = sum(states.values()) - skipped
    return {"found": found, "known": known, "new": found - known}
