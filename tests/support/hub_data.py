"""Fills a hub's folders: objects, finished jumps, films and the files next to them.

Owns: writing these files, as detectors and runs do. Not here: the hub itself (`hubs`), a catalog without files
(`cataloguing`).
"""

from __future__ import annotations

from pathlib import Path

from stinercut.catalog import Catalog
from stinercut.films.publishing.outputs_note import NOTE, NOTES, OutputsNote, mark_of
from stinercut.jumps import film_records, jumps
from stinercut.protocol import FileCopied, FileEntry
from stinercut.storage.store import Store, hash_file, sync_file
from support.cataloguing import copy, entry, film, passenger, put_in, record
from support.hubs import RunningHub


def into_store(hub: RunningHub, file: FileEntry, insertion: str) -> FileCopied:
    """Put a file into the hub's store. Returns the message about it."""
    store = Store(hub.settings.store_dir)
    partial = store.partial_path()
    partial.write_bytes(file.file_id.encode().ljust(file.size, b"."))
    sync_file(partial)
    content = hash_file(partial)
    store.add_object(partial, content)
    return FileCopied(insertion_id=insertion, file_id=file.file_id, content_hash=content, size=file.size)


def finished_jump(hub: RunningHub, known: Catalog, card: str, name: str = "Anna Müller") -> tuple[str, Path]:
    """A jump with a film on disk. Returns its key and the film's path."""
    files = [entry(f"{card}-{n}.MP4", 1000 + n, minute=n) for n in range(2)]
    put_in(known, f"in-{card}", files, card)
    copy(known, f"in-{card}", files)
    [key] = record(known, f"in-{card}", passenger(name, card), files[:1], files[1:])
    with known.write() as session:
        version = jumps.take_up(session, key, f"run-{card}").version
        film_records.record_film(session, film(key, version, f"run-{card}", name=name))
    folder = hub.settings.films_dir / key
    folder.mkdir(parents=True)
    (folder / f"{key}.mp4").write_bytes(bytes(range(256)) * 4)
    (folder / "poster.jpg").write_bytes(b"\xff\xd8poster")
    return key, folder / f"{key}.mp4"


def with_outputs(path: Path, names: list[str]) -> dict[str, bytes]:
    """Write files next to a film, and the note that names them, as publishing does. Returns their content."""
    files = {name.format(path.stem): f"{name} ".encode() * 100 for name in names}
    for name, content in files.items():
        (path.parent / name).parent.mkdir(exist_ok=True)
        (path.parent / name).write_bytes(content)
    marks = {name: mark_of(path.parent / name) for name in [path.name, *files]}
    (path.parent / NOTE).write_bytes(NOTES.dump_json(OutputsNote({name: mark for name, mark in marks.items() if mark})))
    return files
