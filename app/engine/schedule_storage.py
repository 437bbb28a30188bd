"""Dagster's schedule storage on SQLite, with one engine per process, which costs little at rest.

Owns: `RestfulSqliteScheduleStorage`, named in dagster.yaml. Not here: any other storage; with PostgreSQL Dagster
keeps its connections itself.

Dagster's own class makes a new engine for every statement, so every statement is compiled again, and the daemon writes
three of them for every tick of every sensor. That was half of what `stinercut up` cost while no card was in.
"""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from functools import cached_property

import sqlalchemy as db
from dagster._core.storage.schedules import SqliteScheduleStorage
from dagster._core.storage.sql import create_engine
from dagster._serdes import ConfigurableClassData


class RestfulSqliteScheduleStorage(SqliteScheduleStorage):
    """Dagster's tables and queries, through one engine per process, which remembers compiled statements."""

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, str]
    ) -> "SqliteScheduleStorage":
        return cls.from_local(config_value["base_dir"], inst_data)

    @cached_property
    def _engine(self) -> db.Engine:
        return create_engine(self._conn_string)

    @contextmanager
    def connect(self) -> Generator[db.Connection]:
        """One transaction on a pooled connection."""
        with self._engine.begin() as connection:
            yield connection
