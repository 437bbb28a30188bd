"""Brings a card's files into store and catalog as hub and detector do, but without their processes and sockets."""

from __future__ import annotations

import shutil
import uuid
from datetime import UTC, datetime
from pathlib import Path

from detector.card.scan import chunked, scan
from stinercut.cards import copy_requests, insertions
from stinercut.catalog import Catalog
from stinercut.protocol import CardLabel, FileCopied, Inserted
from stinercut.settings import Settings
from stinercut.storage.store import Store, hash_file, sync_file
from support import heard


def put_card_in(settings: Settings, folder: Path, card_id: str = "card-test") -> str:
    """An insertion of the folder with its manifest; nothing is copied yet. Returns the insertion id."""
    insertion_id = uuid.uuid4().hex
    label = CardLabel(card_id=card_id, label=folder.name, kind="folder")
    with Catalog.open(settings.catalog_url).write() as session:
        insertions.record_insertion(
            session, "test", Inserted(insertion_id=insertion_id, card=label, inserted_at=datetime.now(UTC))
        )
        for piece in chunked(insertion_id, scan(folder, insertion_id, settings.small_file_limit).entries):
            heard.record_file_list(session, piece, settings.small_file_limit)
    return insertion_id


def copy_requested(settings: Settings, folder: Path, insertion_id: str, most: int | None = None) -> list[str]:
    """Copy the files that would be asked for now, or only the first `most`. Returns their names, in that order."""
    with Catalog.open(settings.catalog_url).write() as session:
        wanted = heard.take_requests(session, insertion_id)
    return _copy(settings, folder, insertion_id, wanted[:most])


def copy_rest(settings: Settings, folder: Path, insertion_id: str, most: int | None = None) -> list[str]:
    """Copy the files that were asked for and did not come yet, or only the first ones. Returns their names."""
    with Catalog.open(settings.catalog_url).read() as session:
        open_ = dict(copy_requests.open_requests(session, "test")).get(insertion_id, [])
    return _copy(settings, folder, insertion_id, open_[:most])


def _copy(settings: Settings, folder: Path, insertion_id: str, wanted: list[str]) -> list[str]:
    catalog, store = Catalog.open(settings.catalog_url), Store(settings.store_dir)
    entries = {entry.file_id: entry for entry in scan(folder, insertion_id, settings.small_file_limit).entries}
    for file_id in wanted:
        entry = entries[file_id]
        partial = store.partial_path()
        shutil.copyfile(folder / entry.folder / entry.name, partial)
        sync_file(partial)
        content = hash_file(partial)
        store.add_object(partial, content)
        with catalog.write() as session:
            heard.record_copied(
                session,
                FileCopied(insertion_id=insertion_id, file_id=file_id, content_hash=content, size=entry.size),
            )
    return [entries[file_id].name for file_id in wanted]
