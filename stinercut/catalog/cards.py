"""Cards that went in, their manifests, and what is asked for from them.

Lives here: recording what a detector reports, marking what is known already, choosing what to ask for next, and
telling when a card's new files can be identified. Doesn't: which files are held for known (`known`, a pure rule), how
the files fall into jumps (`stinercut.sessions`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.orm import Session

from stinercut.catalog import events, jumps
from stinercut.catalog.known import Facts, Judgement, Seen, Verdict, floored, folded, judge
from stinercut.catalog.models import (
    Card,
    CardFile,
    CardFileAlias,
    EntryState,
    ImportedFile,
    Insertion,
    JumpFile,
    ManifestEntry,
    now,
)
from stinercut.errors import BadInput, NotFound
from stinercut.protocol import CopyError, ErrorCode, FileCopied, FileEntry, FileKind, FileList, FileSample, Inserted
from stinercut.store import key_of

_OPEN = (EntryState.NEW, EntryState.PROBABLE, EntryState.REQUESTED)
_FOOTAGE = (FileKind.VIDEO, FileKind.PROXY)
_CARD_IS_OUT = (ErrorCode.CARD_REMOVED, ErrorCode.STALE_INSERT)

IsStored = Callable[[str, int], bool]
"""Says whether an object of that content hash and size lies in the store."""

SampleOf = Callable[[str, int], str | None]
"""The sample of an object by content hash and size; None where the store has lost it."""

_Exact = tuple[str, str, int, datetime]
"""What makes a file of a card the same row when it is seen again: folder, name, size, time."""


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


@dataclass(frozen=True)
class _Rules:
    small_file_limit: int
    is_stored: IsStored


_SEEN = (
    CardFile.card_file_id,
    CardFile.card_id,
    CardFile.folder,
    CardFile.name,
    CardFile.size,
    CardFile.modified,
    ImportedFile.content_hash,
    ImportedFile.imported_at,
)


# Made once: to put them together takes longer than to run them.
_SEEN_HERE = (
    select(*_SEEN, CardFileAlias.same_as)
    .outerjoin(ImportedFile, ImportedFile.card_file_id == CardFile.card_file_id)
    .outerjoin(CardFileAlias, CardFileAlias.card_file_id == CardFile.card_file_id)
    .where(CardFile.card_id == bindparam("card_id"), CardFile.size.in_(bindparam("sizes", expanding=True)))
    .order_by(CardFile.card_file_id)
)
_SEEN_ELSEWHERE = (
    select(*_SEEN)
    .join(ImportedFile, ImportedFile.card_file_id == CardFile.card_file_id)
    .where(ImportedFile.size.in_(bindparam("sizes", expanding=True)), CardFile.card_id != bindparam("card_id"))
    .order_by(CardFile.card_file_id)
)

_Alike = Mapping[tuple[str, int], Sequence[Seen]]
"""What was seen before, by folded name and size."""


def seen_before(session: Session, card_id: str, sizes: Iterable[int], is_stored: IsStored) -> _Alike:
    """The files of these sizes that were seen on this card or imported from any, without what the store has lost.

    A row that is another finding of a file which is placed in a jump stands for that file.
    """
    wanted = {"card_id": card_id, "sizes": list(set(sizes))}
    rows = [Seen(*row) for row in session.execute(_SEEN_HERE, wanted)]
    rows = _with_aliases(session, rows)
    rows += [Seen(*row) for row in session.execute(_SEEN_ELSEWHERE, wanted)]
    alike: dict[tuple[str, int], list[Seen]] = defaultdict(list)
    for seen in rows:
        lost = seen.content_hash is not None and not is_stored(seen.content_hash, seen.size)
        alike[folded(seen.name), seen.size].append(seen._replace(content_hash=None) if lost else seen)
    return alike


def _with_aliases(session: Session, rows: list[Seen]) -> list[Seen]:
    """Other findings carry the import of the file they are findings of, while that one is placed in a jump."""
    meant = {seen.same_as for seen in rows if seen.same_as is not None}
    if not meant:
        return rows
    found = session.execute(
        select(ImportedFile.card_file_id, ImportedFile.content_hash, ImportedFile.imported_at)
        .join(JumpFile, JumpFile.card_file_id == ImportedFile.card_file_id)
        .where(ImportedFile.card_file_id.in_(meant))
    )
    imports = {row: (content_hash, imported_at) for row, content_hash, imported_at in found}
    out: list[Seen] = []
    for seen in rows:
        content_hash, imported_at = imports.get(seen.same_as or 0, (seen.content_hash, seen.imported_at))
        is_alias = seen.same_as in imports
        out.append(
            seen._replace(
                content_hash=content_hash, imported_at=imported_at, same_as=seen.same_as if is_alias else None
            )
        )
    return out


def _facts(card_id: str, file: FileEntry) -> Facts:
    return Facts(card_id, file.folder, file.name, file.size, file.modified)


def _exactly(file: FileEntry) -> _Exact:
    return (folded(file.folder), folded(file.name), file.size, floored(file.modified))


def _add_entries(session: Session, insertion: Insertion, files: Sequence[FileEntry], rules: _Rules) -> None:
    """Insert a piece's entries, each with its state. A few statements however long the list is."""
    _refuse_double_ids(session, insertion.insertion_id, files)
    alike = seen_before(session, insertion.card_id, (file.size for file in files), rules.is_stored)
    judged = [
        (file, judge(_facts(insertion.card_id, file), alike.get((folded(file.name), file.size), ()))) for file in files
    ]
    rows = _new_rows(session, insertion.card_id, [file for file, judgement in judged if judgement.exact is None])
    entries: list[dict[str, object]] = [
        {
            "insertion_id": insertion.insertion_id,
            "file_id": file.file_id,
            "card_file_id": _row_of(judgement) or rows[_exactly(file)],
            "main_file_id": file.main_file_id,
            "early": _is_early(file.kind, file.size, rules.small_file_limit),
            "state": _first_state(file.kind, judgement.verdict),
        }
        for file, judgement in judged
    ]
    if entries:
        session.execute(insert(ManifestEntry), entries)


def _row_of(judgement: Judgement) -> int | None:
    exact = judgement.exact
    if exact is None:
        return None
    is_known_elsewhere = judgement.verdict is Verdict.KNOWN and exact.same_as is not None
    return exact.same_as if is_known_elsewhere else exact.card_file_id


def _new_rows(session: Session, card_id: str, files: Iterable[FileEntry]) -> dict[_Exact, int]:
    """Make the rows of files that were never seen; returns them by what makes them the same."""
    fresh: dict[_Exact, FileEntry] = {}
    for file in files:
        fresh.setdefault(_exactly(file), file)
    if not fresh:
        return {}
    made = session.execute(
        insert(CardFile).returning(CardFile.card_file_id, sort_by_parameter_order=True),
        [_card_file(card_id, file) for file in fresh.values()],
    ).scalars()
    return dict(zip(fresh, made, strict=True))


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
        "modified": floored(file.modified),
        "kind": file.kind.value,
        "recording": file.recording,
        "chapter": file.chapter,
    }


def _first_state(kind: FileKind, verdict: Verdict) -> str:
    if verdict is Verdict.KNOWN:
        return EntryState.KNOWN
    if kind not in _FOOTAGE:
        return EntryState.SKIPPED
    return EntryState.PROBABLE if verdict is Verdict.PROBABLE else EntryState.NEW


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


def open_samples(session: Session, detector_id: str) -> list[tuple[str, list[str]]]:
    """Of which files of the cards that are in a detector's sample is waited for: (insertion id, file ids)."""
    rows = session.execute(
        select(Insertion.insertion_id)
        .where(Insertion.detector_id == detector_id, Insertion.removed_at.is_(None), Insertion.listed_at.is_not(None))
        .order_by(Insertion.inserted_at)
    ).scalars()
    waiting = [(insertion_id, files_in_doubt(session, insertion_id)) for insertion_id in rows]
    return [(insertion_id, files) for insertion_id, files in waiting if files]


def files_in_doubt(session: Session, insertion_id: str) -> list[str]:
    """The files of a manifest that only a sample can tell from a known one: file ids, early ones first."""
    return list(
        session.execute(
            select(ManifestEntry.file_id)
            .where(ManifestEntry.insertion_id == insertion_id, ManifestEntry.state == EntryState.PROBABLE)
            .order_by(ManifestEntry.early.desc(), ManifestEntry.file_id)
        ).scalars()
    )


def detector_of(session: Session, insertion_id: str) -> str | None:
    """The detector that put a card in, None for an unknown insertion."""
    return session.execute(
        select(Insertion.detector_id).where(Insertion.insertion_id == insertion_id)
    ).scalar_one_or_none()


def same_content(
    session: Session, insertion_id: str, samples: Iterable[FileSample], sample_of: SampleOf
) -> dict[str, Seen]:
    """Which of the files that are in doubt are the same as one that is known, judged by their samples: by file id.

    Only reads: looking into the store takes its time. Raises NotFound for an unknown insertion.
    """
    card_id = require_insertion(session, insertion_id).card_id
    taken = {one.file_id: one.sample for one in samples if one.sample is not None}
    rows = session.execute(
        select(ManifestEntry.file_id, CardFile)
        .join(CardFile, CardFile.card_file_id == ManifestEntry.card_file_id)
        .where(
            ManifestEntry.insertion_id == insertion_id,
            ManifestEntry.file_id.in_(taken),
            ManifestEntry.state == EntryState.PROBABLE,
        )
    ).all()
    alike = seen_before(session, card_id, (file.size for _, file in rows), lambda _hash, _size: True)
    known: dict[tuple[str, int], str | None] = {}
    found: dict[str, Seen] = {}
    for file_id, file in rows:
        facts = Facts(card_id, file.folder, file.name, file.size, file.modified)
        for seen in judge(facts, alike.get((folded(file.name), file.size), ())).candidates:
            content = (seen.content_hash or "", seen.size)
            if content not in known:
                known[content] = sample_of(*content)
            if known[content] == taken[file_id]:
                found[file_id] = seen
                break
    return found


def record_samples(
    session: Session, insertion_id: str, samples: Iterable[FileSample], same: Mapping[str, Seen]
) -> None:
    """Settle what was in doubt: files in `same` (see `same_content`) are known, the others of `samples` are new.

    Recording the same samples twice changes nothing. Raises NotFound for an unknown insertion.
    """
    insertion = require_insertion(session, insertion_id)
    entries = session.execute(
        select(ManifestEntry).where(
            ManifestEntry.insertion_id == insertion_id,
            ManifestEntry.file_id.in_([one.file_id for one in samples]),
            ManifestEntry.state == EntryState.PROBABLE,
        )
    ).scalars()
    states: Counter[str] = Counter()
    for entry in entries:
        seen = same.get(entry.file_id)
        if seen is None:
            entry.state = EntryState.NEW
            if session.get(ImportedFile, entry.card_file_id) is not None:
                _tell_apart(session, entry)
        else:
            _is_the_same(session, insertion, entry, seen)
            entry.state = EntryState.KNOWN
        states[entry.state] += 1
    if not states:
        return
    session.flush()
    refresh_identify_key(session, insertion)
    data: dict[str, Any] = {"known": states[EntryState.KNOWN], "new": states[EntryState.NEW]}
    events.append(session, "card:file_list", card_id=insertion.card_id, **data, found=states.total())


def give_up_samples(session: Session, insertion_id: str) -> None:
    """A detector takes no samples: what is in doubt is new. Unknown means copy."""
    in_doubt = files_in_doubt(session, insertion_id)
    record_samples(session, insertion_id, [FileSample(file_id=one, sample=None) for one in in_doubt], {})


def _is_the_same(session: Session, insertion: Insertion, entry: ManifestEntry, seen: Seen) -> None:
    """A file's content is known from `seen`: hold on to that, without a second object.

    A file of the same card that is placed in a jump stays where it is, under whatever date it comes back. Any other is
    a finding of its own that shares the object: on another card the code before it may be another one.
    """
    meant = seen.same_as or seen.card_file_id
    mine = session.get(ImportedFile, entry.card_file_id)
    if meant == entry.card_file_id or (mine is not None and mine.content_hash == seen.content_hash):
        return
    if seen.card_id == insertion.card_id and (_is_placed(session, meant) or _is_twin(entry.file, seen)):
        if mine is None and not _is_placed(session, entry.card_file_id):
            session.merge(CardFileAlias(card_file_id=entry.card_file_id, same_as=meant))
        entry.card_file_id = meant
        return
    if mine is not None:
        _tell_apart(session, entry)
    session.add(ImportedFile(card_file_id=entry.card_file_id, content_hash=seen.content_hash, size=seen.size))
    session.flush()
    jumps.refresh_jump_of_file(session, entry.card_file_id)


def _is_placed(session: Session, card_file_id: int) -> bool:
    return session.get(JumpFile, card_file_id) is not None


def _is_twin(file: CardFile, seen: Seen) -> bool:
    """Whether two rows of a card differ in nothing but their content."""
    return (folded(file.folder), floored(file.modified)) == (folded(seen.folder), floored(seen.modified))


def _tell_apart(session: Session, entry: ManifestEntry) -> None:
    """Give an entry a row of its own: its metadata are those of a file that was imported, its content is not."""
    file = session.get_one(CardFile, entry.card_file_id)
    second = file.modified.replace(microsecond=0)
    taken = session.execute(
        select(func.max(CardFile.modified)).where(
            CardFile.card_id == file.card_id,
            CardFile.folder == file.folder,
            CardFile.name == file.name,
            CardFile.size == file.size,
            CardFile.modified.between(second, second + timedelta(microseconds=999_998)),
        )
    ).scalar_one()
    twin = CardFile(
        card_id=file.card_id,
        folder=file.folder,
        name=file.name,
        size=file.size,
        modified=taken + timedelta(microseconds=1),
        kind=file.kind,
        recording=file.recording,
        chapter=file.chapter,
    )
    session.add(twin)
    session.flush()
    entry.card_file_id = twin.card_file_id


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
    if imported is not None and imported.content_hash != message.content_hash:
        _tell_apart(session, entry)  # A jump may hold that row: another content must never take its place.
        session.flush()
        session.refresh(entry)
        imported = None
    if imported is None:
        session.add(ImportedFile(card_file_id=entry.card_file_id, content_hash=message.content_hash, size=message.size))
    else:
        imported.imported_at = now()
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
    rows = session.execute(
        select(ManifestEntry.state, func.count())
        .where(ManifestEntry.insertion_id == insertion_id)
        .group_by(ManifestEntry.state)
    )
    states = {state: files for state, files in rows}
    known, skipped = states.get(EntryState.KNOWN, 0), states.get(EntryState.SKIPPED, 0)
    found = sum(states.values()) - skipped
    return {"found": found, "known": known, "new": found - known}
