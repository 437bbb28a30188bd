"""Bulk inserts: many rows in one statement, the same on both databases.

Owns: `insert_rows`. Not here: which rows (`stinercut.cards.manifests`).

The rows travel as one JSON text that the database takes apart. That costs half the CPU time of an executemany, which
spends most of its time on binding each value (measured with 10,000 rows of `manifest_entry`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Insert, Row, Table, bindparam, cast, func, insert, literal_column, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from stinercut.catalog.models import Base

Value = str | int | bool | datetime | None
"""The types of a row's values; times are without a zone."""


def table_of(model: type[Base]) -> Table:
    """The table behind a mapped class."""
    table = model.__table__
    assert isinstance(table, Table)
    return table


def insert_rows(
    session: Session,
    table: Table,
    rows: Sequence[Mapping[str, Value]],
    same: Mapping[str, Any],
    returning: Iterable[str] = (),
) -> Sequence[Row[Any]]:
    """Insert rows with the columns of the first one, and `same` in all rows. Returns `returning` of each, unordered.

    Defaults of columns are not filled in. Raises what the database raises for rows that break a constraint.
    """
    if not rows:
        return []
    columns = tuple(rows[0])
    statement = _statement(session.get_bind().dialect.name, table, columns, tuple(same), tuple(returning))
    text = json.dumps([[row[column] for column in columns] for row in rows], default=_stored)
    result = session.connection().execute(
        statement, {"all_rows": text, **{f"same_{name}": same[name] for name in same}}
    )
    return result.all() if returning else []


def _stored(moment: datetime) -> str:
    """A time in the form that SQLAlchemy stores in SQLite, and that PostgreSQL can read."""
    return moment.isoformat(" ", "microseconds")


@lru_cache
def _statement(
    dialect: str, table: Table, columns: tuple[str, ...], same: tuple[str, ...], returning: tuple[str, ...]
) -> Insert:
    """`INSERT ... SELECT` from the array of arrays in the parameter `all_rows`."""
    if dialect == "sqlite":
        source = func.json_each(bindparam("all_rows")).table_valued("value", name="each_row")
        values: list[ColumnElement[Any]] = [
            func.json_extract(source.c.value, literal_column(f"'$[{place}]'")) for place in range(len(columns))
        ]
    else:
        source = func.jsonb_array_elements(cast(bindparam("all_rows"), JSONB)).table_valued("value", name="each_row")
        values = [
            cast(source.c.value.op("->>")(literal_column(str(place))), table.c[column].type)
            for place, column in enumerate(columns)
        ]
    constants = [bindparam(f"same_{name}", type_=table.c[name].type) for name in same]
    query = select(*values, *constants).select_from(source)
    statement = insert(table).from_select([*columns, *same], query, include_defaults=False)
    return statement.returning(*(table.c[name] for name in returning)) if returning else statement
