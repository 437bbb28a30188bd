"""Opens the catalog: SQLite by default, PostgreSQL in production, with the same code for both.

Owns: connection settings, transactions, running the migrations. Not here: any query.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, DataError, NoSuchModuleError
from sqlalchemy.orm import Session

from stinercut.catalog.moments import clock_option
from stinercut.clock import Clock, machine_clock
from stinercut.errors import BadInput, HostNotReady
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message, Said
from stinercut.language.setup_codes import SetupCode

log = logging.getLogger("catalog")

_MIGRATIONS = Path(__file__).parent / "migrations"
_BUSY_MS = 30_000
_KINDS = ("sqlite", "postgresql")
"""Databases by SQLAlchemy's names. It knows others, but nothing here was ever tested with them."""
_WRITE_LOCK = 0x57494E45
"""The number (any constant) of the advisory lock that PostgreSQL's writers take, one after another."""
WRITER_SILENT_S = 60
"""Seconds after which PostgreSQL ends a silent writer that holds the lock. Its machine may have lost power or its
network: the server doesn't learn of that, and everybody else would wait for the lock until TCP gives up, which takes at
least a quarter of an hour. Blocks of `Catalog.write` take milliseconds.
"""
_SERVER_GONE = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 30_000}
"""For libpq: a connection to a vanished server also fails after half a minute."""


@dataclass(frozen=True)
class Catalog:
    """An open catalog. Make one per process with `Catalog.open`; sessions are short."""

    engine: Engine
    clock: Clock = machine_clock
    """The clock for moments in rows, and for code that works with the catalog."""

    @classmethod
    def open(cls, url: str, clock: Clock = machine_clock) -> Catalog:
        """Connect lazily to a migrated catalog (see `migrate`)."""
        engine = _engine(url)
        engine.update_execution_options(**clock_option(clock))
        return cls(engine, clock)

    @contextmanager
    def write(self) -> Generator[Session]:
        """A transaction that commits if the block ends well, and is rolled back otherwise.

        Writers work one after another, on both databases: each takes the write lock at its beginning. A decision such
        as "all files of this jump are here" depends on earlier reads; two writers at once could each miss what the
        other one writes. The lock also makes events commit in the order of their ids. Keep the block short.
        """
        with (
            self.engine.connect().execution_options(stinercut_begin="IMMEDIATE") as connection,
            Session(connection, expire_on_commit=False) as session,
            session.begin(),
        ):
            _lock_writes(session.connection(), WRITER_SILENT_S)
            with _unfit_values_refused():
                yield session

    @contextmanager
    def read(self) -> Generator[Session]:
        """A transaction that sees one state of the catalog and changes nothing."""
        with self.engine.connect() as connection, Session(connection, expire_on_commit=False) as session:
            if connection.dialect.name == "postgresql":
                # By default each statement would see its own state. SQLite's readers see one state from the start.
                connection.execution_options(isolation_level="REPEATABLE READ")
            with _unfit_values_refused():
                yield session

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def migrate(url: str) -> None:
    """Migrate the catalog to this version's tables; make the database file if needed. Safe to call at each start.

    Raises BadInput for an invalid database URL, HostNotReady for a database that can't be opened or is newer than this.
    """
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    where = _parsed(url)
    if where.get_backend_name() == "sqlite" and where.database:
        Path(where.database).parent.mkdir(parents=True, exist_ok=True)
    engine = _engine(url)
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    try:
        with engine.connect().execution_options(stinercut_begin="IMMEDIATE") as connection, connection.begin():
            _lock_writes(connection)
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except DatabaseError as refused:
        advice = Message.of(SetupCode.CHECK_DATA_OR_DATABASE)
        raise no_answer(refused, Message.of(SetupCode.CATALOG_NOT_OPENED), where, advice) from refused
    except CommandError as refused:
        raise HostNotReady(
            Message.of(SetupCode.CATALOG_OF_NEWER, why=str(refused)),
            file=where.render_as_string(hide_password=True),
            advice=Message.of(SetupCode.INSTALL_NEWER_OR_OTHER_FOLDER),
        ) from refused
    finally:
        engine.dispose()


def no_answer(refused: DatabaseError, what: str | Message, where: URL, advice: Said) -> HostNotReady:
    """The error for a database that refuses, in one line, without the password in its address."""
    message = " ".join(str(refused.orig).split())
    said = Message.of(MessageCode.PROGRAM_SAYS, program=what, what=message)
    return HostNotReady(said, file=where.render_as_string(hide_password=True), advice=advice)


@contextmanager
def _unfit_values_refused() -> Generator[None]:
    """Turn the refusal of a value by a database into BadInput: the database would refuse this value every time.

    Each driver has its own error: DataError, or another one before it even asks the database, for a number that is too
    large, a lone surrogate or a NUL.
    """
    try:
        yield
    except (DataError, OverflowError, UnicodeEncodeError) as refused:
        raise _unfit(refused) from refused
    except ValueError as refused:
        if "NUL" not in str(refused):
            raise
        raise _unfit(refused) from refused


def _unfit(refused: Exception) -> BadInput:
    log.info("The catalog takes no such value: %s", type(refused).__name__, exc_info=refused)
    return BadInput(Message.of(SetupCode.CATALOG_TAKES_NO_VALUE))


def _lock_writes(connection: Connection, silent_s: float = 0) -> None:
    """Become the only writer until the transaction ends, or is silent for that many seconds (0: without limit)."""
    if connection.dialect.name == "postgresql":
        connection.execute(
            text("SELECT set_config('idle_in_transaction_session_timeout', :ms, true), pg_advisory_xact_lock(:key)"),
            {"ms": str(round(silent_s * 1000)), "key": _WRITE_LOCK},
        )


def _parsed(url: str) -> URL:
    try:
        where = make_url(url)
        where.get_dialect()
    except (ArgumentError, NoSuchModuleError):
        raise BadInput(
            Message.of(SetupCode.CATALOG_ADDRESS_WRONG), advice=Message.of(SetupCode.POSTGRESQL_FORM)
        ) from None  # Without the address: there may be a password in it.
    kind = where.get_backend_name()
    if kind not in _KINDS:
        raise BadInput(
            Message.of(SetupCode.CATALOG_KIND_WRONG, kind=kind),
            advice=Message.of(SetupCode.POSTGRESQL_FORM),
        )
    return where


def _engine(url: str) -> Engine:
    where = _parsed(url)
    if where.drivername in ("postgresql", "postgres"):
        # SQLAlchemy 2.1 would choose another driver than the one that dagster-postgres installs.
        where = where.set(drivername="postgresql+psycopg2")
    if where.get_backend_name() != "sqlite":
        libpq = where.get_driver_name() in ("psycopg2", "psycopg")
        return create_engine(where, pool_pre_ping=True, connect_args=_SERVER_GONE if libpq else {})
    engine = create_engine(url, connect_args={"timeout": _BUSY_MS / 1000, "check_same_thread": False})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # sqlite3's own transaction handling begins too late for a consistent read and too weakly for a write.
    connection.isolation_level = None
    cursor = connection.cursor()
    _use_write_ahead_log(cursor)
    # FULL: a reported commit survives a power cut, at the price of one fsync per commit.
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
    cursor.close()
    # SQLite's own lower() knows only A to Z; PostgreSQL's knows all letters.
    connection.create_function("lower", 1, _lower, deterministic=True)


def _lower(text: str | None) -> str | None:
    return text.lower() if text is not None else None


def _use_write_ahead_log(cursor: Any) -> None:
    """Switch the database to its write-ahead log, which is off in a new database.

    Two processes that do so at once may get "locked" at once, whatever the busy time-out: SQLite doesn't wait for this
    one lock, since waiting could be a deadlock. Its documentation asks callers to try again.
    """
    deadline = time.monotonic() + _BUSY_MS / 1000
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as refused:
            if "locked" not in str(refused) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


def _begin_sqlite(connection: Any) -> None:
    mode = connection.get_execution_options().get("stinercut_begin", "DEFERRED")
    connection.exec_driver_sql(f"BEGIN {mode}")
