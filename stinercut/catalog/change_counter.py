"""The change counter of the catalog: tells whether anything was written since, cheaper than any query.

Owns: SQLite's counter of commits. Not here: what was written.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from types import TracebackType

from stinercut.catalog.engine import Catalog


@dataclass
class ChangeCounter:
    """Call `is_news` repeatedly, inside its `with` block."""

    _connection: sqlite3.Connection | None
    _seen: int | None = None

    @classmethod
    def at(cls, catalog: Catalog) -> ChangeCounter:
        """Open its own connection on SQLite, since a connection does not count its own commits; elsewhere none."""
        file = catalog.engine.url.database
        is_file = catalog.engine.dialect.name == "sqlite" and file not in (None, "", ":memory:")
        return cls(sqlite3.connect(str(file), check_same_thread=False, timeout=5) if is_file else None)

    @property
    def counts(self) -> bool:
        """Whether there is a counter at all, so that asking costs next to nothing."""
        return self._connection is not None

    def is_news(self) -> bool:
        """Whether somebody may have written since the last call. Without a counter always True: then one must look."""
        if self._connection is None:
            return True
        try:
            # This pragma only looks at shared memory: https://www.sqlite.org/pragma.html#pragma_data_version
            version = int(self._connection.execute("PRAGMA data_version").fetchone()[0])
        except sqlite3.Error:
            return True
        before, self._seen = self._seen, version
        return version != before

    def __enter__(self) -> ChangeCounter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._connection is not None:
            self._connection.close()
