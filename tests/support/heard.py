"""Records a detector's messages about a card, as the hub does: looks the insertion up once, by the message."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from sqlalchemy.orm import Session

from stinercut.cards import copy_requests, copy_results, insertions, manifests, probable_files
from stinercut.cards.insertions import require_insertion
from stinercut.cards.known_files import SeenFile
from stinercut.protocol import CardError, CopyError, FileCopied, FileList, FileSample

IsStored = Callable[[str, int], bool]
SampleOf = Callable[[str, int], str | None]


def _all_stored(_content_hash: str, _size: int) -> bool:
    return True


def record_file_list(
    session: Session, message: FileList, small_file_limit: int, is_stored: IsStored = _all_stored
) -> bool:
    """Record a part of a file list. Returns whether the list is complete now."""
    insertion = require_insertion(session, message.insertion_id)
    return manifests.record_file_list(session, insertion, message, small_file_limit, is_stored)


def record_copied(session: Session, message: FileCopied) -> None:
    """Record that a file is durable in the store."""
    copy_results.record_copied(session, require_insertion(session, message.insertion_id), message)


def record_copy_error(session: Session, message: CopyError) -> None:
    """Record that a file could not be copied."""
    copy_results.record_copy_error(session, require_insertion(session, message.insertion_id), message)


def record_card_error(session: Session, message: CardError) -> None:
    """Record that a card could not be read."""
    insertions.record_card_error(session, require_insertion(session, message.insertion_id), message)


def record_removed(session: Session, insertion_id: str) -> None:
    """Record that a card is out."""
    insertions.record_removed(session, require_insertion(session, insertion_id))


def take_requests(session: Session, insertion_id: str) -> list[str]:
    """The ids of the files to ask for now."""
    return copy_requests.take_requests(session, require_insertion(session, insertion_id))


def same_content(
    session: Session, insertion_id: str, samples: Iterable[FileSample], sample_of: SampleOf
) -> dict[str, SeenFile]:
    """Which files in doubt are the same as known ones."""
    return probable_files.same_content(session, require_insertion(session, insertion_id), samples, sample_of)


def record_samples(
    session: Session, insertion_id: str, samples: Iterable[FileSample], same: Mapping[str, SeenFile]
) -> None:
    """Record what samples tell about files in doubt."""
    probable_files.record_samples(session, require_insertion(session, insertion_id), samples, same)


def give_up_samples(session: Session, insertion_id: str) -> None:
    """Record that a detector takes no samples."""
    probable_files.give_up_samples(session, require_insertion(session, insertion_id))
