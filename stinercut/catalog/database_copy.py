"""Copies a catalog to another database: from SQLite to PostgreSQL when an installation grows.

Owns: copying every row of every table, and checking that all of them arrived. Not here: whether the stack is down
meanwhile (the command checks that), Dagster's own history (see docs/deploy.md).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import JSON, Connection, Table, func, insert, null, select, text

from stinercut.catalog.engine import Catalog, migrate
from stinercut.catalog.models import Base
from stinercut.errors import BadInput
from stinercut.language.messages import Message
from stinercut.language.setup_codes import SetupCode

BATCH = 1000
"""Rows in one statement."""


def move(source_url: str, target_url: str, on_table: Callable[[str, int], None] | None = None) -> dict[str, int]:
    """Copy the whole catalog. Returns how many rows each table has. The source stays as it is.

    Both are migrated to this version's tables first. All or nothing: the target is filled in one transaction, and its
    rows are counted before the commit. `on_table` is called for each copied table. Raises BadInput if the target isn't
    empty, is the source, or is no database at all; HostNotReady if a database can't be opened.
    """
    source, target = Catalog.open(source_url), Catalog.open(target_url)
    if source.engine.url == target.engine.url:
        raise BadInput(Message.of(SetupCode.CATALOG_THERE_ALREADY), advice=Message.of(SetupCode.NAME_ANOTHER_DATABASE))
    migrate(source_url)
    migrate(target_url)
    try:
        with source.read() as reading, target.write() as writing:
            return _copy_all(reading.connection(), writing.connection(), on_table)
    finally:
        source.close()
        target.close()


def _copy_all(reading: Connection, writing: Connection, on_table: Callable[[str, int], None] | None) -> dict[str, int]:
    tables = Base.metadata.sorted_tables
    filled = [table.name for table in tables if _count(writing, table)]
    if filled:
        raise BadInput(
            Message.of(SetupCode.OTHER_CATALOG_FILLED, tables=tuple(filled)),
            advice=Message.of(SetupCode.MAKE_EMPTY_DATABASE),
        )
    copied: dict[str, int] = {}
    for table in tables:
        copied[table.name] = _copy(reading, writing, table)
        _set_sequence(writing, table)
        if on_table:
            on_table(table.name, copied[table.name])
    short = [table.name for table in tables if _count(writing, table) != _count(reading, table)]
    if short:
        raise BadInput(
            Message.of(SetupCode.ROWS_MISSING, tables=tuple(short)), advice=Message.of(SetupCode.STOP_STACK_FIRST)
        )
    return copied


def _copy(reading: Connection, writing: Connection, table: Table) -> int:
    """Copy a table's rows, some at a time."""
    found = reading.execute(select(table).order_by(*table.primary_key.columns)).mappings()
    count = 0
    for rows in found.partitions(BATCH):
        writing.execute(insert(table), [{name: _value(table, name, row[name]) for name in row} for row in rows])
        count += len(rows)
    return count


def _value(table: Table, name: str, value: Any) -> Any:
    """A value to insert. NULL in a JSON column stays NULL, and doesn't become JSON's null."""
    return null() if value is None and isinstance(table.c[name].type, JSON) else value


def _count(connection: Connection, table: Table) -> int:
    return connection.execute(select(func.count()).select_from(table)).scalar_one()


def _set_sequence(connection: Connection, table: Table) -> None:
    """Make PostgreSQL number the next row after the last one. SQLite does so by itself."""
    column = table.autoincrement_column
    if connection.dialect.name != "postgresql" or column is None:
        return
    sequence = connection.execute(
        text("SELECT pg_get_serial_sequence(:table, :column)"), {"table": table.name, "column": column.name}
    ).scalar_one()
    highest: int | None = connection.execute(select(func.max(column))).scalar()
    if sequence and highest is not None:
        connection.execute(text("SELECT setval(:sequence, :highest)"), {"sequence": sequence, "highest": highest})
