"""How long the hub takes to answer a large manifest: 10,000 files, half of them known, one in ten small.

    python bench/filter.py [--quick] [--postgres URL]

Through the conversation of a hub process, over its socket, with all rows durable before the answer:

    last piece   from sending the last piece of the file list, the others being acknowledged, to having the request
    at once      from having sent all pieces in one go to having the request: the hub still has most of its work to do
    whole        from sending the first piece to having the request, each sent when the one before was acknowledged

    CPU          processor time of the hub for all pieces, user and system

Without a hub: "told" is every piece looked up and judged, nothing written. Objects are looked for in a real folder, as
the hub does. With `--postgres`, an empty database of your own, the same once more on it.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
from sqlalchemy import delete, select
from sqlalchemy import insert as sql_insert

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from support import heard  # noqa: E402
from support.hubs import Detector, RunningHub, detector, running_hub  # noqa: E402

from stinercut.cards import insertions, seen_files  # noqa: E402
from stinercut.cards.known_files import Facts, FileVerdict, folded, judge  # noqa: E402
from stinercut.catalog import Catalog, migrate  # noqa: E402
from stinercut.catalog.models import CardFile, ImportedFile, ManifestEntry  # noqa: E402
from stinercut.protocol import (  # noqa: E402
    Ack,
    CardLabel,
    CopyRequest,
    FileEntry,
    FileKind,
    FileList,
    Inserted,
    decode,
    encode,
)
from stinercut.protocol.messages import FILES_PER_CHUNK  # noqa: E402
from stinercut.settings import Settings  # noqa: E402
from stinercut.storage.store import Store  # noqa: E402

WANTED_S = 0.1
SMALL_LIMIT = 50_000_000
BEGIN = datetime.now().replace(microsecond=0) - timedelta(days=3)


def files(number: int) -> list[FileEntry]:
    """Videos with sizes of their own, as cameras make them; the code is filmed before nine clips."""
    return [
        FileEntry(
            file_id=f"f{n:05d}",
            folder=f"DCIM/{100 + n // 999}GOPRO",
            name=f"GX01{n % 10000:04d}.MP4",
            size=(8_000_000 if n % 10 == 0 else 60_000_000) + n * 7919 % 40_000_000,
            modified=BEGIN + timedelta(seconds=20 * n),
            kind=FileKind.VIDEO,
            recording=f"{n:05d}",
        )
        for n in range(number)
    ]


def is_known(number: int) -> bool:
    """Every second jump was imported before."""
    return number // 10 % 2 == 0


def pieces(insertion: str, entries: list[FileEntry]) -> list[FileList]:
    """The manifest as it travels."""
    chunks = [entries[start : start + FILES_PER_CHUNK] for start in range(0, len(entries), FILES_PER_CHUNK)]
    return [
        FileList(insertion_id=insertion, index=index, total=len(chunks), files=chunk)
        for index, chunk in enumerate(chunks)
    ]


def inserted(insertion: str) -> Inserted:
    """The card goes in."""
    label = CardLabel(card_id="card", label="GOPRO", kind="volume")
    return Inserted(insertion_id=insertion, card=label, inserted_at=datetime.now(UTC))


def know(catalog: Catalog, store: Store, entries: list[FileEntry]) -> None:
    """Import these files; their objects are sparse files of the right size."""
    with catalog.write() as session:
        insertions.record_insertion(session, "det", inserted("before"))
        for piece in pieces("before", entries):
            heard.record_file_list(session, piece, SMALL_LIMIT)
        heard.record_removed(session, "before")
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


def forget(catalog: Catalog, insertion: str) -> None:
    """Make the new files new again."""
    with catalog.write() as session:
        heard.record_removed(session, insertion)
        session.execute(delete(ManifestEntry).where(ManifestEntry.insertion_id == insertion))
        session.execute(delete(CardFile).where(CardFile.card_file_id.not_in(select(ImportedFile.card_file_id))))


def told(catalog: Catalog, is_stored: seen_files.IsStored, messages: list[FileList]) -> int:
    """How many files are new, without writing anything."""
    new = 0
    with catalog.read() as session:
        for message in messages:
            alike = seen_files.seen_before(session, "card", [file.size for file in message.files], is_stored)
            for file in message.files:
                facts = Facts("card", file.folder, file.name, file.size, file.modified)
                new += judge(facts, alike.get((folded(file.name), file.size), ())).verdict is not FileVerdict.KNOWN
    return new


@dataclass(frozen=True)
class Timed:
    """Seconds; see the head of this file."""

    last_piece: float
    at_once: float
    whole: float
    cpu: float


def _ask(hub: Detector, insertion: str) -> None:
    hub.send(inserted(insertion))
    hub.next(Ack)


def one_by_one(hub: Detector, insertion: str, frames: list[str], expected: int) -> tuple[float, float]:
    """Seconds for the last piece, and for all."""
    _ask(hub, insertion)
    begun = time.perf_counter()
    for frame in frames[:-1]:
        hub.socket.send(frame)
        hub.next(Ack)
    last = time.perf_counter()
    hub.socket.send(frames[-1])
    request = hub.socket.recv(timeout=30), hub.socket.recv(timeout=30)
    ended = time.perf_counter()
    _require(request[1], expected)
    return ended - last, ended - begun


def at_once(hub: Detector, insertion: str, frames: list[str], expected: int) -> float:
    """Seconds after the last piece has gone."""
    _ask(hub, insertion)
    for frame in frames:
        hub.socket.send(frame)
    sent = time.perf_counter()
    answers = [hub.socket.recv(timeout=30) for _ in range(len(frames) + 1)]
    ended = time.perf_counter()
    _require(answers[-1], expected)
    return ended - sent


def _require(frame: str | bytes, expected: int) -> None:
    """Exactly the new small files are asked for."""
    body = decode(frame).body
    if not isinstance(body, CopyRequest) or len(body.file_ids) != expected:
        sys.exit(f"the hub answered with something else: {frame[:200]!r}")


def through_the_hub(data: Path, url: str | None, entries: list[FileEntry], runs: int) -> tuple[float, list[Timed]]:
    """Prepare a catalog, measure what is told, then talk to a hub over it."""
    settings = Settings(data=data, database_url=url)
    migrate(settings.catalog_url)
    catalog, store = Catalog.open(settings.catalog_url), Store(settings.store_dir)
    know(catalog, store, [file for n, file in enumerate(entries) if is_known(n)])
    new = [file for n, file in enumerate(entries) if not is_known(n)]
    messages = pieces("told", entries)
    telling = best(3, lambda: told(catalog, store.has, messages), len(new))
    small = sum(file.size < SMALL_LIMIT for file in new)
    timed: list[Timed] = []
    with running_hub(data, database_url=url, fresh=True) as hub, detector(hub) as socket:
        for run in range(runs):
            each, at = f"each{run}", f"at{run}"
            before = _cpu(hub)
            last, whole = one_by_one(socket, each, [encode(piece) for piece in pieces(each, entries)], small)
            cpu = _cpu(hub) - before
            forget(catalog, each)
            burst = at_once(socket, at, [encode(piece) for piece in pieces(at, entries)], small)
            forget(catalog, at)
            timed.append(Timed(last, burst, whole, cpu))
    catalog.close()
    return telling, timed


def _cpu(hub: RunningHub) -> float:
    return sum(psutil.Process(hub.process.pid).cpu_times()[:2])


def best(runs: int, work: Callable[[], int], expected: int) -> float:
    """The shortest of several runs, in seconds."""
    times: list[float] = []
    for _ in range(runs):
        begun = time.perf_counter()
        found = work()
        times.append(time.perf_counter() - begun)
        if found != expected:
            sys.exit(f"{found} files are new, not {expected}")
    return min(times)


def line(name: str, telling: float, timed: list[Timed]) -> tuple[str, float]:
    """A line of the table (median, and the fastest run in brackets), and the median for the last piece."""
    cells: list[str] = []
    for field in ("last_piece", "at_once", "whole", "cpu"):
        each = [getattr(one, field) for one in timed]
        cells.append(f"{statistics.median(each):7.3f} ({min(each):.3f})")
    return f"{name:12}{telling:7.3f}  {'  '.join(cells)}", statistics.median(one.last_piece for one in timed)


def main() -> int:
    """Measure and print; 1 when the answer takes longer than is wanted."""
    options = argparse.ArgumentParser(description="How long the hub takes to answer a large manifest.")
    options.add_argument("--quick", action="store_true", help="2,000 files and two runs")
    options.add_argument("--postgres", metavar="URL", help="an empty database to measure on as well")
    chosen = options.parse_args()
    number, runs = (2000, 2) if chosen.quick else (10_000, 7)
    entries = files(number)
    print(f"{number} files in pieces of {FILES_PER_CHUNK}, half of them known; seconds, median of {runs} (best)")
    print(f"{'':12}{'told':>7}  {'last piece':>15}  {'at once':>15}  {'whole':>15}  {'CPU':>15}")
    worst = 0.0
    for name, url in (("SQLite", None), ("PostgreSQL", chosen.postgres)):
        if name == "PostgreSQL" and url is None:
            print("PostgreSQL: no --postgres, skipped")
            continue
        with tempfile.TemporaryDirectory() as folder:
            said, seconds = line(name, *through_the_hub(Path(folder), url, entries, runs))
        worst = max(worst, seconds)
        print(said)
    print(f"answered {worst:.3f} s after the last piece came, wanted under {WANTED_S}")
    return 0 if worst < WANTED_S else 1


if __name__ == "__main__":
    sys.exit(main())
