"""Alembic's entry point: runs the migrations on the connection that `stinercut.catalog.migrate` hands over.

Owns: the migration context. Not here: opening the database (`stinercut.catalog.engine`).
"""

from alembic import context

from stinercut.catalog.models import Base

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
