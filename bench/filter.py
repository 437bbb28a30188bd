"""How long the hub takes to tell which files of a large manifest are new: 10,000 files, half of them known.

    python bench/filter.py [--quick] [--profile]

Two numbers. "told" (best of several runs) is the answer alone: every piece of the manifest looked up and judged.
"recorded" is all that the hub does for it: the rows of new files and of the manifest written, and each piece committed
with its fsync. Objects are looked for in a real folder, as the hub does.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy import insert as sql_insert

from stinercut.catalog import Catalog, insertions, manifests, migrate, seen
from stinercut.catalog.known import Facts, Verdict, folded, judge
from stinercut.catalog.models import CardFile, EntryState, ImportedFile, ManifestEntry
from stinercut.protocol import CardLabel, FileEntry, FileKind, FileList, Inserted
from stinercut.protocol.messages import FILES_PER_CHUNK
from stinercut.store import Store

SMALL_LIMIT = 50_000_000
BEGIN = datetime.now().replace(microsecond=0) - timedelta(days=3)


def files(number: int) -> list[FileEntry]:
    """Videos with sizes of their own, as cameras make them."""
    return [
        FileEntry(
            file_id=f"f{n:05d}",
            folder=f"DCIM/{100 + n // 999}GOPRO",
            name=f"GX01{n % 10000:04d}.MP4",
            size=60_000_000 + n * 7919 % 900_000_000,
            modified=BEGIN + timedelta(seconds=20 * n),
            kind=FileKind.VIDEO,
            recording=f"{n:05d}",
        )
        for n in range(number)
    ]


def pieces(insertion: str, entries: list[FileEntry]) -> list[FileList]:
    """The manifest as it travels."""
    chunks = [entries[start : start + FILES_PER_CHUNK] for start in range(0, len(entries), FILES_PER_CHUNK)]
    return [
        FileList(insertion_id=insertion, index=index, total=len(chunks), files=chunk)
        for index, chunk in enumerate(chunks)
    ]


def insert(catalog: Catalog, insertion: str) -> None:
    """The card goes in."""
    card = CardLabel(card_id="card", label="GOPRO", kind="volume")
    with catalog.write() as session:
        message = Inserted(insertion_id=insertion, card=card, inserted_at=datetime.now(UTC))
        insertions.record_insertion(session, "det", message)


def know(catalog: Catalog, store: Store, entries: list[FileEntry]) -> None:
    """Import these files; their objects are sparse files of the right size."""
    insert(catalog, "before")
    with catalog.write() as session:
        for piece in pieces("before", entries):
            manifests.record_file_list(session, piece, SMALL_LIMIT)
        insertions.record_removed(session, "before")
        rows = session.execute(select(CardFile.card_file_id, CardFile.size)).all()
        imports = [
            {"card_file_id": row, "content_hash": f"{n * 2654435761 % 2**32:08x}{n:024x}", "size": size}
            for n, (row, size) in enumerate(rows)
        ]
        session.execute(sql_insert(ImportedFile), imports)
    for one in imports:
        path = store.object_path(str(one["content_hash"]))
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as out:
            out.truncate(int(one["size"]))


def told(catalog: Catalog, is_stored: seen.IsStored, messages: list[FileList]) -> int:
    """How many files are new, without writing anything."""
    new = 0
    with catalog.read() as session:
        for message in messages:
            alike = seen.seen_before(session, "card", [file.size for file in message.files], is_stored)
            for file in message.files:
                facts = Facts("card", file.folder, file.name, file.size, file.modified)
                new += judge(facts, alike.get((folded(file.name), file.size), ())).verdict is not Verdict.KNOWN
    return new


def recorded(catalog: Catalog, is_stored: seen.IsStored, messages: list[FileList]) -> int:
    """How many files are new, with all that the hub writes down."""
    for message in messages:
        with catalog.write() as session:
            complete = manifests.record_file_list(session, message, SMALL_LIMIT, is_stored)
    assert complete
    with catalog.read() as session:
        return session.execute(
            select(func.count()).where(
                ManifestEntry.insertion_id == messages[0].insertion_id, ManifestEntry.state == EntryState.NEW
            )
        ).scalar_one()


def best(runs: int, work: Callable[[int], int], expected: int) -> float:
    """The shortest of several runs, in seconds."""
    times: list[float] = []
    for run in range(runs):
        begun = time.perf_counter()
        found = work(run)
        times.append(time.perf_counter() - begun)
        assert found == expected, (found, expected)
    return min(times)


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--quick", action="store_true", help="2,000 files and two runs")
    options.add_argument("--profile", action="store_true", help="where the time goes")
    chosen = options.parse_args()
    number, runs = (2000, 2) if chosen.quick else (10_000, 5)
    entries = files(number)
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'catalog.db'}"
        migrate(url)
        template, store = Catalog.open(url), Store(Path(folder) / "store")
        know(template, store, entries[::2])

        half = number // 2
        print(f"{number} files in pieces of {FILES_PER_CHUNK}, {half} of them known")
        messages = pieces("now", entries)
        profile = cProfile.Profile()
        if chosen.profile:
            profile.enable()
        seconds = best(runs, lambda _run: told(template, store.has, messages), half)
        profile.disable()
        print(f"told      {seconds:6.3f} s")
        insert(template, "now")
        begun = time.perf_counter()
        assert recorded(template, store.has, messages) == half
        print(f"recorded  {time.perf_counter() - begun:6.3f} s")
        if chosen.profile:
            pstats.Stats(profile).sort_stats("tottime").print_stats(15)
        template.close()


if __name__ == "__main__":
    main()
