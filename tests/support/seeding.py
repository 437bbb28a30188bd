"""Jumps whose footage is here, without a card: rows in the catalog and objects in the store, as the hub writes them.

Owns: the starting point of tests and benches of production. Not here: footage itself (`footage`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from stinercut.cards import insertions
from stinercut.catalog import Catalog
from stinercut.protocol import FileCopied
from stinercut.storage.store import Store, hash_file, sync_file
from support import heard
from support.cataloguing import ask, entry, passenger, put_in, record


def into_store(store: Store, content: bytes) -> str:
    """Put these bytes into the store. Returns their hash."""
    partial = store.partial_path()
    partial.parent.mkdir(parents=True, exist_ok=True)
    partial.write_bytes(content)
    sync_file(partial)
    named = hash_file(partial)
    store.add_object(partial, named)
    return named


def jump_with(catalog: Catalog, store: Store, number: int, clips: Sequence[Path], name: str) -> str:
    """A jump of that passenger on a card of its own, with a code and these clips, all here. Returns its key."""
    insertion, card = f"in-{number}", f"card-{number}"
    contents = [f"a film of code {number}".encode(), *(clip.read_bytes() for clip in clips)]
    files = [entry(f"GX{n:02}{number:04}.MP4", len(content), minute=n) for n, content in enumerate(contents)]
    put_in(catalog, insertion, files, card)
    ask(catalog, insertion)
    for file, content in zip(files, contents, strict=True):
        named = into_store(store, content)
        with catalog.write() as session:
            heard.record_copied(
                session,
                FileCopied(insertion_id=insertion, file_id=file.file_id, content_hash=named, size=file.size),
            )
    [key] = record(catalog, insertion, passenger(name, f"B-{number}"), files[:1], files[1:])
    with catalog.write() as session:
        # Whose they are is known; what stands for a film of a code would only be read in vain.
        insertions.require_insertion(session, insertion).identify_key = None
    return key
