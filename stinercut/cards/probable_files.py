"""Probable files: only a sample of their content can tell them from known files.

Owns: finding them, comparing samples, and recording the result. Not here: the rule that leaves a doubt (`known_files`),
how a sample is taken (`stinercut.storage.file_samples`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from stinercut.cards.known_files import Facts, SeenFile, floored, folded, judge
from stinercut.cards.seen_files import seen_before
from stinercut.cards.unassigned_files import refresh_identify_key
from stinercut.catalog import events
from stinercut.catalog.models import (
    CardFile,
    CardFileAlias,
    EntryState,
    ImportedFile,
    Insertion,
    JumpFile,
    ManifestEntry,
)
from stinercut.jumps import jumps
from stinercut.protocol import FileSample

SampleOf = Callable[[str, int], str | None]
"""Gives the sample of an object by content hash and size; None if the store has lost the object."""


def files_in_doubt(session: Session, insertion_id: str) -> list[str]:
    """The ids of a manifest's files that only a sample can tell from a known file, early ones first."""
    return list(
        session.execute(
            select(ManifestEntry.file_id)
            .where(ManifestEntry.insertion_id == insertion_id, ManifestEntry.state == EntryState.PROBABLE)
            .order_by(ManifestEntry.early.desc(), ManifestEntry.file_id)
        ).scalars()
    )


def open_samples(session: Session, detector_id: str) -> list[tuple[str, list[str]]]:
    """Files whose samples are expected from a detector, of the cards that are in: (insertion id, file ids)."""
    rows = session.execute(
        select(Insertion.insertion_id)
        .where(Insertion.detector_id == detector_id, Insertion.removed_at.is_(None), Insertion.listed_at.is_not(None))
        .order_by(Insertion.inserted_at)
    ).scalars()
    waiting = [(insertion_id, files_in_doubt(session, insertion_id)) for insertion_id in rows]
    return [(insertion_id, files) for insertion_id, files in waiting if files]


def same_content(
    session: Session, insertion: Insertion, samples: Iterable[FileSample], sample_of: SampleOf
) -> dict[str, SeenFile]:
    """The known file for each file in doubt that has the same content, judged by their samples; by file id.

    It only reads, because looking into the store takes time.
    """
    card_id = insertion.card_id
    taken = {sample.file_id: sample.sample for sample in samples if sample.sample is not None}
    rows = session.execute(
        select(ManifestEntry.file_id, CardFile)
        .join(CardFile, CardFile.card_file_id == ManifestEntry.card_file_id)
        .where(
            ManifestEntry.insertion_id == insertion.insertion_id,
            ManifestEntry.file_id.in_(taken),
            ManifestEntry.state == EntryState.PROBABLE,
        )
    ).all()
    alike = seen_before(session, card_id, (file.size for _, file in rows), lambda _hash, _size: True)
    known: dict[tuple[str, int], str | None] = {}
    found: dict[str, SeenFile] = {}
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
    session: Session, insertion: Insertion, samples: Iterable[FileSample], same: Mapping[str, SeenFile]
) -> None:
    """Settle files in doubt: files in `same` (see `same_content`) are known, the others of `samples` are new.

    Recording the same samples twice changes nothing.
    """
    entries = session.execute(
        select(ManifestEntry).where(
            ManifestEntry.insertion_id == insertion.insertion_id,
            ManifestEntry.file_id.in_([sample.file_id for sample in samples]),
            ManifestEntry.state == EntryState.PROBABLE,
        )
    ).scalars()
    states: Counter[str] = Counter()
    touched: set[int] = set()
    for entry in entries:
        touched.add(entry.card_file_id)
        _settle(session, insertion, entry, same.get(entry.file_id))
        touched.add(entry.card_file_id)
        states[entry.state] += 1
    if not states:
        return
    session.flush()
    refresh_identify_key(session, insertion)
    # Only after all of them are settled: a jump whose photos are in doubt waits for each photo.
    jumps.refresh_jumps_of_files(session, touched)
    data: dict[str, Any] = {"known": states[EntryState.KNOWN], "new": states[EntryState.NEW]}
    events.append(session, "card:file_list", card_id=insertion.card_id, **data, found=states.total())


def give_up_samples(session: Session, insertion: Insertion) -> None:
    """Treat all files in doubt as new, because the detector takes no samples. Unknown means copy."""
    in_doubt = files_in_doubt(session, insertion.insertion_id)
    record_samples(session, insertion, [FileSample(file_id=file_id, sample=None) for file_id in in_doubt], {})


def _settle(session: Session, insertion: Insertion, entry: ManifestEntry, seen: SeenFile | None) -> None:
    """Settle one file in doubt: it is the file `seen`, or new."""
    if seen is not None:
        _is_the_same(session, insertion, entry, seen)
        entry.state = EntryState.KNOWN
        return
    entry.state = EntryState.NEW
    if session.get(ImportedFile, entry.card_file_id) is not None:
        tell_apart(session, entry)


def _is_the_same(session: Session, insertion: Insertion, entry: ManifestEntry, seen: SeenFile) -> None:
    """Record that a file has the content of `seen`, so that the store needs no second object.

    A file of the same card that is placed in a jump stays in that jump, whatever date it has now. Any other file gets a
    separate row that shares the object: on another card, another code may come before it. A file that was placed
    meanwhile keeps its row, too: its jump waits for it.
    """
    meant = seen.same_as or seen.card_file_id
    mine = session.get(ImportedFile, entry.card_file_id)
    if meant == entry.card_file_id or (mine is not None and mine.content_hash == seen.content_hash):
        return
    is_found_again = _is_placed(session, meant) or _is_twin(entry.file, seen)
    is_awaited = mine is None and _is_placed(session, entry.card_file_id)
    if seen.card_id == insertion.card_id and is_found_again and not is_awaited:
        if mine is None:
            session.merge(CardFileAlias(card_file_id=entry.card_file_id, same_as=meant))
        entry.card_file_id = meant
        return
    if mine is not None:
        tell_apart(session, entry)
    session.add(ImportedFile(card_file_id=entry.card_file_id, content_hash=seen.content_hash, size=seen.size))
    session.flush()


def _is_placed(session: Session, card_file_id: int) -> bool:
    return session.get(JumpFile, card_file_id) is not None


def _is_twin(file: CardFile, seen: SeenFile) -> bool:
    """Whether two rows of a card differ only in their content."""
    return (folded(file.folder), floored(file.modified)) == (folded(seen.folder), floored(seen.modified))


def tell_apart(session: Session, entry: ManifestEntry) -> None:
    """Give an entry a separate row: it has the metadata of an imported file, but another content."""
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
