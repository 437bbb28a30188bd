"""Whether the database servers of an installation answer: the catalog's and Dagster's.

Owns: those checks. Not here: SQLite in the data folder, which needs no server (`machine` looks at the folder).
"""

from __future__ import annotations

from app.common.checks import Check
from stinercut.errors import BadInput
from stinercut.settings import Settings

CONNECT_S = 5
"""How long a server may take to accept a connection. Behind a firewall, there would never be a refusal."""


def database_checks(settings: Settings) -> list[Check]:
    """A check for each server that the settings name."""
    named = {"catalog's database": settings.database_url, "Dagster's database": settings.dagster_database_url}
    servers = {name: url for name, url in named.items() if url and not url.startswith("sqlite")}
    return [Check(name, lambda url=url: server_answers(url), frozenset({"hub"})) for name, url in servers.items()]


def server_answers(url: str) -> str:
    """The PostgreSQL that answers there. Raises HostNotReady, whose text leaves out the password of the address."""
    from sqlalchemy import create_engine, make_url, text
    from sqlalchemy.exc import ArgumentError, DatabaseError, NoSuchModuleError

    from stinercut.catalog.engine import no_answer

    try:
        where = make_url(url)
        if where.drivername in ("postgresql", "postgres"):
            where = where.set(drivername="postgresql+psycopg2")  # The driver that the catalog and Dagster use.
        engine = create_engine(where, connect_args={"connect_timeout": CONNECT_S})
    except (ArgumentError, NoSuchModuleError):
        raise BadInput("its address is invalid", advice="Write postgresql://USER:PASSWORD@HOST/DATABASE.") from None
    try:
        with engine.connect() as connection:
            version: str = connection.execute(text("SHOW server_version")).scalar_one()
    except DatabaseError as refused:
        raise no_answer(refused, "does not answer", where, "Start the server, or correct its address.") from None
    finally:
        engine.dispose()
    return f"PostgreSQL {version.split(maxsplit=1)[0]} at {where.host or 'this machine'}, database {where.database}"
