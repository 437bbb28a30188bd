"""What is known: cards, manifests, imported files, jumps, films, and the outbox of events.

Owns: the tables (`models`), their migrations, opening a database (`engine`), and the queries, one module per subject:
`insertions`, `manifests`, `asking`, `copies`, `jumps`, `events` and others. Queries are plain functions over a session:
the caller chooses the transaction. Not here: Dagster's own records (runs, steps, logs), which stay Dagster's; bytes
(`stinercut.storage.store`).
"""

from stinercut.catalog.engine import Catalog, migrate

__all__ = ["Catalog", "migrate"]
