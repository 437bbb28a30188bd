"""Fixtures and options of all tests.

Owns: throw-away PostgreSQL and Redis servers, an empty catalog on each database that is supported, an account without
settings of ours; the marks of the four tiers and what their tests may start (`support.tiers`); `--clock`, which runs
the tests of this process on another day; `--db`, which chooses the databases. Not here: fixtures of one tier.
"""

from __future__ import annotations

import gc
import logging
import os
from collections.abc import Generator, Iterator
from pathlib import Path

import psycopg2
import pytest
import time_machine
from hypothesis import settings as hypothesis_settings
from support.cataloguing import empty_catalog
from support.clocks import filming_day, moved_clock
from support.servers import PostgresServer, RedisServer
from support.tiers import TierGuard, tier_of

from stinercut.catalog import Catalog, migrate
from stinercut.catalog.models import Base
from stinercut.settings import Settings

_moved = pytest.StashKey[time_machine.travel]()
_guard = TierGuard()
_guard.install()

# How long an example takes says how busy the machine is, not whether the code is right.
hypothesis_settings.register_profile("without_deadline", deadline=None)
hypothesis_settings.load_profile("without_deadline")

DATABASES = ("sqlite", "postgresql")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--clock", metavar="WHEN", help="the clock of the tests' process: +DAYS, or a local time in ISO")
    parser.addoption("--db", choices=(*DATABASES, "both"), default="both", help="the databases that tests run on")


def pytest_configure(config: pytest.Config) -> None:
    when: str | None = config.getoption("--clock")
    if when is not None:
        config.stash[_moved] = moved_clock(when)
        config.stash[_moved].start()


def pytest_unconfigure(config: pytest.Config) -> None:
    if _moved in config.stash:
        config.stash[_moved].stop()


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """Keep what is imported out of the garbage collector's rounds: it is never garbage, and looking at half a million
    objects again and again takes a sixth of the tests' time.
    """
    gc.disable()
    found = yield
    gc.freeze()
    gc.enable()
    return found


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark each test with its tier, and leave out the databases that `--db` does not ask for."""
    chosen: str = config.getoption("--db")
    left_out = [item for item in items if chosen not in ("both", database_of(item) or chosen)]
    for item in items:
        tier = tier_of(item.path)
        if tier is not None:
            item.add_marker(tier)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in set(left_out)]


def database_of(item: pytest.Item) -> str | None:
    """The database that a test runs on; None where it chooses none."""
    callspec = getattr(item, "callspec", None)
    named = [value for value in (callspec.params.values() if callspec else ()) if isinstance(value, str)]
    needed = {"postgres_url", "migrated_database"} & set(getattr(item, "fixturenames", ()))
    return "postgresql" if needed else next((name for name in DATABASES if name in named), None)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """A test and its fixtures start only what its tier allows."""
    _guard.begin(tier_of(item.path))


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown() -> None:
    """Fail a test whose code swallowed the refusal."""
    assert _guard.end() == []


@pytest.fixture(autouse=True)
def _loggers_as_they_were() -> Iterator[None]:
    """Loggers that a test's code switches off or turns down are put back: Alembic does so as it migrates Dagster's
    tables, and the tests after it would wait for lines that never come.
    """
    known = [one for one in logging.Logger.manager.loggerDict.values() if isinstance(one, logging.Logger)]
    before = [(one, one.disabled, one.level, one.propagate) for one in (logging.root, *known)]
    yield
    for one, disabled, level, propagate in before:
        one.disabled, one.propagate = disabled, propagate
        if one.level != level:
            # Empties the caches of all loggers.
            one.setLevel(level)


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


@pytest.fixture(params=DATABASES)
def catalog_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of a migrated, empty catalog: each test runs once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        yield empty_catalog(tmp_path)
        return
    url: str = request.getfixturevalue("migrated_database")
    yield url
    # A tenth of what TRUNCATE costs, which makes a new file for each table and index. As a replica: in any order.
    deletions = "; ".join(f"DELETE FROM {table.name}" for table in Base.metadata.sorted_tables)
    _execute(url, f"SET session_replication_role = replica; {deletions}; {_NUMBER_FROM_THE_START}")


_NUMBER_FROM_THE_START = """
    SELECT setval(format('%I', sequencename)::regclass, start_value, false)
    FROM pg_sequences WHERE last_value IS NOT NULL
"""


@pytest.fixture(scope="session")
def _migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty catalog to copy."""
    folder = tmp_path_factory.mktemp("empty")
    empty_catalog(folder)
    return folder / "catalog.db"


@pytest.fixture(scope="session")
def migrated_database(postgres_url: str) -> str:
    _execute(postgres_url, "CREATE DATABASE migrated")
    url = postgres_url.rsplit("/", 1)[0] + "/migrated"
    migrate(url)
    return url


@pytest.fixture
def catalog(catalog_url: str, request: pytest.FixtureRequest) -> Iterator[Catalog]:
    """The open catalog of `catalog_url`."""
    if catalog_url.startswith("sqlite"):
        opened, link = request.getfixturevalue("_catalog_of_files")
        link.unlink(missing_ok=True)
        link.symlink_to(catalog_url.removeprefix("sqlite:///"))
    else:
        opened = request.getfixturevalue("_catalog_of_the_database")
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def _catalog_of_files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Catalog, Path]:
    """A catalog for all tests of a process, and the link to the file that it opens next. A new one for each test
    would compile the same statements again, which costs a third of most tests.
    """
    link = tmp_path_factory.mktemp("link") / "catalog.db"
    return Catalog.open(f"sqlite:///{link}", filming_day), link


@pytest.fixture(scope="session")
def _catalog_of_the_database(migrated_database: str) -> Catalog:
    return Catalog.open(migrated_database, filming_day)


def _execute(server: str, statement: str) -> None:
    connection = psycopg2.connect(server.replace("postgresql+psycopg2", "postgresql"))
    try:
        connection.autocommit = True
        connection.cursor().execute(statement)
    finally:
        connection.close()
