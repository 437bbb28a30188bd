"""Fixtures of all tests: throw-away PostgreSQL and Redis servers, an empty catalog on each database that is supported,
an account that has nothing of ours. And `--clock`, which runs the tests of this process on another day."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import ModuleType

import psycopg2
import pytest
import time_machine
from support.clocks import filming_day, moved_clock
from support.servers import PostgresServer, RedisServer

from stinercut.catalog import Catalog, migrate
from stinercut.catalog.models import Base
from stinercut.settings import Settings

_moved = pytest.StashKey[time_machine.travel]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--clock", metavar="WHEN", help="the clock of the tests' process: +DAYS, or a local time in ISO")


def pytest_configure(config: pytest.Config) -> None:
    when: str | None = config.getoption("--clock")
    if when is not None:
        config.stash[_moved] = moved_clock(when)
        config.stash[_moved].start()


def pytest_unconfigure(config: pytest.Config) -> None:
    if _moved in config.stash:
        config.stash[_moved].stop()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if isinstance(item, pytest.Function) and has_of(item.module, FOOTAGE):
            item.add_marker("footage")
        if isinstance(item, pytest.Function) and has_of(item.module, PROCESSES):
            item.add_marker("processes")


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """SQLAlchemy URL of the `postgres` database of a server of our own; skips where PostgreSQL isn't installed.

    The server ends with the test session. Make a database of your own for a test: `CREATE DATABASE`.
    """
    server = PostgresServer()
    try:
        server.start()
        yield server.url
    finally:
        server.close()


@pytest.fixture(scope="module")
def redis_server() -> Iterator[RedisServer]:
    """A Redis server of our own, which forgets all when it is restarted; skips where Redis isn't installed."""
    server = RedisServer(keeps=False)
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture
def redis(redis_server: RedisServer) -> RedisServer:
    """That server, running and empty."""
    if not redis_server.answers():
        redis_server.start()
    redis_server.client().flushall()
    return redis_server


@pytest.fixture
def fleet_settings(redis: RedisServer, tmp_path: Path) -> Settings:
    """An installation of a fleet that knows nothing yet, and waits a second for a worker."""
    return Settings.model_validate(
        {"data": tmp_path, "executor": "celery", "broker_url": redis.url, "worker_patience": 1.0, "database_url": None}
    )


@pytest.fixture
def own_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keeps a test from reading or writing this account's own settings."""
    for name in [name for name in os.environ if name.startswith("STINERCUT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.fixture(params=["sqlite", "postgresql"])
def catalog_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of a migrated, empty catalog: each test runs once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        shutil.copyfile(request.getfixturevalue("_migrated_file"), tmp_path / "catalog.db")
        yield f"sqlite:///{tmp_path / 'catalog.db'}"
        return
    url: str = request.getfixturevalue("migrated_database")
    yield url
    tables = ", ".join(table.name for table in Base.metadata.sorted_tables)
    _execute(url, f"TRUNCATE {tables} RESTART IDENTITY")


@pytest.fixture(scope="session")
def _migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty catalog to copy: migrating takes longer than most tests."""
    file = tmp_path_factory.mktemp("empty") / "catalog.db"
    migrate(f"sqlite:///{file}")
    with closing(sqlite3.connect(file)) as connection:
        # In one file, without the write-ahead log beside it.
        connection.execute("PRAGMA journal_mode=DELETE")
    return file


@pytest.fixture(scope="session")
def migrated_database(postgres_url: str) -> str:
    _execute(postgres_url, "CREATE DATABASE migrated")
    url = postgres_url.rsplit("/", 1)[0] + "/migrated"
    migrate(url)
    return url


@pytest.fixture
def catalog(catalog_url: str) -> Iterator[Catalog]:
    """The open catalog of `catalog_url`."""
    opened = Catalog.open(catalog_url, filming_day)
    yield opened
    opened.close()


FOOTAGE = ("stinercut.video", "stinercut.drawing", "stinercut.films", "stinercut.synthetic", "support.footage")
"""Where pictures and sound are worked on."""
PROCESSES = ("subprocess", "socket", "support.servers", "support.hubs", "support.commands", "support.decoders")
"""What starts or asks other processes, which have the machine's clock whatever `--clock` says."""


def has_of(module: ModuleType, homes: tuple[str, ...]) -> bool:
    """Whether a module of tests has anything from there."""
    found = (getattr(one, "__module__", None) or getattr(one, "__name__", "") for one in vars(module).values())
    return any(str(home).startswith(homes) for home in found)


def _execute(server: str, statement: str) -> None:
    connection = psycopg2.connect(server.replace("postgresql+psycopg2", "postgresql"))
    try:
        connection.autocommit = True
        connection.cursor().execute(statement)
    finally:
        connection.close()
