"""The catalog of everything known: cards, manifests, imported files, jumps, films, and the outbox of events.

Owns: the tables (`models`), their migrations, opening a database (`engine`), events. Queries are plain functions of a
session: the caller chooses the transaction. Not here: the queries of a domain (`stinercut.cards`, `stinercut.jumps`),
Dagster's own records (runs, steps, logs), which stay Dagster's; bytes (`stinercut.storage.store`).
"""

from stinercut.catalog.engine import Catalog, migrate

__all__ = ["Catalog", "migrate"]
