"""The detector's journal: unacknowledged messages, requested files, how far partial files are proven.

Owns: the SQLite file and one method per thing to remember, each a single durable commit. Not here: when to send
(`detector.link`), what to copy next (`offload`). Used from one thread; only one detector at a time can hold a journal.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from detector.card.scan import SourceFile
from detector.copy.resume import Checkpoint
from stinercut.errors import HostNotReady
from stinercut.language.messages import Message
from stinercut.language.setup_codes import SetupCode
from stinercut.protocol import FileCopied, Inserted, Removed, encode, new_message_id
from stinercut.protocol import Message as WireMessage

SCHEMA = """
CREATE TABLE IF NOT EXISTS outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    frame TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS insertion (
    id TEXT PRIMARY KEY,
    card_id TEXT NOT NULL,
    is_in INTEGER NOT NULL DEFAULT 1
);
CREATE TABLE IF NOT EXISTS request (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    insertion_id TEXT NOT NULL REFERENCES insertion (id),
    file_id TEXT NOT NULL,
    relative BLOB NOT NULL,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'wanted' CHECK (state IN ('wanted', 'copied', 'failed')),
    content_hash TEXT,
    UNIQUE (insertion_id, file_id)
);
CREATE TABLE IF NOT EXISTS checkpoint (
    name TEXT NOT NULL,
    length INTEGER NOT NULL,
    digest TEXT NOT NULL,
    card_id TEXT NOT NULL,
    relative BLOB NOT NULL,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    PRIMARY KEY (name, length)
);
"""
INSERTIONS_KEPT = 1000
"""How many past insertions stay known, so that a late request for one of them can be told from an unknown id."""


@dataclass(frozen=True)
class Outgoing:
    """A message that waits for the hub's acknowledgement."""

    seq: int
    message_id: str
    frame: str


@dataclass(frozen=True)
class LeftOver:
    """A file that the hub asked for and that was not copied whole: its card and its looks, to recognise it later."""

    card_id: str
    relative: str
    size: int
    mtime_ns: int


class Journal:
    """The open journal. Every method that changes it is one commit, on the disk when the method returns.

    Such a method raises HostNotReady when the write fails.
    """

    def __init__(self, file: Path) -> None:
        """Open or create the journal. Raises HostNotReady when another detector holds it or it can't be opened."""
        self._file = file
        with self._explained():
            file.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(file, isolation_level=None, timeout=0.5)
            # Exclusive: the lock is held until we close or die, so two detectors can't share one journal.
            self._db.execute("PRAGMA locking_mode=EXCLUSIVE")
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.execute("PRAGMA foreign_keys=ON")
            self._db.executescript(f"BEGIN IMMEDIATE; {SCHEMA} COMMIT;")

    def close(self) -> None:
        """Close the journal and free its lock."""
        self._db.close()

    def put(self, messages: Iterable[WireMessage]) -> None:
        """Keep messages until they are acknowledged, in this order."""
        with self._commit():
            self._put(messages)

    def unacknowledged(self, after: int = 0, limit: int = 100) -> list[Outgoing]:
        """The unacknowledged messages with sequence numbers above `after`, oldest first."""
        rows = self._db.execute("SELECT seq, id, frame FROM outbox WHERE seq > ? ORDER BY seq LIMIT ?", (after, limit))
        return [Outgoing(*row) for row in rows]

    def acknowledged(self, message_id: str) -> None:
        """Forget a message. An unknown message, or one forgotten before, is no error."""
        with self._commit():
            self._db.execute("DELETE FROM outbox WHERE id = ?", (message_id,))

    def card_in(self, message: Inserted) -> None:
        """Remember that a card is in, and tell the hub."""
        with self._commit():
            self._db.execute(
                "INSERT INTO insertion (id, card_id) VALUES (?, ?)", (message.insertion_id, message.card.card_id)
            )
            self._put([message])

    def card_out(self, insertion_id: str) -> None:
        """Drop the files of a card that is out and that were still wanted, and tell the hub."""
        with self._commit():
            self._card_out(insertion_id)

    def knows(self, insertion_id: str) -> bool:
        """Whether there was (or is) such an insertion."""
        return self._db.execute("SELECT 1 FROM insertion WHERE id = ?", (insertion_id,)).fetchone() is not None

    def want(
        self, insertion_id: str, files: Iterable[tuple[str, SourceFile]], is_stored: Callable[[str, int], bool]
    ) -> list[str]:
        """Remember which files the hub asked for, in order. Returns the ids of those to copy now.

        A file that is wanted already isn't returned. A file that failed before is wanted again. If a file was copied
        before (and `is_stored`, by its hash and size), the hub is told so once more.
        """
        fresh: list[str] = []
        with self._commit():
            for file_id, source in files:
                row = self._db.execute(
                    "SELECT state, content_hash FROM request WHERE insertion_id = ? AND file_id = ?",
                    (insertion_id, file_id),
                ).fetchone()
                match row:
                    case None:
                        self._want(insertion_id, file_id, source)
                        fresh.append(file_id)
                    case ("wanted", _):
                        pass
                    case ("copied", content_hash) if is_stored(content_hash, source.size):
                        again = FileCopied(
                            insertion_id=insertion_id, file_id=file_id, content_hash=content_hash, size=source.size
                        )
                        self._put([again])
                    case _:
                        self._set(insertion_id, file_id, "wanted", None)
                        fresh.append(file_id)
        return fresh

    def copied(self, message: FileCopied) -> None:
        """Remember that a file is durable in the store, and tell the hub, in one commit."""
        with self._commit():
            self._set(message.insertion_id, message.file_id, "copied", message.content_hash)
            self._put([message])

    def failed(self, insertion_id: str, file_id: str, message: WireMessage) -> None:
        """Remember that a file was not copied, and tell the hub, in one commit."""
        with self._commit():
            self._set(insertion_id, file_id, "failed", None)
            self._put([message])

    def start_over(self) -> list[LeftOver]:
        """At start: end the insertions of an earlier run and tell the hub. Returns the files still wanted of them."""
        with self._commit():
            rows = self._db.execute(
                "SELECT card_id, relative, size, mtime_ns FROM request JOIN insertion ON insertion.id = insertion_id"
                " WHERE state = 'wanted' AND is_in ORDER BY seq"
            ).fetchall()
            for (insertion_id,) in self._db.execute("SELECT id FROM insertion WHERE is_in ORDER BY rowid").fetchall():
                self._card_out(insertion_id)
        return [LeftOver(card, raw.decode("utf-8", "surrogatepass"), size, when) for card, raw, size, when in rows]

    def checkpoint(self, name: str, file: LeftOver, at: Checkpoint) -> None:
        """Remember what the partial file `name` of `file` holds so far."""
        relative = file.relative.encode("utf-8", "surrogatepass")
        with self._commit():
            self._db.execute(
                "INSERT OR REPLACE INTO checkpoint (name, length, digest, card_id, relative, size, mtime_ns)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (name, at.length, at.digest, file.card_id, relative, file.size, file.mtime_ns),
            )

    def checkpoints(self, file: LeftOver) -> dict[str, list[Checkpoint]]:
        """The partial files of exactly this file of this card, by name, with their checkpoints, shortest first."""
        out: dict[str, list[Checkpoint]] = {}
        for name, length, digest in self._db.execute(
            "SELECT name, length, digest FROM checkpoint"
            " WHERE card_id = ? AND relative = ? AND size = ? AND mtime_ns = ? ORDER BY name, length",
            (file.card_id, file.relative.encode("utf-8", "surrogatepass"), file.size, file.mtime_ns),
        ):
            out.setdefault(name, []).append(Checkpoint(length, digest))
        return out

    def partial_names(self) -> set[str]:
        """The names of all partial files that have checkpoints."""
        return {name for (name,) in self._db.execute("SELECT DISTINCT name FROM checkpoint")}

    def forget_partial(self, name: str) -> None:
        """Drop the checkpoints of a partial file that is gone or worthless."""
        with self._commit():
            self._db.execute("DELETE FROM checkpoint WHERE name = ?", (name,))

    def _card_out(self, insertion_id: str) -> None:
        self._db.execute("UPDATE insertion SET is_in = 0 WHERE id = ?", (insertion_id,))
        self._db.execute("DELETE FROM request WHERE insertion_id = ?", (insertion_id,))
        self._db.execute(
            "DELETE FROM insertion WHERE NOT is_in AND rowid <= (SELECT max(rowid) FROM insertion) - ?",
            (INSERTIONS_KEPT,),
        )
        self._put([Removed(insertion_id=insertion_id)])

    def _want(self, insertion_id: str, file_id: str, source: SourceFile) -> None:
        self._db.execute(
            "INSERT INTO request (insertion_id, file_id, relative, size, mtime_ns) VALUES (?, ?, ?, ?, ?)",
            (
                insertion_id,
                file_id,
                source.relative.encode("utf-8", "surrogatepass"),
                source.size,
                source.mtime_ns,
            ),
        )

    def _set(self, insertion_id: str, file_id: str, state: str, content_hash: str | None) -> None:
        self._db.execute(
            "UPDATE request SET state = ?, content_hash = ? WHERE insertion_id = ? AND file_id = ?",
            (state, content_hash, insertion_id, file_id),
        )

    def _put(self, messages: Iterable[WireMessage]) -> None:
        for message in messages:
            message_id = new_message_id()
            self._db.execute("INSERT INTO outbox (id, frame) VALUES (?, ?)", (message_id, encode(message, message_id)))

    @contextmanager
    def _commit(self) -> Generator[None]:
        with self._explained():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:  # SQLite rolls back by itself when the disk is full.
                    self._db.execute("ROLLBACK")
                raise

    @contextmanager
    def _explained(self) -> Generator[None]:
        try:
            yield
        except (sqlite3.OperationalError, OSError) as refused:
            if "locked" in str(refused):
                stop = Message.of(SetupCode.STOP_OTHER_DETECTOR)
                raise HostNotReady(Message.of(SetupCode.JOURNAL_IN_USE), file=self._file, advice=stop) from None
            what = Message.of(SetupCode.JOURNAL_NOT_WRITABLE, why=str(refused))
            check = Message.of(SetupCode.CHECK_ROOM_AND_RIGHTS)
            raise HostNotReady(what, file=self._file, advice=check) from None
