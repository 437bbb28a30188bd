"""Fixtures of all tests: a throw-away PostgreSQL server, and an empty catalog on each database that is supported."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from stinercut.catalog import Catalog, migrate
from stinercut.catalog.models import Base

_STARTS_WITHIN_S = 30


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """SQLAlchemy URL of the `postgres` database of a server of our own; skips where PostgreSQL isn't installed.

    The server ends with the test session. Make a database of your own for a test: `CREATE DATABASE`.
    """
    programs = _postgres_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed (Debian: postgresql)")
    # Short: the socket's path, which lies in it, has room for 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    # PostgreSQL refuses to run as root; its package makes an account for it.
    user = "postgres" if os.geteuid() == 0 else None
    if user is not None:
        shutil.chown(folder, user)
    data, port = folder / "data", _free_port()
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": str(folder)}
    try:
        subprocess.run(
            [programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"],
            check=True, user=user, env=environment, cwd=folder, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        options = ["-c", "fsync=off", "-c", "listen_addresses=127.0.0.1", "-c", "timezone=America/New_York"]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                [programs / "postgres", "-D", data, "-p", str(port), "-k", folder, *options],
                user=user, env=environment, cwd=folder, stdout=log, stderr=log,
            )  # fmt: skip
        try:
            url = f"postgresql+psycopg2://postgres@127.0.0.1:{port}/postgres"
            _wait_until_it_answers(server, port, folder / "log")
            yield url
        finally:
            server.send_signal(signal.SIGINT)
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _postgres_programs() -> Path | None:
    """The folder of the newest server's programs. Debian keeps them off the PATH."""
    on_path = shutil.which("postgres")
    if on_path is not None:
        return Path(on_path).parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda one: int(one.parts[-3]))
    return versions[-1].parent if versions else None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait_until_it_answers(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _STARTS_WITHIN_S
    while True:
        try:
            psycopg2.connect(host="127.0.0.1", port=port, user="postgres", dbname="postgres").close()
            return
        except psycopg2.OperationalError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"PostgreSQL did not start:\n{log.read_text()}") from None
            time.sleep(0.05)


@pytest.fixture(params=["sqlite", "postgresql"])
def catalog_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of a migrated, empty catalog: each test runs once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        shutil.copyfile(request.getfixturevalue("_migrated_file"), tmp_path / "catalog.db")
        yield f"sqlite:///{tmp_path / 'catalog.db'}"
        return
    url: str = request.getfixturevalue("_migrated_database")
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
def _migrated_database(postgres_url: str) -> str:
    _execute(postgres_url, "CREATE DATABASE migrated")
    url = postgres_url.rsplit("/", 1)[0] + "/migrated"
    migrate(url)
    return url


@pytest.fixture
def catalog(catalog_url: str) -> Iterator[Catalog]:
    """The open catalog of `catalog_url`."""
    opened = Catalog.open(catalog_url)
    yield opened
    opened.close()


def _execute(server: str, statement: str) -> None:
    connection = psycopg2.connect(server.replace("postgresql+psycopg2", "postgresql"))
    try:
        connection.autocommit = True
        connection.cursor().execute(statement)
    finally:
        connection.close()
