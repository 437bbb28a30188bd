"""Fills a catalog by hand: cards, manifests, copies, sessions, without any file or process."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import select, update

from stinercut.cards import insertions
from stinercut.catalog import Catalog, migrate
from stinercut.catalog.models import CardFile, Film, ImportedFile, Insertion, JumpFile, ManifestEntry
from stinercut.codes.extras import Extras
from stinercut.codes.payload import Payload, make_payload
from stinercut.jumps import jumps
from stinercut.jumps.booking_list import ListedBooking
from stinercut.language.messages import as_written
from stinercut.protocol import CardLabel, CopyError, ErrorCode, FileCopied, FileEntry, FileKind, FileList, Inserted
from support import heard
from support.clocks import filming_day

SMALL_LIMIT = 50_000_000
SMALL = 8_000_000
LARGE = 900_000_000
FILMED_FROM = datetime(2026, 6, 1, 9, 0)
DAY = date(2026, 6, 1)


@contextmanager
def catalog_in(folder: Path) -> Generator[Catalog]:
    """A new catalog for one test or module, on SQLite, with the clock of the tests' cards."""
    catalog = Catalog.open(empty_catalog(folder), filming_day)
    try:
        yield catalog
    finally:
        catalog.close()


def empty_catalog(folder: Path) -> str:
    """URL of a new catalog in a folder, which is made: a copy, since migrating takes longer than most tests."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "catalog.db").write_bytes(_migrated())
    return f"sqlite:///{folder / 'catalog.db'}"


@cache
def _migrated() -> bytes:
    """The content of the file of an empty catalog."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "catalog.db"
        migrate(f"sqlite:///{file}")
        with closing(sqlite3.connect(file)) as connection:
            # In one file, without the write-ahead log beside it.
            connection.execute("PRAGMA journal_mode=DELETE")
        return file.read_bytes()


def entry(
    name: str,
    size: int = SMALL,
    *,
    minute: float = 0,
    kind: FileKind = FileKind.VIDEO,
    folder: str = "DCIM/100GOPRO",
    prefix: str = "f",
    main: str | None = None,
) -> FileEntry:
    """A file of a manifest, filmed that many minutes after nine; its id is made of prefix and name."""
    return FileEntry(
        file_id=f"{prefix}-{name.replace('.', '_')}",
        folder=folder,
        name=name,
        size=size,
        modified=FILMED_FROM + timedelta(minutes=minute),
        kind=kind,
        recording=name,
        main_file_id=main,
    )


def inserted(insertion: str, card: str = "card-1", label: str = "GOPRO") -> Inserted:
    """The message that a card went in."""
    return Inserted(
        insertion_id=insertion,
        card=CardLabel(card_id=card, label=label, kind="folder"),
        inserted_at=filming_day(),
    )


def list_of(insertion: str, files: Sequence[FileEntry], index: int = 0, total: int = 1) -> FileList:
    """A piece of a file list."""
    return FileList(insertion_id=insertion, index=index, total=total, files=list(files))


def put_in(catalog: Catalog, insertion: str, files: Sequence[FileEntry], card: str = "card-1") -> None:
    """A card with a whole manifest of one piece, at detector `det`."""
    with catalog.write() as session:
        insertions.record_insertion(session, "det", inserted(insertion, card))
        heard.record_file_list(session, list_of(insertion, files), SMALL_LIMIT)


def ask(catalog: Catalog, insertion: str) -> list[str]:
    """The ids of the files that the hub asks for now."""
    with catalog.write() as session:
        return heard.take_requests(session, insertion)


def content_of(file: FileEntry) -> str:
    """A content hash of its own for each name and size."""
    return f"{abs(hash((file.name, file.size))):032x}"[-32:]


def copied(insertion: str, file: FileEntry) -> FileCopied:
    """The message that a file is durable."""
    return FileCopied(insertion_id=insertion, file_id=file.file_id, content_hash=content_of(file), size=file.size)


def copy(catalog: Catalog, insertion: str, files: Iterable[FileEntry]) -> None:
    """These files are durable, imported on the day they were filmed."""
    for file in files:
        with catalog.write() as session:
            heard.record_copied(session, copied(insertion, file))
            row = session.get_one(ManifestEntry, (insertion, file.file_id)).card_file_id
            filmed = file.modified.replace(tzinfo=UTC)
            session.execute(
                update(ImportedFile)
                .where(ImportedFile.card_file_id == row)
                .values(imported_at=filmed + timedelta(hours=1))
            )


def failed(insertion: str, file: FileEntry, code: ErrorCode = ErrorCode.SOURCE_IO) -> CopyError:
    """The message that a file could not be copied."""
    return CopyError(insertion_id=insertion, file_id=file.file_id, code=code, detail="it could not be read")


def row_ids(catalog: Catalog, insertion: str, files: Iterable[FileEntry]) -> list[int]:
    """Card file ids of these files of a manifest."""
    with catalog.read() as session:
        rows = session.execute(
            select(ManifestEntry.file_id, ManifestEntry.card_file_id).where(ManifestEntry.insertion_id == insertion)
        )
        found = {file_id: row for file_id, row in rows}
    return [found[file.file_id] for file in files]


def passenger(name: str = "Anna Müller", booking: str = "B-1") -> Payload:
    """An identity."""
    return make_payload(name, booking, DAY)


def record(  # noqa: PLR0917
    catalog: Catalog,
    insertion: str,
    payload: Payload | None,
    qr: Sequence[FileEntry],
    clips: Sequence[FileEntry],
    why: str = "",
) -> list[str]:
    """Record that identification found a session of these files. Returns the keys of the affected jumps."""
    found = jumps.FoundSession(
        payload,
        tuple(row_ids(catalog, insertion, qr)),
        tuple(row_ids(catalog, insertion, clips)),
        next(iter(as_written(why)), None),
    )
    with catalog.write() as session:
        return jumps.record_sessions(session, insertions.require_insertion(session, insertion), [found])


def states(catalog: Catalog, insertion: str) -> dict[str, str]:
    """The state of each file of a manifest, by name."""
    with catalog.read() as session:
        rows = session.execute(
            select(CardFile.name, ManifestEntry.state)
            .join(ManifestEntry, ManifestEntry.card_file_id == CardFile.card_file_id)
            .where(ManifestEntry.insertion_id == insertion)
        )
        return {name: state for name, state in rows}


def is_out(catalog: Catalog, insertion: str) -> bool:
    """Whether the card is out by the catalog."""
    with catalog.read() as session:
        return session.get_one(Insertion, insertion).removed_at is not None


def roles(catalog: Catalog, jump_key: str) -> list[str]:
    """The roles of a jump's files in their order."""
    with catalog.read() as session:
        return list(
            session.execute(
                select(JumpFile.role).where(JumpFile.jump_key == jump_key).order_by(JumpFile.position)
            ).scalars()
        )


def ready_jump(catalog: Catalog, insertion: str = "in-1", card: str = "card-1") -> tuple[str, list[FileEntry]]:
    """A jump with a code and two clips, all here. Returns its key and the files."""
    files = [entry(f"GX01000{n}.MP4", SMALL + n, minute=n) for n in (1, 2, 3)]
    put_in(catalog, insertion, files, card)
    ask(catalog, insertion)
    copy(catalog, insertion, files)
    [key] = record(catalog, insertion, passenger(), files[:1], files[1:])
    return key, files


def film(
    jump_key: str, version: str, run_id: str = "run-1", file_name: str | None = None, name: str = "Anna Müller"
) -> Film:
    """A film's row."""
    return Film(
        jump_key=jump_key,
        version=version,
        file_name=file_name or f"{jump_key}/{jump_key}.mp4",
        passenger_name=name,
        template="bundled",
        template_fingerprint="f" * 32,
        seconds=12.5,
        frames=375,
        size=1000,
        checks=[{"name": "duration", "passed": True, "detail": "12.5 s"}],
        run_id=run_id,
        made_in=9.0,
    )


NO_EXTRAS = Extras()


def listed(*payloads: Payload, contact: Extras = NO_EXTRAS) -> list[ListedBooking]:
    """Rows of an office's list, from its second line on."""
    return [ListedBooking(line, payload, contact) for line, payload in enumerate(payloads, 2)]
